"""Hot-desking in the dialplan: who has logged in at a desk is called there, and calls from there as at the own one.

Who is where lies in Asterisk's own database, both ways round: `switched/desk_2500` (the desk that rings, read by
`switched`) and `switched/guest_<phone>` (who is there). What is theirs is compiled: contexts `guests-<last two digits>`
hold an extension for each person. Telephones at which somebody may log in begin at `from-guests`, which gives their
calls the guest's number and name; what they may call, `caller` asks here. Emergency calls ask neither: they stay those
of the place. While a guest has a call there, `Custom:guest_<number>` is in use, which is part of the number's lamp.
Where no telephone is such a desk, nothing of this is written but an empty `from-guests`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from orchestrator.compile import by_phone, waiting
from orchestrator.compile.asking import whether
from orchestrator.compile.escape import CIRCLE, DIALLED, DIGITS, E164, IDENTIFIER, fit
from orchestrator.compile.extensions import Context, Extension, Line
from orchestrator.domain import outgoing
from orchestrator.domain.callers import Callers
from orchestrator.domain.directory import Directory
from orchestrator.domain.display import SHOWN, plain
from orchestrator.domain.listening import Desks
from orchestrator.domain.people import Person
from orchestrator.domain.place import DESK_BUSY, DESK_NOBODY
from orchestrator.domain.switches import DESK, GUEST

NAME, GUESTS, ENTRY = "guest", "guests", "from-guests"
"""Contexts: what is asked; what is whose; where calls from such desks begin."""
PLACES = "guest-places"
"""The kind (by_phone) of the telephones at which somebody may log in."""
TALKS = "guest-talks"
"""The context of a desk that has picked up a call for its guest."""
NOTE = "guest "
"""What the journal is told of a call from such a desk, with the guest's number."""
AS_GUEST = f"{NAME},as,1"
"""Where the dialplan goes on with who calls: what is known of the telephone PHONE becomes what is the guest's."""
WHOSE_BOX = f"{NAME},box,1"
"""Asks for the mailbox of who has logged in at PHONE."""
NOT_THERE = Line("Set(ATDESK=)")
"""What is rung next is no such desk."""
_WHOSE = f"{GUESTS}-${{GUEST:-2}},${{GUEST}},1"
_OVER = Line("Return()", label="over")
_NOT_REGISTERED = '$["${DEVICE_STATE(${FORWARD})}" : "(UNAVAILABLE|INVALID)$"]'
"""Such a desk is as none: the own telephones ring."""
_PLAIN = "${FILTER(0-9a-zA-Z_+*#,${EXTEN})}"
_NUMBER = re.compile(r"[0-9]{1,15}")


def device(number: str) -> str:
    """The device that says whether who has `number` has a call at a desk elsewhere."""
    return f"Custom:guest_{number}"


def numbers(directory: Directory) -> Mapping[str, str]:
    """Each number of a person -> the first that they have; empty where there is no such desk."""
    if not directory.hot_desks:
        return {}
    return {number: each.extension for each in directory.people.values() for number in (each.extension, *each.numbers)}


def rings(why: Line) -> Iterator[Line]:
    """In `switched`: the desk of who has number ARG1 rings; `why` sets what it shows."""
    yield why
    yield Line("Set(FORWARDED=)")
    yield Line("Set(LINE=0)")
    yield Line("Set(FIRST=)")
    yield Line("Set(ATDESK=yes)")
    yield Line("Set(FORWARD=${CUT(SWITCHED,:,4)})")
    yield Line(f"GotoIf({_NOT_REGISTERED}?away)")
    yield waiting.asked("${FORWARD}")
    yield Line(f"GotoIf({waiting.NONE}?engaged)")
    yield Line(f"Set(SHOWS=b({NAME}^rings^1(${{ARG1}}^${{WHY}}))U({TALKS}^${{ARG1}}))")
    yield Line("Return(ring)")
    yield Line(f"Return({DESK_BUSY})", label="engaged")
    yield Line("Return(off)", label="away")


