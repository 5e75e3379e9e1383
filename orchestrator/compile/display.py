"""Why a telephone rings, before the name of who calls on its display: the rule of domain.display, natively.

OLD is that of the retired number that was dialled, WANTED the reason at whoever is rung next, SHOWS the option of
Dial() and Queue() that has it shown; all on the channel of the caller. FRESH says since which putting through by hand
they hold, and WHOSE in whose call: whom somebody puts through is called for another reason. Only telephones of the
house are told: what rings outside has no SHOWS. The number stays the caller's, so a telephone calls back from its list
as ever.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.compile.escape import fit
from orchestrator.compile.extensions import Context, Extension, Line
from orchestrator.domain.display import SHOWN, Sign

NAME = "display"
OPTION = "${SHOWS}${UNTOLD}"
"""Among the options of a Dial() or Queue() that rings telephones of the house, and nobody else."""
UNTOLD = "UNTOLD=I"
"""The first reply to who calls from outside would tell name and extension of whom it rings; a public trunk keeps that
to itself only after it (`send_connected_line`)."""
NOTHING = Line("Set(SHOWS=)")
"""What is rung next is told nothing."""
HIDDEN = "prohib"
"""How Asterisk's presentations of a number begin that nobody may be told."""
_HAND = "${BLINDTRANSFER}:${ATTENDEDTRANSFER}"
_FIRST = "FRESH=:,WHOSE=${UNIQUEID}"


def why(sign: Sign) -> Line:
    """Before telephones ring: what they show. Mostly they are the first that ring for a call, and nothing is held."""
    asked = f"Gosub({NAME},{'own' if sign.own else INSTEAD},1({words(sign)}))"
    shows = f"b({NAME}^show^1({fit(sign.here, SHOWN)}))" if sign.here else ""
    wanted = fit(sign.onward, SHOWN) if sign.onward else ""
    return Line(f'ExecIf($["${{WHOSE}}{_HAND}" = ":"]?MSet({_FIRST},WANTED={wanted},SHOWS={shows}):{asked})')


def words(sign: Sign) -> str:
    """The arguments of the two."""
    return ",".join(fit(text, SHOWN) if text else "" for text in (sign.here, sign.onward))


INSTEAD = "instead"
"""The extension for those who ring for somebody else."""


def old(text: str) -> Line:
    """At a retired number: it is what the next ones show."""
    return Line(f"Gosub({NAME},old,1({fit(text, SHOWN)}))")


def contexts() -> Iterator[Context]:
    """The context `display`."""
    # Not by MSet(): who puts through from a conference may stand there as several, with commas between.
    holds = (Line(f"Set(FRESH={_HAND})"), Line("Set(WHOSE=${UNIQUEID})"))
    fresh = (
        Line(f'GotoIf($["${{WHOSE}}{_HAND}" = ":"]?first)'),
        Line(f'GotoIf($["${{FRESH}}:${{WHOSE}}" = "{_HAND}:${{UNIQUEID}}"]?on)'),
        # Put through while it rings: the caller is now where somebody asked, whose reasons these are.
        Line('GotoIf($["${WHOSE}" != "" & "${WHOSE}" != "${UNIQUEID}"]?asked)'),
        Line("MSet(WANTED=,OLD=)"),
        holds[0]._replace(label="asked"),
        holds[1],
        Line("Return()", label="on"),
        Line(f"MSet({_FIRST})", label="first"),
        Line("Return()"),
    )
    asked = Line(f"Gosub({NAME},fresh,1)")
    own = (asked, Line('Set(WHY=${IF($["${OLD}" = ""]?${ARG1}:${OLD})})'), Line("Goto(shows,1)"))
    instead = (asked, Line("Set(WHY=${ARG1})"), Line("Goto(shows,1)"))
    shows = (
        Line('ExecIf($["${WANTED}" != "" & "${WANTED}" != "${ARG2}"]?Set(WHY=${WANTED}))'),
        Line('ExecIf($["${WANTED}" = ""]?Set(WANTED=${ARG2}))'),
        NOTHING,
        Line(f'ExecIf($["${{WHY}}" != ""]?Set(SHOWS=b({NAME}^show^1(${{WHY}}))))'),
        Line("Return()"),
    )
    retired = (*holds, Line("Set(WANTED=)"), Line("Set(OLD=${ARG1})"), Line("Return()"))
    extensions = {"fresh": fresh, "own": own, INSTEAD: instead, "shows": shows, "show": _show(), "old": retired}
    yield Context(name=NAME, extensions=tuple(Extension(name, lines) for name, lines in extensions.items()))


def _show() -> tuple[Line, ...]:
    """On the channel of a telephone that is about to ring: ARG1, and behind it the caller.

    No expression ever sees what a caller calls themselves: only how long that is. Whoever hides their number would hide
    the reason too: a telephone is told nothing of them, and so may show it.
    """
    known = "${IF($[${LEN(${CONNECTEDLINE(name)})} > 0]?name:num)}"
    return (
        Line(f'GotoIf($["${{CONNECTEDLINE(num-pres):0:{len(HIDDEN)}}}" = "{HIDDEN}"]?hidden)'),
        Line(f"Set(CONNECTEDLINE(name,i)=${{ARG1}}: ${{CONNECTEDLINE({known})}})"),
        Line("Return()"),
        Line("Set(CONNECTEDLINE(num,i)=)", label="hidden"),
        Line("Set(CONNECTEDLINE(name,i)=${ARG1})"),
        Line("Set(CONNECTEDLINE(pres)=allowed)"),
        Line("Return()"),
    )
