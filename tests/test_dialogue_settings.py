"""The mailbox by telephone: who comes in, with which PIN, and what they set: PINs and greetings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest
from sqlalchemy import URL

from orchestrator.messages import greetings
from orchestrator.messages.audio import judge
from orchestrator.messages.mailbox import Spool
from orchestrator.messages.telephone.settings import day_named
from tests.on_the_line import NOW, TOWN, OnTheLine, Town, desk, heard, three, town
from tests.test_filer import recording
from tests.towns import BERLIN

HELP = Path("docs/help/anrufbeantworter.md")


@pytest.fixture
async def at(url: URL, tmp_path: Path) -> AsyncIterator[Town]:
    async with town(url, tmp_path) as there:
        yield there


async def test_from_anywhere_with_number_and_pin(at: Town) -> None:
    three(at)
    at.pins.change("40", "271828")
    line = at.line()
    assert (await line.comes()).most == 12
    await line.press("40")
    assert line.words == "Bitte geben Sie Ihre Geheimzahl ein, dann die Raute."
    await line.press("271828")
    assert line.words == "Sie haben 2 neue und eine gespeicherte Nachricht."


async def test_a_wrong_box_sounds_like_a_wrong_pin_and_locks_like_one(at: Town) -> None:
    at.pins.change("40", "271828")
    told: dict[str, list[tuple[str, ...]]] = {"40": [], "4711": []}
    for box, turns in told.items():
        for call in range(2):
            line = at.line(channel=f"{box}.{call}")
            await line.comes()
            for _ in range(3):
                if line.last.then != "done":
                    turns.append((await line.press(box, "314159")).play)
            assert line.last.then == "done"
    assert told["40"] == told["4711"]
    assert [heard(play[0]) for play in told["40"]][:4] == ["Postfach oder Geheimzahl stimmen nicht."] * 4
    line = at.line(channel="9.9")
    await line.comes()
    await line.press("40", "271828")
    assert line.words.startswith("Dieses Postfach ist nach mehreren falschen Eingaben gesperrt.")
    assert line.last.then == "done"
    at.clock.now += 16 * 60
    line = at.line(channel="10.10")
    await line.comes()
    await line.press("40", "271828")
    assert line.words == "Sie haben keine Nachrichten."


async def test_many_lines_at_once_guess_no_more_often_than_one(at: Town) -> None:
    lines = [at.line(channel=f"7.{number}") for number in range(12)]
    for line in lines:
        await line.comes()
        await line.press("40")
    await asyncio.gather(*(line.press("314159") for line in lines))
    assert sum(line.words.startswith("Dieses Postfach ist") for line in lines) == 8


async def test_the_first_pin_is_changed_before_anything_else(at: Town) -> None:
    three(at)
    line = at.line()
    await line.comes()
    await line.press("40", "904017")
    assert line.words.startswith("Bitte wählen Sie zuerst eine eigene Geheimzahl. Bitte geben Sie die neue")
    await line.press("*")
    assert "message" not in str(line.offered)
    await line.press("123456", "123456")
    assert line.words.startswith("Gleiche oder aufeinander folgende Ziffern")
    assert (await line.press("271828", "271829")).then == "done", "three attempts"
    assert not at.pins.chosen("40")
    line = at.line(channel="2.2")
    await line.comes()
    await line.press("40", "904017", "271828", "271828")
    assert line.words.startswith("Ihre neue Geheimzahl gilt ab sofort. Sie haben 2 neue")
    assert at.pins.right("40", "271828")


async def test_a_guest_changes_no_pin_without_the_present_one(at: Town) -> None:
    """Whoever passes by at a desk where somebody has logged in hears messages, but does not become them."""
    at.pins.change("40", "271828")
    line = at.line("tel2500", guest="p40")
    await line.comes()
    await line.press("9", "2")
    assert line.words == "Bitte geben Sie Ihre Geheimzahl ein, dann die Raute."
    await line.press("161803", "161803")
    assert line.words.startswith("Postfach oder Geheimzahl stimmen nicht.")
    await line.press("161803")
    assert "settings_pin" in str(line.offered), "three attempts"
    await line.press("2", "161803", "161803")
    assert line.words.startswith("Dieses Postfach ist nach mehreren falschen Eingaben gesperrt.")
    assert line.last.then == "done", "counted as those of who comes in"
    assert at.pins.right("40", "271828")
    at.clock.now += 16 * 60
    line = at.line("tel2500", "2.2", guest="p40")
    await line.comes()
    await line.press("9", "2", "*", "2", "271828", "161803", "161803")
    assert line.words == "Ihre neue Geheimzahl gilt ab sofort."
    assert at.pins.right("40", "161803")


@pytest.mark.parametrize(("pin", "why"), [
    ("1234", "Sie muss sechs bis zwölf"), ("111111", "Gleiche"), ("121212", "Zwei verschiedene"),
    ("904017", "Das ist die Geheimzahl vom Anfang"), ("400000", "Zwei verschiedene"), ("27*182", "Eine Geheimzahl"),
])  # fmt: skip
async def test_a_weak_pin_is_refused_with_the_reason(at: Town, pin: str, why: str) -> None:
    line = await desk(at)
    await line.press("9", "2", pin)
    if "*" not in pin:
        await line.press(pin)
    assert line.words.startswith(why)
    await line.press("271828", "271828")
    assert line.words == "Ihre neue Geheimzahl gilt ab sofort."


async def test_greetings_by_state(at: Town) -> None:
    line = await desk(at)
    for key, name in (("1", "unavail"), ("2", "busy"), ("4", "closed")):
        await line.press("9", "1", key)
        assert "Es gibt keine eigene Aufnahme." in line.words
        assert (await line.press("2")).then == "record"
        await line.says(at.spoken(2.0))
        await line.press("1")
        assert line.words.startswith("Die Ansage gilt ab sofort.")
        assert "Es gibt eine eigene Aufnahme." in line.words
        path = greetings.path(at.spool, "40", name)  # type: ignore[arg-type]
        assert judge(path) == (2.0, True)
        await line.press("1")
        assert line.words.startswith(f"[{name}]")
        await line.press("3")
        assert not path.exists()
        await line.press("*", "*", "*")
    assert at.greeted == ["40"] * 6
    assert not list((at.spool.root / "dictation").iterdir())


async def test_an_absence_ends(at: Town) -> None:
    line = await desk(at)
    await line.press("9", "1", "3", "2")
    await line.says(at.spoken())
    assert (await line.press("1")).most == 4
    await line.press("3102")
    assert line.words.startswith("Diesen Tag gibt es nicht.")
    await line.press("2411")
    assert "Sie gilt bis einschließlich am Mittwoch, dem vierundzwanzigsten digits/mon-10" in line.words
    end = datetime(2027, 11, 25, tzinfo=BERLIN).timestamp()
    assert greetings.ends(at.spool, "40") == {"temp": end}
    await line.press("4", "")
    assert line.words.startswith("Sie gilt ohne Ende.")
    assert greetings.ends(at.spool, "40") == {}
    await line.press("4", "2512", "3")
    assert greetings.ends(at.spool, "40") == {}


@pytest.mark.parametrize(("keys", "found"), [
    ("2511", date(2026, 11, 25)), ("2411", date(2027, 11, 24)), ("3112", date(2026, 12, 31)), ("3102", None),
    ("0000", None), ("251", None), ("2902", None), ("0101", date(2027, 1, 1)),
])  # fmt: skip
def test_a_day_in_four_digits(keys: str, found: date | None) -> None:
    assert day_named(keys, NOW.date()) == found


def test_the_end_of_a_greeting_survives_what_nobody_wrote(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    greetings.put(spool, "40", "temp", recording(tmp_path / "x.wav", 2))
    greetings.end(spool, "40", "temp", 5.0)
    greetings.end(spool, "40", "busy", 6.0)
    assert greetings.ends(spool, "40") == {"temp": 5.0, "busy": 6.0}
    greetings.put(spool, "40", "temp", recording(tmp_path / "x.wav", 3))
    assert greetings.ends(spool, "40") == {"busy": 6.0}, "a new one begins without an end"
    for broken in ("", "{", "[1]", '{"temp": "x"}'):
        (spool.box("40").path / greetings.ENDS).write_text(broken)
        assert greetings.ends(spool, "40") == {}
    greetings.remove(spool, "40", "temp")
    greetings.remove(spool, "40", "temp")
    assert spool.box("40").messages() == []


async def test_at_a_shared_telephone_nobody_is_known(at: Town, tmp_path: Path) -> None:
    shared = replace(TOWN, people={**TOWN.people, "p41": replace(TOWN.people["p40"], id="p41", extension="41")})
    messages = replace(at.messages, directory=lambda: shared)
    dialogues = replace(at.dialogues, messages=messages, _lines={})
    for phone in ("tel10", "unknown", ""):
        line = OnTheLine(dialogues=dialogues, caller=replace(at.line(phone).caller, channel=f"3.{phone}"))
        await line.comes()
        assert line.words.startswith("Bitte geben Sie die Nummer Ihres Postfachs ein")


@pytest.mark.parametrize("phone", ["tel10", "tel2501"])
@pytest.mark.parametrize("kind", ["hall", "lift", "gate", "meeting_room", "fax"])
async def test_where_anybody_comes_by_the_pin_is_asked(at: Town, kind: str, phone: str) -> None:
    public = replace(TOWN, phones={**TOWN.phones, phone: replace(TOWN.phones[phone], kind=kind)})
    dialogues = replace(at.dialogues, messages=replace(at.messages, directory=lambda: public), _lines={})
    line = OnTheLine(dialogues=dialogues, caller=at.line(phone).caller)
    await line.comes()
    assert line.words.startswith("Bitte geben Sie die Nummer Ihres Postfachs ein")
