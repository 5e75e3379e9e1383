"""Call completion: a desk that reached nobody is rung when the other is free, and then calls as if it had dialled.

Native from end to end. Asterisk's own (CCSS) offers nothing for calls to PJSIP telephones (docs/decisions/0029). Whom a
desk dialled last and did not talk to lies in the family `unreached` of Asterisk's database. One wish for each desk lies
in `completing`, as `number:since:own number:guest`; a channel that nobody hears waits for it, looks every two seconds
at the state of the number's telephones, and ends as soon as the wish is another or none. A restart of Asterisk ends it
too.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.compile import by_phone, hot_desks
from orchestrator.compile.asking import whether
from orchestrator.compile.escape import DIGITS, fit
from orchestrator.compile.extensions import STAYS, Context, Extension, Line
from orchestrator.compile.lamps import CIRCLE_OF
from orchestrator.compile.sentence import sentence
from orchestrator.domain import codes as table
from orchestrator.domain.circles import ALL
from orchestrator.domain.directory import Directory
from orchestrator.domain.switches import ABSENT, FORWARD, QUIET

NAME, GOES, MANY = "completion", "completed", "no-completion"
"""Contexts: waiting; calling, once the desk has picked up; numbers of many, who are hardly ever free all at once."""
UNREACHED, WISHES, NAMES = "unreached", "completing", "completing-name"
"""Families of Asterisk's database: telephone -> whom it did not reach and when, its wish, the name its calls show."""
KNOWN = 1800
"""Seconds for which it counts whom a telephone did not reach."""
WAITS, LOOKS, RINGS = 2700, 2, 20
"""Seconds: the longest wait (ETSI's for a busy line); between two looks; that the desk rings."""
SET, OFF, NONE = "completion-set", "completion-off", "completion-none"
"""Sentences."""
SHOWN = {"de": "jetzt frei", "en": "now free"}
"""Language of the town -> what stands on the display of the desk before the number."""
_LINES = CIRCLE_OF + ALL
"""The context with every number at which telephones ring, and their state (lamps)."""
_STATE = f"${{EXTENSION_STATE(${{TARGET}}@{_LINES})}}"
_TALKS = '$["${STATE}" : "(INUSE|BUSY|RINGINUSE|ONHOLD|HOLDINUSE)$"]'
_WISH = f"${{DB({WISHES}/${{PHONE}})}}"
NOTED = Line(f"Gosub({NAME},note,1)")
"""In the end of a call in which nobody talked."""
TALKED = Line(f'ExecIf($["${{CHANNEL:0:12}}" = "PJSIP/trunk-"]?NoOp():Gosub({NAME},talked,1))')
"""In the end of one in which somebody did, and where it leads outside: it is the last one, and not to be completed.
Who came by a trunk has dialled nothing here, which is asked first.
"""


def contexts(directory: Directory) -> Iterator[Context]:
    """Waiting for a number to be free, and calling it."""
    shown, guests = directory.town.word(SHOWN), bool(directory.hot_desks)
    extensions = {"note": _note(), "talked": _talked(), "_X!": _waits(shown, guests), "over": _over()}
    yield Context(name=NAME, extensions=tuple(Extension(name, tuple(lines)) for name, lines in extensions.items()))
    yield Context(name=GOES, extensions=(Extension("_X!", tuple(_goes(guests))),))
    many = {each.extension for each in directory.departments.values()}
    many |= {each.extension for each in directory.groups.values()}
    many |= {each.extension for each in directory.queues.values()}
    numbers = (Extension(fit(number, DIGITS), (Line("Return()"),)) for number in sorted(many - {""}))
    yield Context(name=MANY, extensions=tuple(numbers))


def _note() -> Iterator[Line]:
    """Whom this desk did not reach."""
    yield from by_phone.calling("PHONE", "done")
    yield Line('GotoIf($["${CALLERID(dnid)}" = "" | "${BLINDTRANSFER}" != ""]?done)')
    yield Line(f"GotoIf(${{DIALPLAN_EXISTS({_LINES},${{CALLERID(dnid)}},1)}}?:done)")
    yield Line(f"Set(DB({UNREACHED}/${{PHONE}})=${{CALLERID(dnid)}}:${{EPOCH}}:${{GUEST}})")
    yield Line("Return()", label="done")


def _talked() -> Iterator[Line]:
    yield from by_phone.calling("PHONE", "done")
    yield Line(f"GotoIf(${{DB_EXISTS({UNREACHED}/${{PHONE}})}}?:done)")
    yield Line(f"Set(GONE=${{DB_DELETE({UNREACHED}/${{PHONE}})}})")
    yield Line("Return()", label="done")


