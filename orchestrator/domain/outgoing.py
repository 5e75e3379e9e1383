"""What a phone dials: inside, an emergency, the outside, or refused. The dialplan is compiled from the same tables.

Emergency calls go out from every phone, with and without the outside digit, with the number of the phone's site
(TKG § 164, NotrufV). Every other public number has a class, found by its longest beginning in `RULES`; a phone's
permission says which classes it may call. Not here: who may what (callers).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.domain import codes
from orchestrator.domain.callers import CLASSES, PRESETS, Callers, permissions
from orchestrator.domain.circles import Circles
from orchestrator.domain.directory import Directory
from orchestrator.domain.numbers import e164
from orchestrator.domain.people import OPEN, Person, Phone
from orchestrator.domain.problems import Problem
from orchestrator.domain.taking import takes
from orchestrator.domain.town import Permission, Town

EMERGENCY = ("110", "112")
SERVICES = ("115", "116117")
"""Short numbers that are dialled outside as they are, with and without the outside digit."""
SERVICE, NONE = "service", "none"
"""Kinds of rules beside the classes: what every phone may call, and what none may."""
BUDGETED = ("abroad", "satellite")
"""Classes whose calls a permission can limit."""
STOPPED = {"no_abroad": ("abroad", "satellite", "premium"), "emergency": CLASSES}
"""The kill switch: value of `switched/outside` in Asterisk's database -> classes that nobody may call then."""
RULES = {
    # Local numbers begin with 2 to 9; 19222 (transport of patients) and its kind are local numbers too.
    **dict.fromkeys("23456789", "town"), "1": NONE, "19": "town",
    "116": SERVICE, "118": "premium",
    **dict.fromkeys(("02", "03", "04", "05", "06", "07", "08", "09"), "national"),
    # 010xx is another provider for one call, and behind it any number at all: so is 0100yy.
    "01": NONE, "010": NONE, "015": "mobile", "016": "mobile", "017": "mobile",
    "0137": "premium", "0138": "premium", "018": "premium", "0180": "mobile", "019": "premium",
    "031": NONE, "032": "national", "0700": "mobile", "0800": SERVICE,
    "090": "premium", **dict.fromkeys(("0906", "0907", "0908", "0909"), "national"),
    "00": "abroad", "000": NONE, "0049": NONE, "00800": SERVICE,
    **dict.fromkeys(("00870", "00881", "00882", "00883"), "satellite"),
    **dict.fromkeys(("00808", "00878", "00888", "00979"), "premium"),
    # Premium numbers of neighbours, and 1-900.
    **dict.fromkeys(("001900", "0031900", "0031906", "0031909", "003290", "003389", "0039899", "0041900", "0041901"),
                    "premium"),
    **dict.fromkeys(("0041906", "0043900", "0043901", "0043930", "0043931", "00449"), "premium"),
}  # fmt: skip
"""Beginning of a public number, as it is dialled in Germany behind the outside digit -> class, SERVICE or NONE; the
longest counts. Of the Bundesnetzagentur's number plan: 015–017 mobile; 0180 and 0700 cost about what mobile calls
cost; 032 is a place-independent number at the price of national ones; 0137, 018x, 0900 and 118 cost more."""
KINDS = {"PREMIUM_RATE": "premium rate", "SHARED_COST": "shared cost", "PERSONAL_NUMBER": "personal number"}
"""Kinds of numbers, as the library `phonenumbers` calls them, that no call is put through to -> in words."""
SATELLITE = (870, 878, 881, 882, 883)
"""Country codes of satellites and of networks without a country (ITU-T E.164)."""
FLOW = "outside"
"""The flow under which calls to the outside stand in the journal."""
MASKED = 3
"""Digits at the end of a number outside that no record keeps (TKG § 65 (2), for employers)."""


@dataclass(frozen=True, kw_only=True)
class Route:
    """Where a number that a phone dials is sent."""

    kind: str
    """`inside`, `emergency`, `outside`, `code` or `refused`."""
    number: str
    """What is called: an extension, or what the trunk is given."""
    shown: str = ""
    """The caller id that the called one sees, where it is not the extension."""
    group: str = ""
    """Class of the number outside, `service` or `none`; of a code, its name."""
    permission: Permission | None = None
    """What the phone may call: classes, and the budget of those in `BUDGETED`."""
    trunks: tuple[str, ...] = ()
    """In the order in which they are tried."""
    why: str = ""
    """Why it is refused: `no_number`, `permission` or `switch`; of a code, `no_code`, `no_pickup` or `no_queue`."""

    @property
    def place(self) -> str:
        """The place under which it stands in the journal; empty inside, where flows have their own."""
        return "" if self.kind in ("inside", "code", "refused") else f"{FLOW}.{self.kind}"


