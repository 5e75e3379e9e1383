"""Who is told of a message, and mails parsed back as a mail program does: texts, headers, the recording in them."""

from __future__ import annotations

import io
import wave
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from orchestrator.domain.people import Box
from orchestrator.messages.mail import letters as told
from orchestrator.messages.mail import wording
from orchestrator.messages.mail.composing import Composer, Enclosed, Letterhead
from orchestrator.messages.mail.letters import Letter, letters
from orchestrator.messages.mail.recording import enclosed
from orchestrator.messages.mailbox import Message
from orchestrator.store.tables import cases
from tests.databases import current
from tests.mail_server import SENDER
from tests.mail_town import NOON, Desk, desk, left, message, tone, town

HEAD = Letterhead(
    sender=SENDER,
    web="https://telefon.stadt.example/",
    menu="99",
    link=lambda box, message, left, reader: f"{box}-{quote(message, safe='', errors='replace')}-{int(left)}-{reader}",
)
DAY = date(2026, 11, 25)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(current(tmp_path), tmp_path, head=HEAD) as opened:
        yield opened


def with_box(box: str, **changed: Any) -> Any:
    directory = town()
    return replace(directory, boxes={**directory.boxes, box: replace(directory.boxes[box], **changed)})


async def written(place: Desk, letter: Letter, **how: Any) -> EmailMessage:
    """The mail as it arrives."""
    mail = await place.clerk.write(letter, **how)
    assert mail
    parsed = message_from_bytes(mail.as_bytes(), policy=default)
    assert isinstance(parsed, EmailMessage)
    assert all(len(line) <= 998 for line in mail.as_bytes().split(b"\r\n"))
    assert b"\n" not in mail.as_bytes().replace(b"\r\n", b"")
    return parsed


async def new(place: Desk, message: Message, **how: Any) -> EmailMessage:
    (letter,) = letters(place.directory, place.directory.boxes[message.box], message)
    return await written(place, letter, **how)


def text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body
    return str(body.get_content())


def test_who_is_told_of_a_message() -> None:
    directory = town()
    (letter,) = letters(directory, directory.boxes["2500"], message(1))
    assert (letter.key, letter.kind) == ("message:1.0-1:anna@stadt.example", "message")
    assert letters(directory, directory.boxes["10"], message(1, "10")) == ()
    shared = replace(directory.boxes["10"], email="buergerbuero@stadt.example")
    assert [each.recipient for each in letters(directory, shared, message(1, "10"))] == ["buergerbuero@stadt.example"]
    assert letters(directory, replace(shared, mail="off"), message(1, "10")) == ()


def test_who_works_with_a_box() -> None:
    directory = town()
    box = directory.boxes["10"]
    assert told.readers(directory, box) == ("anna@stadt.example", "beate@stadt.example")
    named = with_box("10", members=("p3501",))
    assert told.readers(named, named.boxes["10"]) == ("beate@stadt.example",)
    assert told.readers(directory, replace(box, email="b@stadt.example")) == ("b@stadt.example",)
    left_behind = Box(id="77", name="Vorgänger", department="buergerbuero")
    with_it = replace(directory, boxes={**directory.boxes, "77": left_behind})
    assert told.readers(with_it, left_behind) == ("anna@stadt.example", "beate@stadt.example")
    kept = replace(named, boxes={**named.boxes, "77": left_behind})
    assert told.readers(kept, left_behind) == ("beate@stadt.example",), "who is told is who may hear it"
    assert told.readers(directory, Box(id="78", name="niemand")) == ()


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        (" anna@stadt.example ", "anna@stadt.example"),
        ("anna@bürgerbüro.example", "anna@xn--brgerbro-65af.example"),
        ("änna@stadt.example", ""),
        ("anna", ""),
        ("a@b@c", ""),
        ("a b@c", ""),
        ("a@" + "x" * 64 + ".example", ""),
        ("a@c\r\nBcc: b@c", ""),
        ("", ""),
    ],
)
def test_addresses(text: str, sent: str) -> None:
    assert told.address(text) == sent


