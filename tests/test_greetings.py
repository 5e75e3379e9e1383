"""Which recorded greetings there are: by VoiceMailMain()'s own names, of mailboxes that exist, with their ends."""

from __future__ import annotations

from pathlib import Path

from orchestrator.messages.greetings import FILES, entries
from tests.test_filer import recording

AT_THE_END = {"10/temp": 1795622918}


def test_greetings_are_found_by_their_names(tmp_path: Path) -> None:
    town = tmp_path / "voicemail" / "town"
    for box, name in (("10", "busy"), ("10", "temp"), ("20", "closed"), ("20", "greet"), ("99", "unavail")):
        recording(town / box / f"{name}.wav", 1.0)
    (town / "20" / "unavail.wav").write_bytes(b"RIFF")  # nothing in it
    (town / "20" / "busy.txt").write_text("no sound")
    recording(town / "20" / "INBOX" / "busy.wav", 1.0)
    (town / "10" / ".lock").touch()
    found = entries(tmp_path, {"10", "20", "30"}, AT_THE_END)
    assert found == {"10/busy": "0", "10/temp": "1795622918", "20/closed": "0"}
    assert {"busy", "unavail", "temp", "closed"} == FILES


def test_a_spool_that_is_not_there_yet_has_none(tmp_path: Path) -> None:
    assert entries(tmp_path, {"10"}, AT_THE_END) == {}
