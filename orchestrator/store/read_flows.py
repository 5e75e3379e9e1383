"""Call flows as an admin writes them (docs/flow-format.md): a kind, and where each answer leads."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import phonenumbers

from orchestrator.domain.callers import in_order
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import (
    KEYS,
    NAME,
    NAME_HINT,
    Announce,
    Do,
    FindByName,
    Flow,
    Forward,
    HangUp,
    LeaveMessage,
    Menu,
    Place,
    Ring,
    Say,
    Speak,
    Step,
    Switch,
    Transfer,
    When,
)
from orchestrator.domain.numbers import E164
from orchestrator.domain.outgoing import costly
from orchestrator.domain.people import ORDERS
from orchestrator.domain.prompts import Prompt, audible
from orchestrator.domain.skills import SKILLS, Skill, in_turns
from orchestrator.domain.switches import CLOSED, WAVE
from orchestrator.domain.texts import NOBODY, STATES
from orchestrator.store.marked import Marked, suggest

KINDS: Mapping[str, tuple[str, ...]] = {
    "say": ("then",),
    "speak": ("then",),
    "menu": ("keys", "otherwise", "tries", "wait"),
    "when": ("open", "closed", "holiday"),
    "ring": ("busy", "nobody", "unreachable", "otherwise", "seconds", "order"),
    "message": ("greeting", "left", "too_short", "full", "failed", "human", "otherwise", "limit", "state"),
    "transfer": ("trunk", "busy", "nobody", "failed", "otherwise", "seconds"),
    "switch": ("on", "off"),
    "announce": ("prompt", "then"),
    "forward": ("off", "busy", "nobody", "failed", "otherwise", "seconds"),
    "find": ("nobody", "gave_up", "otherwise", "human", "tries", "wait"),
    "do": ("intro", "with", "seconds", "exits", "python_down"),
    "hangup": (),
}
"""First word of a step -> the other keys that it may have."""


@dataclass
class Flows:
    """Reads every flow of one import. `directory` has all but flows; `names` are the flows that will be there."""

    directory: Directory
    prompts: Mapping[str, Prompt]
    names: Mapping[str, str]
    """Flow -> its first step, written and derived ones."""
    steps: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Written flow -> its steps."""

    def flow(self, name: str, marked: Marked) -> Flow:
        """One flow."""
        fields = marked.fields(("start", "steps"), required=("start", "steps"))
        steps: dict[str, Step] = {}
        if "steps" in fields:
            for key, value in fields["steps"].items():
                if not NAME.fullmatch(key.text()):
                    key.wrong(
                        f"{key.text()!r} is no name of a step",
                        NAME_HINT,
                    )
                steps[key.text()] = Line(self, name, key.text(), value).step()
        start = fields["start"].one_of(steps, "step") if "start" in fields else ""
        return Flow(name=name, start=start, steps=steps)


