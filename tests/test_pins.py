"""PINs of mailboxes: where they lie, and which are too weak."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.messages.mailbox import Spool
from orchestrator.messages.pins import Pins, WeakPin, why_weak


def test_a_pin_lies_where_asterisk_reads_it(tmp_path: Path) -> None:
    pins = Pins(Spool(tmp_path), lambda box: "135792")
    assert pins.right("41", "135792")
    assert not pins.chosen("41")
    pins.change("41", "804162")
    assert (pins.right("41", "804162"), pins.right("41", "135792"), pins.chosen("41")) == (True, False, True)
    file = tmp_path / "voicemail" / "town" / "41" / "secret.conf"
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("[general]\npassword = 804162\n", 0o600)
    file.write_text(";!\n;! Automatically generated\n;!\n[general]\npassword=246801\n")
    assert pins.right("41", "246801")
    pins.forget("41")
    assert pins.right("41", "135792")
    with pytest.raises(WeakPin, match="at first"):
        pins.change("41", "135792")


@pytest.mark.parametrize(
    "pin",
    [
        "",
        "12345",
        "1234567890123",
        "abcdef",
        "１２３４５６",
        "111111",
        "123456",
        "987654",
        "121212",
        "890123",
        "000041",
    ],
)
def test_a_pin_that_anybody_would_guess_is_none(pin: str) -> None:
    assert why_weak("41", pin)
