"""Finding somebody by name, natively: one context that asks, and contexts that know who has which name.

`by-name` is called by Gosub, as `message` is, and tells what came of it. `names-<two keys>` hold everybody whose name
begins so: an extension for each beginning that few have (`_624!`, whatever is typed behind it), one that says `many`
for each that more have, and `624=whole` for those of many whose whole name that is. So a lookup is two steps, however
many people there are. What is said when is that of domain.finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from orchestrator.compile.escape import DIGITS, SOUND, fit
from orchestrator.compile.extensions import LARGEST, Context, Extension, Line
from orchestrator.domain.directory import Directory
from orchestrator.domain.findable import LONGEST, SHORTEST, Entry, Names, extensions_of, few, finders, whole
from orchestrator.domain.finding import CONFIRM, PAUSE, ROUNDS, TYPED
from orchestrator.domain.finding_texts import CHOICES, FIND, ONWARD
from orchestrator.domain.flow import FindByName
from orchestrator.domain.prompts import Prompt, Sounds

NAME = "by-name"
NAMES = "names"
"""How the contexts begin that know the names."""
MANY = "many"
"""What is said of a beginning that too many names have."""
WHOLE = "=whole"
"""Stands behind a beginning for those whose whole name it is."""
LED = "Goto(numbers,${FOUND},1)"
"""What is done when somebody was found."""
GONE = Extension("i", (Line("StackPop()"), Line("Goto(${ASKED_IN},=gone,1)")))
"""What is done with a caller under whom an apply has taken all this away: their flow, which knows no such answer, leads
on (places.landing)."""
KEEPS_TYPING = Line(f"Read(KEY,,1,t(),1,{PAUSE:g})")


def lines(name: str, step: FindByName, question: str) -> Iterator[Line]:
    """Find somebody at the step `name`, whose prompt is `question`; go on at its answer."""
    operator = "o" if step.human else ""
    yield Line("Set(ASKED_IN=${CONTEXT})")
    yield Line(f"Gosub({NAME},find,1({fit(question, SOUND)},{int(step.tries)},{step.wait:g},{operator}))")
    yield Line(f"Goto({name}=${{GOSUB_RETVAL}},1)")


def contexts(directory: Directory, sounds: Sounds) -> Iterator[Context]:
    """`by-name` and the names. Where no flow asks for one, who is still in a step that did is led back."""
    if not finders(directory):
        yield Context(name=NAME, extensions=(GONE,))
        return

    def sound(prompt: Prompt) -> str:
        return fit(sounds[prompt.name].file, SOUND)

    said = {name.removeprefix("find_"): sound(prompt) for name, prompt in FIND.items() if prompt.name != "find_name"}
    find = (*_ask(), *_look_up(said), *_alone(said["connect"]), *_choose(said), *_answers(said["unknown"]))
    yield Context(name=NAME, extensions=(Extension("find", find), Extension("is", tuple(_is())), GONE))
    names = Names(directory)
    spoken = {extension: sound(prompt) for extension, prompt in names.prompts.items()}
    each = _split("", sorted(names.entries), spoken)
    found = sorted(each, key=lambda extension: (_context(extension.name), extension))
    for context, extensions in groupby(found, key=lambda extension: _context(extension.name)):
        yield from _parted(context, tuple(extensions))


def _parted(name: str, extensions: tuple[Extension, ...]) -> Iterator[Context]:
    """One context, or as many as Asterisk loads well (entries.LARGEST) that one of the name includes."""
    if len(extensions) <= LARGEST:
        yield Context(name=name, extensions=extensions)
        return
    parts = [extensions[at : at + LARGEST] for at in range(0, len(extensions), LARGEST)]
    names = tuple(f"{name}-{part}" for part in range(1, len(parts) + 1))
    yield Context(name=name, includes=names, extensions=())
    for part, each in zip(names, parts, strict=True):
        yield Context(name=part, extensions=each)


def _context(extension: str) -> str:
    """Where an extension of the names stands, by the first two keys of it; a single key has no context of its own."""
    typed = extension.strip("_!").removesuffix(WHOLE)
    return f"{NAMES}-{typed[:SHORTEST]}" if len(typed) >= SHORTEST else NAMES


def _split(typed: str, begun: Sequence[Entry], spoken: Mapping[str, str]) -> Iterator[Extension]:
    """Extensions for the entries `begun`, which are in order and all begin with `typed`; in the order of their keys."""
    if typed and few(typed, extensions_of(begun)):
        yield Extension(f"_{fit(typed, DIGITS)}!", _listed(begun, spoken))
        return
    if typed:
        yield Extension(fit(typed, DIGITS), (Line(f"Return({MANY})"),))
        if matching := whole(typed, begun):
            yield Extension(f"{typed}{WHOLE}", _listed(matching, spoken))
    longer: dict[str, list[Entry]] = {}
    for entry in begun:
        if len(entry.key) > len(typed):
            longer.setdefault(entry.key[len(typed)], []).append(entry)
    for key in sorted(longer):
        yield from _split(typed + key, longer[key], spoken)


def _listed(entries: Iterable[Entry], spoken: Mapping[str, str]) -> tuple[Line, ...]:
    """Offers those of `entries` that go on as what was typed does."""
    each = (
        Line(f"Gosub({NAME},is,1({fit(entry.key, DIGITS)},{fit(entry.extension, DIGITS)},{spoken[entry.extension]}))")
        for entry in entries
    )
    return (*each, Line("Return()"))


def _is() -> Iterator[Line]:
    """ARG1 the keys of somebody's name, 2 their extension, 3 what is said of them. Each is offered once in a lookup."""
    yield Line('GotoIf($["${ARG1:0:${LEN(${TYPED})}}" = "${TYPED}"]?:other)')
    yield Line('GotoIf($["${SEEN_${ARG2}}" = "${LOOKUP}"]?other)')
    yield Line("Set(SEEN_${ARG2}=${LOOKUP})")
    yield Line("Set(OFFERED=$[${OFFERED} + 1])")
    yield Line("Set(WHO_${OFFERED}=${ARG2})")
    yield Line("Set(SAID_${OFFERED}=${ARG3})")
    yield Line("Return()", label="other")


