"""The number plan: what may be an extension, which public numbers are ours, and what is wrong with them.

Rules: 110 and 112 (emergency), 115 (authorities) and 116117 (doctors on call) are never internal (TNV, TKG § 164);
written form by DIN 5008. Not here: how a caller's digits become a number (spelling), ranges and free numbers (ranges),
classes of outside numbers (the store asks the `phonenumbers` library).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

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
NO_AREA = "+490"
"""No number of Germany begins so: the 0 before an area is dialled inside the country only (ITU-T E.123)."""
OPERATOR = "0"
"""The extension that the head number alone means."""


def problems(directory: Directory) -> Iterator[Problem]:
    """Extensions that are malformed, reserved, ambiguous, given twice or shadowed by a shorter one; heads and single
    numbers that are ambiguous or lead nowhere.
    """
    owners: dict[str, str] = {}
    for extension, owner in directory.owners():
        if not EXTENSION.fullmatch(extension):
            yield Problem(
                code="bad_number",
                where=owner,
                what=f"{extension!r} is not an extension",
                todo="use 1 to 6 digits; * and # begin feature codes",
            )
        if extension in owners:
            yield Problem(
                code="double_number",
                where=owner,
                what=f"{extension} already belongs to {owners[extension]}",
                todo="give one of the two another extension",
            )
        owners.setdefault(extension, owner)
    yield from _reserved(directory.town, owners)
    yield from _shadowed(directory.town, owners)
    yield from _public(directory, owners)
    yield from _led_on(directory, owners)


def reserved(town: Town, extension: str) -> str:
    """Why `extension` can be nobody's, though it is well formed; empty if it can."""
    if extension in RESERVED:
        return f"{extension} is {RESERVED[extension]} and must stay so on every phone"
    if begun := next((short for short in RESERVED if extension.startswith(short)), ""):
        return f"whoever dials {extension} digit by digit gets {begun}, {RESERVED[begun]}"
    if extension not in town.overlaps and (kept := next((s for s in RESERVED if s.startswith(extension)), "")):
        return f"whoever dials {kept}, {RESERVED[kept]}, digit by digit gets {extension}"
    outside = town.outside or "0"  # without a digit for it, a public number begins with its own 0
    if extension.startswith(outside) and extension != OPERATOR:
        return f"{extension} begins with {outside}, and that is a call to the outside"
    if begun := next((prefix for prefix in prefixes(town) if extension.startswith(prefix)), ""):
        return f"{extension} begins with {begun}, which is how a provider may send the head number"
    return ""


def _reserved(town: Town, owners: Mapping[str, str]) -> Iterator[Problem]:
    for extension, owner in owners.items():
        if EXTENSION.fullmatch(extension) and (why := reserved(town, extension)):
            yield Problem(
                code="reserved_number",
                where=owner,
                what=why,
                todo="give it another extension",
                caller=f"dials {extension} in need and gets {owner}" if extension in RESERVED else "",
            )


def _shadowed(town: Town, owners: Mapping[str, str]) -> Iterator[Problem]:
    for extension, owner in owners.items():
        for shorter in shadows(town, extension, owners):
            yield Problem(
                code="shadowed_number",
                where=owner,
                what=f"{extension} cannot be dialled digit by digit: {shorter} ({owners[shorter]}) is first",
                todo=f"give one of the two an extension that the other does not begin with, not {shorter}…,"
                f" or name {shorter} under `overlaps` if all who dial {extension} send the whole number at once",
                caller=f"dials {extension} from a line that sends digits one at a time and gets {owners[shorter]}",
            )


def shadows(town: Town, extension: str, used: Mapping[str, str]) -> Iterator[str]:
    """The extensions in use that `extension` begins with, but for those that are declared to overlap."""
    for shorter in (extension[:size] for size in range(1, len(extension))):
        if shorter in used and shorter not in town.overlaps:
            yield shorter


