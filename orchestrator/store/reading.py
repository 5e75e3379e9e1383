"""A whole import: files -> the directory, or everything that is wrong in them. Nothing is written here.

Order matters: sites and schedules first, then people and departments, then flows, which may name all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from orchestrator.domain import numbers, texts
from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Box, Department, Directory, Person, Phone, Site, Town, Trunk
from orchestrator.domain.flow import NAME, NAME_HINT, Flow
from orchestrator.domain.numbers import E164
from orchestrator.domain.prompts import Prompt
from orchestrator.domain.references import RESERVED_PHONES
from orchestrator.store.marked import Marked, Mistake, Mistakes, read
from orchestrator.store.read_flows import Flows, phones_of, prompt
from orchestrator.store.read_hours import schedule

SECTIONS = ("town", "sites", "schedules", "people", "departments", "phones", "trunks", "numbers", "prompts", "flows")
KINDS = {"flows": "flow", "schedules": "schedule", "numbers": "number", "sites": "site", "trunks": "trunk"}
"""Section -> what one of its entries is called in a problem."""
NAMED = ("schedules", "departments", "phones", "trunks", "flows")
"""Sections whose keys become names in Asterisk's configuration."""
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-f:]+\]")
SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:-]*(/[0-9]{1,3})?")
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
    sections: dict[str, list[Marked]] = {name: [] for name in SECTIONS}
    for path in _files(paths, mistakes):
        if document := read(path, mistakes):
            for name, value in document.fields(SECTIONS).items():
                sections[name].append(value)
    reading = Import(sections, mistakes, year)
    directory = reading.directory()
    return Read(directory=directory, mistakes=tuple(sorted(set(mistakes.found))), lines=dict(reading.lines()))


def _files(paths: Iterable[Path], mistakes: Mistakes) -> Iterable[Path]:
    for path in paths:
        found = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
        if not found:
            mistakes.found.append(Mistake(file=str(path), line=1, column=1, what="no *.yaml in this folder"))
        yield from found


