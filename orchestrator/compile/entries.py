"""Ways into and out of the dialplan: from the trunk, from phones, from the test endpoint; numbers; outside lines.

Which numbers are which is in domain.numbers and domain.outgoing.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.compile.escape import DIGITS, IDENTIFIER, PREFIX, fit
from orchestrator.compile.extensions import Context, Extension, Line
from orchestrator.compile.places import target
from orchestrator.domain import numbers as plan
from orchestrator.domain import outgoing
from orchestrator.domain.directory import Directory

LARGEST = 1000
"""Extensions in one context: Asterisk loads a flat context in quadratic time."""
CLEAN = tuple(Line(f"Set(CALLERID({part})=${{FILTER(0-9+*#,${{CALLERID({part})}})}})") for part in ("num", "ANI"))
"""What a stranger gives as a number reaches phones, journal and messages as digits only."""
RING_OUTSIDE = 60
"""Seconds that a call to the outside may ring."""


def contexts(directory: Directory) -> Iterator[Context]:
    """Every entry context."""
    yield from numbers(directory)
    yield from_trunk(directory)
    yield from_phones(directory)
    yield elsewhere(directory)
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
    """The provider may send a number with or without country, area and head; the head alone is the operator.

    Single numbers, which have no head, stand there whole, in each of the same forms.
    """
    extensions = []
    for single, extension in sorted(directory.singles.items()):
        onward = (*CLEAN, Line(f"Goto(numbers,{fit(extension, DIGITS)},1)"))
        extensions += [Extension(fit(form, PREFIX), onward) for form in plan.forms(directory.town, single)]
    for prefix in plan.prefixes(directory.town):
        written = fit(prefix, PREFIX)
        onward = (*CLEAN, *_digits_or("elsewhere,0", len(prefix)), Line(f"Goto(numbers,${{EXTEN:{len(prefix)}}},1)"))
        extensions.append(Extension(written, (*CLEAN, Line(f"Goto(numbers,{plan.OPERATOR},1)"))))
        extensions.append(Extension(f"_{written}X!", onward))
    extensions.append(Extension("_X!", (*CLEAN, *_digits_or("elsewhere,0", 0), Line("Goto(numbers,${EXTEN},1)"))))
    return Context(name="from-trunk", includes=("elsewhere",), extensions=tuple(extensions))


def elsewhere(directory: Directory) -> Context:
    """Whatever else is dialled, letters and signs too, is led to the catch-all: no call goes nowhere.

    Included last. The patterns leave alone the one-letter extensions that are Asterisk's own (h, i, t).
    """
    unknown = (*CLEAN, Line(f"Goto({target(directory.first(directory.town.catch_all))})"))
    patterns = ("_X!", "_[*#+]!", "_[a-zA-Z_].")
    return Context(name="elsewhere", extensions=tuple(Extension(pattern, unknown) for pattern in patterns))


def from_phones(directory: Directory) -> Context:
    """Inside numbers as they are, the outside behind the outside digit.

    What is dialled outside must be digits and nothing else: Dial() would take `&` and `,` for its own.
    """
    extensions = []
    for dialled, number in outgoing.short():
        emergency = number in outgoing.EMERGENCY
        shows = (Line("Set(CALLERID(num)=${EMERGENCY})"),) if emergency else _own_number(directory)
        extensions.append(Extension(dialled, (*shows, *_dial(directory, number, emergency=emergency))))
    for beginning in outgoing.REFUSED:
        extensions.append(Extension(f"_{outgoing.OUTSIDE}{beginning}.", (Line("Goto(refused,1)"),)))
    spoken = (Line("Answer(,i)"), Line("Playback(not-allowed)"), Line("Hangup(21)"))
    extensions.append(Extension("refused", spoken))
    skip = len(outgoing.OUTSIDE)
    guarded = (*_digits_or("from-phones,refused", skip), *_own_number(directory))
    outside = (*guarded, *_dial(directory, f"${{EXTEN:{skip}}}", emergency=False))
    extensions += [Extension(f"_{outgoing.OUTSIDE}{pattern}", outside) for pattern in ("[1-9].", "0[1-9].")]
    return Context(name="from-phones", includes=("numbers", "elsewhere"), extensions=tuple(extensions))


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


def _own_number(directory: Directory) -> tuple[Line, ...]:
    """Show the direct number of the phone, an own number as § 120 TKG asks."""
    town = directory.town
    return (Line(f"Set(CALLERID(num)=+{town.country}{town.area}{town.head}${{CALLERID(num)}})"),)


def _digits_or(otherwise: str, skip: int) -> tuple[Line, ...]:
    """Go on only if nothing but digits was dialled behind the first `skip` characters.

    Compared by length, so that no quote in what was dialled can break the comparison.
    """
    dialled = f"${{EXTEN:{skip}}}" if skip else "${EXTEN}"
    digits = f"$[${{LEN(${{FILTER(0-9,{dialled})}})}} = ${{LEN({dialled})}}]"
    return (Line(f"GotoIf({digits}?digits:{otherwise},1)"), Line("NoOp()", label="digits"))


def _dial(directory: Directory, number: str, *, emergency: bool) -> tuple[Line, ...]:
    """By the first trunk that takes the call, the next one only where nothing has rung yet; written down as a call."""
    place = f"{outgoing.FLOW}.{'emergency' if emergency else 'outside'}"
    lines = [Line(f"CELGenUserEvent(PLACE,{place})")]
    for trunk in sorted(directory.trunks):
        lines.append(Line(f"Dial(PJSIP/{number}@trunk-{fit(trunk, IDENTIFIER)},{RING_OUTSIDE})"))
        lines.append(Line('GotoIf($["${DIALSTATUS}" != "CHANUNAVAIL" & "${DIALSTATUS}" != "CONGESTION"]?over)'))
    said = "failed"
    for status, answer in (("NOANSWER", "nobody"), ("BUSY", "busy"), ("ANSWER", "talked")):
        said = f'${{IF($["${{DIALSTATUS}}" = "{status}"]?{answer}:{said})}}'
    return (
        *lines,
        Line(f"CELGenUserEvent(ANSWER,{place}=failed)"),
        Line("Congestion(10)"),
        Line(f"CELGenUserEvent(ANSWER,{place}={said})", label="over"),
        Line("Hangup(${HANGUPCAUSE})"),
    )
