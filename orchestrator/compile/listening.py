"""The native steps of the mailbox by telephone, and whose desk it is that calls.

Belongs here: recording for a dialogue, calling back, `VoiceMailMain()`. Not here: the visit of the dialogue itself,
which is a skill like others (places).

What a dialogue wants recorded or called is told by control in Asterisk's own database, under the id of the channel,
before the attendant sends the caller on; it is read once, and deleted by reading.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.compile import by_phone, hot_desks
from orchestrator.compile.escape import DIGITS, fit
from orchestrator.compile.extensions import Context, Extension, Line
from orchestrator.domain.codes import MESSAGES
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import CallBack, Dictate, Listen, Native
from orchestrator.domain.listening import Desks

DICTATION, CALLBACK = "durchwahl-dictation", "durchwahl-callback"
"""Families of Asterisk's database: channel -> seconds that may be recorded; channel -> number to call."""
LONGEST, USUAL = 600, 60
"""Seconds of one dictation: at most, and where nothing can be read."""
SILENCE = 5
"""Seconds of silence that end it."""
MOST_TURNS = 1000
"""Turns of one call after which no dialogue is asked any more: one that goes round must not do so for ever."""
PLAYBACKS = 9
"""Playbacks of a call are numbered from 1 to this, so that the next one never has the name of one that is ending."""
DESKS = "desks"
"""The kind of contexts that have the box of each telephone."""
KNOWN = Line("Gosub(desk,known,1)")
"""Sets PHONE and BOX of the telephone that is calling; GOSUB_RETVAL is `none` where that is no phone of ours."""


def turn() -> Iterator[Line]:
    """Counts a turn, before it is offered."""
    yield Line("Set(TURNS=$[0${TURNS} + 1])")
    yield Line(f"GotoIf($[${{TURNS}} > {MOST_TURNS}]?native)")
    yield Line(f"Set(TRY=$[${{TURNS}} % {PLAYBACKS} + 1])")


TOLD = ":${TESTTIME}:${TRY}:${DICTATED}"
"""What an attendant learns of a turn besides the place: time, name of the playback, what was recorded until now."""


def lines(name: str, step: Native, spool: str) -> Iterator[Line]:
    """What is done at the place `name`."""
    match step:
        case Dictate():
            yield from _dictate(name, spool)
        case CallBack():
            yield from _call(name)
        case Listen():
            yield KNOWN
            yield Line(f'GotoIf($["${{GOSUB_RETVAL}}" = "none"]?{name}=refused,1)')
            yield Line('GotoIf($["${BOX}" = ""]?ask)')
            yield Line('ExecIf($["${GUEST}" != ""]?VoiceMailMain(${BOX}@town):VoiceMailMain(${BOX}@town,s))')
            yield Line(f"Goto({name}=served,1)")
            yield Line("VoiceMailMain(@town)", label="ask")
            yield Line(f"Goto({name}=served,1)")


def _dictate(name: str, spool: str) -> Iterator[Line]:
    asked = f"${{FILTER(0-9,${{DB_DELETE({DICTATION}/${{UNIQUEID}})}})}}"
    yield Line("Set(DICTATED=$[0${DICTATED} + 1])")
    yield Line(f"Set(LIMIT={asked})")
    yield Line(f"Set(LIMIT=${{IF($[0${{LIMIT}} > 0 & 0${{LIMIT}} <= {LONGEST}]?${{LIMIT}}:{USUAL})}})")
    yield Line("Playback(beep)")
    yield Line(f"Record({spool}/dictation/${{UNIQUEID}}-${{DICTATED}}.wav,{SILENCE},${{LIMIT}},kq)")
    yield Line(f'GotoIf($["${{RECORD_STATUS}}" = "ERROR"]?{name}=failed,1)')
    yield Line(f"Goto({name}=recorded,1)")


def _call(name: str) -> Iterator[Line]:
    """The journal is told before the number is dialled: what follows is a call of its own kind."""
    yield Line(f"Set(NUMBER=${{FILTER(0-9+,${{DB_DELETE({CALLBACK}/${{UNIQUEID}})}})}})")
    yield KNOWN
    yield Line(f'GotoIf($["${{NUMBER}}" = "" | "${{GOSUB_RETVAL}}" = "none"]?{name}=refused,1)')
    yield Line("CELGenUserEvent(ANSWER,${CONTEXT:5}.${EXTEN}=called)")
    yield Line("Goto(call-back,${NUMBER},1)")


def contexts(directory: Directory) -> Iterator[Context]:
    """`desk`: which phone calls; `call-back`: what may be dialled for it, which is never a number for emergencies.

    `desks-…` hold the box of each phone, apart from `phones-…`, the way of emergency calls, which a change of a box
    must not touch.
    """
    if not directory.town.mailbox:
        return
    hot = bool(directory.hot_desks)
    known = (
        Line("Set(BOX=)"),
        Line("Set(PHONE=)"),
        *by_phone.calling("PHONE", "none"),
        Line(f"GotoIf({by_phone.known(by_phone.PHONES, 'PHONE')}?:none)"),
        *((Line(f"Gosub({hot_desks.WHOSE_BOX})"), Line('GotoIf($["${GUEST}" != ""]?known)')) if hot else ()),
        Line(f"GotoIf({by_phone.known(DESKS, 'PHONE')}?{by_phone.at(DESKS, 'PHONE')})"),
        Line("Return()", label="known" if hot else ""),
        Line("Return(none)", label="none"),
    )
    yield Context(name="desk", extensions=(Extension("known", known),))
    yield from _desks(directory)
    refused = Extension("i", (Line("Goto(from-phones,refused,1)"),))
    yield Context(name="call-back", includes=("numbers", "outside-line"), extensions=(refused,))


def _desks(directory: Directory) -> Iterator[Context]:
    whose = Desks(directory)
    boxes = ((phone.id, whose.opens(phone)) for phone in directory.phones.values())
    found = ((id_, (Line(f"Set(BOX={fit(box, DIGITS)})"), Line("Return()"))) for id_, box in boxes if box)
    return by_phone.contexts(DESKS, found)


def code(directory: Directory) -> Iterator[Context]:
    """What is dialled at a desk instead of the number."""
    if number := directory.town.mailbox:
        line = Line(f"Goto(numbers,{fit(number, DIGITS)},1)")
        yield Context(name=f"code-{MESSAGES.name}", extensions=(Extension("s", (line,)),))
