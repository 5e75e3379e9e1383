"""Callers whom somebody put through by hand: parking and fetching, and coming back from where nobody picked up.

Native from end to end. Asterisk keeps parked callers in its parking lot `town`, at a place that is chosen here: under a
lock, of those that are free (their state is that of `park:71@parking`, which lamps show too) and that nobody was
promised within `PROMISED` seconds. So who parks can be told the place before the caller is there.

Who did it is known by BLINDTRANSFER, which Asterisk sets on whom a phone puts through, by ATTENDEDTRANSFER, where it
still rang at the target then, and by PARKER, which it sets when a parked caller was not fetched. Only the phones of the
directory are ever rung.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.compile import by_phone, waiting
from orchestrator.compile.escape import DIGITS, IDENTIFIER, SOUND, fit
from orchestrator.compile.extensions import STAYS, Context, Extension, Line
from orchestrator.compile.taking import TAKES
from orchestrator.domain import operators
from orchestrator.domain.codes import FETCH, PARK
from orchestrator.domain.directory import Directory
from orchestrator.domain.house import GoBack
from orchestrator.domain.parking import FIRST, LAST, LEAST, offices
from orchestrator.domain.place import OPERATORS
from orchestrator.domain.prompts import Sounds
from orchestrator.domain.texts import HOUSE
from orchestrator.domain.town import PARKING

NAME = "parking"
"""The context, and the one of which lamps ask."""
BACK = "back"
LOT = "town"
OFFICES = "offices"
RUNG = "parking-told"
"""The context by which a phone is rung that has parked somebody: Originate() itself would send a call on where a phone
says 302, by whatever trunk it names, and ask for no permission."""
PROMISED = 10
"""Seconds that a place is kept for who was told of it: the announcement is shorter."""
ANNOUNCED = 15
"""Seconds that a phone rings to be told where it has parked somebody."""
SHOWN = {"de": "zurück", "en": "back"}
"""Language of the town -> what stands on the display before the number from which a caller comes back."""
PARKED = {"de": "geparkt", "en": "parked"}
_BY = by_phone.named("BY", "BY")
_PLACES = f"{FIRST // 10}[{FIRST % 10}-{LAST % 10}]"
"""Pattern of the places."""
HUNG_UP = Line("Wait(1)")
"""Until a phone that has put somebody through has hung up: until then it is busy, if it has one line only."""
DID = '${IF($["${BLINDTRANSFER}" = ""]?${ATTENDEDTRANSFER}:${BLINDTRANSFER})}'
"""The channel that has put the caller through, last."""
_OURS = by_phone.known(by_phone.PHONES, "BY")


def back(name: str, number: str, answer: str) -> Iterator[Line]:
    """Before the place `name`, of extension `number`, is left by `answer`: rings back who put the caller through."""
    yield Line(f"Gosub({BACK},ring,1(${{CONTEXT:5}}.${{EXTEN}},{fit(number, DIGITS)},{answer}))")
    yield Line(f"Goto({name}=${{GOSUB_RETVAL}},1)")


def lines(directory: Directory, name: str, step: GoBack) -> Iterator[Line]:
    """Rings who parked the caller; where they do not pick up, the department of that phone has the call."""
    shown = directory.town.word(SHOWN)
    yield Line(f"Set(RINGING={name})")
    yield Line('Set(BY=${IF($["${PARKER}" = ""]?${BLINDTRANSFER}:${PARKER})})')
    yield Line('ExecIf($["${PARKER}" != ""]?Set(PARKINGEXTEN=${PARKING_SPACE}))')
    yield from _BY
    yield Line("Set(PARKER=)")
    yield Line(f"Set(RETURNED={DID})")  # whom that phone put here has come back to it by this
    yield Line(f"GotoIf({_OURS}?:none)")
    yield Line(f"Gosub({BACK},dial,1({int(step.seconds)},{shown}: *${{PARKINGEXTEN}},{PARKING}.{name}))")
    yield Line(f'GotoIf($["${{DIALSTATUS}}" = "ANSWER"]?{name}=talked,1)')
    yield Line(f"GotoIf({by_phone.known(OFFICES, 'BY')}?:none)")
    yield Line(f"Gosub({by_phone.at(OFFICES, 'BY')})")
    yield Line(f"Goto({name}=${{GOSUB_RETVAL}},1)")
    yield Line(f"Goto({name}=nobody,1)", label="none")


def park(name: str) -> Iterator[Line]:
    """Park the caller at PARKINGEXTEN, which `*70` has chosen; over that place the phone may name one itself."""
    yield Line("Set(PARKER=)")
    yield Line(f'GotoIf($["${{PARKINGEXTEN}}" = ""]?{name}=full,1)')
    yield Line(f"Park({LOT},sc(flow-{PARKING},{name}=nobody,1))")
    yield Line(f"Goto({name}=full,1)")


def codes(directory: Directory) -> Iterator[Context]:
    """`*70` and `*71` to `*79`: with a caller whom the phone puts there, they park; dialled by a phone, `*70` tells the
    place and waits there for a caller to be put through to it, the others fetch who is parked there.
    """
    if directory.town.parked:
        for code, to in ((PARK, "any"), (FETCH, f"{FIRST // 10}${{GIVEN}}")):
            yield Context(name=f"code-{code.name}", extensions=(Extension("s", (Line(f"Goto({NAME},{to},1)"),)),))


def lamps(directory: Directory) -> Iterator[Extension]:
    """The hints of the places: a lamp is set to the code that fetches who is parked there."""
    for place in range(FIRST, LAST + 1) if directory.town.parked else ():
        yield Extension(f"*{place}", (), hint=f"park:{place}@{NAME}")


def contexts(directory: Directory, sounds: Sounds) -> Iterator[Context]:
    """`parking`, `back`, and `offices-…`: the department of each phone."""
    if directory.town.parked:
        yield _parking(directory.town.word(PARKED), sounds)
        ring = (Line(f"Dial(PJSIP/${{EXTEN}},{ANNOUNCED},{STAYS})"), Line("Hangup()"))
        # A dot takes one character and more: `h` and `t` are Asterisk's own.
        yield Context(name=RUNG, extensions=(Extension("_[a-z].", ring),))
        flows = {id_: fit(department.flow, IDENTIFIER) for id_, department in directory.departments.items()}
        found = ((phone, (Line(f"Return({flows[office]})"),)) for phone, office in sorted(offices(directory).items()))
        yield from by_phone.contexts(OFFICES, found)
    if directory.town.parked or directory.town.back:
        yield _back(directory)


def _parking(shown: str, sounds: Sounds) -> Context:
    parked, none, nobody = (fit(sounds[said.name].file, SOUND) for said in HOUSE["Park"])
    put = '"${BLINDTRANSFER}" != ""'
    keep = Line(f"Goto(flow-{PARKING},=start,1)", label="keep")
    caller = f"c(${{FILTER(0-9+,${{CALLERID(num)}})}})n({shown} *${{PARKINGEXTEN}})"
    any_place = (
        Line(f"Gosub({NAME},choose,1)"),
        Line("Set(PARKINGEXTEN=${GOSUB_RETVAL})"),
        Line(f"GotoIf($[{put}]?put)"),
        Line("Answer(,i)"),
        Line('GotoIf($["${PARKINGEXTEN}" = ""]?none)'),
        Line(f"Playback({_said(parked, '${PARKINGEXTEN:-1}')})"),
        Line(f"Park({LOT},sc(flow-{PARKING},keep=nobody,1))"),
        Line(f"Playback({none})", label="none"),
        Line("Hangup()"),
        Line('GotoIf($["${PARKINGEXTEN}" = ""]?keep)', label="put"),
        Line("Set(BY=${BLINDTRANSFER})"),
        *_BY,
        Line(f"GotoIf({_OURS}?:keep)"),
        HUNG_UP,
        # The announcement is a call of its own to the phone, which has hung up; its display shows the place too.
        Line(f"Originate(Local/${{BY}}@{RUNG}/n,exten,{NAME},told${{PARKINGEXTEN}},1,{ANNOUNCED},a{caller})"),
        keep,
    )
    told = (Line("Answer(,i)"), Line("Wait(0.5)"), Line(f"Playback({_said(parked, '${EXTEN:-1}')})"), Line("Hangup()"))
    extensions = {
        "any": any_place,
        "choose": tuple(_choose()),
        "free": tuple(_free()),
        f"_{_PLACES}": _fetch(put, nobody, keep),
        f"_told{_PLACES}": told,
    }
    return Context(name=NAME, extensions=tuple(Extension(name, lines) for name, lines in extensions.items()))


def _fetch(put: str, nobody: str, keep: Line) -> tuple[Line, ...]:
    """At the place that is dialled: a caller who is put there is parked, a phone fetches who is."""
    return (
        Line(f"GotoIf($[{put}]?put)"),
        Line(f'GotoIf($["${{DEVICE_STATE(park:${{EXTEN}}@{NAME})}}" = "INUSE"]?there)'),
        Line("Answer(,i)"),
        Line(f"Playback({nobody})"),
        Line("Hangup()"),
        Line(f"ParkedCall({LOT},${{EXTEN}})", label="there"),
        Line("Hangup()"),
        Line("Set(PARKINGEXTEN=)", label="put"),
        Line(f"Gosub({NAME},free,1(${{EXTEN}}))"),
        Line('ExecIf($["${GOSUB_RETVAL}" = "free"]?Set(PARKINGEXTEN=${EXTEN}))'),
        keep,
    )


def _said(parked: str, digit: str) -> str:
    """Tells the place twice: who parks writes it down."""
    place = f"digits/{FIRST // 10}&digits/{digit}"
    return f"{parked}&{place}&silence/1&{place}"


def _choose() -> Iterator[Line]:
    """The lowest free place, kept for its caller; empty where there is none."""
    yield Line(f"Set(PLACE_AT={FIRST - 1})")
    yield Line("Set(PLACE_AT=$[${PLACE_AT} + 1])", label="next")
    yield Line(f"GotoIf($[${{PLACE_AT}} > {LAST}]?none)")
    yield Line(f"Gosub({NAME},free,1(${{PLACE_AT}}))")
    yield Line('GotoIf($["${GOSUB_RETVAL}" != "free"]?next)')
    yield Line("Return(${PLACE_AT})")
    yield Line("Return()", label="none")


def _free() -> Iterator[Line]:
    """Whether nobody is at the place ARG1, nor on the way there: `free`, and kept for who asked."""
    yield Line(f'GotoIf($["${{DEVICE_STATE(park:${{ARG1}}@{NAME})}}" = "INUSE"]?taken)')
    yield Line(f'GotoIf($["${{LOCK({NAME})}}" != "1"]?taken)')
    yield Line(f"Set(UNTIL=${{DB({NAME}/${{ARG1}})}})")
    yield Line(f"ExecIf($[0${{UNTIL}} <= ${{EPOCH}}]?Set(DB({NAME}/${{ARG1}})=$[${{EPOCH}} + {PROMISED}]))")
    yield Line(f"Set(FREED=${{UNLOCK({NAME})}})")
    yield Line("GotoIf($[0${UNTIL} <= ${EPOCH}]?:taken)")
    yield Line("Return(free)")
    yield Line("Return(taken)", label="taken")


def _back(directory: Directory) -> Context:
    """`ring`: once for each time that a caller is put through; returns `back`, or ARG3 where they did not talk.
    ARG1 is the place, ARG2 its number for the display.
    """
    shown = directory.town.word(SHOWN)
    ring = (
        Line(f"Set(BY={DID})"),
        Line('GotoIf($["${BY}" = "" | "${BY}" = "${RETURNED}"]?on)'),
        Line("Set(RETURNED=${BY})"),
        *_BY,
        Line(f"GotoIf({_OURS}?:on)"),
        Line("Set(FOUND=${DIALSTATUS})"),
        Line("Set(RINGING=)"),
        Line("CELGenUserEvent(NOTE,back ${BY})"),
        Line(f"Gosub({BACK},dial,1({int(directory.town.back) or LEAST},{shown}: ${{ARG2}},${{ARG1}}))"),
        Line('GotoIf($["${DIALSTATUS}" = "ANSWER"]?talked)'),
        *_operator(directory),
        Line("Set(DIALSTATUS=${FOUND})"),  # a mailbox says what was found at whom the caller was put through to
        Line("Return(${ARG3})", label="on"),
        Line(f"Return({BACK})", label="talked"),
    )
    dial = (
        Line("Set(CAME=${ARG3})"),
        HUNG_UP,
        waiting.asked("PJSIP/${BY}"),
        Line(f"GotoIf({waiting.NONE}?engaged)"),
        Line(f"Dial(PJSIP/${{BY}},${{ARG1}},{STAYS}b({BACK}^show^1(${{ARG2}})))"),
        Line("Return()", label="engaged"),
    )
    show = (Line("Set(CONNECTEDLINE(name,i)=${ARG1} ${CONNECTEDLINE(name)})"), Line("Return()"))
    # Whoever hangs up while the two talk ends the call here; the place is that where the caller was.
    said = f'${{IF($["${{CAME}}" = "{PARKING}.{BACK}"]?talked:{BACK})}}'
    hungup = (
        Line('GotoIf($["${DIALSTATUS}" = "ANSWER"]?talked)'),
        Line("Hangup()"),
        Line(f"CELGenUserEvent(ANSWER,${{CAME}}={said})", label="talked"),
    )
    extensions = {"ring": ring, "dial": dial, "show": show, "h": hungup}
    return Context(name=BACK, extensions=tuple(Extension(name, lines) for name, lines in extensions.items()))


def _operator(directory: Directory) -> Iterator[Line]:
    """Whom an operator put through, who does not pick up: the operators' queue has the call."""
    if place := operators.queue(directory):
        flow = fit(place.partition(".")[0], IDENTIFIER)
        yield Line(f"GotoIf({by_phone.known(TAKES, 'BY')}?:none)")
        yield Line(f"Gosub({by_phone.at(TAKES, 'BY')})")
        yield Line(f"GotoIf($[0${{FIELDNUM(MEMBER_OF,&,{flow})}} > 0]?:none)")
        yield Line(f"Return({OPERATORS})")
        yield Line("NoOp()", label="none")


def numbers(directory: Directory) -> dict[str, str]:
    """Flow -> the number by which its owner is known on displays."""
    found: dict[str, str] = {}
    for owners in (directory.departments, directory.people, directory.groups, directory.phones):
        for owner in owners.values():
            found.setdefault(owner.flow, owner.extension)
    return found


def configuration(directory: Directory) -> str:
    """res_parking.conf: the one lot of the town. No extensions of its own: they are in the dialplan."""
    seconds = int(directory.town.parked) or 1
    return (
        "; Where parked callers wait. Codes, announcements and the way back are in the dialplan.\n"
        f"[{LOT}]\ncontext = {NAME}\nparkpos = {FIRST}-{LAST}\nparkingtime = {seconds}\ncomebacktoorigin = no\n"
        f"comebackcontext = flow-{PARKING}\nparkedmusicclass = default\n"
    )
