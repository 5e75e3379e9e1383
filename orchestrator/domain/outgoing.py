"""What a phone dials: inside, an emergency, the outside, or refused. The dialplan is compiled from the same tables.

Emergency calls go out from every phone, with and without the outside digit, with the number of the phone's site
(TKG § 164, NotrufV). Which other numbers a phone may call is a simple class here: national yes, abroad and premium no.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orchestrator.domain.directory import Directory
from orchestrator.domain.numbers import e164
from orchestrator.domain.people import Phone
from orchestrator.domain.town import Permission

CLASSES = ("town", "national", "mobile", "abroad", "premium", "satellite")
"""Classes of public numbers. Emergency calls and the short service numbers are in none: every phone may call them."""
PRESETS: Mapping[str, Permission] = {
    permission.id: permission
    for permission in (
        Permission(id="internal", classes=()),
        Permission(id="town", classes=CLASSES[:1]),
        Permission(id="national", classes=CLASSES[:2]),
        Permission(id="mobile", classes=CLASSES[:3]),
        Permission(id="abroad", classes=CLASSES[:4]),
    )
}
"""Permissions that nobody has to write; one of the directory with the same name replaces it."""
OUTSIDE = "0"
"""The outside-line digit."""
EMERGENCY = ("110", "112")
SERVICES = ("115", "116117")
"""Short numbers that are dialled outside as they are."""
REFUSED = ("00", "010", "0900", "0137", "118")
"""Beginnings of public numbers, as dialled behind the outside digit, that no phone may call: abroad, another provider
for one call (and behind it any number), premium, mass traffic, directory enquiries."""
FLOW = "outside"
"""The flow under which calls to the outside stand in the journal."""
MASKED = 3
"""Digits at the end of a number outside that no record keeps (TKG § 65 (2), for employers)."""


@dataclass(frozen=True, kw_only=True)
class Route:
    """Where a number that a phone dials is sent."""

    kind: str
    """`inside`, `emergency`, `outside` or `refused`."""
    number: str
    """What is called: an extension, or what the trunk is given."""
    shown: str = ""
    """The caller id that the called one sees, where it is not the extension."""

    @property
    def place(self) -> str:
        """The place under which it stands in the journal; empty inside, where flows have their own."""
        return "" if self.kind in ("inside", "refused") else f"{FLOW}.{self.kind}"


def route(directory: Directory, phone: Phone, dialled: str) -> Route:
    """Where `dialled` goes from `phone`; spaces and the like in it are as if they were not there."""
    digits = re.sub(r"[\s/()-]", "", dialled)
    own = e164(directory.town, phone.extension)
    if number := dict(short()).get(digits):
        if number in EMERGENCY:
            return Route(kind="emergency", number=number, shown=directory.sites[phone.site].emergency_number)
        return Route(kind="outside", number=number, shown=own)
    if not re.fullmatch(rf"{OUTSIDE}0?[1-9][0-9]+|{OUTSIDE}0.+", digits):
        return Route(kind="inside", number=digits)
    public = digits.removeprefix(OUTSIDE)
    if any(public.startswith(refused) for refused in REFUSED) or not public.isdigit():
        return Route(kind="refused", number=public)
    return Route(kind="outside", number=public, shown=own)


def masked(number: str) -> str:
    """A number outside as a record may keep it; short numbers are nobody's."""
    return number[:-MASKED] + "·" * MASKED if len(number) > 2 * MASKED else number


def short() -> Iterator[tuple[str, str]]:
    """Every short number as it can be dialled -> what is called."""
    for number in (*EMERGENCY, *SERVICES):
        yield number, number
        yield OUTSIDE + number, number