@dataclass
class Line:
    """One step of one flow."""

    flows: Flows
    flow: str
    name: str
    marked: Marked

    def step(self) -> Step:
        """The step; `HangUp` where it cannot be read, with a mistake noted."""
        if not self.marked.is_mapping:
            if self.marked.text() != "hangup":
                self.marked.wrong("a step is `kind: …` lines, or `hangup`", f"kinds: {', '.join(KINDS)}")
            return HangUp()
        kinds = [key.text() for key, _ in self.marked.items() if key.text() in KINDS]
        if len(kinds) != 1:
            written = [key.text() for key, _ in self.marked.items()]
            near = next((hint for key in written if (hint := suggest(key, KINDS))), "")
            self.marked.wrong(
                f"step {self.name} has {'no' if not kinds else 'more than one'} kind",
                near or f"kinds: {', '.join(KINDS)}",
            )
            return HangUp()
        self.kind = kinds[0]
        self.fields = self.marked.fields((self.kind, *KINDS[self.kind]))
        self.what = self.fields[self.kind]
        return self._read()

    def _read(self) -> Step:
        match self.kind:
            case "say":
                return Say(prompt=self._prompt(self.what), then=self._to("then"))
            case "speak":
                return Speak(language=self._language(), then=self._to("then"))
            case "menu":
                return self._menu()
            case "when":
                closed = self._to("closed")
                holiday = self._to("holiday") if "holiday" in self.fields else closed
                schedule = self.what.one_of(self.flows.directory.schedules, "schedule")
                return When(schedule=schedule, open=self._to("open"), closed=closed, holiday=holiday)
            case "ring":
                return Ring(
                    phones=self._phones(),
                    seconds=self._number("seconds", 20, 120),
                    order=order(self.fields),
                    **self._all("busy", "nobody", "unreachable"),
                )
            case "message":
                return self._message()
            case "transfer":
                return self._transfer()
            case "switch":
                return Switch(name=self._switch(), on=self._to("on"), off=self._to("off"))
            case "announce":
                if "prompt" not in self.fields:
                    self._missing("prompt")
                prompt = self._prompt(self.fields.get("prompt", self.what))
                return Announce(switch=self._switch(), prompt=prompt, then=self._to("then"))
            case "forward":
                return self._forward()
            case "find":
                return self._find()
            case "do":
                return self._do()
            case _:
                return HangUp()

    def _forward(self) -> Forward:
        number, off = self.what.one_of(self.flows.directory.numbers, "number"), self._to("off")
        after = self._all("busy", "nobody", "failed")
        return Forward(number=number, off=off, seconds=self._number("seconds", 20, 120), **after)

    def _switch(self) -> str:
        directory = self.flows.directory
        made = (*(CLOSED + id_ for id_ in directory.departments), *(WAVE + id_ for id_ in directory.waves))
        return self.what.one_of((*directory.switches, *made), "switch")

    def _menu(self) -> Menu:
        if "keys" not in self.fields:
            self._missing("keys")
        wait = float(self._number("wait", 5, 30))
        return Menu(
            prompt=self._prompt(self.what),
            keys=keys_of(self.fields, self._target),
            otherwise=self._to("otherwise"),
            tries=self._number("tries", 3, 9),
            wait=wait,
        )

    def _message(self) -> LeaveMessage:
        if "greeting" not in self.fields:
            self._missing("greeting")
        return LeaveMessage(
            box=self.what.one_of(self.flows.directory.boxes, "mailbox"),
            greeting=self._prompt(self.fields.get("greeting", self.what)),
            human=self._target(self.fields["human"]) if "human" in self.fields else "",
            limit=self._number("limit", 120, 600, least=10),
            state=self.fields["state"].one_of(STATES, "state") if "state" in self.fields else NOBODY,
            **self._all("left", "too_short", "full", "failed"),
        )

    def _find(self) -> FindByName:
        return FindByName(
            prompt=self._prompt(self.what),
            human=self._target(self.fields["human"]) if "human" in self.fields else "",
            tries=self._number("tries", 3, 9),
            wait=float(self._number("wait", 5, 30)),
            **self._all("nobody", "gave_up"),
        )

    def _transfer(self) -> Transfer:
        number = self.what.text().replace(" ", "")
        if not E164.fullmatch(number):
            self.what.wrong(f"{number!r} is not a number in international form", "write it as +49 6205 1234")
        elif not phonenumbers.is_possible_number(phonenumbers.parse(number)):
            self.what.wrong(f"{number!r} is not a number that can be dialled", "write it as +49 6205 1234")
        elif kind := _costly(number):
            self.what.wrong(f"each call to {number} would cost the town money ({kind})", "name another number")
        seconds = self._number("seconds", 30, 120)
        return Transfer(number=number, trunk=self._trunk(), seconds=seconds, **self._all("busy", "nobody", "failed"))

    def _trunk(self) -> str:
        """The trunk that is named, else the first public one: no number outside goes by the old exchange."""
        directory = self.flows.directory
        if "trunk" in self.fields:
            return self.fields["trunk"].one_of(directory.trunks, "trunk")
        if not (public := [trunk.id for trunk in in_order(directory) if trunk.public]):
            self.what.wrong("there is no trunk to the public network", "declare one under `trunks:`")
        return next(iter(public), "")

    def _do(self) -> Do:
        named = self.what.one_of([name for name in SKILLS if not in_turns(name)], "skill")
        skill = SKILLS.get(named, Skill(answers=()))
        outcomes = {}
        if "exits" in self.fields:
            exits = self.fields["exits"].fields(skill.answers, required=skill.answers)
            outcomes = {answer: self._target(value) for answer, value in exits.items()}
        else:
            self._missing("exits")
        given = self.fields["with"].fields(skill.arguments, required=skill.arguments) if "with" in self.fields else {}
        if skill.arguments and not given:
            self._missing("with")
        if "schedule" in given:
            given["schedule"].one_of(self.flows.directory.schedules, "schedule")
        return Do(
            skill=self.what.text(),
            outcomes=outcomes,
            python_down=self._to("python_down"),
            seconds=float(self._number("seconds", 20, 120)),
            arguments={key: value.text() for key, value in given.items()},
            intro=self._prompt(self.fields["intro"]) if "intro" in self.fields else None,
        )

    def _all(self, *answers: str) -> dict[str, Any]:
        """Where each answer leads; `otherwise` stands for those that are not written."""
        return {
            answer: self._to(answer if answer in self.fields else "otherwise", missing=answer) for answer in answers
        }

    def _to(self, key: str, missing: str = "") -> Place:
        if key in self.fields:
            return self._target(self.fields[key])
        self._missing(missing or key)
        return f"{self.flow}.{self.name}"

    def _missing(self, key: str) -> None:
        lacks = (
            f"has no {key!r}"
            if key in ("keys", "greeting", "exits", "with", "prompt")
            else f"does not say where {key!r} leads"
        )
        either = " or `otherwise: …`" if "otherwise" in KINDS[self.kind] and key != "otherwise" else ""
        self.marked.wrong(f"step {self.name} ({self.kind}) {lacks}", f"add `{key}: …`{either}")

    def _target(self, marked: Marked) -> Place:
        """A step of this flow, `flow.step`, a department, a group, a number or a flow -> the place where it begins."""
        flows, own = self.flows, self.flows.steps.get(self.flow, frozenset())
        if place := target(marked.text(), own, self.flow, flows.steps, flows.names, flows.directory):
            return place
        no_target(marked, flows.directory, own, flows.names)
        return f"{self.flow}.{self.name}"

    def _phones(self) -> tuple[str, ...]:
        found: list[str] = []
        for marked in self.what.values():
            phones = phones_of(self.flows.directory, marked.text())
            if not phones:
                known = [phone.extension for phone in self.flows.directory.phones.values()]
                marked.wrong(f"there is no phone {marked.text()!r}", suggest(marked.text(), known))
            found += phones
        return tuple(dict.fromkeys(found))

    def _language(self) -> str:
        return self.what.one_of(self.flows.directory.town.languages, "language")

    def _number(self, key: str, default: int, most: int, *, least: int = 1) -> int:
        return self.fields[key].number(least, most) if key in self.fields else default

    def _prompt(self, marked: Marked) -> Prompt:
        """A text per language, or the name of a shared prompt."""
        if not marked.is_mapping:
            name = marked.one_of(self.flows.prompts, "prompt")
            return self.flows.prompts.get(name, Prompt(name=name, texts={}))
        return prompt(f"{self.flow}.{self.name}", marked, self.flows.directory.town.languages)


