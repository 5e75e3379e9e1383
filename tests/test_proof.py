"""The proof finds each kind of problem, with a caller who would meet it, and nothing in a sound town."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest

from orchestrator.domain import texts
from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Do, Flow, HangUp, LeaveMessage, Menu, Ring, Say, Speak, Step, Transfer, When
from orchestrator.domain.people import Group
from orchestrator.domain.problems import Problem
from orchestrator.domain.prompts import SECONDS_PER_CHARACTER
from orchestrator.domain.proof import prove
from orchestrator.domain.routes import NOTICED, Routes, seconds
from orchestrator.domain.switches import ANNOUNCEMENT
from orchestrator.domain.town import Town
from tests.towns import HOURS, TODAY, prompt, small, town_flow


def found(directory: Directory, code: str, today: date = TODAY) -> Problem:
    problems = prove(directory, {}, today).problems
    matching = [problem for problem in problems if problem.code == code]
    assert matching, [str(problem) for problem in problems]
    return matching[0]


def test_a_sound_town_has_no_problem_and_a_known_worst_wait() -> None:
    proof = prove(small(), {}, TODAY)
    assert proof.problems == ()
    # 2500 may be absent: an announcement, the stand-in rings, then where the office is forwarded, its mailbox, goodbye.
    office, state, notice, sorry = (
        max(len(text) for each in said for text in each.values())
        for said in (
            [texts.office("Bürgerbüro")],
            [each.texts for each in texts.WORDINGS[texts.OFFICE].values()],
            [texts.NOTICE],
            [texts.SORRY],
        )
    )
    assert proof.worst_number == "2500"
    said = (office + state + notice + sorry) * SECONDS_PER_CHARACTER
    assert proof.worst_wait == pytest.approx(ANNOUNCEMENT + 5 + 20 + said)  # it is closed: the next opening


def wrong_steps() -> Iterator[tuple[str, str, Step]]:
    say = prompt("town.other", "Hallo.", "Hello.")
    box = town_flow().steps["box"]
    assert isinstance(box, LeaveMessage)
    yield "unknown_place", "welcome", Menu(prompt=say, keys={"1": "town.nowhere"}, otherwise="town.desk")
    yield (
        "unknown_schedule",
        "door",
        When(schedule="rathause", open="town.welcome", closed="town.box", holiday="town.box"),
    )
    yield "unknown_box", "box", replace(box, box="77")
    yield "unknown_phone", "desk", Ring(phones=("tel99",), busy="town.box", nobody="town.box", unreachable="town.box")
    yield "no_phone", "desk", Ring(phones=(), busy="town.box", nobody="town.box", unreachable="town.box")
    yield (
        "unknown_trunk",
        "police",
        Transfer(number="+491", trunk="x", busy="town.box", nobody="town.box", failed="town.box"),
    )
    yield "unknown_language", "english", Speak(language="fr", then="town.welcome")
    yield "missing_text", "closed", Say(prompt=replace(say, texts={"de": "Zu."}), then="town.box")
    yield "double_prompt", "closed", Say(prompt=prompt("town.box", "Zu.", "Closed."), then="town.box")
    yield "dead_end", "desk", Ring(phones=("tel10",), busy="town.bye", nobody="town.box", unreachable="town.box")
    yield "dead_end", "welcome", Menu(prompt=say, keys={"1": "town.desk"}, otherwise="town.bye")
    yield "silent_loop", "sorry", Say(prompt=say, then="town.box")
    yield "unreachable", "attic", HangUp()
    yield "bad_name", "x", Say(prompt=say, then="town.bye")


def skill(**changed: object) -> Do:
    """The small town's own `Do`, changed."""
    step = town_flow().steps["later"]
    assert isinstance(step, Do)
    return replace(step, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "step"),
    [
        ("unknown_skill", skill(skill="next_openings")),
        ("missing_exit", skill(outcomes={})),
        ("missing_exit", skill(outcomes={"said": "town.closed"})),
        ("unknown_answer", skill(outcomes={"said": "town.closed", "failed": "town.closed", "sung": "town.closed"})),
        ("missing_argument", skill(arguments={})),
        ("unknown_argument", skill(arguments={"schedule": "rathaus", "tempo": "fast"})),
        ("unknown_schedule", skill(arguments={"schedule": "rathause"})),
    ],
)
def test_each_kind_of_wrong_skill_is_found(code: str, step: Do) -> None:
    assert found(small(town_flow(later=step)), code).todo


def test_a_loop_that_needs_python_to_come_and_go_is_found() -> None:
    """Up and down it ends; while it fails now and then, a silent caller goes round."""
    first = skill(outcomes={"said": "town.second", "failed": "town.second"}, python_down="town.closed")
    second = skill(outcomes={"said": "town.closed", "failed": "town.closed"}, python_down="town.later")
    problem = found(small(town_flow(later=first, second=second)), "silent_loop")
    assert "while Python comes and goes" in problem.caller


def test_a_number_must_not_begin_in_silence() -> None:
    town = small()
    flows = {**town.flows, "mute": Flow(name="mute", start="bye", steps={"bye": HangUp()})}
    problem = found(replace(town, flows=flows, numbers={**town.numbers, "77": "mute"}), "dead_end")
    assert (problem.where, problem.caller) == ("mute.bye", "dials 06205 21-77")
    flows["mute"] = replace(flows["mute"], start="hello")
    assert "begins at mute.hello" in found(replace(town, flows=flows, numbers={"77": "mute"}), "unknown_place").what


