"""The town's own sections as an admin writes them: town, sites, trunks, permissions, rooms, ranges, retired numbers,
waves.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date

from orchestrator.domain.callers import CLASSES
from orchestrator.domain.circles import LAMPS
from orchestrator.domain.numbers import E164
from orchestrator.domain.people import Room
from orchestrator.domain.rooms import weakness
from orchestrator.domain.town import NumberRange, Permission, Retired, Site, Town, Trunk, Wave
from orchestrator.store.marked import Marked

TEXTS = (
    "name",
    "area",
    "head",
    "country",
    "region",
    "timezone",
    "catch_all",
    "outside",
    "permission",
    "mailbox",
    "lamps",
)
LISTS = ("languages", "heads", "overlaps")
SECONDS = {"longest_wait": (30, 900), "parked": (0, 900), "back": (0, 60)}
"""Field -> the least and the most that it may be."""
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-f:]+\]")
SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:-]*(/[0-9]{1,3})?")
TRANSPORTS = ("udp", "tcp", "tls")


def town(marked: Marked, permissions: Collection[str]) -> Town:
    """The `town:` section; default values where it cannot be read."""
    fields = marked.fields((*TEXTS, *LISTS, *SECONDS), required=("name", "area", "head"))
    given: dict[str, object] = {key: fields[key].text() for key in TEXTS if key in fields}
    for key in ("area", "head", "country"):
        if key in fields and not re.fullmatch("[0-9]+", str(given[key])):
            fields[key].wrong(f"{given[key]!r} is not a number", "write digits only, in quotes")
    if "outside" in fields and not re.fullmatch("[0-9]?", str(given["outside"])):
        fields["outside"].wrong(f"{given['outside']!r} is not a digit", 'write one digit, or "" for none')
    if "permission" in fields:
        fields["permission"].one_of(permissions, "permission")
    if "lamps" in fields:
        fields["lamps"].one_of(LAMPS, "setting of lamps")
    given["area"] = str(given.get("area", "0")).lstrip("0") or "0"  # written 06205, dialled from abroad without the 0
    given |= {key: tuple(value.text() for value in fields[key].values()) for key in LISTS if key in fields}
    if "heads" in fields:
        given["heads"] = tuple(e164(head) for head in fields["heads"].values())
    given |= {key: fields[key].number(*limits) for key, limits in SECONDS.items() if key in fields}
    return Town(**{"name": "?", "head": "0", **given})  # type: ignore[arg-type]


def e164(marked: Marked) -> str:
    """A number in international form, without the spaces in it."""
    number = marked.text().replace(" ", "")
    if not E164.fullmatch(number):
        marked.wrong(f"{number!r} is not a number in international form", "write it as +49 6205 2110")
    return number


def site(name: str, marked: Marked, trunks: Collection[str]) -> Site:
    """One site."""
    known = ("name", "address", "emergency", "wave", "trunk")
    fields = marked.fields(known, required=("name", "address", "emergency"))
    return Site(
        id=name,
        name=fields["name"].text() if "name" in fields else name,
        address=fields["address"].text() if "address" in fields else "",
        emergency_number=e164(fields["emergency"]) if "emergency" in fields else "+49110",
        wave=fields["wave"].number(1, 99) if "wave" in fields else 1,
        trunk=fields["trunk"].one_of(trunks, "trunk") if "trunk" in fields else "",
    )


def trunk(name: str, marked: Marked) -> Trunk:
    """One trunk."""
    known = ("host", "port", "sources", "transport", "user", "order", "public")
    fields = marked.fields(known, required=("host",))
    sources = fields["sources"].values() if "sources" in fields else []
    for each, grammar in ((fields.get("host", marked), HOST), *((source, SOURCE) for source in sources)):
        if each is not marked and not grammar.fullmatch(each.text()):
            each.wrong(f"{each.text()!r} is not an address", "write 192.0.2.1, sip.example.net or 192.0.2.0/24")
    transport = fields["transport"].one_of(TRANSPORTS, "transport") if "transport" in fields else "udp"
    if "user" in fields and not re.fullmatch(r"[A-Za-z0-9_.+@-]+", fields["user"].text()):
        fields["user"].wrong(
            f"{fields['user'].text()!r} is not the name of an account", "write it as the provider does"
        )
    return Trunk(
        id=name,
        host=fields["host"].text() if "host" in fields else "",
        port=fields["port"].number(1, 65535) if "port" in fields else 5061 if transport == "tls" else 5060,
        sources=tuple(source.text() for source in sources),
        transport=transport,
        user=fields["user"].text() if "user" in fields else "",
        order=fields["order"].number(1, 99) if "order" in fields else 1,
        public=fields["public"].yes() if "public" in fields else True,
    )


def permission(name: str, marked: Marked) -> Permission:
    """One permission: `{classes: [town, national], per_hour: 3}`."""
    fields = marked.fields(("classes", "per_hour", "at_once", "nightly"), required=("classes",))
    classes = fields["classes"].values() if "classes" in fields else []
    numbers = {key: fields[key].number(0, 1000) for key in ("per_hour", "at_once", "nightly") if key in fields}
    return Permission(id=name, classes=tuple(each.one_of(CLASSES, "class") for each in classes), **numbers)


def room(name: str, marked: Marked) -> Room:
    """One conference room: `{name: Sitzungssaal, number: "3900", pin: "470811", most: 30}`."""
    fields = marked.fields(("name", "number", "pin", "most"), required=("name", "number"))
    if "pin" in fields and (weak := weakness(fields["pin"].text())):
        fields["pin"].wrong(f"the PIN {weak}", "choose another, in quotes")
    return Room(
        id=name,
        name=fields["name"].text() if "name" in fields else name,
        extension=fields["number"].text() if "number" in fields else "0",
        pin=fields["pin"].text() if "pin" in fields else "",
        most=fields["most"].number(2, 100) if "most" in fields else 20,
    )


def number_range(name: str, marked: Marked, departments: Collection[str], sites: Collection[str]) -> NumberRange:
    """One range: `{from: "2500", to: "2549", department: buergerbuero}`."""
    fields = marked.fields(("from", "to", "department", "site"), required=("from", "to"))
    first, last = (fields[key].text() if key in fields else "0" for key in ("from", "to"))
    if not (first.isdigit() and last.isdigit() and len(first) == len(last) and first <= last):
        marked.wrong(f"{first}–{last} is not a range", "write from and to with the same number of digits")
    return NumberRange(
        id=name,
        first=first,
        last=last,
        department=fields["department"].one_of(departments, "department") if "department" in fields else "",
        site=fields["site"].one_of(sites, "site") if "site" in fields else "",
    )


def retired(number: str, marked: Marked) -> Retired:
    """One retired number: `{to: "2510", until: 2027-06-30, announced: yes}`."""
    fields = marked.fields(("to", "until", "announced", "why", "source"), required=("to", "until"))
    return Retired(
        extension=number,
        to=fields["to"].text() if "to" in fields else "",
        until=day(fields["until"]) if "until" in fields else date.max,
        announced=fields["announced"].yes() if "announced" in fields else False,
        why=fields["why"].text() if "why" in fields else "",
        source=fields["source"].text() if "source" in fields else "",
    )


def switch_code(digit: str, marked: Marked) -> str:
    """One digit and the switch that it turns: `1: night`."""
    if not re.fullmatch("[0-9]", digit):
        marked.wrong(f"{digit!r} is not a digit", "write one digit: it is dialled behind *28")
    return marked.text()


def wave(name: str, marked: Marked, trunks: Collection[str]) -> Wave:
    """One wave: `2: {name: Schulen, trunk: altanlage, day: 2027-03-01}`."""
    fields = marked.fields(("name", "trunk", "day"), required=("name", "trunk"))
    return Wave(
        id=name,
        name=fields["name"].text() if "name" in fields else name,
        trunk=fields["trunk"].one_of(trunks, "trunk") if "trunk" in fields else "",
        day=day(fields["day"]) if "day" in fields else None,
    )


def day(marked: Marked) -> date:
    """A single date."""
    try:
        return date.fromisoformat(marked.text())
    except ValueError:
        marked.wrong(f"{marked.text()!r} is not a date", "write 2026-12-24")
        return date.max
