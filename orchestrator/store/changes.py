"""The record of what was changed, by whom and why. It is read here and nowhere altered: the database refuses that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from orchestrator.store.database import snapshot
from orchestrator.store.difference import SWITCHED, Edit
from orchestrator.store.tables import changes, edits


@dataclass(frozen=True, kw_only=True)
class Change:
    """One save. `at` is seconds since the epoch; `count` is how many things it touched, `edits` may be fewer."""

    id: int
    at: float
    who: str
    what: str
    why: str
    count: int
    edits: tuple[Edit, ...]


async def recorded(
    engine: AsyncEngine,
    *,
    since: float = 0.0,
    kinds: Sequence[str] = (),
    key: str = "",
    limit: int = 50,
    most: int | None = None,
) -> list[Change]:
    """Changes since `since`, the newest first, each with `most` of its edits; None: all of them.

    With `kinds` and `key` only changes of such things, and only their edits.
    """
    asked = select(changes).where(changes.c.at >= since).order_by(changes.c.id.desc()).limit(limit)
    if kinds or key:
        asked = asked.where(changes.c.id.in_(_of(select(edits.c.change), kinds, key)))
    async with snapshot(engine) as connection:
        found = (await connection.execute(asked)).mappings().all()
        return [await _change(connection, change, kinds, key, most) for change in found]


async def change_of(engine: AsyncEngine, number: int) -> Change | None:
    """The change `number`, whole."""
    async with snapshot(engine) as connection:
        found = (await connection.execute(select(changes).where(changes.c.id == number))).mappings().first()
        return await _change(connection, found, (), "", None) if found else None


async def changed(engine: AsyncEngine, since: float) -> float:
    """When the directory was first changed after `since`; else when it was changed last; 0: never. Seconds as `at`."""
    ours = changes.c.id.in_(select(edits.c.change).where(edits.c.kind != SWITCHED))
    async with engine.connect() as connection:
        first = await connection.execute(select(func.min(changes.c.at)).where(ours, changes.c.at > since))
        if (at := first.scalar()) is None:
            at = (await connection.execute(select(func.max(changes.c.at)).where(ours))).scalar()
    return at or 0.0


async def touched_last(engine: AsyncEngine, edit: Edit) -> Change | None:
    """The last change of the thing that `edit` is about, with that edit alone."""
    found = await recorded(engine, kinds=(edit.kind,), key=edit.key, limit=1)
    return found[0] if found else None


async def _change(connection: AsyncConnection, change: Any, kinds: Sequence[str], key: str, most: int | None) -> Change:
    of = edits.c.change == change["id"]
    count = (await connection.execute(_of(select(func.count()).select_from(edits), kinds, key).where(of))).scalar_one()
    asked = _of(select(edits.c.kind, edits.c.key, edits.c.before, edits.c.after), kinds, key)
    found = (await connection.execute(asked.where(of).order_by(edits.c.id).limit(most))).mappings()
    return Change(**change, count=count, edits=tuple(Edit(**each) for each in found))


def _of(asked: Select[Any], kinds: Sequence[str], key: str) -> Select[Any]:
    asked = asked.where(edits.c.kind.in_(kinds)) if kinds else asked
    return asked.where(edits.c.key == key) if key else asked
