"""Call completion: a desk that reached nobody is rung when the other is free, and then calls as if it had dialled.

Native from end to end. Asterisk's own (CCSS) offers nothing for calls to PJSIP telephones (docs/decisions/0029). Whom a
desk dialled last and did not talk to lies in the family `unreached` of Asterisk's database. One wish for each desk lies
in `completing`, as `number:since:own number`; a channel that nobody hears waits for it, looks every two seconds at the
state of the number's telephones, and ends as soon as the wish is another or none. A restart of Asterisk ends it too.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.compile import by_phone
from orchestrator.compile.escape import IDENTIFIER, fit
from orchestrator.compile.extensions import STAYS, Context, Extension, Line
from orchestrator.compile.lamps import CIRCLE_OF
from orchestrator.compile.sentence import sentence
from orchestrator.domain import codes as table
from orchestrator.domain.circles import ALL
from orchestrator.domain.directory import Directory
from orchestrator.domain.people import OPEN

NAME, GOES, EXCLUDED = "completion", "completed", "no-completion"
"""Contexts: waiting; calling, once the desk has picked up; telephones that anybody can use, which are not called."""
UNREACHED, WISHES, NAMES = "unreached", "completing", "completing-name"
"""Families of Asterisk's database: telephone -> whom it did not reach and when, its wish, the name its calls show."""
KNOWN = 1800
"""Seconds for which it counts whom a telephone did not reach."""
WAITS, LOOKS, RINGS = 2700, 2, 20
"""Seconds: the longest wait (ETSI's for a busy line); between two looks; that the desk rings."""
SET, OFF, NONE = "completion-set", "completion-off", "completion-none"
"""Sentences."""
SHOWN = {"de": "Rückruf", "en": "call back"}
"""Language of the town -> what stands on the display of the desk before the number."""
_LINES = CIRCLE_OF + ALL
"""The context with every number at which telephones ring, and their state (lamps)."""
_STATE = f"${{EXTENSION_STATE(${{TARGET}}@{_LINES})}}"
_TALKS = '$["${STATE}" : "(INUSE|BUSY|RINGINUSE|ONHOLD|HOLDINUSE)$"]'
_WISH = f"${{DB({WISHES}/${{PHONE}})}}"
NOTED = Line(f"Gosub({NAME},note,1)")
"""In the end of a call in which nobody talked."""


def contexts(directory: Directory) -> Iterator[Context]:
    """Waiting for a number to be free, and calling it."""
    shown = SHOWN.get(directory.town.languages[0], SHOWN["en"])
    extensions = {"note": _note(), "_X!": _waits(shown), "over": iter((Line("Hangup()"),))}
    yield Context(name=NAME, extensions=tuple(Extension(name, tuple(lines)) for name, lines in extensions.items()))
    yield Context(name=GOES, extensions=(Extension("_X!", tuple(_goes())),))
    anybodys = sorted(phone.id for phone in directory.phones.values() if phone.kind in OPEN)
    excluded = (Extension(fit(phone, IDENTIFIER), (Line("Return()"),)) for phone in anybodys)
    yield Context(name=EXCLUDED, extensions=tuple(excluded))


def _note() -> Iterator[Line]:
    """Whom this desk did not reach."""
    yield from by_phone.calling("PHONE", "done")
    yield Line('GotoIf($["${CALLERID(dnid)}" = "" | "${BLINDTRANSFER}" != ""]?done)')
    yield Line("GotoIf(${DIALPLAN_EXISTS(numbers,${CALLERID(dnid)},1)}?:done)")
    yield Line(f"Set(DB({UNREACHED}/${{PHONE}})=${{CALLERID(dnid)}}:${{EPOCH}})")
    yield Line("Return()", label="done")