@pytest.mark.parametrize(
    ("digits", "de"),
    [
        ("01712345678", "0171 2345678"),
        ("+491712345678", "0171 2345678"),
        ("062054711", "06205 4711"),
        ("+33123456789", "+33 1 23 45 67 89"),
        ("004312345678", "+43 1 2345678"),
        ("2500", "2500"),
        ("+496205212500", "06205 21-2500"),
        ("110", "110"),
        ("", "unbekannter Nummer"),
        ("*21", "*21"),
        ("999999999999999999999", "999999999999999999999"),
    ],
)
def test_numbers_by_din_5008(digits: str, de: str) -> None:
    assert wording.caller(town(), digits, "de") == de


async def test_a_german_mail(place: Desk) -> None:
    left(place.spool, message(1))
    mail = await new(place, message(1))
    assert mail["Subject"] == "Neue Nachricht von 0171 2345678 für Anna Grün (0:02)"
    assert mail["To"] == "anna@stadt.example"
    assert mail["From"].addresses[0].addr_spec == SENDER
    assert mail["From"].addresses[0].display_name == "Telefonanlage Kleinstadt"
    assert mail["Auto-Submitted"] == "auto-generated"
    body = mail.get_body(("plain",))
    assert body
    assert body["Content-Language"] == "de"
    assert mail["Date"].datetime.isoformat() == "2026-11-25T14:00:01+01:00"
    said = text(mail)
    for part in (
        "im Postfach Anna Grün liegt eine neue Nachricht.",
        "Von:   0171 2345678",
        "Am:    Mittwoch, 25. November 2026, 14:00 Uhr",
        "Länge: 0:02 Minuten",
        "Die Aufnahme ist angehängt.",
        "Anhören am Telefon: 99 wählen.",
        f"https://telefon.stadt.example/nachricht/2500-1.0-1-{int(message(1).at)}-anna@stadt.example",
        "Die Nachricht wird am 23. Februar 2027 gelöscht.",
        "Antworten darauf liest niemand.",
    ):
        assert part in said


async def test_an_english_mail(place: Desk) -> None:
    place.directory = with_box("2500", language="en")
    left(place.spool, message(1, caller=""))
    mail = await new(place, message(1, caller=""))
    assert mail["Subject"] == "New message from an unknown number for Anna Grün (0:02)"
    assert "Left on: Wednesday, 25 November 2026, 14:00\r\n" in text(mail)


async def test_the_same_letter_is_the_same_mail(place: Desk) -> None:
    left(place.spool, message(1))
    left(place.spool, message(2))
    ids = [(await new(place, message(number)))["Message-ID"] for number in (1, 1, 2)]
    assert ids[0] == ids[1] != ids[2]
    assert ids[0].endswith("@stadt.example>")


async def test_the_recording_in_it_is_the_one_in_the_box(place: Desk) -> None:
    path = left(place.spool, message(1))
    mail = await new(place, message(1))
    (part,) = mail.iter_attachments()
    assert (part.get_content_type(), part.get_filename()) == ("audio/wav", "2026-11-25-1400.wav")
    with wave.open(io.BytesIO(part.get_content())) as got, wave.open(str(path)) as was:
        assert got.getparams() == was.getparams()
        assert got.readframes(got.getnframes()) == was.readframes(was.getnframes())


