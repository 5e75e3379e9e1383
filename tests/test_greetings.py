"""Which recorded greetings there are: by VoiceMailMain()'s own names, of mailboxes that exist, with their ends."""

from __future__ import annotations

from pathlib import Path

from orchestrator.compile.message import RECORDED, TEMPORARY
from orchestrator.messages.greetings import GREETINGS, end, entries
from orchestrator.messages.mailbox import Spool
from tests.test_filer import recording


def test_greetings_are_found_by_their_names(tmp_path: Path) -> None:
    town = tmp_path / "voicemail" / "town"
    for box, name in (("10", "busy"), ("10", "temp"), ("20", "closed"), ("20", "greet"), ("99", "unavail")):
        recording(town / box / f"{name}.wav", 1.0)
    (town / "20" / "unavail.wav").write_bytes(b"RIFF")  # nothing in it
    (town / "20" / "busy.txt").write_text("no sound")
    recording(town / "20" / "INBOX" / "busy.wav", 1.0)
    (town / "10" / ".lock").touch()
    end(Spool(tmp_path), "10", "temp", 1795622918.0)
    found = entries(Spool(tmp_path), {"10", "20", "30"})
    assert found == {"10/busy": "0", "10/temp": "1795622918", "20/closed": "0"}
    assert {*RECORDED.values(), TEMPORARY} == set(GREETINGS), "the dialplan plays what the telephone records"


def test_a_spool_that_is_not_there_yet_has_none(tmp_path: Path) -> None:
    assert entries(Spool(tmp_path), {"10"}) == {}
