"""The number plan: what may be an extension, how a caller's digits become one, how a number is written.

Rules: 110 and 112 (emergency), 115 (authorities) and 116117 (doctors on call) are never internal (TNV, TKG § 164);
written form by DIN 5008. Not here: classes of outside numbers (the store asks the `phonenumbers` library).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from orchestrator.domain.directory import Directory
from orchestrator.domain.problems import Problem
from orchestrator.domain.town import Town

RESERVED = {
    "110": "the police",
    "112": "the emergency number",
    "115": "the authorities' number",
    "116117": "the doctors on call",
}
EXTENSION = re.compile(r"[0-9]{1,6}")
E164 = re.compile(r"\+[1-9][0-9]{2,14}")
"""International form (ITU-T E.164): at most 15 digits."""


def problems(directory: Directory) -> Iterator[Problem]:
    """Extensions that are malformed, reserved, given twice or shadowed by a shorter one."""
    owners: dict[str, str] = {}
    for extension, owner in directory.owners():
        if not EXTENSION.fullmatch(extension):
            yield Problem(
                code="bad_number", where=owner, what=f"{extension!r} is not an extension", todo="use 1 to 6 digits"
            )
        if extension in RESERVED:
            yield Problem(
                code="reserved_number",
                where=owner,
                what=f"{extension} is {RESERVED[extension]} and must stay so on every phone",
                todo="give it another extension",
                caller=f"dials {extension} in need and gets {owner}",
            )
        if extension in owners:
            yield Problem(
                code="double_number",
                where=owner,
                what=f"{extension} already belongs to {owners[extension]}",
                todo="give one of the two another extension",
            )
        owners.setdefault(extension, owner)
    yield from _shadowed(owners)


def _shadowed(owners: dict[str, str]) -> Iterator[Problem]:
    for extension, owner in owners.items():
        for shorter in (extension[:size] for size in range(1, len(extension))):
            if shorter in owners:
                yield Problem(
                    code="shadowed_number",
                    where=owner,
                    what=f"{extension} cannot be dialled digit by digit: {shorter} ({owners[shorter]}) is first",
                    todo=f"give one of the two an extension that the other does not begin with, not {shorter}…",
                    caller=f"dials {extension} from a line that sends digits one at a time and gets {owners[shorter]}",
                )


def e164(town: Town, extension: str) -> str:
    """`+496205212500`."""
    return f"+{town.country}{town.area}{town.head}{extension}"


def written(town: Town, extension: str) -> str:
    """DIN 5008: `06205 21-2500`."""
    return f"0{town.area} {town.head}-{extension}"


def prefixes(town: Town) -> tuple[str, ...]:
    """What may stand before an extension, as a provider or a caller writes it; the trunk and `explain` read the same.

    The head number alone (`212500`) is none: an extension may begin with its digits, as 210 does.
    """
    national = f"{town.area}{town.head}"
    return (
        f"+{town.country}{national}",
        f"00{town.country}{national}",
        f"{town.country}{national}",
        f"0{national}",
    )


def extension(town: Town, dialled: str) -> str:
    """The extension that a caller means by `dialled`, in any usual spelling: `+49 6205 21-2500`, `21-2500`, `2500`.

    The head number alone is the operator, `0`.
    """
    digits = re.sub(r"[^0-9+*#]", "", dialled.replace("(0)", ""))
    for prefix in prefixes(town):
        if digits.startswith(prefix):
            return digits.removeprefix(prefix) or "0"
    if re.fullmatch(rf"{town.head}\s*[-/ ]\s*[0-9]+", dialled.strip()):
        return digits.removeprefix(town.head)
    return "0" if digits == town.head else digits
