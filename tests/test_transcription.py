"""What was said, in writing: in the mail where there is a model, and never a reason to be late or silent."""

from __future__ import annotations

import importlib.util
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.compile import speech
from orchestrator.messages.mail import transcription
from orchestrator.messages.mail.clerk import Clerk
from orchestrator.messages.mail.composing import Composer, Enclosed, Letterhead
from orchestrator.messages.mail.letters import letters
from orchestrator.messages.mail.transcription import Untranscribed, transcribe
from orchestrator.messages.mail.transcripts import Transcripts
from orchestrator.messages.mailbox import Spool
from orchestrator.phone.sound import Sound, write_wav
from orchestrator.service import wiring
from tests import tiny_whisper
from tests.databases import current, database
from tests.mail_server import SENDER
from tests.mail_town import left, message, town
from tests.test_filer import recording

HEAD = Letterhead(sender=SENDER)
WORDS = "Guten Tag, hier ist eine Nachricht. Bitte rufen Sie mich wegen des Ausweises zurück, es eilt nicht."


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that the library takes for a real one, and whose words are nonsense."""
    pytest.importorskip("faster_whisper", reason="the extra `transcription` is not installed")
    return tiny_whisper.make(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence as Asterisk records it."""
    folder = tmp_path_factory.mktemp("said")
    speaker = wiring.program("espeak-ng")
    samples, rate = speech.speak(speech.espeak(speaker.argv, speaker.env, speaker.version), WORDS, "de")
    heard = speech.resample(speech.fit(samples), rate, 8000)
    write_wav(folder / "said.wav", Sound(samples=[int(32767 * sample) for sample in heard]))
    return folder / "said.wav"


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


async def test_what_was_said_is_heard_by_a_model_of_the_right_kind(model: Path, said: Path) -> None:
    text = await transcribe(model, said, "de")
    assert "wort" in text
    assert text == text.strip()
    assert len(text) <= transcription.LONGEST


async def test_a_tone_is_nothing_said(model: Path, tmp_path: Path) -> None:
    assert await transcribe(model, recording(tmp_path / "tone.wav", 3), "de") == ""


async def test_a_recording_that_is_cut_short_and_a_language_that_no_model_knows_are_told(
    model: Path, said: Path, tmp_path: Path
) -> None:
    shutil.copy(said, tmp_path / "cut.wav")
    os.truncate(tmp_path / "cut.wav", 20)
    with pytest.raises(Untranscribed):
        await transcribe(model, tmp_path / "cut.wav", "de")
    with pytest.raises(Untranscribed, match="not a valid language"):
        await transcribe(model, said, "sorbisch")


async def test_a_long_text_is_cut_and_one_that_takes_too_long_is_given_up(
    model: Path, said: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcription, "LONGEST", 5)
    assert len(await transcribe(model, said, "de")) == 5
    monkeypatch.setattr(transcription, "LIMIT", 0.05)
    with pytest.raises(Untranscribed, match="took longer than"):
        await transcribe(model, said, "de")


async def test_what_the_model_understood_comes_with_the_mail(model: Path, said: Path, tmp_path: Path) -> None:
    """The whole way: a message in the spool, the library, the letter."""
    shutil.copy(said, left(tmp_path / "spool", message(1)))
    spool = Spool(tmp_path / "spool")
    async with database(current(tmp_path)) as engine:
        transcripts = Transcripts(model=model, spool=spool)
        clerk = Clerk(engine=engine, spool=spool, directory=town, head=lambda: HEAD, limit=10**7,
                      transcripts=transcripts)  # fmt: skip
        (letter,) = letters(town(), town().boxes["2500"], message(1))
        await clerk.prepare(letter)
        mail = await clerk.write(letter)
    assert mail is not None
    understood = transcripts.text("2500", message(1).id)
    assert "wort" in understood
    body = mail.get_body().get_content()  # type: ignore[union-attr]
    assert f"im Zweifel anhören):\n{understood[:40]}" in body


async def test_a_mail_goes_out_without_it(tmp_path: Path) -> None:
    """The admin's model is missing: the mail says what it can."""
    left(tmp_path / "spool", message(1))
    async with database(current(tmp_path)) as engine:
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