def _public(directory: Directory, owners: Mapping[str, str]) -> Iterator[Problem]:
    """No head and no single number may begin another or be taken for an extension; each in international form."""
    known: dict[str, str] = {}
    named = [(head, "town") for head in heads(directory.town)]
    named += [(number, f"single {number}") for number in directory.singles]
    for number, where in named:
        if not E164.fullmatch(number) or number.startswith(NO_AREA):
            yield Problem(
                code="bad_number",
                where=where,
                what=f"{number!r} is not a number in international form",
                todo="write it as +49 6205 2110, without the 0 of the area",
            )
        elif number in known:
            what = f"{number} is given twice"
            yield Problem(code="double_number", where=where, what=what, todo="keep one of the two")
        else:
            known[number] = where
    for number, where in known.items():
        if begun := next((number[:size] for size in range(4, len(number)) if number[:size] in known), ""):
            yield Problem(
                code="shadowed_number",
                where=where,
                what=f"{number} begins with {begun}, which is a number of ours itself",
                todo=f"a number behind the head {begun} is an extension: give it to somebody, or take one of both out",
                caller=f"dials {number} and may reach {begun}",
            )
    for number in directory.singles:
        for form in forms(directory.town, number):
            if form in owners:
                yield Problem(
                    code="shadowed_number",
                    where=owners[form],
                    what=f"{form} is also how a provider may send {number}",
                    todo="give it another extension",
                )


def _led_on(directory: Directory, owners: Mapping[str, str]) -> Iterator[Problem]:
    """Single and retired numbers must lead to an extension that is known."""
    led = [(f"single {number}", to) for number, to in directory.singles.items()]
    led += [(f"retired {extension}", retired.to) for extension, retired in directory.retired.items()]
    for where, to in led:
        if to not in owners:
            yield Problem(
                code="unknown_extension",
                where=where,
                what=f"leads to {to!r}, which nobody has",
                todo="name an extension in use",
            )


def heads(town: Town) -> tuple[str, ...]:
    """Every head number in international form, the chief one first."""
    return (e164(town, ""), *town.heads)


def behind_head(directory: Directory, digits: str) -> str:
    """The extension in `212500`, head and extension without the area; empty if an extension of its own is likelier.

    That is one which fits a range or the usual length itself, or whose rest would be no extension that anybody expects.
    """
    town, home = directory.town, f"+{directory.town.country}{directory.town.area}"
    if not digits.isdecimal() or _expected(directory, digits):
        return ""
    for head in heads(town):
        local = head.removeprefix(home)
        rest = digits.removeprefix(local) if head.startswith(home) and local else digits
        if rest != digits and EXTENSION.fullmatch(rest) and (rest in directory.used or _expected(directory, rest)):
            return rest
    return ""


def _expected(directory: Directory, digits: str) -> bool:
    return len(digits) == directory.usual_length or any(digits in each for each in directory.ranges.values())


def notes(directory: Directory) -> Iterator[Problem]:
    """Extensions that look like a head and an extension: worth knowing, and no reason against an apply."""
    for extension, owner in directory.used.items():
        if rest := behind_head(directory, extension):
            yield Problem(
                code="looks_like_head",
                where=owner,
                what=f"{extension} is also how people write {written(directory.town, rest)} without the area",
                todo=f"if {rest} was meant, give it that; else nothing",
            )


def e164(town: Town, extension: str) -> str:
    """`+496205212500`."""
    return f"+{town.country}{town.area}{town.head}{extension}"


def written(town: Town, extension: str) -> str:
    """DIN 5008: `06205 21-2500`."""
    return f"0{town.area} {town.head}-{extension}"


def is_ours(directory: Directory, number: str) -> bool:
    """Whether a call to `number` (E.164) comes back to us."""
    return number in directory.singles or any(number.startswith(head) for head in heads(directory.town))


def forms(town: Town, number: str) -> tuple[str, ...]:
    """`number` (E.164, or the beginning of one) as a provider may send it: +49…, 0049…, 49…, 0…, or without any."""
    digits, home = number.removeprefix("+"), f"+{town.country}"
    abroad = (f"+{digits}", f"00{digits}", digits)
    return (*abroad, f"0{number.removeprefix(home)}", number.removeprefix(home)) if number.startswith(home) else abroad


@lru_cache(maxsize=16)
def prefixes(town: Town) -> tuple[str, ...]:
    """What may stand before an extension, as a provider or a caller writes it; the trunk and `explain` read the same.

    The head number without its area (`212500`) is none: an extension may begin with its digits, as 210 does.
    """
    return tuple(form for head in heads(town) for form in forms(town, head))