def route(directory: Directory, phone: Phone, dialled: str, switch: str = "", guest: Person | None = None) -> Route:
    """Where `dialled` goes from `phone`; spaces and the like in it are as if they were not there.

    `switch`: what the kill switch says now, a key of `STOPPED`. Budgets are not asked: they are what was called before.
    `guest`: who has logged in at `phone`.
    """
    digits = re.sub(r"[\s/()-]", "", dialled.replace("(0)", ""))
    town, callers = directory.town, Callers(directory)
    caller = callers.at_desk(phone, guest) if guest else callers.of(phone)
    if digits.startswith(codes.FIRST):
        return _code(directory, phone, digits)
    if number := dict(short(town)).get(digits):
        if number in EMERGENCY:
            return Route(kind="emergency", number=number, shown=caller.emergency, trunks=caller.trunks)
        return Route(kind="outside", number=number, shown=caller.shown, group=SERVICE, trunks=caller.trunks)
    if digits in directory.numbers or not _goes_outside(town, digits):
        return Route(kind="inside", number=digits)
    permission = permissions(directory).get(caller.permission, PRESETS["internal"])
    public = canonical(digits if digits.startswith("+") else digits.removeprefix(town.outside))
    if ours := inside(directory, public):
        return Route(kind="inside", number=ours)
    group = classify(town, public)
    why = ""
    if group == NONE:
        why = "no_number"
    elif group in STOPPED.get(switch, ()):
        why = "switch"
    elif group != SERVICE and group not in permission.classes:
        why = "permission"
    return Route(
        kind="refused" if why else "outside",
        number=public,
        shown=caller.shown,
        group=group,
        permission=permission,
        trunks=caller.trunks,
        why=why,
    )


def _code(directory: Directory, phone: Phone, dialled: str) -> Route:
    """What becomes of a code, or of what looks like one."""
    found = codes.find(directory.town, dialled)
    if not found:
        return Route(kind="refused", number=dialled, why="no_code")
    if found.code is codes.MESSAGES:
        return Route(kind="inside", number=directory.town.mailbox)
    if found.code is codes.PICKUP_AT and not Circles(directory).picks_up(phone, found.given):
        return Route(kind="refused", number=dialled, group=found.code.name, why="no_pickup")
    if found.code in (codes.TAKE, codes.TAKE_AT) and not takes(directory, phone, found.given):
        return Route(kind="refused", number=dialled, group=found.code.name, why="no_queue")
    return Route(kind="code", number=dialled, group=found.code.name)


def _goes_outside(town: Town, digits: str) -> bool:
    """Three characters at least: an outside digit or none, a + or none, and a digit first."""
    return bool(re.match(rf"(?:{town.outside}\+|\+|{town.outside or '[0-9]'})[0-9].", digits, re.DOTALL))


def canonical(public: str) -> str:
    """A public number as it is dialled in Germany: `+49 171…` and `0049171…` are `0171…`, `+33…` is `0033…`."""
    for abroad in ("+49", "0049"):
        if re.match(re.escape(abroad) + "[1-9]", public):  # +490… would be another number without its 49
            return "0" + public.removeprefix(abroad)
    return "00" + public[1:] if re.match(r"\+[1-9]", public) else public


def classify(town: Town, public: str) -> str:
    """The class of a canonical public number, SERVICE, or NONE for what is no number that anybody may call."""
    if not (public.isascii() and public.isdigit()):
        return NONE
    rules = rules_of(town)
    beginnings = (public[:length] for length in range(len(public), 0, -1))
    return next((rules[beginning] for beginning in beginnings if beginning in rules), NONE)


def group(town: Town, number: str) -> str:
    """The class of an E.164 number."""
    return classify(town, canonical(number))


def dialled_class(town: Town, shown: str) -> str:
    """The class of a number outside as it was dialled and is kept in a record, without its end; or `emergency`."""
    dialled = shown.rstrip("·")
    if number := dict(short(town)).get(dialled):
        return "emergency" if number in EMERGENCY else SERVICE
    return classify(town, canonical(dialled if dialled.startswith("+") else dialled.removeprefix(town.outside)))


