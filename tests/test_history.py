"""What is asked of the calls that are kept goes by an index, on both databases: there are nine million of them in a
town that has 100,000 a day.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest
from sqlalchemy import URL, Connection, event

from benchmarks import growth
from orchestrator.store.database import brief
from tests.databases import database

NOW = time.time()
QUESTIONS = growth.asked(NOW)
BY = {
    "journeys --unexpected": ("unexpected",),
    "who left a recording": ("recording",),
    "forget, each minute": ("numbers", "began", "tests"),
}
"""The index of each statement, where it is not the one of when a call began."""
CALLS = 2000


async def asked(url: URL, what: str) -> list[tuple[str, Sequence[object]]]:
    """The statements of a question, with what is put into them."""
    found: list[tuple[str, Sequence[object]]] = []
    engine = brief(url)

    def hear(connection: object, cursor: object, statement: str, parameters: Sequence[object], *more: object) -> None:
        found.append((statement, parameters))

    event.listen(engine.sync_engine, "before_cursor_execute", hear)
    try:
        await QUESTIONS[what](engine)
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", hear)
    return [each for each in found if "journeys" in each[0]]


def plan_of(connection: Connection, statement: str, parameters: Sequence[object]) -> str:
    """How a statement is answered whatever is put into it: as by a control that has asked it many times."""
    if connection.dialect.name == "sqlite":
        asked = f"EXPLAIN QUERY PLAN {statement}", tuple(None for _ in parameters)
        return "\n".join(str(row) for row in connection.exec_driver_sql(*asked))
    connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # which is right for so few
    connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_generic_plan")
    connection.exec_driver_sql(f"PREPARE asked AS {statement}")
    values = ", ".join(f"'{each}'" for each in parameters)
    made = connection.exec_driver_sql(f"EXPLAIN EXECUTE asked{f'({values})' if values else ''}")
    plan = "\n".join(str(row) for row in made)
    connection.exec_driver_sql("DEALLOCATE asked")
    return plan


@pytest.mark.parametrize("what", QUESTIONS)
async def test_nobody_goes_through_all_calls(url: URL, what: str) -> None:
    async with database(url) as engine:
        await growth.fill(engine, CALLS, NOW)
        statements = await asked(url, what)
        assert statements

        async with engine.begin() as connection:
            plans = [await connection.run_sync(plan_of, *each) for each in statements]
            for plan, index in zip(plans, BY.get(what, ("began",)), strict=True):
                assert "SCAN" not in plan, plan
                assert "Seq Scan" not in plan, plan
                assert f"ix_journeys_{index}" in plan, plan


async def test_what_is_asked_finds_what_there_is(url: URL) -> None:
    async with database(url) as engine:
        await growth.fill(engine, CALLS, NOW)
        found = {name: await ask(engine) for name, ask in QUESTIONS.items() if name.startswith("journeys")}
        assert len(found["journeys"]) == 50
        unexpected = found["journeys --unexpected"]
        assert unexpected
        assert {past.unexpected for past in unexpected} == {"another way"}
