"""What was said, in writing: in the mail where there is a model, and never a reason to be late or silent."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.messages.mail.clerk import Clerk
from orchestrator.messages.mail.composing import Composer, Enclosed, Letterhead
from orchestrator.messages.mail.letters import letters
from orchestrator.messages.mail.transcription import Untranscribed, transcribe
from orchestrator.messages.mail.transcripts import Transcripts
from orchestrator.messages.mailbox import Spool
from tests.databases import database, sqlite
from tests.mail_server import SENDER
from tests.mail_town import left, message, town
from tests.test_filer import recording

HEAD = Letterhead(sender=SENDER)


async def test_a_folder_without_a_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(Untranscribed, match="is no model: it has no model"):
        await transcribe(tmp_path, recording(tmp_path / "said.wav", 2), "de")


@pytest.mark.skipif(importlib.util.find_spec("faster_whisper") is not None, reason="the library is installed")
async def test_a_model_without_the_library_is_told_with_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "model.bin").touch()
    with pytest.raises(Untranscribed, match=r"pip install 'durchwahl\[transcription\]'"):
        await transcribe(tmp_path, recording(tmp_path / "said.wav", 2), "de")


async def test_a_model_that_is_damaged_is_told(tmp_path: Path) -> None:
    pytest.importorskip("faster_whisper", reason="the extra `transcription` is not installed")
    (tmp_path / "model.bin").write_bytes(b"nonsense")
    with pytest.raises(Untranscribed):
        await transcribe(tmp_path, recording(tmp_path / "said.wav", 2), "de")


async def test_a_mail_goes_out_without_it(tmp_path: Path) -> None:
    """The admin's model is missing: the mail says what it can."""
    left(tmp_path / "spool", message(1))
    async with database(sqlite(tmp_path)) as engine:
        clerk = Clerk(
            engine=engine,
            spool=Spool(tmp_path / "spool"),
            directory=town,
            head=lambda: HEAD,
            limit=10**7,
            transcripts=Transcripts(model=tmp_path / "nothing", spool=Spool(tmp_path / "spool")),
        )
        (letter,) = letters(town(), town().boxes["2500"], message(1))
        assert clerk.takes_long(letter)
        await clerk.prepare(letter)
        assert not clerk.takes_long(letter)
        mail = await clerk.write(letter)
    assert mail is not None
    assert [part.get_content_type() for part in mail.iter_attachments()] == ["audio/wav"]
    assert "Verstanden hat ein Computer" not in mail.get_body().get_content()  # type: ignore[union-attr]


def test_what_a_machine_understood_stands_in_the_mail_as_that() -> None:
    composer = Composer(directory=town(), head=HEAD, box=replace(town().boxes["2500"], language="de"))
    (letter,) = letters(town(), composer.box, message(1))
    said = "Guten Tag, \r\nBcc: x@y.example\u202e hier spricht Frau Grün. " * 200
    mail = composer.new(letter, message(1), Enclosed(), said)
    body = mail.get_body().get_content()  # type: ignore[union-attr]
    assert "Verstanden hat ein Computer (nicht geprüft, im Zweifel anhören):\nGuten Tag, Bcc: x@y.example hier" in body
    assert len(body) < 6000
    assert mail["Bcc"] is None
