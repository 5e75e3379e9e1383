"""What was changed in the directory, by whom and why; and taking a change back, as a change of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from orchestrator.domain.directory import Directory
from orchestrator.domain.problems import Problem
from orchestrator.service import directory as directories
from orchestrator.service import present, switching
from orchestrator.service.database import opened
from orchestrator.service.errors import ServiceError
from orchestrator.service.questions import when
from orchestrator.service.state import State
from orchestrator.store.calendar import complete
from orchestrator.store.changes import Change, change_of, recorded, touched_last
from orchestrator.store.difference import SINGULAR, SWITCHED, TOWN, Edit, take_back
from orchestrator.store.load import EmptyDirectory, town_of
from orchestrator.store.marked import suggest
from orchestrator.store.switched import read

SHOWN = 20
"""Edits of one change that are listed one by one."""


@dataclass(frozen=True, kw_only=True)
class Past:
    """A change as it is told; `at` is local time of the town."""

    change: Change
    at: datetime

    def lines(self) -> Iterator[str]:
        """For a person."""
        change = self.change
        yield f"{change.id}  {self.at:%Y-%m-%d %H:%M:%S}  {change.who}  {change.what}"
        if change.why:
            yield f"    why: {change.why}"
        yield from told(change.edits, change.count)


@dataclass(frozen=True, kw_only=True)
class Undone:
    """What an undo came to: `number` is the new change, 0 if nothing was saved; `how` a switch came into Asterisk."""

    edits: tuple[Edit, ...]
    problems: tuple[Problem, ...]
    number: int
    how: str = ""


def told(edits: Iterable[Edit], count: int) -> Iterator[str]:
    """Edits for a person, and how many of `count` are not among them."""
    many = 0
    for edit in edits:
        many += 1
        yield from (f"    {line}" for line in edit.lines())
    if many < count:
        yield f"    … and {count - many} more; --json shows them"


async def past(state: State, *, since: str, of: str, kind: str, limit: int, whole: bool) -> list[Past]:
    """Changes, the newest first. `of`: `person:p2500`; `kind`: `people`; raises ServiceError for another spelling."""
    kinds, key = _named(of) if of else ((_kind(kind),) if kind else (), "")
    if kind and _kind(kind) not in kinds:
        raise ServiceError(f"--of {of} and --kind {kind} name different things", todo="give one of them")
    async with opened(state) as engine:
        try:
            timezone = (await town_of(engine)).timezone
        except EmptyDirectory:
            timezone = "UTC"
        began = when(since, timezone).timestamp() if since else 0.0
        most = None if whole else SHOWN
        found = await recorded(engine, since=began, kinds=kinds, key=key, limit=limit, most=most)
    return [Past(change=each, at=datetime.fromtimestamp(each.at, ZoneInfo(timezone))) for each in found]


def _named(of: str) -> tuple[tuple[str, ...], str]:
    word, _, key = of.partition(":")
    kind = _kind(word)
    if kind == TOWN:
        return (TOWN,), ""
    if not key:
        raise ServiceError(f"{of!r} names no single thing", todo=f"write --of {SINGULAR[kind]}:NAME, or --kind {kind}")
    return (kind,), f"p{key}" if kind == "people" and key.isdigit() else key


def _kind(word: str) -> str:
    kinds = {**{kind: kind for kind in SINGULAR}, **{one: kind for kind, one in SINGULAR.items()}}
    if word not in kinds:
        known = f"known are {', '.join(SINGULAR)}"
        raise ServiceError(f"there is no kind of thing {word!r}", todo=suggest(word, kinds) or known)
    return kinds[word]


async def undo(state: State, number: int, *, why: str, dry_run: bool) -> Undone:
    """Take change `number` back, if the proof passes what comes of it.

    A switch is switched back at once. Raises ServiceError if there is no such change, or a thing that it touched was
    changed again since.
    """
    stored = await directories.read_stored(state)
    change = await _change(state, number)
    edits = tuple(Edit(kind=edit.kind, key=edit.key, before=edit.after, after=edit.before) for edit in change.edits)
    if change.edits[0].kind == SWITCHED:  # such a change has one edit
        return await _switch_back(state, change, edits[0], why=why, dry_run=dry_run)
    directory = complete(await _without(state, stored.directory, change), directories.today().year)
    problems = directories.judge(directory)
    if problems or dry_run:
        return Undone(edits=edits, problems=problems, number=0)
    what = f"undo of change {number}"
    saved = await directories.keep(state, directory, what=what, why=why, since=stored.revision)
    return Undone(edits=edits, problems=(), number=saved)


async def _switch_back(state: State, change: Change, edit: Edit, *, why: str, dry_run: bool) -> Undone:
    if (await present.now(state)).get(edit.key) != (edit.before and read(edit.before)):
        raise await _changed_again(state, change, edit, 0)
    if dry_run:
        return Undone(edits=(edit,), problems=(), number=0)
    done = await switching.restore(state, edit.key, edit.after, what=f"undo of change {change.id}", why=why)
    return Undone(edits=(edit,), problems=(), number=done.change, how=done.how)


async def _change(state: State, number: int) -> Change:
    async with opened(state) as engine:
        change = await change_of(engine, number)
    if change is None:
        raise ServiceError(f"there is no change {number}", todo="`durchwahl changes` lists them")
    if not change.edits:
        raise ServiceError(
            f"change {number} touched nothing: it is an apply, or of a version that wrote no edits",
            todo="`durchwahl switched` tells what is switched; for an old change import the files of that time",
        )
    if any(edit.kind == TOWN and edit.before is None for edit in change.edits):
        raise ServiceError(f"change {number} made the directory: before it there was none", todo="import other files")
    return change


async def _without(state: State, directory: Directory, change: Change) -> Directory:
    try:
        without, again = take_back(directory, change.edits)
    except (AttributeError, KeyError, TypeError, ValueError) as other:
        raise ServiceError(
            f"change {change.id} was written by a version that knew other things ({other})",
            todo="correct what it touched by an import",
        ) from other
    if not again:
        return without
    raise await _changed_again(state, change, again[0], len(again) - 1)


async def _changed_again(state: State, change: Change, edit: Edit, others: int) -> ServiceError:
    async with opened(state) as engine:
        later = await touched_last(engine, edit)
    more = f", and {others} more things were changed again too" if others else ""
    since = f"by change {later.id} ({later.who}: {later.what})" if later else "without a record"
    return ServiceError(
        f"change {change.id} cannot be taken back: {edit.name} was changed again since, {since}{more}",
        todo=f"`durchwahl changes --of {edit.name.replace(' ', ':')}` shows all; take back the later ones first",
    )