def test_a_transfer_to_a_number_of_our_own_is_found() -> None:
    step = town_flow().steps["police"]
    assert isinstance(step, Transfer)
    assert found(small(town_flow(police=replace(step, number="+496205210"))), "own_number").todo


def test_names_that_asterisk_would_misread_are_found() -> None:
    town = small()
    tel = town.phones["tel10"]
    for changed in (
        {"phones": {**town.phones, "Gate-1": replace(tel, id="Gate-1")}},
        {"phones": {**town.phones, "testcall": replace(tel, id="testcall")}},
        {"boxes": {**town.boxes, "1a": replace(town.boxes["10"], id="1a")}},
        {"trunks": {**town.trunks, "a.b": replace(town.trunks["provider"], id="a.b")}},
        {"sites": {"rathaus": replace(town.sites["rathaus"], emergency_number="+49 110")}},
    ):
        assert found(replace(town, **changed), "bad_name").todo  # type: ignore[arg-type]


def test_the_wait_with_hung_attendants_is_known_and_longer() -> None:
    town, proof = small(), prove(small(), {}, TODAY)
    once = len("For the citizens' office press 1.") * SECONDS_PER_CHARACTER + 5
    # 2501 is a shared phone: it rings, then the entry flow with its menu (3 tries, one of them twice), desk, mailbox
    # and goodbye.
    box, sorry = (len(text) * SECONDS_PER_CHARACTER for text in ("Bitte sprechen Sie.", "Rufen Sie wieder an."))
    waits = Routes(graph=town.graph, starts=("t_2501.ring",), python=None).waits({})
    assert waits["t_2501.ring"].hung == pytest.approx(30 + 4 * once + NOTICED + 5 + box + sorry)
    assert proof.worst_hung == pytest.approx(proof.worst_wait + NOTICED)  # 2500's: its office tells the next opening


@pytest.mark.parametrize(
    ("code", "name", "step"), list(wrong_steps()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_each_kind_of_wrong_step_is_found(code: str, name: str, step: Step) -> None:
    problem = found(small(town_flow(**{name: step})), code)
    assert problem.todo
    if code in ("unknown_place", "dead_end", "silent_loop"):
        assert "dials 06205 21-0" in problem.caller
        assert problem.path


def test_a_dead_end_names_the_caller_who_meets_it() -> None:
    desk = Ring(phones=("tel10",), busy="town.box", nobody="town.bye", unreachable="town.box")
    problem = found(small(town_flow(desk=desk)), "dead_end")
    assert problem.where == "town.desk"
    assert problem.caller == (
        "dials 06205 21-0, while rathaus is open, presses nothing that counts, lets it ring until nobody answers"
    )
    assert problem.path == ("town.door=open", "town.welcome=gave_up", "town.desk=nobody")


def test_a_loop_that_only_a_caller_can_take_is_none() -> None:
    assert prove(small(), {}, TODAY).problems == ()  # key 8 hears the menu again, key 9 comes back in English


@pytest.mark.parametrize(
    ("numbers", "code"),
    [
        ({"0": "town", "110": "town"}, "reserved_number"),
        ({"0": "town", "250": "town"}, "shadowed_number"),
        ({"0": "town", "2a": "town"}, "bad_number"),
        ({"0": "town", "77": "lost"}, "unknown_flow"),
    ],
)
def test_wrong_numbers_are_found(numbers: dict[str, str], code: str) -> None:
    assert found(small(numbers=numbers), code).todo


def test_a_number_given_twice_is_found() -> None:
    directory = small()
    twice = {**directory.people, "p9": replace(directory.people["p2500"], id="p9")}
    assert "already belongs to" in found(replace(directory, people=twice), "double_number").what


def test_calendars_and_waits_are_judged() -> None:
    assert found(small(), "calendar_ends", today=date(2029, 6, 1))
    assert found(small(schedules={"rathaus": replace(HOURS, week={})}), "never_open")
    assert found(small(schedules={"rathaus": replace(HOURS, timezone="Europe/Baden")}), "unknown_timezone")
    long = found(small(town=Town(name="K", area="6205", head="21", longest_wait=20)), "long_wait")
    assert "waits" in long.what
    assert found(small(town=Town(name="K", area="6205", head="21", catch_all="lost")), "unknown_flow")


def test_phones_that_ring_in_turn_keep_a_caller_for_each_of_them() -> None:
    town = small()
    phones = ("tel10", "tel2500", "tel2501")
    hotline = Group(id="hotline", name="H", extension="40", phones=phones, department="buergerbuero", ring_seconds=9)
    at_once, in_turn = (
        prove(small(groups={"hotline": replace(hotline, order=order)}), {}, TODAY) for order in ("all", "longest_idle")
    )
    assert (at_once.problems, in_turn.problems) == ((), ())
    ring = derive(replace(town, groups={"hotline": replace(hotline, order="in_turn")})).graph["g_hotline.ring"]
    assert (seconds(ring, {}), ring.exits["nobody"]) == (27, "d_buergerbuero.hours")
    many = tuple(f"tel{n}" for n in range(31))
    more = {**town.phones, **{phone: replace(town.phones["tel10"], id=phone) for phone in many}}
    crowd = replace(hotline, phones=many, order="in_turn")
    assert found(small(groups={"hotline": crowd}, phones=more), "too_many_phones").where == "g_hotline.ring"
    hall = {f"tel{n}": replace(town.phones["tel10"], id=f"tel{n}") for n in range(151)}
    crowd = replace(hotline, phones=tuple(hall))
    assert found(small(groups={"hotline": crowd}, phones={**town.phones, **hall}), "too_many_phones").todo
    assert found(small(groups={"hotline": replace(hotline, department="x")}), "unknown_department").todo