async def test_the_smaller_file_sounds_the_same(place: Desk) -> None:
    place.directory = with_box("2500", mail="compressed")
    path = left(place.spool, message(1), samples=tone(3, 440) + tone(3, 1000))
    mail = await new(place, message(1))
    (part,) = mail.iter_attachments()
    assert (part.get_content_type(), part.get_filename()) == ("audio/mpeg", "2026-11-25-1400.mp3")
    assert len(part.get_content()) < path.stat().st_size / 4
    assert 23_000 < len(part.get_content()) * 8 / 6 < 26_000  # bits a second
    samples, rate = soundfile.read(io.BytesIO(part.get_content()))
    assert abs(len(samples) / rate - 6) < 0.3
    for second, hertz in ((1, 440), (4, 1000)):
        heard = np.abs(np.fft.rfft(samples[second * rate : (second + 1) * rate]))
        assert abs(int(np.argmax(heard)) - hertz) <= 5
    level = np.sqrt(np.mean(samples[rate : 2 * rate] ** 2))
    assert abs(level - 8000 / 32768 / np.sqrt(2)) < 0.02


@pytest.mark.parametrize(("mail", "link"), [("link", True), ("text", True)])
async def test_without_a_recording(place: Desk, mail: str, link: bool) -> None:
    place.directory = with_box("2500", mail=mail)
    left(place.spool, message(1))
    sent = await new(place, message(1))
    assert list(sent.iter_attachments()) == []
    assert ("https://telefon.stadt.example" in text(sent)) is link
    assert "angehängt" not in text(sent)


async def test_moved_while_it_waits(place: Desk) -> None:
    left(place.spool, message(1), folder="Old")
    assert len(list((await new(place, message(1))).iter_attachments())) == 1


async def test_a_recording_that_is_gone(place: Desk) -> None:
    path = left(place.spool, message(1))
    path.write_bytes(path.read_bytes()[:44])
    mail = await new(place, message(1))
    assert list(mail.iter_attachments()) == []
    assert "Die Aufnahme ist nicht mehr vorhanden" in text(mail)
    path.unlink()
    mail = await new(place, message(1))
    assert list(mail.iter_attachments()) == []
    assert "Sie ist inzwischen gelöscht." in text(mail)


@pytest.mark.parametrize("folder", ["", "Deleted"])
async def test_a_message_that_is_deleted(place: Desk, folder: str) -> None:
    if folder:
        left(place.spool, message(1), folder=folder)
    mail = await new(place, message(1))
    assert "Mittwoch, 25. November 2026, 14:00 Uhr eine Nachricht eingegangen. Sie ist inzwischen gelöscht." in text(
        mail
    )


async def test_a_box_that_is_no_more(place: Desk) -> None:
    left(place.spool, message(1))
    (letter,) = letters(place.directory, place.directory.boxes["2500"], message(1))
    boxes = {id: box for id, box in place.directory.boxes.items() if id != "2500"}
    place.directory = replace(place.directory, boxes=boxes)
    mail = await written(place, letter)
    assert mail["Subject"] == "Neue Nachricht von 0171 2345678 für 2500 (0:02)"
    assert list(mail.iter_attachments()) == []


def test_large_recordings() -> None:
    wav = _wav(tone(60))
    assert enclosed(wav, "attachment", 10_000_000).form == "wav"
    assert enclosed(wav, "attachment", 1_000_000).form == "mp3"
    assert enclosed(wav, "attachment", 100_000) == Enclosed(form="large")
    assert enclosed(wav, "compressed", 10_000_000).form == "mp3"
    assert enclosed(None, "attachment", 10_000_000) == Enclosed(form="lost")
    assert enclosed(_wav(b""), "attachment", 10_000_000) == Enclosed(form="lost")
    assert enclosed(b"no sound" * 9, "compressed", 10_000_000) == Enclosed(form="lost")
    assert enclosed(wav, "text", 10_000_000) == Enclosed()


def _wav(samples: bytes) -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(samples)
    return made.getvalue()


HOSTILE = st.text(st.characters(), max_size=200) | st.sampled_from(
    [
        "\r\nBcc: evil@example.com",
        "a\nSubject: x",
        "=?utf-8?q?=0d=0aBcc:_x?=",
        "\u202eexe.vaw",
        "\ud800",
        '"<x@y>',
        "{box}",
    ]
)


