"""Lamps and pickup: the state of the telephones at each number as hints, and taking a call that rings elsewhere.

`circle-<name>` has what a circle may pick up, an extension for each number (domain.circles), and its hints;
`circles-<digest>` includes those of a telephone that is in several, and all of them the hints of switches. A
telephone's SUBSCRIBE finds its own by `subscribe_context`, and `**NUMBER` goes through those that its named pickup
groups say. Native from end to end.

Asterisk goes through all hints for each one that it adds, so it would take minutes for those of 30,000 people. Where
there are more than `MOST`, a circle has a pattern instead for each length of number, and a hint is made of it when
somebody asks: the global variables `NEAR_…` have the telephones of its numbers. A number that is gone is then told at
the next SUBSCRIBE only.

A reload does not tell watchers that a number has other telephones now: Asterisk keeps what it told last until one of
them changes. So each circle has a device of its own in all of its hints, which is turned after an apply (rollout).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping

from orchestrator.compile import hot_desks
from orchestrator.compile.escape import CIRCLE, DIGITS, IDENTIFIER, fit
from orchestrator.compile.extensions import Context, Extension, Line
from orchestrator.compile.sentence import sentence
from orchestrator.compile.service_codes import LAMPS
from orchestrator.domain import codes as table
from orchestrator.domain.circles import ALL, Circles, Lines
from orchestrator.domain.directory import Directory

MOST = 2000
"""Hints up to which each number has one: a reload of the dialplan takes about half a second for them."""
LARGEST = 1000
"""Extensions in one context, which Asterisk loads in quadratic time."""
LONGEST = 3000
"""Characters in one global variable: Asterisk cuts what it puts in for one after 4095."""
ASKED = re.compile("_X+")
"""The patterns of which hints are made, one for each length that numbers have: digits only, as what is asked for stands
in an expression, and whatever has quotes in it could name any device there.
"""
CIRCLE_OF, SEVERAL = "circle-", "circles-"
DEVICE = "Stasis:"
"""How the device begins that is turned to have the hints of a circle looked at again; its name is the context's."""
NOTHING, REFUSED = "pickup-nothing", "pickup-refused"
"""Sentences: no call rings there; calls there may not be picked up from this telephone."""


def contexts(directory: Directory) -> Iterator[Context]:
    """What each circle may watch and pick up, and what telephones in several circles subscribe to."""
    circles = Circles(directory)
    known, each, guests = dict(_circles(circles)), not _many(circles), hot_desks.numbers(directory)
    for name, lines in known.items():
        yield from _circle(name, lines, guests, each=each)
    several = {watched for phone in directory.phones.values() if len(watched := circles.watched(phone)) > 1}
    for names in sorted(several):
        if each:
            yield Context(name=watching(names), includes=tuple(CIRCLE_OF + name for name in names), extensions=())
        else:  # the pattern of the first would take every number
            asked = "&".join(_asked(name, known[name], guests) for name in names)
            numbers = [number for name in names for number in known[name]]
            yield Context(name=watching(names), includes=(LAMPS,), extensions=_patterns(numbers, asked))


def _circles(circles: Circles) -> list[tuple[str, Lines]]:
    return [(fit(name, CIRCLE), lines) for name, lines in (*circles.lines.items(), (ALL, circles.house))]


def _many(circles: Circles) -> bool:
    """Whether there are too many numbers for a hint each."""
    return sum(len(lines) for _, lines in _circles(circles)) > MOST


def _circle(name: str, lines: Lines, guests: Mapping[str, str], *, each: bool) -> Iterator[Context]:
    """The context of one circle; where a pattern has its hints, what may be picked up is apart from it, in parts.

    `guests`: number -> the first number of who has it, for those who may log in at a desk elsewhere.
    """
    context = CIRCLE_OF + name
    if each:
        known = (
            _number(number, phones, _devices(name, phones, guests.get(number, "")), guests.get(number, ""))
            for number, phones in lines.items()
        )
        yield Context(name=context, includes=(LAMPS,), extensions=tuple(known))
        return
    parts: dict[str, list[Extension]] = {}
    for number, phones in lines.items():
        part = number[-2:] if len(lines) > LARGEST else "calls"
        parts.setdefault(f"{context}-{part}", []).append(_number(number, phones, "", guests.get(number, "")))
    # They take every number: where the circle has none such, the hint is empty, and nothing is ever told. The codes of
    # switches, which begin with no digit, they leave to LAMPS.
    yield Context(
        name=context, includes=(LAMPS, *sorted(parts)), extensions=_patterns(lines, _asked(name, lines, guests))
    )
    for part in sorted(parts):
        yield Context(name=part, extensions=tuple(parts[part]))


def _patterns(numbers: Iterable[str], hint: str) -> tuple[Extension, ...]:
    return tuple(Extension("_" + "X" * length, (), hint=hint) for length in sorted({len(number) for number in numbers}))