@dataclass
class Import:
    """One import under way."""

    sections: Mapping[str, list[Marked]]
    mistakes: Mistakes
    year: int

    def directory(self) -> Directory:
        """The directory as written, for its reader to derive; what cannot be read is left out, with mistakes noted."""
        town = self._town()
        found = Directory(
            town=town,
            sites=self._each("sites", _site),
            trunks=self._each("trunks", _trunk),
            schedules=self._each("schedules", lambda name, marked: schedule(name, marked, town, self.year)),
        )
        people = {f"p{number}": person for number, person in self._people(found).items()}
        found = replace(found, people=people, phones=self._phones(found, people))
        departments = self._each("departments", lambda name, marked: self._department(found, name, marked))
        found = replace(found, departments=departments, boxes=self._boxes(people, departments), numbers=self._numbers())
        found = self._people_checked(found)
        found = replace(found, flows=self._flows(found))
        if not self.mistakes.found:
            for problem in numbers.problems(found):
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

    def _town(self) -> Town:
        if not self.sections["town"]:
            self.mistakes.found.append(
                Mistake(
                    file="(all files)",
                    line=1,
                    column=1,
                    what="no `town:` section",
                    todo="add name, area and head number",
                )
            )
            return Town(name="?", area="0", head="0")
        marked = self.sections["town"][0]
        for more in self.sections["town"][1:]:
            more.wrong("a second `town:` section", "keep one of the two")
        known = ("name", "area", "head", "country", "region", "timezone", "languages", "catch_all", "longest_wait")
        fields = marked.fields(known, required=("name", "area", "head"))
        texts = {key: value.text() for key, value in fields.items() if key not in ("languages", "longest_wait")}
        for key in ("area", "head", "country"):
            if key in texts and not re.fullmatch("[0-9]+", texts[key]):
                fields[key].wrong(f"{texts[key]!r} is not a number", "write digits only, in quotes")
        texts["area"] = texts.get("area", "0").lstrip("0") or "0"  # written 06205, dialled from abroad without the 0
        more_: dict[str, object] = {}
        if "languages" in fields:
            more_["languages"] = tuple(language.text() for language in fields["languages"].values())
        if "longest_wait" in fields:
            more_["longest_wait"] = fields["longest_wait"].number(30, 900)
        return Town(**{"name": "?", "area": "0", "head": "0", **texts, **more_})  # type: ignore[arg-type]

    def _people(self, found: Directory) -> dict[str, Person]:
        known = ("first", "last", "department", "site", "email", "language", "function", "box", "stand_in", "ring")
        departments = [key.text() for section in self.sections["departments"] for key, _ in section.items()]
        sites = {
            key.text(): fields["site"].text()
            for section in self.sections["departments"]
            for key, value in section.items()
            if "site" in (fields := {name.text(): field for name, field in value.items()})
        }

        def person(number: str, marked: Marked) -> Person:
            fields = marked.fields(known, required=("first", "last", "department"))
            text = {key: value.text() for key, value in fields.items()}
            department = fields["department"].one_of(departments, "department") if "department" in fields else ""
            site = fields["site"].one_of(found.sites, "site") if "site" in fields else sites.get(department, "")
            return Person(
                id=f"p{number}",
                first_name=text.get("first", ""),
                last_name=text.get("last", ""),
                department=department,
                site=site,
                extension=number,
                phones=(f"tel{number}",),
                box=number if "box" in fields and fields["box"].yes() else "",
                email=text.get("email", ""),
                language=fields["language"].one_of(found.town.languages, "language") if "language" in fields else "de",
                function=text.get("function", ""),
                stand_in=f"p{text['stand_in']}" if "stand_in" in text else "",
                ring_seconds=fields["ring"].number(5, 60) if "ring" in fields else 20,
            )

        return self._each("people", person)

    def _people_checked(self, found: Directory) -> Directory:
        for section in self.sections["people"]:
            for _, value in section.items():
                for key, stand_in in value.items():
                    if key.text() == "stand_in":
                        stand_in.one_of([person.extension for person in found.people.values()], "person with number")
        return found

    def _phones(self, found: Directory, people: Mapping[str, Person]) -> dict[str, Phone]:
        def shared(name: str, marked: Marked) -> Phone:
            if name in RESERVED_PHONES or name in own:
                marked.wrong(f"{name!r} is a phone already, of a person or of the exchange itself", "rename this one")
            fields = marked.fields(("site", "label", "number"), required=("site", "number"))
            return Phone(
                id=name,
                site=fields["site"].one_of(found.sites, "site") if "site" in fields else "",
                label=fields["label"].text() if "label" in fields else name,
                extension=fields["number"].text() if "number" in fields else "0",
            )

        own = {
            phone: Phone(id=phone, site=person.site, label=person.name, extension=person.extension)
            for person in people.values()
            for phone in person.phones
        }
        return {**own, **self._each("phones", shared)}

    def _department(self, found: Directory, name: str, marked: Marked) -> Department:
        known = ("name", "site", "number", "schedule", "phones", "box", "parent", "stand_in", "ring")
        fields = marked.fields(known, required=("name", "site", "number", "schedule", "phones"))
        departments = [key.text() for section in self.sections["departments"] for key, _ in section.items()]
        number = fields["number"].text() if "number" in fields else "0"
        phones: list[str] = []
        for phone in fields["phones"].values() if "phones" in fields else []:
            named = phones_of(found, phone.text())
            if not named:
                phone.wrong(f"there is no phone {phone.text()!r}", "name the number of a person or a shared phone")
            phones += named
        return Department(
            id=name,
            name=fields["name"].text() if "name" in fields else name,
            site=fields["site"].one_of(found.sites, "site") if "site" in fields else "",
            extension=number,
            schedule=fields["schedule"].one_of(found.schedules, "schedule") if "schedule" in fields else "",
            box=fields["box"].text() if "box" in fields else number,
            phones=tuple(phones),
            parent=fields["parent"].one_of(departments, "department") if "parent" in fields else "",
            stand_in=fields["stand_in"].one_of(departments, "department") if "stand_in" in fields else "",
            ring_seconds=fields["ring"].number(5, 60) if "ring" in fields else 20,
        )

    def _boxes(self, people: Mapping[str, Person], departments: Mapping[str, Department]) -> dict[str, Box]:
        boxes = {each.box: Box(id=each.box, name=each.name) for each in departments.values()}
        own = {each.box: Box(id=each.box, name=each.name, email=each.email) for each in people.values() if each.box}
        return {**own, **boxes}

    def _numbers(self) -> dict[str, str]:
        return self._each("numbers", lambda number, marked: marked.text())

    def _flows(self, found: Directory) -> dict[str, Flow]:
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
        return self._each("flows", flows.flow)

    def lines(self) -> Iterator[tuple[str, str]]:
        """Where each thing is written that the proof may name: `town.door`, `schedule rathaus`, `number 0`."""
        for section, kind in KINDS.items():
            for marked in self.sections[section]:
                for key, value in marked.items():
                    yield f"{kind} {key.text()}", key.at
                    steps = [each for name, each in value.items() if name.text() == "steps"] if kind == "flow" else []
                    for step, _ in (pair for each in steps for pair in each.items()):
                        yield f"{key.text()}.{step.text()}", step.at

    def _where(self, owner: str) -> Marked:
        """The line that gave `owner` its number."""
        kind, _, name = owner.partition(" ")
        sections = {"person": "people", "department": "departments", "number": "numbers", "phone": "phones"}
        section = sections.get(kind, "numbers")
        wanted = name.partition(" ")[0].removeprefix("p" if kind == "person" else "")
        for marked in self.sections[section]:
            for key, _ in marked.items():
                if key.text() == wanted:
                    return key
        return self.sections["town"][0]


def _site(name: str, marked: Marked) -> Site:
    fields = marked.fields(("name", "address", "emergency", "wave"), required=("name", "address", "emergency"))
    emergency = fields["emergency"].text().replace(" ", "") if "emergency" in fields else "+49110"
    if not E164.fullmatch(emergency):
        fields["emergency"].wrong(f"{emergency!r} is not a number in international form", "write it as +49 6205 2110")
    return Site(
        id=name,
        name=fields["name"].text() if "name" in fields else name,
        address=fields["address"].text() if "address" in fields else "",
        emergency_number=emergency,
        wave=fields["wave"].number(1, 99) if "wave" in fields else 1,
    )


def _trunk(name: str, marked: Marked) -> Trunk:
    fields = marked.fields(("host", "port", "sources"), required=("host",))
    sources = fields["sources"].values() if "sources" in fields else []
    for each, grammar in ((fields.get("host", marked), HOST), *((source, SOURCE) for source in sources)):
        if each is not marked and not grammar.fullmatch(each.text()):
            each.wrong(f"{each.text()!r} is not an address", "write 192.0.2.1, sip.example.net or 192.0.2.0/24")
    return Trunk(
        id=name,
        host=fields["host"].text() if "host" in fields else "",
        port=fields["port"].number(1, 65535) if "port" in fields else 5060,
        sources=tuple(source.text() for source in sources),
    )
