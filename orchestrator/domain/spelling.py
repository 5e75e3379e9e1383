"""How people and machines write a telephone number, and which one they mean.

Read: DIN 5008 and its older and looser forms, E.164, `tel:` (RFC 3966) and `sip:` (RFC 3261) URIs, and what word
processors make of digits, spaces and dashes. Not here: which numbers there are (numbers), what one may call (outgoing).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from orchestrator.domain.directory import Directory
from orchestrator.domain.numbers import (
    E164,
    EXTENSION,
    OPERATOR,
    RESERVED,
    behind_head,
    e164,
    forms,
    heads,
    prefixes,
    written,
)
from orchestrator.domain.town import Town

LONGEST_LOCAL = 8
"""Digits of a number that is written without its area code; a longer one has it, with the 0 left out."""
SHORTEST = 6
"""Characters of the shortest number in international form that is taken for one."""
_SEPARATORS = r" ./()\[\]-"
_URI = re.compile(r"(tel|sips?):(.*)", re.IGNORECASE | re.DOTALL)
_TRUNK_ZERO = re.compile(r"[(\[] *0 *[)\]]")
"""The 0 of `+49 (0)6205`, which nobody dials."""


@dataclass(frozen=True, kw_only=True)
class Meant:
    """The number that somebody means: one of the two is given."""

    extension: str = ""
    """One of ours, whether somebody has it or not; feature codes (`*21`) too."""
    number: str = ""
    """A number outside in international form; a short one (`110`) as it is."""


def parse(directory: Directory, text: str) -> Meant | None:
    """What `text` means, dialled in our own area; None for what is no number."""
    plain = _plain(text)
    if uri := _URI.fullmatch(plain):
        plain = _of_uri(uri[1].lower(), uri[2])
    if re.fullmatch(r"[*#][0-9*#]*", plain):
        return Meant(extension=plain)
    plain = re.sub(r"^[(\[] *(\+[0-9]+) *[)\]]", r"\1", plain.strip())  # (+49) 6205
    if not re.fullmatch(rf"\+?[0-9{_SEPARATORS}]*[0-9][0-9{_SEPARATORS}]*", plain):
        return None
    if extension := _behind_head(directory.town, plain):
        return Meant(extension=extension)
    if plain.lstrip(" (").startswith(("+", "00")):
        plain = _TRUNK_ZERO.sub("", plain)
    return _meant(directory, re.sub(rf"[{_SEPARATORS}]", "", plain))


def extension(directory: Directory, text: str) -> str:
    """The extension of ours that `text` means; empty for a number outside and for what is none."""
    meant = parse(directory, text)
    return meant.extension if meant else ""


def _plain(text: str) -> str:
    """`text` with the digits, spaces and dashes of ASCII, and without invisible signs."""
    made = []
    for sign in unicodedata.normalize("NFKC", text):
        match unicodedata.category(sign):
            case "Nd":
                made.append(str(unicodedata.decimal(sign)))
            case "Pd":
                made.append("-")
            case "Zs" | "Zl" | "Zp" | "Cc":
                made.append(" ")
            case "Cf":
                pass
            case _:
                made.append("-" if sign == "\N{MINUS SIGN}" else sign)
    inside = re.search(r"<([^<>]*)>", "".join(made))  # "Anna Grün" <sip:2500@town>
    return (inside[1] if inside else "".join(made)).strip()


def _of_uri(scheme: str, rest: str) -> str:
    """The digits of a URI, with what its parameters add: `phone-context` stands before, `ext` behind."""
    user = rest.partition("?")[0]
    if scheme != "tel":
        user = user.partition("@")[0].partition(":")[0]
    number, *parameters = unquote(user).split(";")
    given = dict(each.lower().partition("=")[::2] for each in parameters)
    if (context := given.get("phone-context", "")).startswith("+"):
        number = context + number.removeprefix("+")
    return number + given.get("ext", "")


def _behind_head(town: Town, text: str) -> str:
    """The extension in `21-2500`, where the area is left out and something separates the head; empty for another."""
    home = f"+{town.country}{town.area}"
    for head in heads(town):
        if head.startswith(home):
            found = re.fullmatch(rf"{head.removeprefix(home)}(?P<rest>[{_SEPARATORS}]+[0-9][0-9 ]*)", text)
            if found and EXTENSION.fullmatch(extension := re.sub("[^0-9]", "", found["rest"])):
                return extension
    return ""


def _meant(directory: Directory, digits: str) -> Meant | None:
    """What `digits` mean, first of all as the trunk takes them: single numbers whole, then heads, then extensions."""
    town = directory.town
    if digits in RESERVED:
        return Meant(number=digits)
    if extension := next((e for number, e in directory.singles.items() if digits in forms(town, number)), ""):
        return Meant(extension=extension)
    if begun := next((prefix for prefix in prefixes(town) if digits.startswith(prefix)), ""):
        extension = digits.removeprefix(begun) or OPERATOR
        return Meant(extension=extension) if EXTENSION.fullmatch(extension) else None
    if digits == town.head:
        return Meant(extension=OPERATOR)
    if digits not in directory.used and (behind := behind_head(directory, digits)):
        return Meant(extension=behind)
    if EXTENSION.fullmatch(digits) and (digits == OPERATOR or not digits.startswith("0")):
        return Meant(extension=digits)
    number = _international(town, digits)
    if not E164.fullmatch(number) or len(number) < SHORTEST:
        return None
    return Meant(number=number) if number == digits else _meant(directory, number)


def _international(town: Town, digits: str) -> str:
    """E.164 of what is dialled in our area, 0 and country code written or left out."""
    if digits.startswith("+"):
        number = digits
    elif digits.startswith("00"):
        number = f"+{digits[2:]}"
    elif digits.startswith("0"):
        number = f"+{town.country}{digits[1:]}"
    elif len(digits) <= LONGEST_LOCAL:
        number = f"+{town.country}{town.area}{digits}"
    elif digits.startswith(town.country):
        number = f"+{digits}"
    else:
        number = f"+{town.country}{digits}"
    home = f"+{town.country}"
    return home + number.removeprefix(home).lstrip("0") if number.startswith(home) else number


def public(town: Town, text: str) -> str:
    """E.164 of a public number in any usual spelling, whoever has it; empty for what is none."""
    plain = re.sub(rf"[{_SEPARATORS}]", "", _TRUNK_ZERO.sub("", _plain(text)))
    number = _international(town, plain) if re.fullmatch(r"\+?[0-9]+", plain) else ""
    return number if E164.fullmatch(number) and len(number) >= SHORTEST else ""


def spellings(town: Town, extension: str) -> Iterator[str]:
    """Every usual way to write an extension of ours for somebody outside; `parse` reads each."""
    country, area, head = town.country, town.area, town.head
    pairs = " ".join(extension[at : at + 2] for at in range(0, len(extension), 2))
    yield written(town, extension)
    yield e164(town, extension)
    yield f"+{country} {area} {head}-{extension}"
    yield f"+{country} (0){area} {head}-{extension}"
    yield f"00{country} {area} {head}{extension}"
    yield f"0{area}/{head}-{extension}"
    yield f"0{area}-{head}{extension}"
    yield f"(0{area}) {head} {pairs}"
    yield f"{country}{area}{head}{extension}"
    yield f"{area}{head}{extension}"
    yield f"{head}-{extension}"
    yield f"tel:+{country}-{area}-{head}-{extension}"
    yield f"tel:{extension};phone-context={e164(town, '')}"
    yield f"tel:{e164(town, '')};ext={extension}"
    yield f"sip:{e164(town, extension)}@stadt.example;user=phone"