def found() -> Iterator[Line]:
    """After such a desk rang: the answer. Who declines there does not send the call to their empty office."""
    yield Line('GotoIf($["${ATDESK}" = "" | "${DIALSTATUS}" = "ANSWER"]?elsewhere)')
    yield Line(f'GotoIf($["${{DIALSTATUS}}" = "BUSY"]?{DESK_BUSY})')
    yield Line(f"Return({DESK_NOBODY})")
    yield Line(f"Return({DESK_BUSY})", label=DESK_BUSY)
    yield Line("NoOp()", label="elsewhere")


def contexts(directory: Directory) -> Iterator[Context]:
    """All of it, where there is such a desk."""
    if not directory.hot_desks:  # whose calls begin here until a moment after the last such desk is gone
        yield Context(name=ENTRY, includes=("from-phones",), extensions=())
        return
    extensions = {
        "who": _who(),
        "as": _as(),
        "box": _box(),
        "calls": _calls(),
        "rings": _rings(),
        "begins": _begins(),
        "over": _over(),
        "at": _at(),
    }
    yield Context(name=NAME, extensions=tuple(Extension(name, tuple(lines)) for name, lines in extensions.items()))
    yield Context(name=TALKS, extensions=(Extension("s", tuple(_talks())),))
    yield _entry(directory)
    yield from by_phone.marked(PLACES, directory.hot_desks)
    yield from _guests(directory)


def _who() -> Iterator[Line]:
    """GUEST is who has logged in at the telephone ARG1, and has a number still; empty: nobody.

    What Asterisk has kept of a telephone that is no such desk any more counts for nothing.
    """
    yield Line("Set(GUEST=)")
    yield Line(f"GotoIf({by_phone.known(PLACES, 'ARG1')}?:over)")
    yield whether(f"{GUEST}${{ARG1}}")
    yield Line('GotoIf($["${GOSUB_RETVAL}" = "off"]?over)')
    yield Line("Set(GUEST=${FILTER(0-9,${CUT(SWITCHED,:,4)})})")
    yield Line(f"GotoIf(${{DIALPLAN_EXISTS({_WHOSE})}}?over)")
    yield Line("Set(GUEST=)")
    yield _OVER


def _as() -> Iterator[Line]:
    """What `caller` knows of PHONE becomes the guest's, but for emergencies and trunks."""
    yield Line(f"Gosub({NAME},who,1(${{PHONE}}))")
    yield Line('GotoIf($["${GUEST}" = ""]?over)')
    yield Line(f"Gosub({_WHOSE})")
    yield Line('ExecIf($["${PAYS}" != ""]?Set(PHONE=${PAYS}))')
    yield _OVER


def _box() -> Iterator[Line]:
    """BOX is that of GUEST, who has logged in at PHONE; GUEST is empty where nobody has."""
    yield Line(f"Gosub({NAME},who,1(${{PHONE}}))")
    yield Line('GotoIf($["${GUEST}" = ""]?over)')
    yield Line(f"Gosub({_WHOSE})")
    yield Line("Set(BOX=${OPENS})")
    yield _OVER


def _calls() -> Iterator[Line]:
    """A call begins at such a desk: with the number and the name of the guest."""
    yield Line(f"Gosub({NAME},who,1(${{CHANNEL(endpoint)}}))")
    yield Line('GotoIf($["${GUEST}" = ""]?over)')
    yield Line(f"Gosub({_WHOSE})")
    yield Line("Set(CALLERID(num)=${GUEST})")
    yield Line("Set(CALLERID(name)=${NAMED})")
    yield Line(f"CELGenUserEvent(NOTE,{NOTE}${{GUEST}})")
    yield Line(f"Gosub({NAME},begins,1(${{GUEST}}))")
    yield Line(f"Gosub({TALKS},s,1(${{GUEST}}))")
    yield _OVER


def _rings() -> Iterator[Line]:
    """On the channel of the desk: its lamp, and who may pick up, are those of the number ARG1; ARG2 is why it rings."""
    yield Line(f"Gosub({NAME},begins,1(${{ARG1}}))")
    yield Line(f"Set(DEVICE_STATE({device('${ARG1}')})=RINGING)")
    yield Line("Set(GUEST=${ARG1})")
    yield Line(f"Gosub({_WHOSE})")
    yield Line("Set(CHANNEL(namedcallgroup)=${CIRCLES})")
    yield Line('GotoIf($["${ARG2}" = ""]?over)')
    yield Line("Gosub(display,show,1(${ARG2}))")
    yield _OVER