def _ask() -> Iterator[Line]:
    """ARG1 the question, 2 tries, 3 seconds to press a key, 4 `o` if key 0 leads to a human. TYPED: the keys so far."""
    yield Line("Set(FAILED=0)")
    yield Line("Set(ROUND=0)")
    yield Line("Set(SAY=${ARG1})", label="ask")
    yield Line("Set(TYPED=)", label="anew")
    yield Line("Set(ROUND=$[${ROUND} + 1])", label="listen")
    yield Line(f"GotoIf($[${{ROUND}} > {ROUNDS}]?gave_up)")
    yield Line("Set(HAD=${LEN(${TYPED})})")
    yield Line("Read(KEY,${SAY},1,t(),1,${ARG3})")
    yield Line('GotoIf($["${KEY}" = "*"]?ask)', label="pressed")
    yield Line('GotoIf($["${KEY}${ARG4}" = "0o"]?human)')
    yield Line('GotoIf($["${KEY}" = "" | "${KEY}" = "#"]?typed)')
    yield Line(f"Set(TYPED=${{TYPED}}${{FILTER({TYPED[0]}-{TYPED[-1]},${{KEY}})}})")
    yield Line(f"GotoIf($[${{LEN(${{TYPED}})}} >= {LONGEST}]?typed)")
    yield KEEPS_TYPING
    yield Line("Goto(pressed)")
    yield Line('GotoIf($["${TYPED}" = ""]?silent)', label="typed")
    yield Line('GotoIf($["${KEY}" = "#"]?look)')
    yield Line("GotoIf($[${LEN(${TYPED})} > ${HAD}]?look)")
    yield Line("Set(FAILED=$[${FAILED} + 1])", label="silent")
    yield Line("GotoIf($[${FAILED} >= ${ARG2}]?gave_up:ask)")


