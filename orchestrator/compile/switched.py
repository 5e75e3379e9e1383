"""Asking Asterisk's own database in the dialplan: is a switch on, what was spoken for it, where do calls go now.

One context for all places, called by Gosub, so that a place costs few lines. Entries are written by us alone, and in
the grammar of domain.switches; begin and end are compared with the call's clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from orchestrator.compile import by_phone, completion, display, hot_desks, parking, silent, waiting
from orchestrator.compile.asking import NAME, stopped, whether
from orchestrator.compile.escape import DIGITS, E164, IDENTIFIER, SOUND, fit
from orchestrator.compile.extensions import STAYS, Context, Extension, Line
from orchestrator.compile.hours import NOW
from orchestrator.domain.directory import Directory
from orchestrator.domain.display import Sign
from orchestrator.domain.flow import Forward
from orchestrator.domain.numbers import e164
from orchestrator.domain.place import AT_DESK
from orchestrator.domain.switches import (
    ABSENT,
    AT_HOME,
    BUSY,
    DESK,
    FAMILY,
    FORWARD,
    KEY,
    NOTHING,
    OUTSIDE,
    QUIET,
    UNANSWERED,
)

ABROAD = "abroad"
"""The class that a forwarding may have of those with a budget: satellites are refused when it is set. Entries of former
versions name no class, and are of this one.
"""
_MAYBE = re.compile(f"({SOUND.pattern})?")
WHY = Line(f"Gosub({display.NAME},{display.INSTEAD},1(${{ARG4}},${{ARG5}}))")
"""What whoever is rung instead of ARG1 shows, and those behind them."""
_HELD = "${FILTER(0-9,${CUT(SWITCHED,:,%d)})}"


def announced(switch: str, general: str) -> Line:
    """Plays what was spoken for a switch, or the sound `general`."""
    return Line(f"Gosub({NAME},announce,1({fit(switch, KEY)},{fit(general, SOUND)}))")


def forwarding(step: Forward, hot: bool) -> tuple[str, ...]:
    """The switches that lead the calls of a number elsewhere."""
    asked = (FORWARD, *((ABSENT,) if step.absent else ()), *((QUIET, *((DESK,) if hot else ())) if step.quiet else ()))
    return tuple(each + fit(step.number, DIGITS) for each in asked)


def forwarded(name: str, step: Forward, general: str, sign: Sign) -> Iterator[Line]:
    """Rings where the calls of a number go now; leaves by its answer."""
    number, shown = fit(step.number, DIGITS), display.words(sign)
    yield Line(f"Set(RINGING={name})")
    if step.missed:
        yield Line(f"Gosub({NAME},missed,1({number},,,{shown}))")
    else:
        quiet = "quiet" if step.quiet else ""
        yield Line(f"Gosub({NAME},forward,1({number},{fit(general, _MAYBE)},{quiet},{shown}))")
    leaves = ("talked", "off", *(("quiet", *(AT_DESK if step.desk else ())) if step.stood_in else ()))
    yield from _rung(name, int(step.seconds), number if step.back else "", leaves)


def transferred(name: str, number: str, trunk: str, seconds: int) -> Iterator[Line]:
    """Rings an E.164 number outside: by `trunk`, then by each other public one; leaves by its answer."""
    yield Line(f"Gosub({NAME},transfer,1({fit(number, E164)},{fit(trunk, IDENTIFIER)}))")
    yield from _rung(name, seconds)


def _rung(name: str, seconds: int, back: str = "", leaves: tuple[str, ...] = ()) -> Iterator[Line]:
    """Rings; `back` is the number from which who put the caller through is rung, but at the answers `leaves`."""
    yield Line(f'GotoIf($["${{GOSUB_RETVAL}}" != "ring"]?{"left" if back else f"{name}=${{GOSUB_RETVAL}},1"})')
    yield Line(f"Dial(${{FORWARD}},{seconds},{STAYS}${{FORWARDED}}{display.OPTION})", label="ring")
    yield Line(f"Gosub({NAME},next,1)")
    yield Line('GotoIf($["${GOSUB_RETVAL}" = "ring"]?ring)')
    if back:
        found = " | ".join(f'"${{GOSUB_RETVAL}}" = "{answer}"' for answer in leaves)
        yield Line(f"GotoIf($[{found}]?{name}=${{GOSUB_RETVAL}},1)", label="left")
        yield from parking.back(name, back, "${GOSUB_RETVAL}")
    else:
        yield Line(f"Goto({name}=${{GOSUB_RETVAL}},1)")


def context(directory: Directory) -> Context:
    """The context `switched`."""
    home = f"+{directory.town.country}"
    # Providers take an own number; the caller's they may refuse (docs/decisions/0014).
    own = e164(directory.town, "${ARG1}")
    public = sorted((trunk for trunk in directory.trunks.values() if trunk.public), key=lambda t: (t.order, t.id))
    trunks = [fit(trunk.id, IDENTIFIER) for trunk in public]
    hot = bool(directory.hot_desks)
    return Context(
        name=NAME,
        extensions=(
            Extension("state", tuple(_state())),
            Extension("stopped", tuple(_stopped())),
            Extension("announce", tuple(_announce())),
            Extension("forward", tuple(_forward(hot))),
            *((Extension("desk", tuple(hot_desks.rings(WHY))),) if hot else ()),
            Extension("missed", tuple(_missed())),
            Extension("to", tuple(_to(own, home, bool(trunks), hot))),
            Extension("transfer", tuple(_transfer(e164(directory.town, "0"), home, hot))),
            Extension("trunk", tuple(_trunk(trunks))),
            Extension("next", tuple(_next(hot))),
            Extension("h", (completion.NOTED,)),  # while an announcement is played
        ),
    )


def _state() -> Iterator[Line]:
    begins, ends = _HELD % 1, _HELD % 2
    yield Line(f"Set(SWITCHED=${{DB({FAMILY}/${{ARG1}})}})")
    yield Line('GotoIf($["${SWITCHED}" = ""]?off)')
    yield Line(f"GotoIf($[0{begins} > {NOW}]?off)")
    yield Line(f"GotoIf($[0{ends} > 0 & 0{ends} <= {NOW}]?off)")
    yield Line("Return(on)")
    yield Line("Set(SWITCHED=)", label="off")
    yield Line("Return(off)")


def _stopped() -> Iterator[Line]:
    """`emergency`, or `emergency:1796511600` until that instant."""
    yield Line(f"Set(STOPPED=${{DB({FAMILY}/{OUTSIDE})}})")
    ends = "0${FILTER(0-9,${CUT(STOPPED,:,2)})}"
    yield Line(f"GotoIf($[{ends} > 0 & {ends} <= {NOW}]?over)")
    yield Line("Return(${CUT(STOPPED,:,1)})")
    yield Line("Return()", label="over")


def _announce() -> Iterator[Line]:
    yield whether("${ARG1}")
    yield Line("Set(SAID=${CUT(SWITCHED,:,3)})")
    yield Line('GotoIf($["${SAID}" = ""]?general)')
    yield Line("Playback(${SAID})")
    yield Line('GotoIf($["${PLAYBACKSTATUS}" = "SUCCESS"]?done)')
    yield Line("Playback(${ARG2})", label="general")
    yield Line("Return()", label="done")


def _forward(hot: bool) -> Iterator[Line]:
    """Absent? Forwarded? Not to be disturbed, or at another desk (asked where ARG3 says so)? GOSUB_RETVAL is `ring`
    where FORWARD rings.
    """
    yield Line('GotoIf($["${ARG2}" = ""]?present)')
    yield whether(f"{ABSENT}${{ARG1}}")
    yield Line('GotoIf($["${GOSUB_RETVAL}" = "off"]?present)')
    yield Line("Set(FORWARD=${CUT(SWITCHED,:,4)})")
    yield Line("Set(AWAY=${ARG1})")  # the mailbox behind it says nothing of it again
    yield Line("Answer(,i)")
    yield Line(f"Gosub({NAME},announce,1({ABSENT}${{ARG1}},${{ARG2}}))")
    yield Line('GotoIf($["${FORWARD}" = ""]?nobody:to,1)')
    yield whether(f"{FORWARD}${{ARG1}}")._replace(label="present")
    yield Line('GotoIf($["${GOSUB_RETVAL}" = "on"]?to,1)')
    yield Line('GotoIf($["${ARG3}" = ""]?off)')
    yield whether(f"{QUIET}${{ARG1}}")
    yield Line(f'GotoIf($["${{GOSUB_RETVAL}}" = "off"]?{"desk" if hot else "off"})')
    yield Line("Set(DIALSTATUS=NOANSWER)")  # what comes now goes on as if nobody had answered
    yield WHY
    yield Line("Return(quiet)")
    yield WHY._replace(label="nobody")
    yield Line("Return(nobody)")
    if hot:
        yield whether(f"{DESK}${{ARG1}}")._replace(label="desk")
        yield Line('GotoIf($["${GOSUB_RETVAL}" = "on"]?desk,1)')
    yield Line("Return(off)", label="off")


def _missed() -> Iterator[Line]:
    """After the phones of ARG1 rang in vain: forwarded on busy, or on no answer?"""
    kind = f'${{IF($["${{DIALSTATUS}}" = "BUSY"]?{BUSY}:{UNANSWERED})}}'
    yield whether(f"{kind}${{ARG1}}")
    yield Line('GotoIf($["${GOSUB_RETVAL}" = "on"]?to,1)')
    yield Line("Return(off)")


def _to(own: str, home: str, outside: bool, hot: bool) -> Iterator[Line]:
    """Where the entry in SWITCHED leads: the rest of `forward` and `missed`."""
    yield WHY
    yield from (hot_desks.NOT_THERE,) if hot else ()
    yield Line("Set(FORWARDED=)")
    yield Line("Set(LINE=0)")
    yield Line("Set(FIRST=)")
    yield Line("Set(FORWARD=${CUT(SWITCHED,:,4)})")
    yield Line('GotoIf($["${FORWARD:0:1}" = "+"]?outside)')
    yield waiting.asked("${FORWARD}")
    yield Line(f"GotoIf({waiting.NONE}?engaged)")
    yield Line(f"Set(FORWARD={waiting.FREE})")
    yield Line("Return(ring)")
    yield Line("Return(busy)", label="engaged")
    yield Line("Set(ENGAGED=)", label="outside")
    yield display.NOTHING
    yield Line("Set(TO=${FORWARD})")
    yield from _open(home)
    yield from _paid()
    yield Line(f"Set(FORWARDED=f({own}){silent.OPTION})", label="paid")
    if outside:
        yield Line(f"Gosub({NAME},trunk,1)")
        yield Line("Return(ring)")
    yield Line("Return(failed)", label="stopped")


def _transfer(own: str, home: str, hot: bool) -> Iterator[Line]:
    """The number ARG1 by the trunk ARG2 first: the flow is the town's, so the operator's number is shown."""
    yield from (hot_desks.NOT_THERE,) if hot else ()
    yield display.NOTHING
    yield Line("Set(ENGAGED=)")
    yield Line("Set(TO=${ARG1})")
    yield Line("Set(FIRST=${ARG2})")
    yield Line("Set(LINE=0)")
    yield from _open(home)
    yield Line("Set(FORWARD=PJSIP/${TO}@trunk-${FIRST})")
    yield Line(f"Set(FORWARDED=f({own}){silent.OPTION})")
    yield Line("Return(ring)")
    yield Line("Return(failed)", label="stopped")


def _open(home: str) -> Iterator[Line]:
    """Asks the kill switch about the number TO; `stopped` must be a label."""
    yield stopped()
    yield Line(f'GotoIf($["${{GOSUB_RETVAL}}" = "{NOTHING}"]?stopped)')
    yield Line(f'GotoIf($["${{GOSUB_RETVAL}}" = "{AT_HOME}" & "${{TO:0:{len(home)}}}" != "{home}"]?stopped)')


def _paid() -> Iterator[Line]:
    """Have the phone that the entry names answer for the call: its permission now, and abroad its budget.

    What is known of that phone is gone at the Return(): the caller stays who it is.
    """
    yield Line("Set(LOCAL(PHONE)=${CUT(SWITCHED,:,5)})")
    yield Line('GotoIf($["${PHONE}" = ""]?paid)')
    yield Line("Set(LOCAL(CLASS)=${CUT(SWITCHED,:,6)})")
    yield Line(f'ExecIf($["${{CLASS}}" = ""]?Set(LOCAL(CLASS)={ABROAD}))')
    for known in ("EMERGENCY", "TRUNKS", "PERMISSION", "SHOWN"):
        yield Line(f"Set(LOCAL({known})=)")
    yield Line(f"GotoIf({by_phone.known(by_phone.PHONES, 'PHONE')}?:stopped)")
    yield Line(f"Gosub({by_phone.at(by_phone.PHONES, 'PHONE')})")
    yield Line("GotoIf(${DIALPLAN_EXISTS(permission-${PERMISSION},${CLASS},1)}?:stopped)")
    yield Line(f'GotoIf($["${{CLASS}}" != "{ABROAD}"]?paid)')
    yield Line(f"Gosub(permission-${{PERMISSION}},{ABROAD},1)")
    yield Line("Gosub(budget,spend,1)")
    yield Line('GotoIf($["${GOSUB_RETVAL}" = "spent"]?stopped)')


def _trunk(trunks: list[str]) -> Iterator[Line]:
    """The next public trunk, in their order, without the one that was tried FIRST; 0 behind the last."""
    yield Line("Set(LINE=$[${LINE} + 1])", label="again")
    for number, trunk in enumerate(trunks, 1):
        yield Line(f"ExecIf($[${{LINE}} = {number}]?Set(FORWARD=PJSIP/${{TO}}@trunk-{trunk}))")
    yield Line(f'GotoIf($[${{LINE}} <= {len(trunks)} & "${{FORWARD}}" = "PJSIP/${{TO}}@trunk-${{FIRST}}"]?again)')
    yield Line(f"Return($[${{LINE}} <= {len(trunks)}])")


def _next(hot: bool) -> Iterator[Line]:
    """After Dial(): `ring` once more by the next trunk, where this one took no call; else the answer."""
    yield waiting.BUSY_AFTER_ALL
    yield from hot_desks.found() if hot else ()
    for status, answer in (("ANSWER", "talked"), ("BUSY", "busy"), ("NOANSWER", "nobody")):
        yield Line(f'GotoIf($["${{DIALSTATUS}}" = "{status}"]?{answer})')
    yield Line('GotoIf($["${FORWARDED}" = ""]?failed)')
    yield Line(f"Gosub({NAME},trunk,1)")
    yield Line("GotoIf($[${GOSUB_RETVAL} = 0]?failed)")
    yield Line("Return(ring)")
    yield Line("Return(talked)", label="talked")
    for answer in ("busy", "nobody", "failed"):
        yield Line("Set(GROUP(abroad)=)", label=answer)  # what comes now is no call abroad any more
        yield Line("Set(OUTBOUND_GROUP=)")
        yield Line(f"Return({answer})")
