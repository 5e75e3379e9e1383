"""Leaving a message: greeting, beep, recording, review, all of it native and the same for every mailbox.

One context for all places, called by Gosub, so that a place costs few lines. Belongs here: what is done at a mailbox.
Not here: where its answers lead (places), who files what was recorded (messages.filer), which greetings there are
(messages.greetings). A recording is called `<box>-<channel>-<attempt>-<take>.wav`: each visit of a mailbox in a call is
an attempt, each time that the caller speaks in it a take. Nothing is deleted here; the filer chooses.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.compile import completion
from orchestrator.compile.escape import DIGITS, IDENTIFIER, SOUND, fit
from orchestrator.compile.extensions import Context, Extension, Line
from orchestrator.compile.hours import NOW
from orchestrator.domain import texts
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import KEPT, LeaveMessage
from orchestrator.domain.prompts import Prompt, Sounds

NAME = "message"
FAMILY = "durchwahl-greetings"
"""The family of Asterisk's database that tells which greetings were recorded: `<box>/<file>` -> until when it counts,
in seconds since 1970; 0: no end."""
SHARES = "durchwahl-shares"
"""The family that tells from whom a mailbox takes nothing more until something is heard: `<box>/n<digits>`; all who
hide their number are `<box>/n`."""
RECORDED = {
    texts.BUSY: "busy",
    texts.NOBODY: "unavail",
    texts.UNREACHABLE: "unavail",
    texts.CLOSED: "closed",
}
"""State -> the file in the mailbox that greets callers then. All but `closed` are VoiceMailMain()'s own."""
TEMPORARY = "temp"
"""The file of an absence: while it counts, it is played in every state."""
SILENCE = 5
"""Seconds of silence that end a message."""
SHORTEST = 1500
"""Milliseconds of a message below which nothing can have been said."""
ROUNDS = 5
"""How often a caller is asked whether the message shall be kept, at most."""
LISTENS, CHOOSES = 0.2, 4
"""Seconds to press a key after a greeting, and after the question whether to keep the message."""
NOW_MS = "${STRFTIME(,,%s%3q)}"
"""Milliseconds since the epoch. STAT() of the file would be exact, but no function that reaches files is loaded
(docs/decisions/0005); the filer judges the file itself."""
TESTED = "PJSIP/testcall-"
"""How channels of `durchwahl call` are called."""
_SPOKE = f"$[{NOW_MS} - 0${{BEGAN}}"


def lines(name: str, step: LeaveMessage, quota: int, greeting: str) -> Iterator[Line]:
    """Leave a message at the step `name`, whose mailbox takes `quota` messages; go on at its answer."""
    box = fit(step.box, DIGITS)
    operator = "o" if step.human else ""
    told = (box, fit(greeting, SOUND), int(step.limit), fit(step.state, IDENTIFIER), operator, step.wording)
    yield Line(f"GotoIf($[${{VMCOUNT({box}@town)}} >= {quota}]?{name}=full,1)")
    yield Line(f"Gosub({NAME},leave,1({','.join(map(str, told))},${{CONTEXT:5}}.${{EXTEN}}))")
    yield Line(f"Goto({name}=${{GOSUB_RETVAL}},1)")


def contexts(directory: Directory, sounds: Sounds, spool: str) -> Iterator[Context]:
    """The context `message`, if any flow takes messages."""
    boxes = [step for step in directory.graph.values() if isinstance(step, LeaveMessage)]
    if not boxes:
        return

    def sound(prompt: Prompt) -> str:
        return fit(sounds[prompt.name].file, SOUND)

    zero, notice, review, again = (sound(texts.SHARED[name]) for name in ("zero", "notice", "review", "again"))
    used = {step.wording for step in boxes}
    sentences = {each.name: sound(each) for wording in used for each in texts.WORDINGS[wording].values()}
    greeting = (*_arrival(), *_state(), *_greeting(zero), *_greeted(spool, notice))
    yield Context(
        name=NAME,
        extensions=(
            Extension("leave", (*greeting, *_take(spool), *_review(spool, review, again), *_answers())),
            Extension("recorded", tuple(_recorded())),
            *(Extension(fit(name, IDENTIFIER), (Line(f"Return({file})"),)) for name, file in sorted(sentences.items())),
            Extension("h", tuple(_hungup())),
        ),
    )


