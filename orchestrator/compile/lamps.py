"""Lamps and pickup: the state of the telephones at each number as hints, and taking a call that rings elsewhere.

`circle-<name>` has a hint for each number of a circle (domain.circles), in contexts of at most `LARGEST`;
`circles-<digest>` includes those of a telephone that is in several. A telephone's SUBSCRIBE finds its own by
`subscribe_context`, and `**NUMBER` looks through those that its named pickup groups say. Native from end to end.

A reload does not tell watchers that a number has other telephones now: Asterisk keeps what it told last until one of
them changes. So each context has a device of its own in all of its hints, which is turned after an apply (rollout).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from orchestrator.compile.escape import CIRCLE, DIGITS, IDENTIFIER, fit
from orchestrator.compile.extensions import Context, Extension, Line
from orchestrator.compile.sentence import sentence
from orchestrator.domain import codes as table
from orchestrator.domain.circles import ALL, Circles, Lines
from orchestrator.domain.directory import Directory

LARGEST = 1000
"""Hints in one context: a flat context is loaded in quadratic time, and so are hints with one device. Asterisk looks
into 128 contexts at most, so parts by two digits are enough for 100,000 numbers."""
CIRCLE_OF, SEVERAL = "circle-", "circles-"
DEVICE = "Stasis:"
"""How the device begins that is turned to have the hints of a context looked at again; its name is the context's."""
NOTHING, REFUSED = "pickup-nothing", "pickup-refused"
"""Sentences: no call rings there; calls there may not be picked up from this telephone."""


def contexts(directory: Directory) -> Iterator[Context]:
    """The hints of each circle, and what telephones in several circles subscribe to."""
    circles = Circles(directory)
    for name, lines in (*circles.lines.items(), (ALL, circles.house)):
        yield from _circle(CIRCLE_OF + fit(name, CIRCLE), lines)
    several = {each for phone in directory.phones.values() if len(each := circles.watched(phone)) > 1}
    for each in sorted(several):
        yield Context(
            name=watching(each), includes=tuple(CIRCLE_OF + fit(name, CIRCLE) for name in each), extensions=()
        )


def _circle(name: str, lines: Lines) -> Iterator[Context]:
    """The context of one circle; a large one includes parts by the last two digits, so that no number ever moves on.

    A hint that moves is another one to Asterisk: whoever watches it is told that it is gone.
    """
    if len(lines) <= LARGEST:
        yield _hints(name, lines)
        return
    parts: dict[str, dict[str, tuple[str, ...]]] = {}
    for number, phones in lines.items():
        parts.setdefault(f"{name}-{number[-2:]}", {})[number] = phones
    yield Context(name=name, includes=tuple(sorted(parts)), extensions=())
    for part in sorted(parts):
        yield _hints(part, parts[part])


def _hints(name: str, lines: Lines) -> Context:
    return Context(name=name, extensions=tuple(_hint(name, number, phones) for number, phones in lines.items()))


def _hint(context: str, number: str, phones: Iterable[str]) -> Extension:
    devices = "&".join((DEVICE + context, *(f"PJSIP/{fit(phone, IDENTIFIER)}" for phone in phones)))
    return Extension(fit(number, DIGITS), (Line(devices),), hint=True)


def turned(changed: Iterable[str]) -> list[str]:
    """The devices to turn once these extensions (`circle-all 2500`) have changed."""
    contexts = {name.partition(" ")[0] for name in changed if name.startswith(CIRCLE_OF)}
    return [DEVICE + context for context in sorted(contexts)]


def watching(circles: tuple[str, ...]) -> str:
    """The context in which a telephone with these circles finds its lamps; empty: it has none."""
    if len(circles) > 1:
        return SEVERAL + hashlib.sha256(",".join(circles).encode()).hexdigest()[:12]
    return CIRCLE_OF + fit(circles[0], CIRCLE) if circles else ""


def codes() -> Iterator[Context]:
    """The codes that pick a call up. What is picked up talks at once, and the caller's own dialplan goes on."""
    group = (Line("Pickup()"), *sentence(NOTHING))
    found = (
        Line("Set(NEAR=${CHANNEL(namedpickupgroup)})"),
        Line('GotoIf($["${NEAR}" = ""]?refused)', label="next"),
        Line("Set(CIRCLE=${FILTER(a-z0-9_,${SHIFT(NEAR)})})"),
        Line(f"Set(THERE=${{HINT(${{GIVEN}}@{CIRCLE_OF}${{CIRCLE}})}})"),
        Line('GotoIf($["${THERE}" = ""]?next)'),
        Line("PickupChan(${CUT(THERE,&,2-)})"),
        *sentence(NOTHING),
        *sentence(REFUSED, label="refused"),
    )
    for code, lines in ((table.PICKUP, group), (table.PICKUP_AT, found)):
        yield Context(name=f"code-{code.name}", extensions=(Extension("s", lines),))
