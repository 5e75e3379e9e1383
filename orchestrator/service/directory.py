"""The central directory of a state folder: made, read, imported into, proved."""

from __future__ import annotations

import asyncio
import getpass
import os
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from orchestrator.compile import sounds
from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Directory
from orchestrator.domain.problems import Problem
from orchestrator.domain.prompts import Sounds
from orchestrator.domain.proof import Proof, prove
from orchestrator.service import wiring
from orchestrator.service.database import opened
from orchestrator.service.errors import ServiceError
from orchestrator.service.state import State
from orchestrator.store import lines
from orchestrator.store.load import EmptyDirectory, Overtaken, Stored, load_stored, save
from orchestrator.store.reading import Read

APPLIED = "directory.jsonl"
"""The file of a tree that holds the directory of which it was made, derived."""


async def read(state: State) -> Directory:
    """The directory, derived; raises ServiceError if nothing was imported yet."""
    return derive(await plain(state))


async def plain(state: State) -> Directory:
    """The directory as it was written, not derived; raises ServiceError if nothing was imported yet."""
    return (await read_stored(state)).directory


async def read_stored(state: State) -> Stored:
    """The directory as it was written, not derived, and its revision; raises ServiceError if nothing was imported."""
    if (found := await stored(state)) is None:
        raise ServiceError(f"{state.root}: the directory is empty", todo="run `durchwahl import FILE…`")
    return found


async def stored(state: State) -> Stored | None:
    """The directory as it was written, and its revision; None if nothing was imported yet."""
    async with opened(state) as engine:
        try:
            return await load_stored(engine, today().year)
        except EmptyDirectory:
            return None


async def keep(state: State, directory: Directory, *, what: str, why: str, since: int | None) -> int:
    """Save what the proof has passed, in the name of who runs us; the number of the change, 0 if nothing differs.

    Raises ServiceError if somebody else changed the directory after revision `since`; None: whatever is there goes.
    """
    demand(state, why)
    async with opened(state) as engine:
        try:
            return await save(engine, directory, who=who(), what=what, why=why, since=since)
        except Overtaken as other:
            at = f"{datetime.fromtimestamp(other.at, ZoneInfo(directory.town.timezone)):%Y-%m-%d %H:%M:%S}"
            raise ServiceError(
                f"{state.root}: the directory was changed meanwhile: change {other.id} by {other.who}"
                f" at {at}, {other.what}; nothing was saved",
                todo="look at it with `durchwahl changes`, then run this command again",
            ) from None


def judge(directory: Directory) -> tuple[Problem, ...]:
    """What stands against saving a directory (not derived).

    How long a prompt takes is known only when it was spoken: `check` and `apply` judge the waits.
    """
    return tuple(problem for problem in prove(derive(directory), {}, today()).problems if problem.code != "long_wait")


def of_tree(tree: Mapping[str, str], *, beside: Directory | None = None, written: str = "") -> Directory | None:
    """The directory of which a tree was made, derived; None if it has none that can be read.

    What `beside` has too is the same object, and is not read again: so two directories are compared by identity.
    `written` is `beside` as store.lines has it, where that is at hand.
    """
    try:
        if beside:
            return lines.read_beside(tree[APPLIED], beside, written or lines.write(beside))
        return lines.read(tree[APPLIED])
    except (ValueError, KeyError, TypeError):
        return None


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
    return lines.read(path.read_text(encoding="utf-8"))


def judged(found: Read) -> tuple[str, ...]:
    """What is wrong with a directory that was read: mistakes in it, else what the proof finds."""
    if found.mistakes:
        return tuple(str(mistake) for mistake in found.mistakes)
    told = judge(found.directory)
    written = [found.lines.get(problem.where, "") for problem in told]
    return tuple(f"{at}: {problem}" if at else str(problem) for at, problem in zip(written, told, strict=True))


def counted(directory: Directory) -> Mapping[str, int]:
    """How many there are of what an admin counts."""
    kinds = ("sites", "departments", "people", "phones", "boxes", "schedules", "trunks", "flows", "queues", "rooms")
    return {kind: len(getattr(directory, kind)) for kind in kinds}


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


def demand(state: State, why: str) -> None:
    """Raises ServiceError where the settings ask for a reason and there is none."""
    if state.settings().require_why and not why.strip():
        raise ServiceError("nothing is changed here without a reason; nothing was", todo='add --why "…"')


def who() -> str:
    """The account that runs the command, for the record."""
    return os.environ.get("SUDO_USER") or getpass.getuser()