def codes() -> Iterator[Context]:
    """To wish it, and to wish it no more."""
    wish = (
        *by_phone.calling("PHONE", "none"),
        Line(f"GotoIf(${{DIALPLAN_EXISTS({EXCLUDED},${{PHONE}},1)}}?none)"),
        Line(f"Set(LAST=${{DB({UNREACHED}/${{PHONE}})}})"),
        Line(f"GotoIf($[0${{CUT(LAST,:,2)}} + {KNOWN} < ${{EPOCH}}]?none)"),
        Line("Set(TARGET=${FILTER(0-9,${CUT(LAST,:,1)})})"),
        Line('GotoIf($["${TARGET}" = "" | "${BLINDTRANSFER}" != ""]?none)'),
        Line(f"GotoIf(${{DIALPLAN_EXISTS({_LINES},${{TARGET}},1)}}?:none)"),
        Line(f"Set(DB({WISHES}/${{PHONE}})=${{TARGET}}:${{EPOCH}}:${{FILTER(0-9,${{CALLERID(num)}})}})"),
        Line(f"Set(DB({NAMES}/${{PHONE}})=${{CALLERID(name)}})"),
        Line(f"Originate(Local/${{TARGET}}*${{PHONE}}@{NAME},exten,{NAME},over,1,{WAITS},a)"),
        *sentence(SET),
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


def _waits(shown: str) -> Iterator[Line]:
    """`2600*tel2500`: until 2600 has talked and is free, and tel2500 is, too. Then that one rings."""
    yield Line("Set(TARGET=${FILTER(0-9,${CUT(EXTEN,*,1)})})")
    yield Line("Set(PHONE=${FILTER(a-z0-9_,${CUT(EXTEN,*,2)})})")
    yield Line(f"Set(WISH={_WISH})")
    yield Line(f"Set(STATE={_STATE})")
    # Who was busy is called when they are free; who did not answer, when they have talked: they are there again then.
    yield Line(f'Set(TALKED=${{IF($["${{STATE}}" = "RINGING" | "{_TALKS}" != ""]?yes)}})')
    yield Line(f"Wait({LOOKS})", label="look")
    yield Line(f'GotoIf($["${{WISH}}" = "" | "{_WISH}" != "${{WISH}}"]?over)')
    yield Line(f"Set(STATE={_STATE})")
    yield Line(f"ExecIf({_TALKS}?Set(TALKED=yes))")
    yield Line('GotoIf($["${TALKED}:${STATE}" = "yes:NOT_INUSE"]?:look)')
    yield Line('GotoIf($["${DEVICE_STATE(PJSIP/${PHONE})}" = "NOT_INUSE"]?:look)')
    yield Line("Set(CALLERID(num)=${TARGET})")
    yield Line(f"Set(CALLERID(name)={shown})")
    # Not Originate(), which would follow where a telephone says 302, and ask for no permission.
    yield Line(f"Dial(PJSIP/${{PHONE}},{RINGS},{STAYS}G({GOES}^${{TARGET}}^1))")
    yield Line(f'ExecIf($["{_WISH}" = "${{WISH}}"]?Set(GONE=${{DB_DELETE({WISHES}/${{PHONE}})}}))')
    yield Line("Hangup()", label="over")


def _goes() -> Iterator[Line]:
    """The desk has picked up, and calls as if it had dialled the number: with its own name, number and permission.

    Dial() leads who waited for it to the first priority, and the desk to the second.
    """
    yield Line("Hangup()")
    yield Line("Set(PHONE=${CHANNEL(endpoint)})")
    yield Line(f"Set(WISH={_WISH})")
    yield Line(f"Set(GONE=${{DB_DELETE({WISHES}/${{PHONE}})}})")
    yield Line("Set(CALLERID(num)=${FILTER(0-9,${CUT(WISH,:,3)})})")
    yield Line(f"Set(CALLERID(name)=${{DB({NAMES}/${{PHONE}})}})")
    yield Line("Set(CALLERID(dnid)=${EXTEN})")
    yield Line("CELGenUserEvent(NOTE,completed)")  # so that the journal knows what was dialled
    yield Line("Goto(from-phones,${EXTEN},1)")
