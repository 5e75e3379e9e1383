"""The central directory of a state folder: made, read, imported into, proved."""

from __future__ import annotations

import asyncio
import getpass
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson

from orchestrator.compile import sounds
from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Directory
from orchestrator.domain.prompts import Sounds
from orchestrator.domain.proof import Proof, prove
from orchestrator.service import wiring
from orchestrator.service.errors import ServiceError
from orchestrator.service.state import State
from orchestrator.store.codec import from_data, to_data
from orchestrator.store.database import NewerDatabase, migrate, open_database
from orchestrator.store.load import EmptyDirectory, load, save
from orchestrator.store.reading import read_files

APPLIED = "directory.json"
"""The file of a tree that holds the directory of which it was made, derived."""


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What an import found, and whether it was saved."""

    problems: tuple[str, ...]
    counts: Mapping[str, int]
    saved: bool


async def prepare(state: State) -> None:
    """Bring the database of `state` to this version; raises ServiceError for a newer one."""
    try:
        await asyncio.to_thread(migrate, state.database)
    except NewerDatabase as newer:
        raise ServiceError(f"{state.root}: {newer}", todo="install that version; nothing was changed") from newer


async def read(state: State) -> Directory:
    """The directory, derived; raises ServiceError if nothing was imported yet."""
    await prepare(state)
    engine = open_database(state.database)
    try:
        return derive(await load(engine, today().year))
    except EmptyDirectory:
        raise ServiceError(f"{state.root}: the directory is empty", todo="run `durchwahl import FILE…`") from None
    finally:
        await engine.dispose()


def written(directory: Directory) -> str:
    """A directory as it lies in an applied tree."""
    return orjson.dumps(to_data(directory), option=orjson.OPT_SORT_KEYS).decode() + "\n"


def of_tree(tree: Mapping[str, str], *, beside: Directory | None = None, text: str = "") -> Directory | None:
    """The directory of which a tree was made, derived; None if it has none that can be read.

    What `beside` has too is the same object, and is not read again: so two directories are compared by identity.
    `text` is `beside` as `written`, where that is at hand.
    """
    try:
        data = orjson.loads(tree[APPLIED])
        if not beside:
            return from_data(Directory, data)
        return _beside(data, beside, orjson.loads(text) if text else to_data(beside))
    except (ValueError, KeyError, TypeError):
        return None


def _beside(data: Mapping[str, Any], other: Directory, known: Mapping[str, Any]) -> Directory:
    """The directory that `data` is, made of the things of `other` where they are the same. `known`: `other` as data."""
    found: dict[str, Any] = {}
    for field in fields(Directory):
        mine = getattr(other, field.name)
        if field.name not in data or not isinstance(mine, Mapping):
            continue
        theirs = known[field.name]
        new = {key: value for key, value in data[field.name].items() if theirs.get(key) != value}
        read = getattr(from_data(Directory, {"town": data["town"], field.name: new}), field.name)
        found[field.name] = {key: read[key] if key in new else mine[key] for key in data[field.name]}
    return replace(from_data(Directory, {"town": data["town"]}), **found)


async def running(state: State) -> Directory:
    """The directory that was applied last, which is what callers meet; raises ServiceError if none was.

    It may be another than the one in the database: imported and not applied, or rolled back.
    """
    path = state.current / APPLIED
    try:
        return await asyncio.to_thread(_applied, path)
    except FileNotFoundError:
        raise ServiceError(f"{state.root} has nothing applied yet", todo="run `durchwahl apply`") from None
    except (OSError, ValueError, KeyError, TypeError) as bad:
        raise ServiceError(f"{path}: {bad}", todo="run `durchwahl apply`") from bad


def _applied(path: Path) -> Directory:
    return from_data(Directory, orjson.loads(path.read_bytes()))


async def import_files(state: State, files: Sequence[Path], *, dry_run: bool, why: str) -> Imported:
    """Read files and, if nothing is wrong in them and it is no dry run, make them the directory."""
    for path in files:
        if not path.exists():
            raise ServiceError(f"{path} does not exist", todo="name a YAML file or a folder of them")
    found = await asyncio.to_thread(read_files, files, today().year)
    problems = [str(mistake) for mistake in found.mistakes]
    if not problems:
        proof = prove(derive(found.directory), {}, today())
        written = {problem: found.lines.get(problem.where, "") for problem in proof.problems}
        # How long a prompt takes is known only when it was spoken: `check` and `apply` judge the waits.
        judged = (problem for problem in proof.problems if problem.code != "long_wait")
        problems = [f"{written[problem]}: {problem}" if written[problem] else str(problem) for problem in judged]
    counts = {
        kind: len(getattr(found.directory, kind))
        for kind in ("sites", "departments", "people", "phones", "boxes", "schedules", "trunks", "flows")
    }
    if problems or dry_run:
        return Imported(problems=tuple(problems), counts=counts, saved=False)
    await prepare(state)
    engine = open_database(state.database)
    try:
        named = ", ".join(str(path) for path in files)
        await save(engine, found.directory, who=who(), what=f"import {named}", why=why)
    finally:
        await engine.dispose()
    return Imported(problems=(), counts=counts, saved=True)


async def check(state: State) -> Proof:
    """The proof of the directory, with the true lengths of prompts that were spoken already."""
    directory = await read(state)
    return prove(directory, await asyncio.to_thread(spoken, state, directory), today())


def spoken(state: State, directory: Directory) -> Sounds:
    """The sounds of `directory` that exist; made if the voice is at hand, estimated by their reader if it is not."""
    try:
        return sounds.make(sounds.prompts_of(directory), wiring.workshop(state)).sounds
    except ServiceError:
        return {}


def today() -> date:
    """The current day in UTC: good enough for a calendar that must reach a year ahead."""
    return datetime.now(UTC).date()


def who() -> str:
    """The account that runs the command, for the record."""
    return os.environ.get("SUDO_USER") or getpass.getuser()
