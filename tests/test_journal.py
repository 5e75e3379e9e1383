"""The journal: lines as Asterisk writes them become journeys. Not here: writing those down (test_recorder)."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest

from orchestrator.compile.templates import static
from orchestrator.journal import cel
from orchestrator.journal.journeys import Call, journey
from tests.recorded import SAMPLED, SAMPLES, calls, sample


def test_columns_are_those_that_asterisk_is_told_to_write() -> None:
    assert tuple(cel.columns_of(static()["cel_custom.conf"])) == cel.COLUMNS


@pytest.mark.parametrize("outcome", SAMPLED)
def test_real_calls_have_their_outcome(outcome: str) -> None:
    (call,) = calls(sample(outcome)).values()
    made = journey(call)
    assert made
    assert call.over
    assert made.outcome == outcome
    assert made.flow == "town"
    assert (made.wait is not None) == (outcome in ("answered", "message"))
    assert made.steps[0].place == "town.door"
    assert made.ended >= made.began


def test_a_call_to_the_mailbox_was_served_and_its_turns_are_one_step() -> None:
    """An employee who recorded something twice, listened and was sent off."""
    text = sample("served")
    (call,) = calls(text).values()
    made = journey(call)
    assert made
    assert (made.outcome, made.flow, made.number) == ("served", "mailbox", "98")
    visits = [(step.place, step.answer) for step in made.steps]
    assert visits == [
        ("mailbox.turn", "record"),
        ("mailbox.dictate", "recorded"),
        ("mailbox.turn", "record"),
        ("mailbox.dictate", "recorded"),
        ("mailbox.turn", "done"),
        ("mailbox.goodbye", "gone"),
    ]
    assert text.count("mailbox.turn=again") > 1
    assert made.wait is not None
    assert made.wait < 1


def test_a_call_back_is_a_journey_of_its_own() -> None:
    """Who waited behind another caller pressed 1; a member picked up, heard why, and the caller was called."""
    asked, made = (journey(call) for call in calls(sample("call_back")).values())
    assert asked
    assert made
    assert (asked.outcome, asked.place, asked.wait) == ("call_back", "q_amt.promise", None)
    assert [(step.place, step.answer) for step in asked.steps][-4:] == [
        ("q_amt.wait", "key_1"),
        ("q_amt.promise", "promised"),
        ("q_amt.told", "said"),
        ("q_amt.bye", "gone"),
    ]
    assert (made.outcome, made.place) == ("answered", "callback_amt.call")
    assert [(step.place, step.answer) for step in made.steps] == [
        ("callback_amt.turn", "served"),
        ("callback_amt.call", "talked"),
    ]
    assert asked.caller == "+49" + made.caller.removeprefix("0")


def test_a_member_who_talks_with_the_announcement_alone_has_answered_nobody() -> None:
    _, whole = calls(sample("call_back")).values()
    (called,) = {event.channel for event in whole.events if event.name.startswith("PJSIP/trunk-amt")}
    (citizen,) = {event.channel for event in whole.events if event.mark == "callback_amt.call"}
    talk = [
        e for e in whole.events if e.channel == called or "talked" in e.mark or (e.channel == citizen and cel.talks(e))
    ]
    alone = [event for event in whole.events if event not in talk]
    made = journey(Call(whole.id, alone))
    assert made
    assert (made.outcome, made.place) == ("unanswered", "callback_amt.call")


def test_a_call_to_the_mailbox_that_the_exchange_cut_has_failed() -> None:
    text = "\n".join(line for line in sample("served").splitlines() if "goodbye" not in line and "=done" not in line)
    (call,) = calls(text.replace('""hangupcause"":16', '""hangupcause"":0').replace('""PJSIP/tel2500', '""x')).values()
    made = journey(call, cut=True)
    assert made
    assert made.outcome == "failed"


def test_a_call_that_the_exchange_cut_has_failed() -> None:
    text = "\n".join(line for line in sample("answered").splitlines() if '"CHAN_START"' in line or "town." in line)
    (call,) = calls(text).values()
    made = journey(call, cut=True)
    assert made
    assert made.outcome == "failed"


def test_a_call_that_nobody_hung_up_has_failed() -> None:
    """As Asterisk writes it when a Goto leads nowhere: no source, no cause."""
    text = sample("gave_up").replace('""hangupcause"":16', '""hangupcause"":0')
    text = re.sub(r'""hangupsource"":""PJSIP[^"]*""', '""hangupsource"":""""', text)
    (call,) = calls(text).values()
    made = journey(call)
    assert made
    assert made.outcome == "failed"


@pytest.mark.parametrize("hostile", ["0171\n1", '1"2\n"CHAN_END","1.1","x', "\u2028\r\n\x85", '\n""PLACE"",""1.0"",""'])
def test_line_breaks_in_a_callers_number_break_nothing(tmp_path: Path, hostile: str) -> None:
    written = io.StringIO()
    rows = list(csv.reader(io.StringIO(sample("message"))))
    for row in rows:
        row[cel.COLUMNS.index("CALLERID(num)")] = hostile
    csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    path = tmp_path / "journal.csv"
    data = written.getvalue().encode()
    seen, offset = [], 0
    for end in range(0, len(data) + 97, 97):  # as it grows
        path.write_bytes(data[:end])
        chunk = cel.read(path, offset)
        assert chunk.broken == 0
        seen += chunk.events
        offset = chunk.end
    assert len(seen) == len(rows)
    assert all(event.caller.isprintable() for event in seen)
    call = Call(seen[0].call)
    for event in seen:
        call.add(event)
    assert journey(call).outcome == "message"  # type: ignore[union-attr]


def test_a_place_visited_again_without_an_answer_is_one_visit() -> None:
    lines = sample("told").splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith('"PLACE"'))
    (once,), (twice,) = calls("\n".join(lines)).values(), calls("\n".join([*lines[: at + 1], *lines[at:]])).values()
    assert [step.place for step in journey(once).steps] == [step.place for step in journey(twice).steps]  # type: ignore[union-attr]


def test_a_place_at_which_no_call_waits_is_one_line_and_the_same_step() -> None:
    lines = sample("answered").splitlines()
    (at,) = [number for number, line in enumerate(lines) if '"{""extra"":""town.door""}"' in line]
    assert '"{""extra"":""town.door=open""}"' in lines[at + 1]
    passed = [*lines[:at], lines[at + 1].replace('"ANSWER"', '"PASSED"'), *lines[at + 2 :]]
    (once,), (twice,) = calls("\n".join(passed)).values(), calls("\n".join(lines)).values()
    steps = [[(step.place, step.answer) for step in journey(call).steps] for call in (once, twice)]  # type: ignore[union-attr]
    assert ("town.door", "open") in steps[0]
    assert steps[0] == steps[1]


@pytest.mark.parametrize("line", ["", "x", '"PLACE"', "\0", '"a",' * 20, '"PLACE","x"' + ',""' * 13])
def test_garbage_is_no_event(line: str) -> None:
    assert cel.parse(line) == ()


def test_samples_are_whole_lines() -> None:
    for path in SAMPLES.glob("*.csv"):
        rows = list(csv.reader(io.StringIO(path.read_text())))
        assert all(len(row) == len(cel.COLUMNS) for row in rows), path.name
