"""The directory as files and as an answer: export, and what it knows about one thing.

Belongs here: files written whole. Not here: how a section is written (store.writing, store.tables_out).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Ring
from orchestrator.domain.numbers import written
from orchestrator.domain.spelling import extension
from orchestrator.service.errors import ServiceError
from orchestrator.service.importing import Scope
from orchestrator.store.comparison import SINGULAR
from orchestrator.store.tables_out import NAMES, tables
from orchestrator.store.writing import FILES, files, sections
from orchestrator.store.written import text

SECTIONS: Mapping[str, str] = {**{kind: section for section, kind in SINGULAR.items()}, "retired": "retired"}
"""What one thing is called -> its section."""


def export(directory: Directory, folder: Path, *, csv: bool = False) -> list[Path]:
    """Write the files of an export into `folder`, each of them whole or not at all; files of ours that are empty go."""
    found = sections(directory)
    made = tables(found) if csv else files(found)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in made.items():
        _write(folder / name, content)
    for name in (NAMES if csv else FILES.keys()) - made.keys():
        (folder / name).unlink(missing_ok=True)
    return [folder / name for name in made]


def whole(directory: Directory) -> str:
    """The whole directory as one YAML file."""
    return "\n".join(files(sections(directory)).values())


def _write(path: Path, content: str) -> None:
    descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(beside).chmod(0o640)
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def scope(directory: Directory, kind: str, key: str = "") -> Scope:
    """What an admin names: a section, or `person 2500`; raises ServiceError for what there is not."""
    found = sections(directory)
    section = SECTIONS.get(kind, kind) if key else kind
    if section not in found or (key and section == "town"):
        known = ", ".join(SECTIONS) if key else ", ".join(found)
        raise ServiceError(f"there is no {'kind of thing' if key else 'section'} {kind!r}", todo=f"known: {known}")
    key = extension(directory, key) or key if section in ("people", "numbers", "retired") else key
    if key and key not in found[section]:
        raise ServiceError(f"there is no {kind} {key!r}", todo="look at `durchwahl export -`")
    return Scope(section=section, key=key)


def scoped(directory: Directory, scope: Scope) -> str:
    """The text of what `scope` names."""
    things = sections(directory)[scope.section]
    return text({scope.section: {scope.key: things[scope.key]} if scope.key else things})


def show(directory: Directory, kind: str, key: str) -> list[str]:
    """What the directory knows about one thing, and all that leads there; raises ServiceError if there is no such."""
    derived = derive(directory)
    if kind == "number":
        number = extension(directory, key) or key
        flow = derived.numbers.get(number, "")
        if not flow and number not in directory.retired:
            raise ServiceError(f"nobody has the number {number}", todo="look at `durchwahl export -`")
        lines = [written(directory.town, number)]
        lines += [f"belongs to {owner}" for each, owner in derived.owners() if each == number]
        lines += [f"leads to flow {flow}"] if flow else []
        lines += [f"retired: its callers are led to {each.to}" for each in [directory.retired.get(number)] if each]
        lines += [f"also dialled as {single}" for single, means in directory.singles.items() if means == number]
        return [*lines, *(f"part of range {name}" for name, span in directory.ranges.items() if number in span)]
    named = scope(directory, kind, key)
    return [*scoped(directory, named).rstrip().splitlines()[1:], *_leading(derived, named)]


def _leading(derived: Directory, scope: Scope) -> Iterator[str]:
    """Numbers, departments, groups, steps and people that lead to a person, a department or a group."""
    things = getattr(derived, scope.section)
    if scope.section == "people":
        owner = next(person for person in things.values() if person.extension == scope.key)
    elif scope.section in ("departments", "groups"):
        owner = things[scope.key]
    else:
        return
    for number, flow in sorted(derived.numbers.items()):
        if flow == owner.flow:
            yield f"number {written(derived.town, number)} leads here"
    for single, means in derived.singles.items():
        if derived.numbers.get(means) == owner.flow:
            yield f"number {single} leads here"
    for number, old in derived.retired.items():
        if derived.numbers.get(old.to) == owner.flow:
            yield f"retired number {number} is led here until {old.until}"
    mine = set(owner.phones)
    for kind, group in (("department", derived.departments), ("group", derived.groups)):
        for name, each in group.items():
            if each is not owner and mine & set(each.phones):
                yield f"{kind} {name} rings {', '.join(sorted(mine & set(each.phones)))}"
    for place, step in derived.graph.items():
        flow = place.partition(".")[0]
        if flow != owner.flow and (owner.flow in {to.partition(".")[0] for to in step.exits.values()}):
            yield f"{place} leads here"
        elif flow != owner.flow and isinstance(step, Ring) and mine & set(step.phones):
            yield f"{place} rings {', '.join(sorted(mine & set(step.phones)))}"
