"""Ways into the dialplan: from trunks, from the test endpoint; numbers, and what is none.

Which numbers are which is in domain.numbers. Not here: from phones, and to the outside (outside).
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.compile import display, per_caller
from orchestrator.compile.escape import DIGITS, IDENTIFIER, PREFIX, fit
from orchestrator.compile.extensions import LARGEST, Context, Extension, Line
from orchestrator.compile.outside import digits_or
from orchestrator.compile.places import target
from orchestrator.domain import numbers as plan
from orchestrator.domain.directory import Directory
from orchestrator.domain.display import Signs

_HIDDEN = '$["${CALLERID(num-pres):0:6}" = "prohib"]'
_DIGITS = ",".join(
    f"CALLERID({part})=${{IF({_HIDDEN}?:${{FILTER(0-9+*#,${{CALLERID({part})}})}})}}" for part in ("num", "ANI")
)
CLEAN: tuple[Line, ...] = (
    Line(f"MSet({_DIGITS},{display.UNTOLD})"),
    Line(f"ExecIf({_HIDDEN}?Set(CALLERID(name)=))"),
    *per_caller.ASKED,
)
"""What a stranger gives as a number reaches phones, journal and messages as digits only; and not at all where they hide
it, although the provider tells us: nobody here may be told (TDDDG § 15). Nor are they told who rings here.
"""

REGISTERED = (
    *CLEAN,
    Line("Set(TO=${PJSIP_HEADER(read,To)})"),
    Line("Set(TO=${CUT(TO,@,1)})"),
    Line("Set(TO=${FILTER(0-9+,${CUT(TO,:,2)})})"),
    Line('GotoIf($["${TO}" = ""]?elsewhere,0,1:from-trunk,${TO},1)'),
)
"""A provider where we are registered calls our account; the number that was called stands in To."""


def contexts(directory: Directory) -> Iterator[Context]:
    """Every entry context."""
    yield from numbers(directory)
    yield from_trunk(directory)
    yield elsewhere(directory)
    yield from_test()
    yield per_caller.context()


def numbers(directory: Directory) -> Iterator[Context]:
    """Extension -> flow, in contexts of at most `LARGEST`; what is unknown goes to the catch-all."""
    retired = {number: (display.old(text),) for number, text in Signs(directory).retired.items()}
    extensions = [
        Extension(fit(number, DIGITS), (*retired.get(number, ()), Line(f"Goto({target(directory.first(flow))})")))
        for number, flow in sorted(directory.numbers.items())
    ]
    parts = [extensions[at : at + LARGEST] for at in range(0, len(extensions), LARGEST)]
    names = tuple(f"numbers-{part}" for part in range(1, len(parts) + 1))
    unknown = Line(f"Goto({target(directory.first(directory.town.catch_all))})")
    yield Context(name="numbers", includes=names, extensions=(Extension("i", (unknown,)),))
    for name, part in zip(names, parts, strict=True):
        yield Context(name=name, extensions=tuple(part))


def from_trunk(directory: Directory) -> Context:
    """The provider may send a number with or without country, area and head; the head alone is the operator.

    Single numbers, which have no head, stand there whole, in each of the same forms.
    """
    extensions = []
    for single, extension in sorted(directory.singles.items()):
        onward = (*CLEAN, Line(f"Goto(numbers,{fit(extension, DIGITS)},1)"))
        extensions += [Extension(fit(form, PREFIX), onward) for form in plan.forms(directory.town, single)]
    for prefix in plan.prefixes(directory.town):
        written = fit(prefix, PREFIX)
        onward = (*CLEAN, digits_or("elsewhere,0", len(prefix), "numbers,"))
        extensions.append(Extension(written, (*CLEAN, Line(f"Goto(numbers,{plan.OPERATOR},1)"))))
        extensions.append(Extension(f"_{written}X!", onward))
    for trunk in sorted(trunk.id for trunk in directory.trunks.values() if trunk.user):
        extensions.append(Extension(f"trunk_{fit(trunk, IDENTIFIER)}", REGISTERED))
    extensions.append(Extension("_X!", (*CLEAN, digits_or("elsewhere,0", 0, "numbers,"))))
    return Context(name="from-trunk", includes=("elsewhere",), extensions=tuple(extensions))


def elsewhere(directory: Directory) -> Context:
    """Whatever else is dialled, letters and signs too, is led to the catch-all: no call goes nowhere.

    Included last. The patterns leave alone the one-letter extensions that are Asterisk's own (h, i, t).
    """
    unknown = (*CLEAN, Line(f"Goto({target(directory.first(directory.town.catch_all))})"))
    patterns = ("_X!", "_[*#+]!", "_[a-zA-Z_].")
    return Context(name="elsewhere", extensions=tuple(Extension(pattern, unknown) for pattern in patterns))


def from_test() -> Context:
    """The test endpoint dials `<number>` or `<number>*<epoch>`, and then is in another time.

    Told in UTC, which has no hour twice.
    """
    then = "${STRFTIME(${AT},UTC,%Y/%m/%d %H:%M:%S)} UTC"
    lines = (
        Line("Set(AT=${FILTER(0-9,${CUT(EXTEN,*,2)})})"),
        Line(f'ExecIf($["${{AT}}" != ""]?Set(TESTTIME()={then}))'),
        Line("Goto(from-trunk,${CUT(EXTEN,*,1)},1)"),
    )
    return Context(name="from-test", extensions=(Extension("_[0-9+]!", lines),))