def target(
    name: str,
    own: Collection[str],
    flow: str,
    steps: Mapping[str, frozenset[str]],
    starts: Mapping[str, str],
    directory: Directory,
) -> Place | None:
    """What `name` means in `flow`, whose steps are `own`; None if it means nothing.

    `steps` are those of every written flow, `starts` where each flow begins, derived ones too.
    """
    if name in own:
        return f"{flow}.{name}"
    there, _, step = name.partition(".")
    if step and step in steps.get(there, ()):
        return name
    if name in directory.departments:
        name = directory.departments[name].flow
    elif name in directory.groups:
        name = directory.groups[name].flow
    elif name in directory.queues:
        name = directory.queues[name].flow
    name = directory.numbers.get(name, name)
    return f"{name}.{starts[name]}" if name in starts else None


def no_target(marked: Marked, directory: Directory, *known: Iterable[str], todo: str = "") -> None:
    """Notes that what is named leads nowhere; `known` are further names that it may have meant."""
    names = (*directory.departments, *directory.groups, *directory.queues, *(name for each in known for name in each))
    near = suggest(marked.text(), names) or todo
    marked.wrong(f"there is no step, flow, department, group or number {marked.text()!r}", near)


def keys_of(fields: Mapping[str, Marked], target: Callable[[Marked], Place]) -> dict[str, Place]:
    """Key -> place of what is written as `keys`, if anything is."""
    found: dict[str, Place] = {}
    for key, value in fields["keys"].items() if "keys" in fields else ():
        if key.text() not in KEYS:
            key.wrong(f"{key.text()!r} is not a key of a telephone", 'use 0 to 9, "*" or "#"')
        else:
            found[key.text()] = target(value)
    return found


def prompt(name: str, marked: Marked, languages: tuple[str, ...]) -> Prompt:
    """A prompt: every language of the town must have its text."""
    fields = marked.fields(languages, required=languages)
    for value in fields.values():
        if not audible(value.text(lines=True)):
            value.wrong("says nothing", "write what the caller hears")
    return Prompt(
        name=name, texts={language: " ".join(value.text(lines=True).split()) for language, value in fields.items()}
    )


def order(fields: Mapping[str, Marked]) -> str:
    """The order in which phones ring; all at once if nothing is written."""
    return fields["order"].one_of(ORDERS, "order of ringing") if "order" in fields else ORDERS[0]


def phones_in(directory: Directory, fields: Mapping[str, Marked]) -> tuple[str, ...]:
    """The phones of what is written as `phones`, in turn."""
    found: list[str] = []
    for marked in fields["phones"].values() if "phones" in fields else []:
        phones = phones_of(directory, marked.text())
        if not phones:
            marked.wrong(f"there is no phone {marked.text()!r}", "name the number of a person or a shared phone")
        found += phones
    return tuple(found)


def phones_of(directory: Directory, name: str) -> tuple[str, ...]:
    """The phones that `name` means: a phone, a person's or shared phone's extension, a department, a group."""
    if name in directory.phones:
        return (name,)
    person = directory.people.get(f"p{name}")  # the usual id; those with another are looked for last
    if person and person.extension == name:
        return person.phones
    if name in directory.departments:
        return directory.departments[name].phones
    if name in directory.groups:
        return directory.groups[name].phones
    if owner := next((person for person in directory.people.values() if person.extension == name), None):
        return owner.phones
    return tuple(phone.id for phone in directory.phones.values() if phone.extension == name)


def _costly(number: str) -> str:
    parsed = phonenumbers.parse(number)
    return costly(parsed.country_code or 0, phonenumbers.PhoneNumberType.to_string(phonenumbers.number_type(parsed)))
