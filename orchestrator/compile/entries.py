"""Ways into and out of the dialplan: from the trunk, from phones, from the test endpoint; numbers; outside lines.

Emergency calls go out from every phone, with and without the outside digit, with the number of the phone's site.
Which other outside numbers a phone may call is a simple class here: national yes, abroad and premium no.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.compile.escape import DIGITS, fit
from orchestrator.compile.extensions import Context, Extension, Line
from orchestrator.compile.places import target
from orchestrator.domain.directory import Directory

LARGEST = 1000
"""Extensions in one context: Asterisk loads a flat context in quadratic time."""
OUTSIDE = "0"
"""The outside-line digit."""
ALWAYS = ("110", "112")
SERVICES = ("115", "116117")
REFUSED = (
    "00[1-9].",  # abroad
    "0900.",
    "0137.",
    "118.",
)
"""Public numbers, as dialled behind the outside digit, that no phone may call in this class."""
RING_OUTSIDE = 60
"""Seconds that a call to the outside may ring."""


def contexts(directory: Directory) -> Iterator[Context]:
    """Every entry context."""
    yield from numbers(directory)
    yield from_trunk(directory)
    yield from_phones(directory)
    yield from_test()


def numbers(directory: Directory) -> Iterator[Context]:
    """Extension -> flow, in contexts of at most `LARGEST`; what is unknown goes to the catch-all."""
    extensions = [
        Extension(fit(number, DIGITS), (Line(f"Goto({target(directory.first(flow))})"),))
        for number, flow in sorted(directory.numbers.items())
    ]
    parts = [extensions[at : at + LARGEST] for at in range(0, len(extensions), LARGEST)]
    names = tuple(f"numbers-{part}" for part in range(1, len(parts) + 1))
    unknown = Line(f"Goto({target(directory.first(directory.town.catch_all))})")
    yield Context(name="numbers", includes=names, extensions=(Extension("i", (unknown,)),))
    for name, part in zip(names, parts, strict=True):
        yield Context(name=name, extensions=tuple(part))


def from_trunk(directory: Directory) -> Context:
    """The provider may send a number with or without country, area and head; the head alone is the operator."""
    town = directory.town
    national = fit(town.area, DIGITS) + fit(town.head, DIGITS)
    extensions = []
    for prefix in (
        f"+{town.country}{national}",
        f"00{town.country}{national}",
        f"{town.country}{national}",
        f"0{national}",
    ):
        extensions.append(Extension(prefix, (Line("Goto(numbers,0,1)"),)))
        extensions.append(Extension(f"_{prefix}X.", (Line(f"Goto(numbers,${{EXTEN:{len(prefix)}}},1)"),)))
        extensions.append(Extension(f"_{prefix}X", (Line(f"Goto(numbers,${{EXTEN:{len(prefix)}}},1)"),)))
    extensions.append(Extension("_X!", (Line("Goto(numbers,${EXTEN},1)"),)))
    extensions.append(Extension("_+X!", (Line("Goto(numbers,none,1)"),)))
    return Context(name="from-trunk", extensions=tuple(extensions))


def from_phones(directory: Directory) -> Context:
    """Inside numbers as they are, the outside behind the outside digit."""
    trunk = next(iter(sorted(directory.trunks)), "")
    extensions = []
    for number in ALWAYS:
        call = (Line("Set(CALLERID(num)=${EMERGENCY})"), *_dial(trunk, number))
        extensions += [Extension(number, call), Extension(OUTSIDE + number, call)]
    for number in SERVICES:
        call = (*_own_number(directory), *_dial(trunk, number))
        extensions += [Extension(number, call), Extension(OUTSIDE + number, call)]
    for pattern in REFUSED:
        spoken = (Line("Answer(,i)"), Line("Playback(not-allowed)"), Line("Hangup(21)"))
        extensions.append(Extension(f"_{OUTSIDE}{pattern}", spoken))
    outside = (*_own_number(directory), *_dial(trunk, f"${{EXTEN:{len(OUTSIDE)}}}"))
    extensions.append(Extension(f"_{OUTSIDE}[1-9].", outside))
    extensions.append(Extension(f"_{OUTSIDE}0[1-9].", outside))
    unknown = Line(f"Goto({target(directory.first(directory.town.catch_all))})")
    extensions.append(Extension("i", (unknown,)))
    return Context(name="from-phones", includes=("numbers",), extensions=tuple(extensions))


def from_test() -> Context:
    """The test endpoint dials `<number>` or `<number>*<epoch>`, and then is in another time.

    Told in UTC, which has no hour twice.
    """
    then = "${STRFTIME(${AT},UTC,%Y/%m/%d %H:%M:%S)} UTC"
    lines = (
        Line("Set(AT=${CUT(EXTEN,*,2)})"),
        Line(f'ExecIf($["${{AT}}" != ""]?Set(TESTTIME()={then}))'),
        Line("Goto(from-trunk,${CUT(EXTEN,*,1)},1)"),
    )
    return Context(name="from-test", extensions=(Extension("_[0-9+]!", lines),))


def _own_number(directory: Directory) -> tuple[Line, ...]:
    """Show the direct number of the phone, an own number as § 120 TKG asks."""
    town = directory.town
    return (Line(f"Set(CALLERID(num)=+{town.country}{town.area}{town.head}${{CALLERID(num)}})"),)


def _dial(trunk: str, number: str) -> tuple[Line, ...]:
    if not trunk:
        return (Line("Congestion(10)"),)
    return (Line(f"Dial(PJSIP/{number}@trunk-{trunk},{RING_OUTSIDE})"), Line("Hangup(${HANGUPCAUSE})"))
