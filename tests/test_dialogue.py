"""The mailbox by telephone, each menu walked: what is said, what it does, and who may."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest
from sqlalchemy import URL

from orchestrator.domain.mailbox_keys import KEYS, TITLES, printed
from orchestrator.domain.mailbox_texts import PROMPTS
from orchestrator.messages.api import owner
from orchestrator.messages.audio import join, judge
from orchestrator.messages.ledger import Case
from orchestrator.messages.lock import locked
from orchestrator.messages.mailbox import DELETED, HEARD, NEW
from orchestrator.messages.telephone.dialogue import Heard
from orchestrator.messages.telephone.saying import day, moment
from orchestrator.messages.telephone.session import callable_number, digits
from tests.on_the_line import NOW, TOWN, Town, desk, heard, left, there, three, town
from tests.spools import message, whole
from tests.test_filer import recording

HELP = Path("docs/help/anrufbeantworter.md")


@pytest.fixture
async def at(url: URL, tmp_path: Path) -> AsyncIterator[Town]:
    async with town(url, tmp_path) as there:
        yield there


async def test_from_the_own_desk_straight_to_the_messages(at: Town) -> None:
    three(at)
    line = await desk(at)
    assert line.words == "Sie haben 2 neue und eine gespeicherte Nachricht."
    assert line.offered == ["main_listen", "main_settings", "main_help"]
    await line.press("1")
    assert line.words == "Neue Nachricht, heute um 14 digits/oclock 10 von 01711234567 [40-a]"
    assert line.last.during == {"4": "reverse", "5": "pause", "6": "forward"}
    assert judge(Path(line.last.play[-1].removeprefix("file:") + ".wav"))[0] == 2
    await line.press("2")
    assert line.words == "Gespeichert. Neue Nachricht, heute um 15 digits/oclock von 01711234567 [40-b]"
    await line.press("#")
    assert line.words.startswith("Nachricht, am Montag, dem dreiundzwanzigsten digits/mon-10 um 9 digits/oclock 5")
    await line.press("#")
    assert line.words == "Das war die letzte Nachricht. Sie haben eine neue und 2 gespeicherte Nachrichten."
    assert at.lit == ["40"]
    assert (await line.press("*")).then == "done"


async def test_what_was_heard_to_its_end_is_no_longer_new(at: Town) -> None:
    three(at)
    line = await desk(at)
    await line.press("1", "")
    assert line.offered == ["message_keep", "message_delete", "message_help"]
    assert whole(at.spool, "40") == {NEW: {"b": 3.0}, HEARD: {"old": 4.0, "a": 2.0}}
    await line.press("1")
    assert line.words == "[40-a]", "again, without saying once more from whom it is"
    await line.press("7")
    assert line.words.startswith("Das ist die erste Nachricht. Nachricht, heute um 14")


async def test_deleted_and_taken_back(at: Town) -> None:
    three(at)
    line = await desk(at)
    await line.press("1", "3")
    assert (line.words, line.offered) == ("Gelöscht.", ["deleted_undo"])
    assert whole(at.spool, "40")[DELETED] == {"a": 2.0}
    await line.press("9")
    assert line.words == "Die Nachricht ist wieder da."
    assert whole(at.spool, "40")[NEW] == {"a": 2.0, "b": 3.0}, "new, as it was"
    await line.press("3", "3")
    assert DELETED not in whole(at.spool, "40")
    await line.press("3", "")
    assert line.words.endswith("[40-b]")
    await line.press("7")
    assert line.words.startswith("Das ist die erste Nachricht."), "a deleted one is not gone through again"
    await line.press("3", "#", "3", "7")
    assert line.words == "Das war die letzte Nachricht. Sie haben keine Nachrichten."
    assert whole(at.spool, "40").keys() == {DELETED}


async def test_nothing_is_done_twice_for_a_reply_that_was_lost(at: Town) -> None:
    three(at)
    line = await desk(at)
    playing = await line.press("1")
    pressed = Heard(keys="3", turn=playing.turn)
    first, second = await asyncio.gather(*(at.dialogues.turn(line.caller, pressed) for _ in range(2)))
    assert first == second
    assert whole(at.spool, "40")[DELETED] == {"a": 2.0}
    assert await at.dialogues.turn(line.caller, None) == first, "an attendant that died repeats it"
    assert await at.dialogues.turn(line.caller, Heard(keys="3", turn=0)) == first


async def test_calling_back_is_for_phones_in_the_house(at: Town) -> None:
    three(at)
    line = await desk(at)
    called = await line.press("1", "8")
    assert (called.then, called.number) == ("call", "01711234567")
    assert await line.comes() == called, "to be done by who takes the caller on"
    assert (await line.comes()).then == "", "they are back from it"
    assert "message_keep" in line.offered
    at.pins.change("40", "271828")
    outside = at.line("", "2.2")
    await outside.comes()
    await outside.press("40", "271828", "1", "8")
    assert outside.last.then == ""
    assert outside.words == "Diese Taste ist hier nicht belegt."
    await outside.press("0")
    assert "message_call" not in outside.offered


@pytest.mark.parametrize(("caller", "can"), [
    ("01711234567", True), ("+491711234567", True), ("2500", True), ("2599", False), ("112", False), ("", False),
    ("7", False), ("*21#", False), ("0", True), ("+", False), ("01+1", False),
])  # fmt: skip
def test_who_can_be_called_back(caller: str, can: bool) -> None:
    assert callable_number(TOWN, caller) == (caller if can else "")


async def test_who_works_with_several_boxes_goes_from_one_to_the_next(at: Town) -> None:
    message(at.spool, "10", "x", at=left(10))
    line = await desk(at, "tel2501")
    assert line.words == "Ihr Postfach. Sie haben keine Nachrichten."
    assert "main_next_box" in line.offered
    await line.press("3")
    assert line.words == "Gemeinsames Postfach 10 Sie haben eine neue Nachricht."
    await line.press("3")
    assert line.words.startswith("Ihr Postfach.")
    only = await desk(at, "tel2500", "2.2")
    assert only.words == "Sie haben eine neue Nachricht."


async def case_of(at: Town) -> Case:
    found = await at.messages.case(owner("10"), "10", "x")
    assert found
    return found


async def test_a_departments_message_is_a_case(at: Town) -> None:
    await at.messages.received(message(at.spool, "10", "x", at=left(10)))
    line = await desk(at, "tel2500")
    await line.press("1")
    assert line.words.endswith("von 01711234567 Noch offen. [10-x]")
    await line.press("8")
    assert line.offered == ["case_call", "case_take", "case_called_back", "case_done", "case_open"]
    await line.press("2")
    assert line.words == "Vermerkt."
    other = await desk(at, "tel2501", "2.2")
    await other.press("3", "1")
    assert "In Bearbeitung bei 2500" in other.words
    assert (await other.press("8", "1")).then == "call"
    case = await case_of(at)
    assert (case.state, case.who) == ("taken", "p3501")
    for key, state in (("3", "called_back"), ("4", "done"), ("5", "open")):
        await line.press("8", key)
        case = await case_of(at)
        assert case.state == state
    await line.press("8", "*")
    assert line.offered[0] == "message_keep"


async def test_a_message_goes_on_to_another_box(at: Town) -> None:
    three(at)
    line = await desk(at)
    assert (await line.press("1", "9")).most == 12
    await line.press("40")
    assert line.words == "Dort gibt es kein anderes Postfach. An welche Nummer soll die Nachricht? Danach die Raute."
    await line.press("3501")
    assert (line.words, line.offered) == ("An Postfach 3501", ["forward_send", "forward_comment", "forward_back"])
    await line.press("1")
    assert line.words == "Weitergeleitet."
    assert whole(at.spool, "3501") == {NEW: {"a-to-3501": 2.0}}
    assert at.lit[-1] == "3501"
    other = await desk(at, "tel2501", "2.2")
    await other.press("1")
    assert "Weitergeleitet von 40" in other.words


async def test_a_comment_comes_before_what_is_forwarded(at: Town) -> None:
    three(at)
    line = await desk(at)
    turn = await line.press("1", "9", "3501", "2")
    assert (turn.then, turn.limit) == ("record", 120)
    await line.says("")
    assert line.words.startswith("Es wurde nichts aufgenommen. An Postfach 3501")
    await line.press("2")
    first = at.spoken(1.6, "first")
    await line.says(first)
    assert line.offered == ["recording_keep", "recording_again", "recording_listen", "recording_drop"]
    await line.press("3")
    assert line.last.play[0] == f"file:{first.removesuffix('.wav')}"
    assert (await line.press("2")).then == "record"
    assert not there(first)
    comment = at.spoken(3.0)
    await line.says(comment)
    await line.press("1")
    assert line.words == "Weitergeleitet."
    (forwarded,) = whole(at.spool, "3501")[NEW].items()
    assert forwarded[0].startswith("a-to-3501-")
    assert forwarded[1] == 5.5
    await line.press("9", "3501", "2")
    await line.says(at.spoken(2.5))
    await line.press("1")
    assert sorted(whole(at.spool, "3501")[NEW].values()) == [5.0, 5.5], "another comment is another message"
    assert whole(at.spool, "40")[NEW]["a"] == 2.0
    assert not there(comment)
    assert not list(at.spool.playing.glob("*.joined"))


async def test_a_recording_is_only_what_asterisk_recorded(at: Town, tmp_path: Path) -> None:
    stranger = recording(tmp_path / "elsewhere.wav", 2)
    line = await desk(at)
    await line.press("9", "1", "1", "2")
    await line.says(str(stranger))
    assert line.words.startswith("Es wurde nichts aufgenommen.")
    assert stranger.exists()
    await line.press("2")
    await line.says(at.spoken(0.4))
    assert line.words.startswith("Es wurde nichts aufgenommen."), "too short to say anything"


async def test_silence_is_helped_and_then_sent_off(at: Town) -> None:
    line = await desk(at)
    await line.press("")
    assert line.words.startswith("Sind Sie noch da?")
    await line.press("7")
    assert line.words.startswith("Diese Taste ist hier nicht belegt.")
    assert "main_saved" in line.offered, "all keys now"
    ended = await line.press("")
    assert (ended.then, line.words) == ("done", "Auf Wiederhören.")
    assert await line.comes() == ended, "to be done by who takes the caller on"
    await line.comes()
    assert line.words == "Sie haben keine Nachrichten.", "whoever comes back begins anew"


async def test_a_message_that_somebody_else_deleted(at: Town) -> None:
    three(at)
    line = await desk(at)
    await line.press("1", "")
    await at.messages.delete(owner("40"), "40", "a")
    await line.press("2")
    assert line.words.endswith("[40-b]")
    await at.messages.delete(owner("40"), "40", "b")
    await line.comes()
    assert line.words.startswith("Diese Nachricht ist nicht mehr da. Nachricht, am Montag")
    await at.messages.erase(owner("40"), "40", "old")
    await line.press("3")
    assert line.words.startswith("Diese Nachricht ist nicht mehr da. Das war die letzte Nachricht.")


async def test_what_could_not_be_played_was_not_heard(at: Town) -> None:
    three(at)
    line = await desk(at)
    line.dialogues = replace(at.dialogues, acts=2.0)  # else each look at the locked folder takes half a minute
    with locked(at.spool.box("40").path / NEW):
        await line.press("1")
        assert line.words == "Das ging gerade nicht. Bitte versuchen Sie es noch einmal."
        await line.press("3")
        assert line.words.startswith("Das ging gerade nicht."), "nothing is said to be deleted that is not"
        await line.press("1")
    line.dialogues = at.dialogues
    await line.press("")
    assert whole(at.spool, "40")[NEW] == {"a": 2.0, "b": 3.0}
    await line.press("1")
    assert line.words == "[40-a]"


async def test_no_secret_is_in_what_might_be_logged(at: Town) -> None:
    line = await desk(at)
    await line.press("9", "2", "271828")
    assert "271828" not in repr(at.dialogues)


async def test_lines_are_forgotten_with_what_was_recorded_for_nothing(at: Town) -> None:
    line = await desk(at)
    await line.press("9", "1", "1", "2")
    said = at.spoken()
    await line.says(said)
    at.dialogues.forget(at.clock.now)
    assert "recording_keep" in line.offered
    at.dialogues.forget(at.clock.now + 1)
    assert not there(said)
    await line.press("1")
    assert line.words == "Sie haben keine Nachrichten.", "after a restart a caller begins anew"


async def test_an_urgent_message_is_new_until_it_was_heard(at: Town) -> None:
    message(at.spool, "40", "u", at=left(14), folder="Urgent")
    line = await desk(at)
    assert line.words == "Sie haben eine neue Nachricht."
    await line.press("1")
    assert line.words.startswith("Neue Nachricht,")
    await line.press("")
    assert whole(at.spool, "40") == {HEARD: {"u": 2.0}}
    await line.press("3", "9")
    assert HEARD in whole(at.spool, "40"), "it was heard when it was deleted"


def test_moments_are_said_as_one_says_them() -> None:
    def said(left: datetime) -> str:
        return " ".join(heard(media) for media in moment(left, NOW))

    assert said(NOW.replace(hour=1, minute=1)) == "heute um ein Uhr 1"
    assert said(NOW.replace(day=24, hour=0, minute=0)) == "gestern um 0 digits/oclock"
    assert said(NOW.replace(day=26)) == "am Donnerstag, dem sechsundzwanzigsten digits/mon-10 um 16 digits/oclock 30"
    assert [heard(media) for media in day(date(2027, 1, 30))][1] == "dem dreißigsten"
    days = {PROMPTS[f"mailbox_day_{number}"].texts["de"] for number in range(1, 32)}
    assert len(days) == 31


def test_who_did_something_is_named_by_the_extension() -> None:
    assert [digits(TOWN, who) for who in ("p40", "box 30", "admin anna", "", "box x")] == ["40", "30", "", "", ""]


def test_two_recordings_become_one(tmp_path: Path) -> None:
    first, then = recording(tmp_path / "a.wav", 2), recording(tmp_path / "b.wav", 3, level=0)
    join(first, then, tmp_path / "c.wav")
    assert judge(tmp_path / "c.wav") == (5.5, True)
    with wave.open(str(tmp_path / "c.wav")) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth(), file.getnframes()) == (8000, 1, 2, 44000)


def test_the_printed_help_is_that_of_the_keys() -> None:
    assert "\n".join(printed()) in HELP.read_text(encoding="utf-8")
    assert {each.menu for each in KEYS} == set(TITLES)
    for menu in TITLES:
        for one in (each for each in KEYS if each.menu == menu):
            same = [each for each in KEYS if each.menu == menu and each.key == one.key and not each.playing]
            assert len(same) <= 1 or {each.need for each in same} == {"own", "shared"}, f"{menu} {one.key}"
