"""Who people were that have left, out of the record of changes: for when they come back.

Belongs here: finding them. Not here: what they have again (domain.leavers).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import null, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from orchestrator.domain.leavers import Former
from orchestrator.domain.people import Box, Person, Phone
from orchestrator.store.codec import from_data
from orchestrator.store.database import snapshot
from orchestrator.store.difference import SINGULAR
from orchestrator.store.tables import edits


async def former(engine: AsyncEngine, sources: Collection[str]) -> dict[str, Former]:
    """Source -> who had it, as they were when they went last; only of `sources`."""
    gone = select(edits.c.change, edits.c.before).where(edits.c.kind == "people", edits.c.after.is_(null()))
    async with snapshot(engine) as connection:
        rows = (await connection.execute(gone.order_by(edits.c.id))).all()
        last = {row.before.get("source"): row for row in rows if row.before.get("source") in sources}
        return {source: await _former(connection, row.change, row.before) for source, row in last.items()}


async def _former(connection: AsyncConnection, change: int, row: Mapping[str, Any]) -> Former:
    asked = select(edits.c.kind, edits.c.key, edits.c.before, edits.c.after).where(edits.c.change == change)
    touched = (await connection.execute(asked.order_by(edits.c.id))).all()
    person = from_data(Person, row)
    before = {(each.kind, each.key): each.before for each in touched if each.before}
    phones = {name: from_data(Phone, before["phones", name]) for name in person.phones if ("phones", name) in before}
    box = from_data(Box, before["boxes", person.box]) if ("boxes", person.box) in before else None
    return Former(person=person, phones=phones, box=box, named=tuple(_naming(touched, person)))


def _naming(touched: Iterable[Any], person: Person) -> Iterable[str]:
    """What named somebody or their phones until the change by which they went."""
    names = {person.id, person.flow, *person.phones}
    for each in touched:
        if each.before and each.after and _named(each.before, names) and not _named(each.after, names):
            yield f"{SINGULAR[each.kind]} {each.key}"


def _named(data: Any, names: Collection[str]) -> bool:
    match data:
        case str():
            return data in names
        case list():
            return any(_named(each, names) for each in data)
        case Mapping():
            return any(_named(each, names) for each in data.values())
        case _:
            return False