def _look_up(said: dict[str, str]) -> Iterator[Line]:
    """OFFERED: how many are; WHO_n and SAID_n: their extensions, and what is said of them."""
    yield Line("Set(LOOKUP=$[0${LOOKUP} + 1])", label="look")
    yield Line("Set(OFFERED=0)")
    two = f"{NAMES}-${{TYPED:0:{SHORTEST}}}"
    yield Line(f"Set(KNOWN=${{IF($[${{LEN(${{TYPED}})}} >= {SHORTEST}]?{two}:{NAMES})}})")
    yield Line("GotoIf(${DIALPLAN_EXISTS(${KNOWN},${TYPED},1)}?:unknown)")
    yield Line("Gosub(${KNOWN},${TYPED},1)")
    yield Line(f'GotoIf($["${{GOSUB_RETVAL}}" != "{MANY}"]?offered)')
    yield Line('GotoIf($["${KEY}" = "#"]?:further)')
    yield Line(f"GotoIf(${{DIALPLAN_EXISTS(${{KNOWN}},${{TYPED}}{WHOLE},1)}}?:further)")
    yield Line(f"Gosub(${{KNOWN}},${{TYPED}}{WHOLE},1)")
    yield Line("GotoIf($[${OFFERED} > 1]?first)", label="offered")
    yield Line("GotoIf($[${OFFERED} = 1]?alone)")
    yield Line("Set(FAILED=$[${FAILED} + 1])", label="unknown")
    yield Line("GotoIf($[${FAILED} >= ${ARG2}]?nobody)")
    yield Line(f"Set(SAY={said['unknown']}&${{ARG1}})")
    yield Line("Goto(anew)")
    yield Line(f"Set(SAY={said['further']})", label="further")
    yield Line("Goto(listen)")


def _alone(connect: str) -> Iterator[Line]:
    """The only one is said, and put through unless the caller objects."""
    yield Line(f"Read(KEY,{connect}&${{SAID_1}},1,t(),1,{CONFIRM:g})", label="alone")
    yield Line('GotoIf($["${KEY}" = "*"]?ask)')
    yield Line('GotoIf($["${KEY}${ARG4}" = "0o"]?human)')
    yield Line("Set(FOUND=${WHO_1})")
    yield Line("Return(found)")


def _choose(said: dict[str, str]) -> Iterator[Line]:
    """Those who are offered are said with a key each, a few at a time."""
    yield Line("Set(FIRST=0)", label="first")
    for at in range(1, CHOICES + 1):
        yield Line(f"Set(KEY_{at}={said[str(at)]})")
    yield Line("Set(ROUND=$[${ROUND} + 1])", label="page")
    yield Line(f"GotoIf($[${{ROUND}} > {ROUNDS}]?gave_up)")
    yield Line("Set(SAY=)")
    yield Line("Set(AT=0)")
    yield Line("Set(AT=$[${AT} + 1])", label="next")
    yield Line("Set(NUMBER=$[${FIRST} + ${AT}])")
    yield Line(f"GotoIf($[${{AT}} > {CHOICES} | ${{NUMBER}} > ${{OFFERED}}]?said)")
    yield Line("Set(SAY=${SAY}&${SAID_${NUMBER}}&${KEY_${AT}})")
    yield Line("Goto(next)")
    yield Line("Set(MORE=${IF($[${NUMBER} <= ${OFFERED}]?1:)})", label="said")
    yield Line(f'ExecIf($["${{MORE}}" = "1"]?Set(SAY=${{SAY}}&{said["more"]}))')
    yield Line(f"Read(KEY,${{SAY:1}}&{said['again']},1,t(),1,${{ARG3}})")
    yield Line('GotoIf($["${KEY}" = "*"]?ask)')
    yield Line('GotoIf($["${KEY}${ARG4}" = "0o"]?human)')
    yield Line(f'GotoIf($["${{KEY}}${{MORE}}" = "{ONWARD}1"]?onward)')
    yield Line(f"Set(KEY=${{FILTER(1-{CHOICES},${{KEY}})}})")
    yield Line("Set(NUMBER=$[${FIRST} + 0${KEY}])")
    yield Line('GotoIf($["${KEY}" = "" | ${NUMBER} > ${OFFERED}]?wrong)')
    yield Line("Set(FOUND=${WHO_${NUMBER}})")
    yield Line("Return(found)")
    yield Line("Set(FAILED=$[${FAILED} + 1])", label="wrong")
    yield Line("GotoIf($[${FAILED} >= ${ARG2}]?gave_up:page)")
    yield Line(f"Set(FIRST=$[${{FIRST}} + {CHOICES}])", label="onward")
    yield Line("Goto(page)")


def _answers(unknown: str) -> Iterator[Line]:
    yield Line(f"Playback({unknown})", label="nobody")
    yield Line("Return(nobody)")
    yield Line("Return(gave_up)", label="gave_up")
    yield Line("Return(human)", label="human")