@given(name=HOSTILE, town_name=HOSTILE, caller=HOSTILE, id=HOSTILE)
def test_nothing_can_be_put_into_a_header(name: str, town_name: str, caller: str, id: str) -> None:
    directory = with_box("2500", name=name)
    directory = replace(directory, town=replace(directory.town, name=town_name))
    about = Message(id=id, box="2500", folder="INBOX", caller=caller, at=NOON, seconds=5)
    (letter,) = letters(directory, directory.boxes["2500"], about)
    composer = Composer(directory=directory, head=HEAD, box=directory.boxes["2500"])
    raw = composer.new(replace(letter, key="k"), about, Enclosed(form="wav", audio=b"RIFF")).as_bytes()
    mail = message_from_bytes(raw, policy=default)
    named = ["From", "To", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress", "Subject", "Date"]
    assert sorted(mail.keys()) == sorted([*named, "MIME-Version", "Content-Type"])
    assert mail.defects == []
    assert mail["To"] == "anna@stadt.example"
    assert mail["From"].addresses[0].addr_spec == SENDER
    assert len(list(mail.walk())) == 3


async def test_a_digest(place: Desk) -> None:
    for number, caller in ((1, "01712345678"), (2, "062054711"), (3, ""), (4, "2500"), (5, "2501")):
        left(place.spool, message(number, "10", caller), folder="INBOX" if number > 1 else "Old")
    async with place.engine.begin() as connection:
        for number, state, who in (
            (1, "open", ""),
            (2, "taken", "p3501"),
            (4, "done", "p3501"),
            (5, "called_back", "p3501"),
            (9, "open", ""),
        ):
            row = {"message": f"{number}.0-1", "box": "10", "opened": NOON, "state": state, "who": who}
            await connection.execute(insert(cases).values(**row, changed=NOON, escalated=None, comment=""))
    box = place.directory.boxes["10"]
    letter = told.digest(box, DAY, "anna@stadt.example", NOON)
    mail = await written(place, letter)
    assert mail["Subject"] == "Bürgerbüro: 4 offen am 25. November 2026"
    assert [line for line in text(mail).splitlines() if line.startswith("- ")] == [
        "- Mittwoch, 25. November 2026, 14:00 Uhr, von 0171 2345678, 0:02: offen",
        "- Mittwoch, 25. November 2026, 14:00 Uhr, von 06205 4711, 0:02: in Arbeit (Beate Blau)",
        "- Mittwoch, 25. November 2026, 14:00 Uhr, von unbekannter Nummer, 0:02: nicht abgehört",
        "- Mittwoch, 25. November 2026, 14:00 Uhr, von 2501, 0:02: zurückgerufen (Beate Blau)",
    ]
    async with place.engine.begin() as connection:
        await connection.execute(cases.update().values(state="done"))
    for path in (place.spool / "voicemail" / "town" / "10" / "INBOX").glob("*"):
        path.unlink()
    assert await place.clerk.write(letter) is None


async def test_overdue_and_full(place: Desk) -> None:
    left(place.spool, message(1, "10"))
    box, anna = place.directory.boxes["10"], place.directory.people["p2500"]
    letter = told.overdue(box, anna, "1.0-1", NOON)
    mail = await written(place, letter)
    assert mail["Subject"] == "Überfällig: Nachricht von 0171 2345678 für Bürgerbüro"
    assert "die nach 4 Stunden noch nicht erledigt ist" in " ".join(text(mail).split())
    assert list(mail.iter_attachments()) == []
    assert await place.clerk.write(replace(letter, message="7.0-1")) is None
    full = told.full(box, DAY, "anna@stadt.example", NOON)
    assert await place.clerk.write(full) is None
    for number in range(2, 9):
        left(place.spool, message(number, "10"))
    assert "liegen 8 neue Nachrichten; Platz ist für 10." in text(await written(place, full))
