"""The plan and the account of a soak: the same seed is the same plan, and whatever does not hold is told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.journal.cel import COLUMNS
from orchestrator.service.history import Past
from tests.chaos import report
from tests.chaos.account import Evidence, Queue, Strike, account, silences
from tests.chaos.growth import Sample, growth, slope
from tests.chaos.journal import Journal, Seen
from tests.chaos.plan import FIRST, HABITS, KINDS, QUIET, Caller, Plan, plan
from tests.chaos.town import MENU, OFFICE_BOX

SHOWN = "+491715000001"
CALL = "100.1"
WRITER = Caller(shown=SHOWN, habit="writes", before=1.5, key=2, after=9, voice=True)
MARKS = [(100.1, "PLACE", "town.door"), (101.7, "ANSWER", f"{MENU}=key_2")]
SEEN = Seen(id=CALL, caller=SHOWN, began=100.0, last=110.0, marks=MARKS, recorded=[7.0], over=True)
PAST = Past(id=CALL, began=100.0, ended=110.0, caller=SHOWN, number="+496205210", outcome="message",
            place="town.box", wait=3.0, steps=(("town.box", "left"),), unexpected="")  # fmt: skip
GOOD = Evidence(
    plan=Plan(seed=1, rate=3.0, callers=(WRITER,), attacks=()),
    placed={SHOWN: 100.0},
    answered={SHOWN: 100.1},
    seen={CALL: SEEN},
    journeys=(PAST,),
    messages=((OFFICE_BOX, CALL),),
    cases=(CALL,),
    strikes=(),
    left=(),
    patience=5.0,
    longest=9.0,
    deepest=Queue(name="pjsip/distributor-1", deepest=12, mark=500),
)
GOOD_BUT_DEAF = replace(GOOD, seen={CALL: replace(SEEN, marks=MARKS[:1])})
KILLED = Strike(at=105.0, kind="Asterisk killed", pid=7)
CUT = replace(SEEN, over=False, recorded=[])
FAILED = replace(PAST, outcome="failed")


def wrong(known: Evidence) -> list[str]:
    return report.wrong(account(known))


def test_the_same_seed_is_the_same_plan() -> None:
    assert plan(500, 7, rate=3.0) == plan(500, 7, rate=3.0)
    assert plan(500, 7, rate=3.0) != plan(500, 8, rate=3.0)


@pytest.mark.parametrize("seed", range(5))
def test_a_short_plan_has_every_habit_and_every_attack_and_ends_quietly(seed: int) -> None:
    made = plan(180, seed, rate=3.0)
    assert {caller.habit for caller in made.callers} == set(HABITS)
    assert {attack.kind for attack in made.attacks} == set(KINDS)
    assert len({caller.shown for caller in made.callers}) == 180
    assert made.attacks[0].at >= FIRST
    assert made.attacks[-1].at < made.lasts * (1 - QUIET)


def test_a_caller_as_sipp_reads_them() -> None:
    assert WRITER.line == f"{SHOWN};+496205210;1500;2;9000;1"


def test_what_holds_is_not_complained_of() -> None:
    assert wrong(GOOD) == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"placed": {}, "seen": {}, "journeys": (), "messages": (), "cases": ()}, "was never placed"),
        ({"answered": {}, "seen": {}, "journeys": (), "messages": (), "cases": ()}, "found nobody while Asterisk ran"),
        ({"seen": {}, "journeys": (), "messages": (), "cases": ()}, "was answered and has no journey"),
        ({"journeys": (), "messages": (), "cases": ()}, "reached a flow and has no journey"),
        ({"journeys": (PAST, PAST)}, "has 2 journeys"),
        ({"seen": {}}, "is in no journal of Asterisk"),
        ({"journeys": (FAILED,)}, "failed, and Asterisk was not killed"),
        ({"journeys": (replace(PAST, outcome="lost"),)}, "unknown outcome"),
        ({"messages": ()}, "no message"),
        ({"messages": ((OFFICE_BOX, CALL), (OFFICE_BOX, CALL))}, "is there 2 times"),
        ({"journeys": (replace(PAST, outcome="gave_up"),)}, "a message without such a journey"),
        ({"cases": ()}, "has no case"),
        ({"cases": (CALL, CALL)}, "has 2 cases"),
        ({"journeys": (replace(PAST, unexpected="town.box: expected end"),)}, "expected end"),
        ({"left": ("PJSIP/trunk-provider-1",)}, "left over"),
    ],
)
def test_what_does_not_hold_is_told(changed: dict[str, object], told: str) -> None:
    assert any(told in each for each in wrong(replace(GOOD, **changed)))  # type: ignore[arg-type]


def test_who_is_cut_by_asterisks_end_may_fail_and_is_written_once() -> None:
    cut = replace(GOOD, seen={CALL: CUT}, journeys=(FAILED,), messages=(), cases=(), strikes=(KILLED,))
    assert wrong(cut) == []
    before = replace(KILLED, at=90.0)  # they rang up after it
    assert any("was not killed" in each for each in wrong(replace(cut, strikes=(before,))))
    again = replace(cut, seen={CALL: CUT, "106.0": replace(SEEN, id="106.0", recorded=[])},
                    journeys=(FAILED, replace(PAST, id="106.0", outcome="gave_up")))  # fmt: skip
    assert wrong(again) == []


def test_what_was_said_before_asterisk_was_killed_is_saved() -> None:
    speaking = replace(CUT, recording=100.9, last=100.9)
    cut = replace(GOOD, seen={CALL: speaking}, strikes=(KILLED,))
    assert wrong(cut) == []
    lost = replace(cut, messages=(), cases=(), journeys=(FAILED,))
    assert any("nothing was saved" in each for each in wrong(lost))
    assert (
        wrong(replace(lost, seen={CALL: replace(speaking, recording=101.1, last=101.1)})) == []
    )  # too late to be on the disk
    twice = [KILLED, replace(KILLED, at=120.0)]  # the second cut others
    assert wrong(replace(lost, seen={CALL: replace(speaking, recording=104.5, last=104.5)}, strikes=twice)) == []


def test_who_rings_up_while_asterisk_is_down_may_find_nobody() -> None:
    refused = replace(GOOD, answered={}, seen={}, journeys=(), messages=(), cases=(), strikes=(KILLED,))
    assert wrong(refused) == []
    (row,) = [row for row in account(refused) if "was down" in row.what]
    assert row.figure == "1"


def test_the_wait_of_a_caller_is_from_the_attack_until_they_are_in_the_menu_again() -> None:
    marks = [(100.0, "PLACE", MENU), (104.0, "PLACE", MENU), (109.0, "NOTE", "deadline")]
    marks.append((110.0, "ANSWER", f"{MENU}=key_2"))
    strikes = [Strike(at=at, kind="attendant killed", pid=7) for at in (103.5, 105.0)]
    assert list(silences(replace(SEEN, marks=marks), strikes)) == pytest.approx([0.5, 4.0])
    assert list(silences(replace(SEEN, marks=marks), [replace(KILLED, at=103.5)])) == []
    late = replace(GOOD, seen={CALL: replace(SEEN, marks=marks)}, strikes=strikes, longest=3.0)
    assert any("waited 4.00 s" in each for each in wrong(late))


def test_a_key_may_be_lost_in_an_attack_only() -> None:
    assert any("key 2 was lost" in each for each in wrong(GOOD_BUT_DEAF))
    hung = Strike(at=101.0, kind="attendant hung", pid=7)  # the key comes at 101.6
    assert wrong(replace(GOOD_BUT_DEAF, strikes=(hung,))) == []


def test_a_key_between_two_rounds_of_the_menu_is_nobodys_fault() -> None:
    assert wrong(replace(GOOD_BUT_DEAF, patience=WRITER.before + 0.1)) == []
    assert wrong(replace(GOOD_BUT_DEAF, patience=WRITER.before + 0.5))


def test_a_queue_of_asterisk_that_is_nearly_full_is_told() -> None:
    (told,) = wrong(replace(GOOD, deepest=Queue(name="stasis/pool", deepest=2_700, mark=3_000)))
    assert told == "2,700 of 3,000 tasks waited in Asterisk's stasis/pool"


def samples(memory: float, *, lasts: int = 400, name: str = "control") -> Iterable[Sample]:
    """A process that loads at first, and then grows by `memory` KiB a minute."""
    for at in range(0, lasts, 2):
        kept = memory * at / 60 + (20_000 if at > 10 else 0)
        yield Sample(at=at, name=name, pid=7, memory=kept, descriptors=15)


def test_growth_is_judged_within_a_life_once_it_is_grown_up() -> None:
    assert slope([(0, 1), (1, 3), (2, 5)]) == pytest.approx(2)
    assert not report.wrong(growth(list(samples(100)), since=0, until=1000))
    (told,) = report.wrong(growth(list(samples(3000)), since=0, until=1000))
    assert "grew by 3000 KiB a minute" in told
    (short,) = growth(list(samples(3000, lasts=80)), since=0, until=1000)
    assert not short.wrong
    assert not report.wrong(growth(list(samples(3000, lasts=350, name="asterisk")), since=0, until=1000))
    assert report.wrong(growth(list(samples(3000, lasts=370, name="asterisk")), since=0, until=1000))
    assert "no life was long enough" in short.figure


def line(kind: str, at: float, *, context: str = "flow-town", mark: str = "") -> str:
    """A line of Asterisk's journal."""
    fields = dict.fromkeys(COLUMNS, "")
    fields |= {"eventtype": kind, "eventtime": str(at), "CHANNEL(uniqueid)": CALL, "CHANNEL(linkedid)": CALL,
               "CALLERID(num)": SHOWN, "CHANNEL(context)": context}  # fmt: skip
    if mark:
        fields |= {"userdeftype": kind, "eventextra": f'{{"extra":"{mark}"}}'}
    return ",".join('"' + value.replace('"', '""') + '"' for value in fields.values()) + "\n"


def test_the_journal_is_followed_into_the_next_file(tmp_path: Path) -> None:
    path = tmp_path / "journal.csv"
    journal = Journal(path)
    journal.look()
    recording = line("APP_START", 102, context="message")
    path.write_text(line("CHAN_START", 100) + line("PLACE", 100.5, mark="town.door") + recording[:30])
    journal.look()
    with path.open("a") as file:
        file.write(recording[30:])
    path.rename(tmp_path / "journal.old")
    journal.look()
    path.write_text(line("APP_END", 106, context="message") + line("LINKEDID_END", 107))
    journal.look()
    assert journal.calls == {CALL: Seen(id=CALL, caller=SHOWN, began=100, last=107, over=True, recorded=[4.0],
                                        marks=[(100.5, "PLACE", "town.door")])}  # fmt: skip


def test_the_table_is_put_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.publish("new", page)
    assert page.read_text() == f"before\n{report.BEGIN}\nnew\n{report.END}\nafter\n"