def codes() -> Iterator[Context]:
    """To wish it, and to wish it no more."""
    wish = (
        *by_phone.calling("PHONE", "none"),
        Line(f"GotoIf({by_phone.known(by_phone.SHARED, 'PHONE')}?none)"),
        Line(f"Set(LAST=${{DB({UNREACHED}/${{PHONE}})}})"),
        Line(f"GotoIf($[0${{CUT(LAST,:,2)}} + {KNOWN} < ${{EPOCH}}]?none)"),
        Line('GotoIf($["${CUT(LAST,:,3)}" = "${GUEST}"]?:none)'),  # who was there before is not asked for
        Line("Set(TARGET=${FILTER(0-9,${CUT(LAST,:,1)})})"),
        Line('GotoIf($["${TARGET}" = "" | "${BLINDTRANSFER}" != ""]?none)'),
        Line(f"GotoIf(${{DIALPLAN_EXISTS({MANY},${{TARGET}},1)}}?none)"),
        Line(f"GotoIf(${{DIALPLAN_EXISTS({_LINES},${{TARGET}},1)}}?:none)"),
        *_rings_there(),
        Line(f"Set(DB({WISHES}/${{PHONE}})=${{TARGET}}:${{EPOCH}}:${{FILTER(0-9,${{CALLERID(num)}})}}:${{GUEST}})"),
        Line(f"Set(DB({NAMES}/${{PHONE}})=${{CALLERID(name)}})"),
        Line(f"Originate(Local/${{TARGET}}*${{PHONE}}@{NAME},exten,{NAME},over,1,{WAITS},a)"),
        *sentence(SET, then=(Line("SayDigits(${TARGET})"),)),
        *sentence(NONE, label="none"),
    )
    none = (
        *by_phone.calling("PHONE", "none"),
        Line(f'GotoIf($["{_WISH}" = ""]?none)'),
        Line(f"Set(GONE=${{DB_DELETE({WISHES}/${{PHONE}})}})"),
        Line("NoOp()", label="none"),
        *sentence(OFF),
    )
    for code, lines in ((table.COMPLETE, wish), (table.COMPLETE_NOT, none)):
        yield Context(name=f"code-{code.name}", extensions=(Extension("s", lines),))


def _rings_there() -> Iterator[Line]:
    """No wish while the calls of TARGET ring elsewhere, or nowhere: its telephones would tell nothing of it."""
    for switch in (ABSENT, FORWARD, QUIET):
        yield whether(f"{switch}${{TARGET}}")
        yield Line('GotoIf($["${GOSUB_RETVAL}" = "on"]?none)')


def _waits(shown: str, guests: bool) -> Iterator[Line]:
    """`2600*tel2500`: until 2600 has talked and is free, and so is tel2500. Then that one rings, and knows its wish."""
    yield Line("Set(TARGET=${FILTER(0-9,${CUT(EXTEN,*,1)})})")
    yield Line("Set(_PHONE=${FILTER(a-z0-9_,${CUT(EXTEN,*,2)})})")
    yield Line(f"Set(_WISH={_WISH})")
    yield Line(f"Set(STATE={_STATE})")
    # Who was busy is called when they are free; who did not answer, when they have talked: they are there again then.
    yield Line(f'Set(TALKED=${{IF($["${{STATE}}" = "RINGING" | "{_TALKS}" != ""]?yes)}})')
    yield Line(f"Wait({LOOKS})", label="look")
    yield Line(f'GotoIf($["${{WISH}}" = "" | "{_WISH}" != "${{WISH}}"]?over)')
    yield Line(f"Set(STATE={_STATE})")
    yield Line(f"ExecIf({_TALKS}?Set(TALKED=yes))")
    yield Line('GotoIf($["${TALKED}:${STATE}" = "yes:NOT_INUSE"]?:look)')
    yield Line('GotoIf($["${DEVICE_STATE(PJSIP/${PHONE})}" = "NOT_INUSE"]?:look)')
    if guests:
        yield Line(f"Gosub({hot_desks.NAME},who,1(${{PHONE}}))")
        yield Line('GotoIf($["${GUEST}" = "${CUT(WISH,:,4)}"]?:over)')  # who wished it is still there
    yield Line("Set(CALLERID(num)=${TARGET})")
    yield Line(f"Set(CALLERID(name)={shown})")
    # Not Originate(), which would follow where a telephone says 302, and ask for no permission.
    yield Line(f"Dial(PJSIP/${{PHONE}},{RINGS},{STAYS}G({GOES}^${{TARGET}}^1))")
    yield Line("Goto(over,1)", label="over")


def _over() -> Iterator[Line]:
    """The wish has been fulfilled, or will not be; another one stays."""
    yield Line(f'GotoIf($["{_WISH}" = "${{WISH}}"]?:kept)')
    yield Line(f"Set(GONE=${{DB_DELETE({WISHES}/${{PHONE}})}})")
    yield Line("Hangup()", label="kept")


def _goes(guests: bool) -> Iterator[Line]:
    """The desk has picked up, and calls as if it had dialled the number: with its own name, number and permission.

    Dial() leads who waited for it to the first priority, and the desk to the second.
    """
    yield Line(f"Goto({NAME},over,1)")
    # Who picks that ring up elsewhere is somebody else, and has dialled nothing.
    yield Line('GotoIf($["${CHANNEL(endpoint)}" = "${PHONE}"]?:over)')
    yield Line("Set(CALLERID(num)=${FILTER(0-9,${CUT(WISH,:,3)})})")
    yield Line(f"Set(CALLERID(name)=${{DB({NAMES}/${{PHONE}})}})")
    yield Line("Set(CALLERID(dnid)=${EXTEN})")
    yield Line("CELGenUserEvent(NOTE,completed)")  # so that the journal knows what was dialled
    yield Line(f"Goto({hot_desks.ENTRY if guests else 'from-phones'},${{EXTEN}},1)")
    # Dial() tells of the desk after it has let it go: gone by then, Asterisk hangs in that thread, and for ever.
    yield Line("Wait(1)", label="over")
    yield Line("Hangup()")