def _number(number: str, phones: Iterable[str], hint: str, guest: str) -> Extension:
    """Picking up what rings there, or at the desk elsewhere of who has it; and its hint."""
    asked = (Line(f"Gosub({hot_desks.NAME},at,1({fit(guest, DIGITS)}))"),) if guest else ()
    here = "${HERE}" if guest else ""
    picked = (*asked, Line(f"PickupChan({_telephones(phones)}{here})"), Line("Return()"))
    return Extension(fit(number, DIGITS), picked, hint=hint)


def _asked(circle: str, lines: Lines, guests: Mapping[str, str]) -> str:
    """The devices of whatever number is asked for, out of the variable that has it."""
    digits = _told_apart(circle, lines, guests)
    behind = f"_${{EXTEN:-{digits}}}" if digits else ""
    return f'$["${{NEAR_{circle}{behind}}}" : ".*!${{EXTEN}}=([^!]*)"]'


def _devices(circle: str, phones: Iterable[str], guest: str) -> str:
    elsewhere = f"&{hot_desks.device(fit(guest, DIGITS))}" if guest else ""
    return f"{DEVICE}{CIRCLE_OF}{circle}&{_telephones(phones)}{elsewhere}"


def _telephones(phones: Iterable[str]) -> str:
    return "&".join(f"PJSIP/{fit(phone, IDENTIFIER)}" for phone in phones)


def variables(directory: Directory) -> Iterator[str]:
    """The lines of `[globals]`, where hints are made when somebody asks."""
    circles, guests = Circles(directory), hot_desks.numbers(directory)
    for name, lines in _circles(circles) if _many(circles) else ():
        texts: dict[str, list[str]] = {}
        for variable, text in _texts(name, lines, guests, _told_apart(name, lines, guests)):
            texts.setdefault(variable, []).append(text)
        yield from (f"{variable}={''.join(parts)}" for variable, parts in texts.items())


def _told_apart(circle: str, lines: Lines, guests: Mapping[str, str]) -> int:
    """By how many of their last digits the numbers of a circle are told apart, so that no variable gets too long."""
    lengths = {number: len(_text(circle, number, phones, guests)) for number, phones in lines.items()}
    return next((digits for digits in range(6) if _longest(lengths, digits) <= LONGEST), 6)


def _longest(lengths: Mapping[str, int], digits: int) -> int:
    if not digits:
        return sum(lengths.values())
    sums: dict[str, int] = {}
    for number, length in lengths.items():
        sums[number[-digits:]] = sums.get(number[-digits:], 0) + length
    return max(sums.values())


def _texts(circle: str, lines: Lines, guests: Mapping[str, str], digits: int) -> Iterator[tuple[str, str]]:
    """Variable and its part for each number: `!2500=Stasis:circle-d_x&PJSIP/tel2500`."""
    for number, phones in lines.items():
        variable = f"NEAR_{circle}_{number[-digits:]}" if digits else f"NEAR_{circle}"
        yield variable, _text(circle, number, phones, guests)


def _text(circle: str, number: str, phones: Iterable[str], guests: Mapping[str, str]) -> str:
    return f"!{fit(number, DIGITS)}={_devices(circle, phones, guests.get(number, ''))}"


def turned(changed: Iterable[str]) -> list[str]:
    """The devices to turn once these extensions (`circle-all-00 2500`) have changed."""
    contexts = (name.partition(" ")[0] for name in changed if name.startswith(CIRCLE_OF))
    circles = {context.removeprefix(CIRCLE_OF).partition("-")[0] for context in contexts}
    return [DEVICE + CIRCLE_OF + circle for circle in sorted(circles)]


def watching(circles: tuple[str, ...]) -> str:
    """The context in which a telephone with these circles finds its lamps; empty: it has none."""
    if len(circles) > 1:
        return SEVERAL + hashlib.sha256(",".join(circles).encode()).hexdigest()[:12]
    return CIRCLE_OF + fit(circles[0], CIRCLE) if circles else ""


def codes() -> Iterator[Context]:
    """The codes that pick a call up. What is picked up talks at once, and the caller's own dialplan goes on."""
    group = (Line("Pickup()"), *sentence(NOTHING))
    at = f"{CIRCLE_OF}${{CIRCLE}},${{GIVEN}},1"
    found = (
        Line("Set(NEAR=${CHANNEL(namedpickupgroup)})"),
        Line('GotoIf($["${NEAR}" = ""]?refused)', label="next"),
        Line("Set(CIRCLE=${FILTER(a-z0-9_,${SHIFT(NEAR)})})"),
        Line(f"GotoIf(${{DIALPLAN_EXISTS({at})}}?:next)"),
        Line(f"Gosub({at})"),
        *sentence(NOTHING),
        *sentence(REFUSED, label="refused"),
    )
    for code, lines in ((table.PICKUP, group), (table.PICKUP_AT, found)):
        yield Context(name=f"code-{code.name}", extensions=(Extension("s", lines),))
