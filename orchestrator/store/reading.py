"""A whole import: files -> the directory, or everything that is wrong in them. Nothing is written here.

Order matters: what others name comes first; flows, which may name all of it, come last. Not here: how one section is
read (read_town, read_hours, read_people, read_flows).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from orchestrator.domain import numbers, ranges, texts
from orchestrator.domain.callers import PRESETS
from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import NAME, NAME_HINT, Flow, Place
from orchestrator.domain.kinds import ONE
from orchestrator.domain.prompts import Prompt
from orchestrator.domain.queues import WaitingQueue
from orchestrator.domain.town import Town
from orchestrator.store import read_hours, read_town
from orchestrator.store.calendar import complete
from orchestrator.store.marked import Marked, Mistake, Mistakes, read
from orchestrator.store.read_flows import Flows, no_target, prompt, target
from orchestrator.store.read_people import People
from orchestrator.store.read_queues import MAILBOX, TARGETS, Queues

SECTIONS = (
    *("town", "sites", "calendars", "schedules", "people", "departments", "groups", "queues", "rooms", "phones"),
    *("boxes", "trunks", "permissions", "ranges", "retired", "waves", "switches", "switch_codes", "numbers", "singles"),
    *("prompts", "flows"),
)
KINDS = {
    section: ONE[section]
    for section in (
        *("flows", "schedules", "numbers", "sites", "trunks", "groups", "ranges", "retired", "waves", "singles"),
        *("calendars", "permissions", "queues", "rooms", "switch_codes"),
    )
}
"""Section -> what one of its entries is called in a problem."""
NAMED = (
    *("schedules", "departments", "groups", "queues", "rooms", "phones", "trunks", "permissions", "switches"),
    "flows",
)
"""Sections whose keys become names in Asterisk's configuration."""
Thing = TypeVar("Thing")


@dataclass(frozen=True, kw_only=True)
class Read:
    """What an import found. `directory` is only good if there are no mistakes."""

    directory: Directory
    mistakes: tuple[Mistake, ...]
    lines: Mapping[str, str]
    """What a problem of the proof calls `where` -> file, line and column where it is written."""


def read_files(paths: Iterable[Path], year: int) -> Read:
    """Read YAML files, or folders of them, as one directory; `year` is the current one, for holidays."""
    mistakes = Mistakes()
    return read_sections(gather(paths, mistakes), mistakes, year)


def gather(paths: Iterable[Path], mistakes: Mistakes) -> dict[str, list[Marked]]:
    """Section -> what each file says of it."""
    sections: dict[str, list[Marked]] = {name: [] for name in SECTIONS}
    for path in _files(paths, mistakes):
        if document := read(path, mistakes):
            for name, value in document.fields(SECTIONS).items():
                sections[name].append(value)
    return sections


def read_sections(sections: Mapping[str, list[Marked]], mistakes: Mistakes, year: int) -> Read:
    """The directory that `sections` say, wherever they come from; `mistakes` are those that were made before."""
    reading = Import(sections, mistakes, year)
    directory = reading.directory()
    return Read(directory=directory, mistakes=tuple(sorted(set(mistakes.found))), lines=dict(reading.lines()))


def _files(paths: Iterable[Path], mistakes: Mistakes) -> Iterable[Path]:
    for path in paths:
        found = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
        if not found:
            mistakes.found.append(Mistake(file=str(path), line=1, column=1, what="no *.yaml in this folder"))
        yield from found


@dataclass(frozen=True, kw_only=True)
class Written:
    """The flows of an import."""

    read: dict[str, Flow]
    derived: Directory
    """With the flows of everybody, which may be named too."""
    starts: Mapping[str, str]
    """Flow -> its first step, derived flows too."""
    steps: Mapping[str, frozenset[str]]
    """Written flow -> its steps."""


