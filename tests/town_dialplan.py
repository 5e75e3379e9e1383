"""A few places in the form that the compiler gives them, written by hand, for tests of the attendants.

Belongs here: the contract between dialplan and attendants, and the compiler's own `landing`. Not here: the rest of the
compiler's text (its tests hold that).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from orchestrator.compile.extensions import Context
from orchestrator.compile.places import landing
from tests.towns import small


def written(context: Context) -> str:
    """The lines of one of the compiler's contexts."""
    return "\n".join(line for extension in context.extensions for line in extension.written())


LANDING = f"""
[landing]
{written(landing(small()))}

[answering]
exten => citizen,1,Wait(100)
exten => desk,1,Wait(2)
 same => n,Answer(,i)
 same => n,Wait(3)
 same => n,Hangup()
"""


def begins(flow: str, step: str, label: str = "", more: str = "", entered: str = "") -> list[str]:
    return [
        f"{label}MSet(TIMEOUT(absolute)=0,PLACE={step}{more})",
        f"{entered}CELGenUserEvent(PLACE,${{CONTEXT:5}}.${{EXTEN}})",
        "Answer(,i)",
    ]


def offered(flow: str, step: str, deadline: float, told: str, label: str = "") -> list[str]:
    return [
        f"{label}GotoIf($[0${{ATTENDANTS}} = 0]?native)",
        f"Set(TIMEOUT(absolute)={math.ceil(deadline)})",
        f"StasisBroadcast(250,^attendant-,{flow}.{step}{told})",
        "(native),Set(TIMEOUT(absolute)=0)",
    ]


def menu(flow: str, step: str, *, prompt: str, seconds: float, wait: float, tries: int, keys: Sequence[str]) -> str:
    lines = begins(flow, step, more=",TRY=1", entered="(entered),")
    lines += offered(flow, step, seconds + wait + 3, "::${TRY}", "(offer),")
    lines += [f"Read(KEY,{prompt},1,t(),1,{wait:g})"]
    lines += [f'GotoIf($["${{KEY}}" = "{key}"]?{step}=key_{key},1)' for key in keys]
    for label, onward in (("", "native"), ("(next),", "offer")):
        lines += [f"{label}Set(TRY=$[0${{TRY}} + 1])"]
        lines += [f"GotoIf($[${{TRY}} <= {tries}]?{onward}:{step}=gave_up,1)"]
    lines += [f"(resume),MSet(TIMEOUT(absolute)=0,PLACE={step})", "Goto(entered)"]
    return extension(step, lines)


def skill(flow: str, step: str, *, seconds: float) -> str:
    lines = begins(flow, step, "(resume),") + offered(flow, step, seconds + 3, ":${TESTTIME}")
    lines += [f"Goto({step}=python_down,1)"]
    return extension(step, lines)


def native(flow: str, step: str, *lines: str) -> str:
    first, *rest = begins(flow, step)
    return extension(step, [f"(native),{first}", *rest, *lines])


def answers(flow: str, step: str, leads: Mapping[str, str]) -> str:
    """One extension per answer; `leads` to a step, or to `` for the end."""
    return "".join(
        extension(
            f"{step}={answer}",
            [
                "CELGenUserEvent(ANSWER,${CONTEXT:5}.${EXTEN})",
                f"Goto({to},1)" if to else "Hangup()",
            ],
        )
        for answer, to in leads.items()
    )


def extension(name: str, lines: Sequence[str]) -> str:
    first, *rest = lines
    written = [f"exten => {name},1{first}" if first.startswith("(") else f"exten => {name},1,{first}"]
    written += [f" same => n{line}" if line.startswith("(") else f" same => n,{line}" for line in rest]
    return "\n".join(written) + "\n"


def context(flow: str, *extensions: str) -> str:
    return f"\n[flow-{flow}]\ninclude => landing\n" + "".join(extensions)
