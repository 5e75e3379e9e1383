"""What Asterisk must have of a directory, said a second time: from the directory alone, without the compiler.

Belongs here: names, numbers and who rings, which a caller notices. Not here: how a call is performed in between, which
real calls tell (the tests).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta

from orchestrator.domain.callers import PRESETS
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import (
    END,
    Do,
    FindByName,
    Forward,
    LeaveMessage,
    Menu,
    Place,
    Ring,
    Speak,
    Step,
    Switch,
    Transfer,
    When,
)
from orchestrator.domain.house import Screen
from orchestrator.domain.people import ALL_AT_ONCE, LONGEST_IDLE, Department, Person, Phone
from orchestrator.domain.schedule import Block
from tests.console import Believed

Wanted = dict[str, dict[str, tuple[str, ...]]]
"""Context -> extension -> what must stand in its lines."""
EXACT = re.compile(r"(?:flow|hours|permission|phones|numbers|trunks|direct|single)-\w+|trunks")
"""Contexts of which there must be no more than are wanted, nor more in them."""
SHOWN = 250
"""Characters of a line that the console shows for certain."""
SIGNS = re.compile(r'[;\\"<>#=\[\s]')
"""What a name loses or may lose in a configuration file."""
SEPARATORS = re.compile(rf"{SIGNS.pattern}|[,|&]")
"""What it may lose among the fields of a mailbox besides."""


def differences(directory: Directory, trunks: Mapping[str, str], gone: frozenset[str], found: Believed) -> list[str]:
    """What is missing, too much or otherwise. `trunks`: where they really are; `gone`: flows that ran before."""
    return [
        *_compared("endpoint", {**_endpoints(directory), "testcall": ""}, found.endpoints),
        *_compared("contact", _contacts(directory, trunks), found.contacts),
        *_compared("box", dict.fromkeys(directory.boxes), dict.fromkeys(found.boxes)),
        *_dialplan(directory, gone, found),
    ]


def _compared(kind: str, wanted: Mapping[str, str | None], found: Mapping[str, str | None]) -> Iterator[str]:
    for name in sorted(wanted.keys() | found.keys()):
        if name not in wanted or name not in found:
            yield f"{kind} {name} {'is missing' if name in wanted else 'is too much'}"
        elif wanted[name] != found[name]:
            yield f"{kind} {name} is {found[name]}, not {wanted[name]}"


def _endpoints(directory: Directory) -> dict[str, str]:
    phones = {phone.id: phone.extension for phone in directory.phones.values()}
    return phones | {f"trunk-{trunk}": "" for trunk in directory.trunks}


def _contacts(directory: Directory, trunks: Mapping[str, str]) -> dict[str, str]:
    return {f"trunk-{t.id}": f"sip:{trunks.get(t.id, f'{t.host}:{t.port}')}" for t in directory.trunks.values()}


def _dialplan(directory: Directory, gone: frozenset[str], found: Believed) -> Iterator[str]:
    wanted, stubs = dialplan(directory), {f"flow-{flow}" for flow in gone}
    for context in sorted(wanted.keys() | stubs | set(filter(EXACT.fullmatch, found.dialplan))):
        here, there = wanted.get(context, {}), found.dialplan.get(context, {})
        if context in stubs:
            if there.keys() != {"", "=start", "=gone"}:
                yield f"{context} is no stub: {sorted(there)}"
            continue
        if more := _listed(context, there) - here.keys():
            yield f"{context} has {sorted(more)} too much"
        for extension, lines in here.items():
            if extension not in there:
                yield f"{context} {extension} is missing"
            elif not _stands(lines, "\n".join(there[extension])):
                yield f"{context} {extension} is {there[extension]}, without {lines}"


def _listed(context: str, extensions: Collection[str]) -> set[str]:
    """The extensions that must be wanted: all, or those of trunks that are whole numbers."""
    if EXACT.fullmatch(context):
        return set(extensions) - {""}
    return {name for name in extensions if name.startswith("+")} if context == "from-trunk" else set()


def _stands(lines: tuple[str, ...], text: str) -> bool:
    """Whether all of `lines` stand in `text`, in their order."""
    at = 0
    return all((at := text.find(line[:SHOWN], at)) >= 0 for line in lines)


def dialplan(directory: Directory) -> Wanted:
    """The contexts of `EXACT`, and some extensions of others."""
    wanted: Wanted = {"numbers": {"i": (_goto(directory.first(directory.town.catch_all)),)}}
    wanted["numbers-1"] = {number: _led(directory, number) for number, _ in directory.owners()}
    offered = (step for step in directory.graph.values() if isinstance(step, Menu | Do))
    behind = {place for step in offered for place in step.exits.values()}
    for flow in directory.flows.values():
        steps: dict[str, tuple[str, ...]] = {"=start": (f"Goto({flow.start},1)",)}
        for name, step in flow.steps.items():
            waits = not isinstance(step, When | Switch | Speak)  # else the journal is told at the answer
            landed = waits or f"{flow.name}.{name}" in behind or name == flow.start
            entered = ("CELGenUserEvent(PLACE,${CONTEXT:5}.${EXTEN})",) if waits else ()
            mostly = _mostly(directory, f"{flow.name}.{name}") if landed else ()
            here = ("MSet(TIMEOUT(absolute)=0,",) if landed else ()
            steps[name] = (*here, *entered, *_step(directory, step), *mostly)
            for answer, to in step.exits.items():
                passed = not waits or (isinstance(step, Forward) and not step.missed and answer == "off")
                steps[f"{name}={answer}"] = (
                    f"CELGenUserEvent({'PASSED' if passed else 'ANSWER'},",
                    _goto(to, flow.name),
                )
            if isinstance(step, FindByName):
                steps[f"{name}=found"] = ("Goto(numbers,${FOUND},1)",)
        wanted[f"flow-{flow.name}"] = steps
    wanted |= _through(directory)
    wanted |= _hours(directory) | _phones(directory) | _trunks(directory)
    for permission in {**PRESETS, **directory.permissions}.values():
        wanted[f"permission-{permission.id}"] = dict.fromkeys(permission.classes, ("Return()",))
    singles = {number: (f"Goto(numbers,{extension},1)",) for number, extension in directory.singles.items()}
    wanted["from-trunk"] = {**singles, **dict.fromkeys(_heads(directory), ("Goto(numbers,0,1)",))}
    wanted["from-phones"] = {number: (f"Goto(emergency,{number},1)",) for number in ("110", "112")}
    wanted["outside-line"] = {f"_{directory.town.outside or 'X'}X.": ("?public,",), "_+X.": ("?public,",)}
    return wanted


def _mostly(directory: Directory, place: Place) -> tuple[str, ...]:
    """What is told of several places at once, and where that leads: it is open, and nothing is otherwise."""
    passed: dict[Place, str] = {}
    hours = isinstance(directory.graph[place], When)
    while place not in passed:
        step = directory.graph.get(place)
        if isinstance(step, When):
            week = directory.schedules[step.schedule].week
            answer = "open" if 0 < len({block for blocks in week.values() for block in blocks}) <= 6 else ""
        else:
            answer = "off" if isinstance(step, Switch) or (isinstance(step, Forward) and not step.missed) else ""
        if not step or not answer:
            break
        passed[place] = answer
        place = step.exits[answer]
    if len(passed) < (1 if hours else 2):
        return ()
    return (f"CELGenUserEvent(WENT,{' '.join('='.join(each) for each in passed.items())})", _goto(place))


def _heads(directory: Directory) -> tuple[str, ...]:
    town = directory.town
    return (f"+{town.country}{town.area}{town.head}", *town.heads)


def _led(directory: Directory, number: str) -> tuple[str, ...]:
    flow = directory.numbers.get(number)
    return (_goto(directory.first(flow)),) if flow else (f"{number} leads nowhere",)


def _goto(place: Place, here: str = "") -> str:
    flow, _, step = place.partition(".")
    if place == END:
        return "Hangup()"
    return f"Goto({step},1)" if flow == here else f"Goto(flow-{flow},{step},1)"


def _step(directory: Directory, step: Step) -> tuple[str, ...]:
    """What can be told of a place without knowing how it is performed."""
    match step:
        case Ring(phones=phones, seconds=seconds, away=away) if away:
            found: list[str] = []
            for asked in dict.fromkeys(away.get(phone, ()) for phone in phones):
                found += [f"PJSIP/{phone}" for phone in phones if away.get(phone, ()) == asked]
                found += [f"({switch})" for switch in asked]
            return (*found, f"Dial(${{FREE}},{seconds}")
        case Ring(phones=phones, seconds=seconds, order=order) if order == ALL_AT_ONCE:
            return (f"free,1({'&'.join(f'PJSIP/{phone}' for phone in phones)})", f"Dial(${{FREE}},{seconds}")
        case Ring(phones=phones, seconds=seconds, order=order) if order == LONGEST_IDLE:
            return (*(f"DB(idle/{phone})" for phone in phones), f"Dial(${{TURN}},{seconds}")
        case Ring(phones=phones, seconds=seconds):
            return (f"Set(TURNS={','.join(phones)})", f"Dial(${{TURN}},{seconds}")
        case Screen(number=number):
            return (f"(direct_{number})",)
        case LeaveMessage(box=box, limit=limit):
            return (f"VMCOUNT({box}@town)}} >= {directory.boxes[box].quota}]", f"leave,1({box},", f",{limit},")
        case When(schedule=schedule):
            return (f"Gosub(hours-{schedule},state,1)",)
        case Transfer(number=number, trunk=trunk, seconds=seconds) if number.startswith("+"):
            return (f"Gosub(switched,transfer,1({number},{trunk}))", f"Dial(${{FORWARD}},{seconds},")
        case Transfer(number=number, trunk=trunk, seconds=seconds):
            return (f"Dial(PJSIP/{number}@trunk-{trunk},{seconds},i",)
        case Switch(name=name):
            return (f"({name})",)
        case Forward(number=number, seconds=seconds, missed=missed):
            asked = f"missed,1({number}," if missed else f"forward,1({number},"
            return (asked, f"Dial(${{FORWARD}},{seconds},")
        case Menu(keys=keys):
            return tuple(f'"${{KEY}}" = "{key}"' for key in keys)
        case _:
            return ()


def _through(directory: Directory) -> Wanted:
    """Who comes through to a boss, and the telephones that take one call at a time."""
    wanted: Wanted = {}
    for phone in directory.phones.values():
        if not phone.call_waiting:
            wanted.setdefault(f"single-{phone.id[-2:]}", {})[phone.id] = ("Return()",)
    people = directory.people
    for boss in people.values():
        if any(id_ in people and id_ != boss.id for id_ in boss.secretary):
            known = (boss, *(people[id_] for id_ in (*boss.secretary, *boss.direct) if id_ in people))
            wanted[f"direct-{boss.extension}"] = {phone: ("Return()",) for each in known for phone in each.phones}
    return wanted


def _hours(directory: Directory) -> Wanted:
    wanted: Wanted = {}
    for schedule in directory.schedules.values():
        week = {block for blocks in schedule.week.values() for block in blocks}
        days = {f"d{day:%Y%m%d}": _blocks(special.blocks) for day, special in schedule.dated.items()}
        wanted[f"hours-{schedule.name}"] = {"state": _blocks(sorted(week)), **days}
    return wanted


def _blocks(blocks: Iterable[Block]) -> tuple[str, ...]:
    minute = timedelta(minutes=1)
    ends = {block: datetime.combine(date(2026, 1, 1), block.end) - minute for block in blocks}
    return tuple(f"GotoIfTime({block.start:%H:%M}-{ends[block]:%H:%M}," for block in blocks)


def owner(directory: Directory, phone: Phone) -> Person | None:
    """The first who names the phone as theirs."""
    return next((person for person in directory.people.values() if phone.id in person.phones), None)


def _phones(directory: Directory) -> Wanted:
    """Where help is sent, and what it may call: its own permission, its owner's, the department's, the town's."""
    wanted: Wanted = {}
    for phone in directory.phones.values():
        person = owner(directory, phone)
        office: Department | None = (
            directory.departments[person.department]
            if person
            else next((each for each in directory.departments.values() if phone.id in each.phones), None)
        )
        said = [each.permission for each in (phone, person, office, directory.town) if each and each.permission]
        own = (f"Set(EMERGENCY={directory.sites[phone.site].emergency_number})", f"Set(PERMISSION={said[0]})")
        wanted.setdefault(f"phones-{phone.id[-2:]}", {})[phone.id] = own
    return wanted