def _arrival() -> Iterator[Line]:
    """ARG1 box, 2 greeting, 3 limit, 4 state, 5 `o` if key 0 leads to a human, 6 wording, 7 the place."""
    yield Line("Set(HERE=${ARG7})")
    for name, value in (("BEGAN", ""), ("KEPT", "0"), ("TAKE", "0"), ("ROUND", "0")):
        yield Line(f"Set({name}={value})")
    yield Line("Set(ATTEMPT=$[0${ATTEMPT} + 1])")  # a caller may come back and leave another
    yield Line(f'GotoIf($["${{CHANNEL:0:{len(TESTED)}}}" = "{TESTED}"]?state)')  # it has no number of its own
    used_up = f"${{DB_EXISTS({SHARES}/${{ARG1}}/n${{FILTER(0-9,${{CALLERID(num)}})}})}}"
    yield Line(f"GotoIf({used_up}?full)")


def _state() -> Iterator[Line]:
    """STATE: the one that the step names, or what the last ring found; a person's absence is known by their flow."""
    yield Line("Set(STATE=${ARG4})", label="state")
    yield Line(f'GotoIf($["${{STATE}}" != "{texts.FOUND}"]?known)')
    yield Line(f"Set(STATE={texts.NOBODY})")
    yield Line(f'ExecIf($["${{DIALSTATUS}}" = "BUSY"]?Set(STATE={texts.BUSY}))')
    for status in ("CHANUNAVAIL", "CONGESTION"):
        yield Line(f'ExecIf($["${{DIALSTATUS}}" = "{status}"]?Set(STATE={texts.UNREACHABLE}))')
    yield Line(f'ExecIf($["${{CUT(HERE,.,1)}}" = "n_${{AWAY}}"]?Set(STATE={texts.AWAY}))')


def _greeting(zero: str) -> Iterator[Line]:
    """GREETING: the compiled one, then what is said of the state, then that key 0 leads to a human."""
    said = f"{NAME},${{ARG6}}_${{STATE}},1"
    yield Line("Set(GREETING=${ARG2})", label="known")
    yield Line('GotoIf($["${ARG6}" = ""]?composed)')
    yield Line(f"GotoIf(${{DIALPLAN_EXISTS({said})}}?:hint)")
    yield Line(f"Gosub({said})")
    yield Line("Set(GREETING=${GREETING}&${GOSUB_RETVAL})")
    yield Line(f'ExecIf($["${{STATE}}" = "{texts.AWAY}"]?Set(GREETING=${{GOSUB_RETVAL}}))')
    yield Line(f'ExecIf($["${{ARG5}}" = "o"]?Set(GREETING=${{GREETING}}&{zero}))', label="hint")


def _greeted(spool: str, notice: str) -> Iterator[Line]:
    """Play what the owner recorded, else the compiled greeting; then the notice, which comes in any case.

    A key cuts short what is played; 0 may lead to a human. (A file that is not there is an ERROR of Read().)
    """
    human = Line('GotoIf($["${KEY}${ARG5}" = "0o"]?human)')
    yield Line(f"Gosub({NAME},recorded,1(${{ARG1}},{TEMPORARY}))", label="composed")
    yield Line('GotoIf($["${GOSUB_RETVAL}" != ""]?own)')
    yield Line("Set(FILE=)")
    for state, file in RECORDED.items():
        yield Line(f'ExecIf($["${{STATE}}" = "{state}"]?Set(FILE={file}))')
    yield Line(f"Gosub({NAME},recorded,1(${{ARG1}},${{FILE}}))")
    yield Line('GotoIf($["${GOSUB_RETVAL}" = ""]?compiled)')
    yield Line(f"Read(KEY,{spool}/voicemail/town/${{ARG1}}/${{GOSUB_RETVAL}},1,t(),1,{LISTENS})", label="own")
    yield Line('GotoIf($["${READSTATUS}" != "ERROR"]?notice)')
    yield Line(f"Read(KEY,${{GREETING}},1,t(),1,{LISTENS})", label="compiled")
    yield Line('GotoIf($["${ARG6}" = ""]?heard)')
    yield human._replace(label="notice")
    yield Line(f"Read(KEY,{notice},1,t(),1,{LISTENS})")
    yield human._replace(label="heard")