def _begins() -> Iterator[Line]:
    """On the channel of the desk: it counts as a call of the number ARG1."""
    yield Line("Set(GROUP(guest)=${ARG1})")
    yield Line(f"Set(CHANNEL(hangup_handler_push)={NAME},over,1(${{ARG1}}))")
    yield Line("Return()")


def _talks() -> Iterator[Line]:
    """Who has number ARG1 talks at the desk; whoever picks up in their place is at another."""
    yield Line(f"Gosub({NAME},at,1(${{ARG1}}))")
    yield Line('GotoIf($["${HERE}" != "&PJSIP/${CHANNEL(endpoint)}"]?over)')
    yield Line(f"Set(DEVICE_STATE({device('${ARG1}')})=INUSE)")
    yield _OVER


def _over() -> Iterator[Line]:
    """That channel has ended; another call of the guest may go on."""
    left = "$[${GROUP_COUNT(${ARG1}@guest)} > 1]"
    yield Line(f"Set(DEVICE_STATE({device('${ARG1}')})=${{IF({left}?INUSE:NOT_INUSE)}})")
    yield Line("Return()")


def _at() -> Iterator[Line]:
    """HERE is the desk of who has number ARG1, as more of a list of telephones; empty: there is none."""
    yield Line("Set(HERE=)")
    yield whether(f"{DESK}${{ARG1}}")
    yield Line('GotoIf($["${GOSUB_RETVAL}" = "off"]?over)')
    yield Line("Set(HERE=&${CUT(SWITCHED,:,4)})")
    yield _OVER


def _entry(directory: Directory) -> Context:
    """Emergencies first, as everywhere, and with nothing before them. What holds a sign that no telephone has keys for
    must not stand in a Goto().
    """
    short = outgoing.short(directory.town)
    emergencies = (fit(dialled, DIALLED) for dialled, number in short if number in outgoing.EMERGENCY)
    first = (Extension(dialled, (Line(f"Goto(from-phones,{dialled},1)"),)) for dialled in emergencies)
    lines = (
        Line(f"GotoIf($[${{LEN({_PLAIN})}} = ${{LEN(${{EXTEN}})}}]?:elsewhere,0,1)"),
        Line(f"Gosub({NAME},calls,1)"),
        Line("Goto(from-phones,${EXTEN},1)"),
    )
    patterns = (Extension(pattern, lines) for pattern in ("_X!", "_[*#+]!", "_[a-zA-Z_]."))
    return Context(name=ENTRY, extensions=(*first, *patterns))


def _guests(directory: Directory) -> Iterator[Context]:
    """What is whose: found by the last two digits of the number."""
    parts: dict[str, list[Extension]] = {}
    callers, boxes, desk = Callers(directory), Desks(directory), directory.phones[directory.hot_desks[0]]
    for person in directory.people.values():
        number, caller = fit(person.extension, _NUMBER), callers.at_desk(desk, person)
        box = boxes.opened_by(person)
        paid = next((phone for phone in person.phones if phone in directory.phones), "")
        lines = (
            Line(f"Set(PAYS={fit(paid, IDENTIFIER) if paid else ''})"),  # whose budget it is
            Line(f"Set(PERMISSION={fit(caller.permission, IDENTIFIER)})"),
            Line(f"Set(SHOWN={fit(caller.shown, E164)})"),
            Line(f"Set(NAMED={_named(person)})"),
            Line(f"Set(OPENS={fit(box, DIGITS) if box else ''})"),
            Line(f"Set(CIRCLES={fit(f'd_{person.department}', CIRCLE)})"),
            Line("Return()"),
        )
        parts.setdefault(fit(number, DIGITS)[-2:], []).append(Extension(number, lines))
    for last, extensions in sorted(parts.items()):
        yield Context(name=f"{GUESTS}-{last}", extensions=tuple(extensions))


def _named(person: Person) -> str:
    name = plain(person.name)
    return fit(name, SHOWN) if name else ""
