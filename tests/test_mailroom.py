"""The mailroom: whatever instant it is killed at, a recording becomes one message, one case, one mail, and is gone."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from orchestrator.asterisk.ami import Account, Ami
from orchestrator.domain.directory import Directory
from orchestrator.metrics.control import Metrics
from orchestrator.service.mailroom import Mailroom
from orchestrator.service.state import create, open_state
from orchestrator.store.tables import cases, journeys, outbox
from tests import ports
from tests.databases import current, database
from tests.killed import killer
from tests.spools import message, whole
from tests.test_filer import recording
from tests.towns import small

SILENT = "import structlog, sys; structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))"


@asynccontextmanager
async def mailroom(root: Path) -> AsyncIterator[Mailroom]:
    """One whose Asterisk is away: lamps are late, and nothing else."""
    async with database(current(root)) as engine:
        ami = Ami(Account(host="127.0.0.1", port=9, user="control", secret="x"))
        yield Mailroom(state=open_state(root), directory=town, engine=engine, ami=ami, metrics=Metrics())


def town() -> Directory:
    """The small town, whose office has a mail address."""
    found = small()
    return replace(found, boxes={**found.boxes, "10": replace(found.boxes["10"], email="amt@stadt.example")})


def prepared(root: Path) -> None:
    """A state with mail, and a recording that waits."""
    create(root, listens=ports.exchange())
    with (root / "settings.toml").open("a") as settings:
        settings.write('\n[mail]\nhost = "127.0.0.1"\nport = 9\nsender = "telefon@stadt.example"\n')
    recording(root / "spool" / "recording" / "10-1.1-1-1.wav", 2)


async def file(root: Path) -> set[str]:
    async with mailroom(root) as room:
        return await room.file("1.1", caller="0171", at=1.0, boxes=("10",))


@pytest.mark.long
@pytest.mark.timeout(900)  # beside others each of a hundred kills takes seconds
def test_killed_at_every_line_a_recording_becomes_one_message_one_case_and_one_mail(tmp_path: Path) -> None:
    files = ("service/mailroom.py", "messages/api.py", "messages/ledger.py")
    with killer(
        imports=f"{SILENT}; import asyncio; from pathlib import Path; from tests.test_mailroom import file",
        work="asyncio.run(file(Path(at)))",
        files=files,
    ) as killing:
        for line in range(300):
            root = tmp_path / str(line)
            prepared(root)
            survived = killing.survives(root, line)
            assert asyncio.run(file(root)) == {"message"}
            asyncio.run(once(root))
            if survived:
                assert line > 20, "the child was never killed"
                return
    pytest.fail("the mailroom never came to its end")


async def once(root: Path) -> None:
    async with mailroom(root) as room:
        assert whole(room.filer.spool, "10") == {"INBOX": {"1.1-1": 2.0}}
        assert not list(room.filer.spool.recordings.iterdir())
        async with room.engine.connect() as connection:
            assert [row.message for row in await connection.execute(select(cases))] == ["1.1-1"]
            letters = [(row.key, row.state) for row in await connection.execute(select(outbox))]
        assert letters == [("message:1.1-1:amt@stadt.example", "waiting")]


async def test_one_box_that_cannot_be_written_holds_up_nobody(tmp_path: Path) -> None:
    """Its recording waits; those of others are filed, and what is old in other boxes goes."""
    prepared(tmp_path)
    recording(tmp_path / "spool" / "recording" / "3501-2.2-1-1.wav", 2)
    async with mailroom(tmp_path) as room:
        message(room.filer.spool, "3501", "old", at=time.time() - 100 * 86400)
        broken = room.filer.spool.box("10").path
        broken.parent.mkdir(parents=True, exist_ok=True)
        broken.write_text("a file where a folder should be")
        for path in room.filer.spool.recordings.iterdir():
            os.utime(path, (0, time.time() - 700))
        await room.stale(frozenset())
        await room.forget()
        assert whole(room.filer.spool, "3501") == {"INBOX": {"2.2-1": 2.0}}
        assert [path.name for path in room.filer.spool.recordings.iterdir()] == ["10-1.1-1-1.wav"]
        assert b"durchwahl_boxes_broken 1.0" in room.metrics.text()
        broken.unlink()
        await room.stale(frozenset())
        await room.forget()
        assert whole(room.filer.spool, "10") == {"INBOX": {"1.1-1": 2.0}}
        assert b"durchwahl_boxes_broken 0.0" in room.metrics.text()


async def test_a_recording_whose_call_is_not_over_is_left_alone(tmp_path: Path) -> None:
    """However old one take of it is: its caller is known when the call is."""
    prepared(tmp_path)
    recordings = tmp_path / "spool" / "recording"
    os.utime(recordings / "10-1.1-1-1.wav", (0, time.time() - 700))
    recording(recordings / "10-1.1-1-2.wav", 3)
    async with mailroom(tmp_path) as room:
        await room.stale(frozenset())
        assert len(list(recordings.iterdir())) == 2, "a take of it is new"
        os.utime(recordings / "10-1.1-1-2.wav", (0, time.time() - 700))
        await room.stale(frozenset({"1.1"}))
        assert len(list(recordings.iterdir())) == 2, "the call is not over, or not read yet"
        await room.stale(frozenset())
        assert whole(room.filer.spool, "10") == {"INBOX": {"1.1-1": 3.0}}


async def test_nothing_is_deleted_for_its_age_by_a_clock_that_leaps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared(tmp_path)
    true = time.time
    async with mailroom(tmp_path) as room:
        message(room.filer.spool, "10", "m", at=true())
        monkeypatch.setattr(time, "time", lambda: true() + 200 * 86400)
        await room.forget()
        assert whole(room.filer.spool, "10") == {"INBOX": {"m": 2.0}}
        monkeypatch.setattr(time, "time", true)
        message(room.filer.spool, "10", "old", at=true() - 200 * 86400)
        await room.forget()
        assert whole(room.filer.spool, "10") == {"INBOX": {"m": 2.0}}


async def test_a_lamp_that_could_not_be_told_is_told_later(tmp_path: Path) -> None:
    prepared(tmp_path)
    async with mailroom(tmp_path) as room:
        await room.file("1.1", caller="", at=1.0)
        assert room.dark == {"10"}
    async with mailroom(tmp_path) as again:
        await again.relight()
        assert again.dark == {"10"}, "who begins knows not what was told before"


@pytest.mark.parametrize("claimed", ["1.1", ""])
async def test_a_box_that_is_damaged_keeps_up_no_other_and_gets_its_message_in_the_end(
    tmp_path: Path, claimed: str
) -> None:
    prepared(tmp_path)
    kept = tmp_path / "spool" / "recording" / "10-1.1-1-1.wav"
    recording(tmp_path / "spool" / "recording" / "3501-2.2-1-1.wav", 2)
    box = tmp_path / "spool" / "voicemail" / "town" / "10"
    box.parent.mkdir(parents=True, exist_ok=True)
    box.write_text("a file where the folder of a box should be")
    async with mailroom(tmp_path) as room:
        assert await room.file("1.1", caller="0171", at=1000.0) == {"message"}
        assert await room.file("2.2", caller="0171", at=1000.0) == {"message"}
        assert kept.exists()
        assert len(room.filer.spool.box("3501").messages()) == 1
        async with room.engine.begin() as connection:
            written = {"id": "1.1", "began": 1000.0, "ended": 1010.0, "caller": "0171", "recording": claimed}
            texts = dict.fromkeys(("number", "flow", "outcome", "place", "unexpected"), "")
            await connection.execute(insert(journeys), [{**texts, **written, "steps": [], "test": False}])
        os.utime(kept, (2000.0, 2000.0))
        box.unlink()
        await room.stale(frozenset())
        (message,) = room.filer.spool.box("10").messages()
        assert (message.caller, message.at) == ("0171", 1000.0)
        assert not kept.exists()