def costly(country: int, kind: str) -> str:
    """What a number is that no call is put through to, of its country code and its kind; empty for all others."""
    return KINDS.get(kind) or ("satellite" if country in SATELLITE else "")


def payer(directory: Directory, phones: Sequence[str], group: str) -> str:
    """The phone that answers for calls of `group` that nobody dials: the first that may call it, else the first.

    Empty if there is no phone.
    """
    return next(_allowed(directory, phones, group), next(iter(phones), ""))


def may(directory: Directory, phones: Sequence[str], number: str) -> bool:
    """Whether one of `phones` answers for calls to an E.164 number that nobody dials."""
    called = group(directory.town, number)
    return called == SERVICE or any(_allowed(directory, phones, called))


def _allowed(directory: Directory, phones: Sequence[str], group: str) -> Iterator[str]:
    callers, known = Callers(directory), permissions(directory)
    for phone in phones:
        allowed = known.get(callers.of(directory.phones[phone]).permission)
        if allowed and group in allowed.classes:
            yield phone


def rules_of(town: Town) -> dict[str, str]:
    """`RULES`, and the own area code: its numbers are in the town with it and without it."""
    return {**RULES, f"0{town.area}": "town"}


def own(directory: Directory) -> Iterator[tuple[str, str]]:
    """Beginnings of canonical public numbers that are ours -> the extension meant, or nothing where it follows."""
    town = directory.town
    for head in (e164(town, ""), *town.heads):
        for spelling in _spellings(town, head):
            yield spelling, ""
    for number, extension in directory.singles.items():
        for spelling in _spellings(town, number):
            yield spelling, extension


def _spellings(town: Town, number: str) -> Iterator[str]:
    """A number of ours as dialled in Germany, and within its own area."""
    national = canonical(number)
    yield national
    if national.startswith(f"0{town.area}"):
        yield national.removeprefix(f"0{town.area}")


def inside(directory: Directory, public: str) -> str:
    """The extension that a canonical public number of ours means, `0` for a bare head; empty for anybody else's."""
    for beginning, extension in sorted(own(directory), key=lambda each: len(each[0]), reverse=True):
        if extension and public == beginning:
            return extension
        if not extension and public.startswith(beginning):
            return public.removeprefix(beginning) or "0"
    return ""


def masked(number: str) -> str:
    """A number outside as a record may keep it; short numbers are nobody's."""
    return number[:-MASKED] + "·" * MASKED if len(number) > 2 * MASKED else number


def short(town: Town) -> Iterator[tuple[str, str]]:
    """Every short number as it can be dialled -> what is called.

    Whoever is in need may dial the 0 that other exchanges want, also behind the outside digit, or have a phone that
    writes + or +49 before everything, or that sends the # by which the number was ended.
    """
    for number in EMERGENCY:
        for before in dict.fromkeys(("", town.outside, "0", "+49", "+", town.outside + "0", town.outside + "+49")):
            for behind in ("", "#"):
                yield before + number + behind, number
    for number in SERVICES:
        for before in dict.fromkeys(("", town.outside)):
            yield before + number, number


COSTLY = frozenset(STOPPED["no_abroad"])


def problems(directory: Directory) -> Iterator[Problem]:
    """Permissions that do not exist or that no open phone should have, and extensions that nobody can dial."""
    known, town = permissions(directory), directory.town
    for permission in known.values():
        for name in set(permission.classes) - set(CLASSES):
            yield Problem(code="unknown_class", where=f"permission {permission.id}",
                          what=f"there is no class {name!r}", todo=f"use {', '.join(CLASSES)}")  # fmt: skip
    named = [(f"phone {phone.id}", phone.permission) for phone in directory.phones.values()]
    named += [(f"person {person.id}", person.permission) for person in directory.people.values()]
    named += [(f"department {department.id}", department.permission) for department in directory.departments.values()]
    for where, name in (*named, ("town", town.permission)):
        if name and name not in known:
            yield Problem(code="unknown_permission", where=where, what=f"there is no permission {name!r}",
                          todo=f"use one of {', '.join(known)}")  # fmt: skip
    for caller in Callers(directory):
        allowed = known.get(caller.permission)
        if caller.phone.kind in OPEN and allowed and (costly := sorted(COSTLY & set(allowed.classes))):
            yield Problem(
                code="open_phone",
                where=f"phone {caller.phone.id}",
                what=f"anybody can use it ({caller.phone.kind}), and it may call {', '.join(costly)}",
                todo="give it the permission internal, town or national",
            )
