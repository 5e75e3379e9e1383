"""Random directories, every section filled: what goes out and in again must be the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time
from functools import cache
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Flow, Forward, LeaveMessage
from orchestrator.domain.numbers import problems
from orchestrator.domain.outgoing import CLASSES
from orchestrator.domain.people import FINDABLE, MAILS, ORDERS, SHARED_KINDS, Box, Department, Group, Person, Phone
from orchestrator.domain.queues import STRATEGIES, WaitingQueue
from orchestrator.domain.schedule import WEEKDAYS, Block, Calendar, Schedule, SpecialDay
from orchestrator.domain.town import NumberRange, Permission, Retired, Site, Town, Trunk, Wave
from orchestrator.store.calendar import complete
from orchestrator.store.read_people import implied_boxes, own_phone
from tests.random_flows import Draw, flows

ODD = [
    "yes",
    "no",
    "null",
    "~",
    "2500",
    "0123",
    "1e5",
    "2026-12-24",
    "=1+1",
    "-x",
    "@x",
    "+49",
    "'x",
    "a: b",
    "#x",
    "x # y",
]
ODD += [
    "&a",
    "*a",
    "!x",
    "%x",
    "[a",
    "{a",
    "a, b",
    '"',
    "'",
    "a;b",
    "${SHELL(id)}",
    "$[1]",
    "|",
    ">",
    "#include x",
    "Jörg ẞ",
    "😀",
]
TEXTS = st.sampled_from(ODD) | st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), max_size=20).map(
    lambda text: " ".join(text.split())
)
BLOCKS = st.sampled_from([
    (Block(start=time(8), end=time(12)),),
    (Block(start=time(7, 30), end=time(12)), Block(start=time(13), end=time(18, 5))),
    (Block(start=time(0), end=time(0)),),
])  # fmt: skip
DAYS = st.dates(date(2026, 1, 1), date(2026, 3, 1))
E164S = st.integers(49_000_000, 49_999_999_999).map(lambda number: f"+{number}")
PHONES = st.lists(st.sampled_from(["tel2500", "tel2501", "saal", "laptop"]), min_size=1, max_size=3, unique=True)
RING = st.integers(5, 60)


@cache
def numbered(first: int) -> st.SearchStrategy[tuple[str, ...]]:
    """Some of the extensions from `first` on."""
    return st.lists(st.sampled_from([str(first + n) for n in range(3)]), max_size=2, unique=True).map(tuple)


@st.composite
def directories(draw: Draw) -> Directory:
    """A town with three people, two departments and something in every other section; not derived."""
    town = draw(TOWNS)
    sites = [draw(_site(name)) for name in ("rathaus", "otto")]
    trunks = [draw(_trunk(name)) for name in ("provider", "altanlage")]
    permissions = [draw(_permission("sparsam"))]
    schedules = {name: draw(_schedule(name)) for name in ("rathaus", "immer")}
    people = [
        draw(_person("2500", draw(st.sampled_from([("tel2500",), ("tel2500", "laptop"), ("laptop", "tel2500")])))),
        draw(_person("2501", ("tel2501",))),
        draw(_person("2502", draw(st.sampled_from([("tel2502",), ()])))),
    ]
    people[0] = draw(_with_others(people[0], [people[1].id, people[2].id]))
    departments = [draw(_department("buergerbuero", "30")), draw(_department("it", "31"))]
    written = _longer(_said(draw(flows(phones=("saal", "tel2500", "tel2501"), finds=True))))
    found = Directory(
        town=replace(town, catch_all="town"),
        sites=_by_id(sites),
        trunks=_by_id(trunks),
        permissions=_by_id(permissions),
        waves=_by_id([Wave(id="2", name=draw(TEXTS), trunk="altanlage", day=draw(st.none() | DAYS))]),
        ranges=_by_id([NumberRange(id="it", first="2500", last="2599", department=draw(st.sampled_from(["", "it"])))]),
        retired={"2600": draw(_retired())},
        calendars=_by_id(
            [Calendar(id="ferien", name=draw(TEXTS), days=draw(st.dictionaries(DAYS, TEXTS, max_size=5)))]
        ),
        schedules=schedules,
        switches=draw(st.fixed_dictionaries({"night": TEXTS}, optional={"umzug": TEXTS})),
        switch_codes=draw(st.dictionaries(st.sampled_from("0123456789"), st.just("night"), max_size=2)),
        singles=draw(st.dictionaries(E164S, st.just("30"), max_size=2)),
        numbers={"0": "town", **draw(st.fixed_dictionaries({}, optional={"77": st.just("d_it")}))},
        people=_by_id(people),
        departments=_by_id(departments),
        groups=_by_id([draw(_group())]),
        queues=_by_id([draw(_queue(written.first, people[0].function))]),
        flows={"town": written},
    )
    made = complete(draw(_with_phones_and_boxes(found)), 2026)
    assume(not list(problems(made)))
    return made


@st.composite
def _with_others(draw: Draw, person: Person, others: list[str]) -> Person:
    """`person` with a stand-in, secretaries and people who come through."""
    some = st.lists(st.sampled_from(others), unique=True).map(tuple)
    stand_in = draw(st.sampled_from(["", others[0]]))
    return replace(person, stand_in=stand_in, secretary=draw(some), direct=draw(some))


def _said(flow: Flow) -> Flow:
    """`flow` with forwardings as a file can say them: of numbers that are here, without an announcement."""
    steps = {
        name: replace(step, number="2500", absent=None) if isinstance(step, Forward) else step
        for name, step in flow.steps.items()
    }
    return replace(flow, steps=steps)


CALENDARS = st.builds(Calendar, id=st.just("ferien"), name=TEXTS, days=st.dictionaries(DAYS, TEXTS, max_size=5))


def _longer(flow: Flow) -> Flow:
    """With messages that last as long as an import asks for at least."""
    steps = {
        name: replace(step, limit=10) if isinstance(step, LeaveMessage) else step for name, step in flow.steps.items()
    }
    return replace(flow, steps=steps)


@st.composite
def _with_phones_and_boxes(draw: Draw, found: Directory) -> Directory:
    own = {phone: own_phone(person, phone) for person in found.people.values() for phone in person.phones}
    differs = st.sampled_from(
        [
            *({}, {"label": "Tisch"}, {"permission": "sparsam", "kind": "fax"}, {"site": "otto"}),
            *({"call_waiting": False}, {"hot_desk": True}),
        ]
    )
    phones = {name: replace(phone, **draw(differs)) for name, phone in own.items()}
    if draw(st.booleans()):
        phones["tel2501"] = replace(phones["tel2501"], extension="97")
    for name, extension in (("saal", "95"), ("laptop", "96")):
        if name not in phones:
            kind = draw(st.sampled_from(SHARED_KINDS))
            phone = Phone(id=name, site="otto", label=draw(TEXTS), extension=extension, kind=kind)
            phones[name] = replace(phone, hot_desk=draw(st.booleans()))
    boxes = implied_boxes(found.departments.values(), found.people.values())
    people = st.sampled_from(sorted(found.people))
    more = {
        "name": TEXTS,
        "email": TEXTS,
        "language": st.sampled_from(["de", "en"]),
        "quota": st.integers(1, 9),
        "mail": st.sampled_from(MAILS),
        "members": st.lists(people, unique=True, max_size=3).map(tuple),
        "head": people,
        "overdue": st.integers(0, 48),
        "keep": st.integers(1, 90),
    }
    changed = {name: replace(box, **draw(st.fixed_dictionaries({}, optional=more))) for name, box in boxes.items()}
    kept = {"2600": Box(id="2600", name=draw(TEXTS), department="it", limit=draw(st.integers(10, 600)))}
    return replace(found, phones=phones, boxes={**changed, **kept})


TOWNS = st.builds(
    Town,
    name=TEXTS,
    area=st.sampled_from(["6205", "30"]),
    head=st.sampled_from(["21", "9"]),
    region=st.sampled_from(["BW", "BY", "none"]),
    heads=st.lists(E164S, max_size=2).map(tuple),
    overlaps=numbered(25),
    outside=st.sampled_from(["0", "9", ""]),
    permission=st.sampled_from(["mobile", "sparsam"]),
    longest_wait=st.integers(30, 900),
)


@cache
def _site(name: str) -> st.SearchStrategy[Site]:
    trunk = st.sampled_from(["", "provider"])
    wave = st.integers(1, 3)
    return st.builds(Site, id=st.just(name), name=TEXTS, address=TEXTS, emergency_number=E164S, wave=wave, trunk=trunk)


@cache
def _trunk(name: str) -> st.SearchStrategy[Trunk]:
    return st.builds(
        Trunk,
        id=st.just(name),
        host=st.sampled_from(["127.0.0.1", "sip.example.net"]),
        port=st.integers(1, 65535),
        sources=st.lists(st.sampled_from(["192.0.2.1", "192.0.2.0/24"]), max_size=2).map(tuple),
        transport=st.sampled_from(["udp", "tcp", "tls"]),
        user=st.sampled_from(["", "stadt"]),
        order=st.integers(1, 9),
        public=st.booleans(),
    )


@cache
def _permission(name: str) -> st.SearchStrategy[Permission]:
    few = st.integers(0, 9)
    classes = st.lists(st.sampled_from(CLASSES), max_size=3, unique=True).map(tuple)
    return st.builds(Permission, id=st.just(name), classes=classes, per_hour=few, at_once=few, nightly=few)


@cache
def _retired() -> st.SearchStrategy[Retired]:
    return st.builds(
        Retired,
        extension=st.just("2600"),
        to=st.just("30"),
        until=DAYS,
        announced=st.booleans(),
        why=TEXTS,
        source=st.sampled_from(["", "ldap:4b1d"]),
    )


@cache
def _schedule(name: str) -> st.SearchStrategy[Schedule]:
    special = st.builds(SpecialDay, name=TEXTS, blocks=st.just(()) | BLOCKS)
    return st.builds(
        Schedule,
        name=st.just(name),
        timezone=st.sampled_from(["Europe/Berlin", "Europe/London"]),
        week=st.dictionaries(st.sampled_from(WEEKDAYS), BLOCKS),
        special=st.dictionaries(DAYS, special, max_size=6),
        region=st.sampled_from(["BW", "none"]),
        calendars=st.sampled_from([(), ("ferien",)]),
    )


@cache
def _person(number: str, phones: tuple[str, ...]) -> st.SearchStrategy[Person]:
    return st.builds(
        Person,
        id=st.sampled_from([f"p{number}", f"q{number}"]),
        first_name=TEXTS,
        last_name=TEXTS,
        department=st.sampled_from(["buergerbuero", "it"]),
        site=st.sampled_from(["rathaus", "otto"]),
        extension=st.just(number),
        phones=st.just(phones),
        box=st.sampled_from(["", number, f"7{number}"]),
        email=TEXTS,
        language=st.sampled_from(["de", "en"]),
        function=TEXTS,
        ring_seconds=RING,
        numbers=numbered(8000 + 10 * int(number[-1])),
        wave=st.integers(0, 9),
        permission=st.sampled_from(["", "national", "sparsam"]),
        findable=st.sampled_from(["", *FINDABLE]),
        direct_inside=st.booleans(),
        joins=st.sampled_from([0, 5, 60]),
        source=st.sampled_from(["", "ldap:4b1c"]),
    )


@cache
def _department(name: str, number: str) -> st.SearchStrategy[Department]:
    return st.builds(
        Department,
        id=st.just(name),
        name=TEXTS,
        site=st.sampled_from(["rathaus", "otto"]),
        extension=st.just(number),
        schedule=st.sampled_from(["rathaus", "immer"]),
        box=st.just("10") if name == "it" else st.just(number),
        phones=PHONES.map(tuple),
        parent=st.sampled_from(["", "it"] if name != "it" else [""]),
        stand_in=st.sampled_from(["", "buergerbuero"] if name != "buergerbuero" else [""]),
        ring_seconds=RING,
        order=st.sampled_from(ORDERS),
        queue=st.sampled_from(["", "warten"]),
        numbers=numbered(8100 + 10 * int(number)),
        answer_within=st.integers(5, 300),
        permission=st.sampled_from(["", "sparsam"]),
        short=st.sampled_from(["", "Amt", "Bürgerbüro & Co. „Süd“"]),
        findable=st.sampled_from(FINDABLE),
    )


@cache
def _group() -> st.SearchStrategy[Group]:
    return st.builds(
        Group,
        id=st.just("pforte"),
        name=TEXTS,
        extension=st.just("88"),
        phones=PHONES.map(tuple),
        department=st.just("it"),
        order=st.sampled_from(ORDERS),
        ring_seconds=RING,
    )


@st.composite
def _queue(draw: Draw, place: str, function: str) -> WaitingQueue:
    to = st.sampled_from(["", "d_it.box", place])
    few = st.integers(1, 9)
    keys = draw(
        st.dictionaries(st.sampled_from(["1", "0", "*", "#"]), st.sampled_from(["d_it.box", place, "q_warten.promise"]))
    )
    return draw(
        st.builds(
            WaitingQueue,
            id=st.just("warten"),
            name=TEXTS,
            department=st.just("it"),
            extension=st.sampled_from(["", "87"]),
            phones=st.just(()) | PHONES.map(tuple),
            function=st.sampled_from(["", function]),
            log_in=st.booleans(),
            strategy=st.sampled_from(STRATEGIES),
            ring_seconds=RING,
            wrap_up=few,
            priority=few,
            most=few,
            longest=st.integers(10, 1800),
            announce=few,
            waited=to,
            full=to,
            nobody=to,
            keys=st.just(keys),
            hint=st.just({"de": "Wählen Sie.", "en": "Choose."} if keys else {}),
        )
    )


def _by_id(things: list[Any]) -> dict[str, Any]:
    return {thing.id: thing for thing in things}