@dataclass
class Import:
    """One import under way."""

    sections: Mapping[str, list[Marked]]
    mistakes: Mistakes
    year: int

    def directory(self) -> Directory:
        """The directory as written, for its reader to derive; what cannot be read is left out, with mistakes noted."""
        permissions = self._each("permissions", read_town.permission)
        known = (*PRESETS, *permissions)
        town = self._town(known)
        trunks = self._each("trunks", read_town.trunk)
        calendars = self._each("calendars", read_hours.calendar)
        found = Directory(
            town=town,
            trunks=trunks,
            permissions=permissions,
            calendars=calendars,
            waves=self._each("waves", lambda name, marked: read_town.wave(name, marked, trunks)),
            sites=self._each("sites", lambda name, marked: read_town.site(name, marked, trunks)),
            schedules=self._each("schedules", lambda name, marked: read_hours.schedule(name, marked, town, calendars)),
            switches=self._each("switches", lambda name, marked: marked.text()),
            switch_codes=self._each("switch_codes", read_town.switch_code),
            retired=self._each("retired", read_town.retired),
            rooms=self._each("rooms", read_town.room),
        )
        found = People(found, self.sections, known, self._each).directory()
        found = replace(
            found,
            ranges=self._each(
                "ranges",
                lambda name, marked: read_town.number_range(name, marked, found.departments, found.sites),
            ),
            numbers=self._each("numbers", lambda number, marked: marked.text()),
            singles=self._singles(),
        )
        waiting = Queues(found)
        found = replace(found, queues=self._each("queues", waiting.queue))
        flows = self._flows(found)
        found = complete(replace(found, flows=flows.read, queues=self._led(waiting, found, flows)), self.year)
        if not self.mistakes.found:
            for problem in (*numbers.problems(found), *ranges.problems(found)):
                at = self._where(problem.where)
                at.wrong(f"{problem.where}: {problem.what}", problem.todo)
        return found

    def _each(self, section: str, make: Callable[[str, Marked], Thing]) -> dict[str, Thing]:
        """Name -> thing for every entry of a section, over all files; a name given twice is a mistake."""
        made: dict[str, Thing] = {}
        for marked in self.sections[section]:
            for key, value in marked.items():
                if key.text() in made:
                    key.wrong(f"{section}: {key.text()!r} is in another file already", "keep one of the two")
                elif section in NAMED and not NAME.fullmatch(key.text()):
                    key.wrong(f"{key.text()!r} is no name", NAME_HINT)
                else:
                    made[key.text()] = make(key.text(), value)
        return made

    def _town(self, permissions: Iterable[str]) -> Town:
        if not self.sections["town"]:
            what, todo = "no `town:` section", "add name, area and head number"
            self.mistakes.found.append(Mistake(file="(all files)", line=1, column=1, what=what, todo=todo))
            return Town(name="?", area="0", head="0")
        for more in self.sections["town"][1:]:
            more.wrong("a second `town:` section", "keep one of the two")
        return read_town.town(self.sections["town"][0], tuple(permissions))

    def _singles(self) -> dict[str, str]:
        """Public numbers without a head, in international form."""
        found = self._each("singles", lambda number, marked: marked.text())
        keys = [key for marked in self.sections["singles"] for key, _ in marked.items()]
        international = {key.text(): read_town.e164(key) for key in keys}
        return {international[written]: extension for written, extension in found.items()}

    def _led(self, waiting: Queues, found: Directory, flows: Written) -> dict[str, WaitingQueue]:
        """The queues with where they lead."""
        lines = {key.text(): value for section in self.sections["queues"] for key, value in section.items()}

        def place(marked: Marked) -> Place:
            directory = flows.derived
            known = target(marked.text(), (), "", flows.steps, flows.starts, directory)
            if not known:
                no_target(marked, directory, directory.flows, (MAILBOX,), todo=TARGETS)
            return known or ""

        return {name: waiting.led(queue, lines[name], place) for name, queue in found.queues.items()}

    def _flows(self, found: Directory) -> Written:
        derived = derive(found)
        written = {key.text(): value for section in self.sections["flows"] for key, value in section.items()}
        starts, steps = {name: flow.start for name, flow in derived.flows.items()}, {}
        for name, value in written.items():
            inside = {key.text(): field for key, field in value.items()}
            steps[name] = (
                frozenset(key.text() for key, _ in inside["steps"].items()) if "steps" in inside else frozenset()
            )
            starts[name] = inside["start"].text() if "start" in inside else ""
        for section in self.sections["numbers"]:
            for _, value in section.items():
                value.one_of(starts, "flow")
        prompts: dict[str, Prompt] = self._each(
            "prompts", lambda name, marked: prompt(name, marked, found.town.languages)
        )
        for key, _ in (pair for section in self.sections["flows"] for pair in section.items()):
            if key.text() in derived.flows:
                key.wrong(
                    f"flow {key.text()!r} is the one that the exchange makes for a department, person or phone",
                    "give yours another name, and lead a number to it",
                )
        flows = Flows(derived, {**texts.SHARED, **prompts}, starts, steps)
        return Written(read=self._each("flows", flows.flow), derived=derived, starts=starts, steps=steps)

    def lines(self) -> Iterator[tuple[str, str]]:
        """Where each thing is written that the proof may name: `town.door`, `schedule rathaus`, `number 0`."""
        for section, kind in KINDS.items():
            for marked in self.sections[section]:
                for key, value in marked.items():
                    yield f"{kind} {key.text().replace(' ', '') if kind == 'single' else key.text()}", key.at
                    steps = [each for name, each in value.items() if name.text() == "steps"] if kind == "flow" else []
                    for step, _ in (pair for each in steps for pair in each.items()):
                        yield f"{key.text()}.{step.text()}", step.at

    def _where(self, owner: str) -> Marked:
        """The line that gave `owner` its number."""
        kind, _, name = owner.partition(" ")
        sections = {"person": "people", "department": "departments", **{kind: name for name, kind in KINDS.items()}}
        section = "phones" if kind == "phone" else sections.get(kind, "numbers")
        wanted = name.partition(" ")[0].removeprefix("p" if kind == "person" else "")
        single = kind == "single"
        for marked in self.sections[section]:
            for key, _ in marked.items():
                if (key.text().replace(" ", "") if single else key.text()) == wanted:
                    return key
        return self.sections["town"][0]