def _trunks(directory: Directory) -> Wanted:
    """The public trunks in their order; and for sites with one of their own, in the order that begins with it."""
    rising = sorted(directory.trunks.values(), key=lambda trunk: (trunk.order, trunk.id))
    everywhere = [trunk.id for trunk in rising if trunk.public]
    wanted: Wanted = {}
    for first in ("", *(site.trunk for site in directory.sites.values())):
        order = sorted(everywhere, key=lambda trunk: trunk != first)
        name = "trunks" if order == everywhere else f"trunks-{first}"
        dialled = tuple(f"Dial(PJSIP/${{EXTEN}}@trunk-{trunk}," for trunk in order)
        again = tuple(f"Dial(PJSIP/${{ARG1}}@trunk-{trunk}," for trunk in order)
        wanted[name] = {**dict.fromkeys(("110", "112", "_X!"), dialled), "again": again}
    return wanted


def phone(directory: Directory, name: str, options: Mapping[str, str]) -> Iterator[str]:
    """What an endpoint does otherwise: the name that the called see, its number, language and lamp."""
    one = directory.phones[name]
    person = owner(directory, one)
    shown, _, number = options["callerid"].rpartition(" ")
    if SIGNS.sub("", shown) != SIGNS.sub("", person.name if person else one.label):
        yield f"{name} shows {shown}, not {person.name if person else one.label}"
    if number != f"<{one.extension}>":
        yield f"{name} shows {number}, not {one.extension}"
    language = person.language if person else directory.town.languages[0]
    if options["language"] != language:
        yield f"{name} hears {options['language']}, not {language}"
    if person and person.box and person.extension == one.extension and options["mailboxes"] != f"{person.box}@town":
        yield f"{name} has the lamp of {options['mailboxes']}, not of {person.box}"


def boxes(directory: Directory, rows: Iterable[Mapping[str, str]]) -> Iterator[str]:
    """What mailboxes are otherwise, as Asterisk lists them over AMI."""
    for row in rows:
        box = directory.boxes[row["voicemailbox"]]
        found = (row["language"], int(row["maxmessagecount"]), int(row["maxmessagelength"]))
        if found != (box.language, box.quota, box.limit):
            yield f"box {box.id} has {found}"
        if SEPARATORS.sub("", row["fullname"]) != SEPARATORS.sub("", box.name):
            yield f"box {box.id} is of {row['fullname']}, not of {box.name}"