def _recorded() -> Iterator[Line]:
    """ARG2 if the mailbox ARG1 has that greeting, and its end has not passed; else nothing."""
    yield Line(f"Set(UNTIL=${{DB({FAMILY}/${{ARG1}}/${{ARG2}})}})")
    yield Line('GotoIf($["${UNTIL}" = ""]?none)')
    yield Line("Set(UNTIL=0${FILTER(0-9,${UNTIL})})")
    yield Line(f"GotoIf($[${{UNTIL}} > 0 & ${{UNTIL}} <= {NOW}]?none)")
    yield Line("Return(${ARG2})")
    yield Line("Return()", label="none")


def _take(spool: str) -> Iterator[Line]:
    yield Line("Set(TAKE=$[${TAKE} + 1])", label="take")
    yield Line("Playback(beep)")
    yield Line(f"Set(BEGAN={NOW_MS})")
    yield Line(f"Record({_file(spool)}.wav,{SILENCE},${{ARG3}},kq${{ARG5}})")
    yield Line('GotoIf($["${RECORD_STATUS}" = "ERROR"]?broken)')
    silence = f'${{IF($["${{RECORD_STATUS}}" = "SILENCE"]?{SILENCE * 1000}:0)}}'
    yield Line(f"Set(SPOKE={_SPOKE} - {silence}])")
    yield Line("Set(BEGAN=)")
    yield Line(f"ExecIf($[${{SPOKE}} >= {SHORTEST}]?Set(KEPT=1))")
    yield Line('GotoIf($["${RECORD_STATUS}" = "OPERATOR"]?human)')
    yield Line(f"GotoIf($[${{SPOKE}} < {SHORTEST}]?short)")


def _review(spool: str, review: str, again: str) -> Iterator[Line]:
    """Who ended the message by # may hear it and speak anew; who was not heard may speak once more."""
    yield Line('GotoIf($["${RECORD_STATUS}" = "DTMF"]?:left)')
    yield Line("Set(ROUND=$[${ROUND} + 1])", label="ask")
    yield Line(f"GotoIf($[${{ROUND}} > {ROUNDS}]?left)")
    yield Line(f"Read(KEY,{review},1,t(),1,{CHOOSES})")
    yield Line('GotoIf($["${KEY}" = "2"]?take)')
    yield Line('GotoIf($["${KEY}" = "1"]?:left)')
    yield Line(f"Playback({_file(spool)})")
    yield Line("Goto(ask)")
    yield Line("GotoIf($[${KEPT} = 1]?left)", label="short")
    yield Line("GotoIf($[${TAKE} > 1]?nothing)")
    yield Line(f"Playback({again})")
    yield Line("Goto(take)")


def _answers() -> Iterator[Line]:
    yield Line("GotoIf($[${KEPT} = 1]?left)", label="broken")
    yield Line("Return(failed)")
    yield Line(f"ExecIf($[${{KEPT}} = 1]?CELGenUserEvent(NOTE,{KEPT}${{HERE}}))", label="human")
    yield Line("Return(human)")
    yield Line("Return(too_short)", label="nothing")
    yield Line("Return(left)", label="left")
    yield Line("Return(full)", label="full")  # for this caller: others find room


def _hungup() -> Iterator[Line]:
    """What a hangup at a mailbox comes to: a message if any take is one, or the one that was being spoken."""
    yield completion.NOTED
    yield Line('GotoIf($["${BEGAN}" = ""]?between)')
    yield Line(f"GotoIf({_SPOKE} >= {SHORTEST}]?left)")
    yield Line("GotoIf($[0${KEPT} = 1]?left)", label="between")
    yield Line("GotoIf($[0${TAKE} > 0]?short)")
    yield Line("Hangup()")
    yield Line("CELGenUserEvent(ANSWER,${HERE}=left)", label="left")
    yield Line("Hangup()")
    yield Line("CELGenUserEvent(ANSWER,${HERE}=too_short)", label="short")


def _file(spool: str) -> str:
    return f"{spool}/recording/${{ARG1}}-${{UNIQUEID}}-${{ATTEMPT}}-${{TAKE}}"
