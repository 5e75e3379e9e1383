"""What the directory makes of waiting queues: members, ways out, what is proved, predicted, read and written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Directory
from orchestrator.domain.explain import World, ending, explain
from orchestrator.domain.flow import Queue
from orchestrator.domain.leavers import without
from orchestrator.domain.proof import prove
from orchestrator.domain.queues import WaitingQueue, members
from orchestrator.domain.routes import ANNOUNCED
from tests.test_compile import sounds
from tests.test_import import GOOD, read
from tests.test_queues import QUEUE, WAIT, waiting_town
from tests.towns import MONDAY_10, TODAY, person


def town(**changed: object) -> Directory:
    return derive(waiting_town(**changed))


def step(directory: Directory) -> Queue:
    found = directory.graph[WAIT]
    assert isinstance(found, Queue)
    return found


def problems(directory: Directory) -> set[tuple[str, str]]:
    return {(each.code, each.where) for each in prove(directory, sounds(directory), TODAY).problems}


def test_who_is_a_member() -> None:
    written = waiting_town()
    people = {
        **written.people,
        "p2600": person("2600", function="Schalter"),
        "p2601": replace(person("2601", function="Schalter"), department="it"),
    }
    written = replace(written, people=people)

    def of(**changed: object) -> tuple[str, ...]:
        return members(written, replace(QUEUE, **changed))

    assert of() == ("tel2500", "tel2501")
    assert of(phones=()) == written.departments["buergerbuero"].phones
    assert of(phones=(), function="Schalter") == ("tel2600",)
    assert of(function="Schalter") == ("tel2500", "tel2501", "tel2600")


def test_what_is_not_written_leads_to_the_stand_in_else_to_the_mailbox() -> None:
    assert step(town()).exits == {
        "talked": "end",
        "waited": "d_buergerbuero.box",
        "full": "d_buergerbuero.box",
        "nobody": "d_buergerbuero.box",
        "key_2": "d_buergerbuero.box",
    }
    written = waiting_town(full="town.box")
    other = replace(written.departments["buergerbuero"], id="it", extension="31", queue="", stand_in="")
    office = replace(written.departments["buergerbuero"], stand_in="it")
    led = derive(replace(written, departments={"buergerbuero": office, "it": other}))
    assert (step(led).waited, step(led).full) == ("d_buergerbuero.stand_in", "town.box")
    assert led.graph["d_buergerbuero.diverted"].exits["off"] == WAIT
    assert "d_buergerbuero.ring" not in led.graph


def test_a_town_with_a_queue_is_proved() -> None:
    directory = town()
    assert problems(directory) == set()
    longer = prove(town(longest=QUEUE.longest + 50), sounds(directory), TODAY)
    assert longer.worst_wait == prove(directory, sounds(directory), TODAY).worst_wait + 50
    assert longer.worst_wait > QUEUE.longest + 50 + ANNOUNCED


@pytest.mark.parametrize(("changed", "problem"), [
    ({"phones": ("tel99",)}, ("unknown_phone", WAIT)),
    ({"waited": "town.nirgends"}, ("unknown_place", WAIT)),
    ({"full": "town.bye"}, ("dead_end", WAIT)),
    ({"keys": {"1": "town.box"}}, ("missing_text", WAIT)),
    ({"waited": "d_buergerbuero.hours"}, ("silent_loop", "d_buergerbuero.hours")),
    ({"longest": 900}, ("long_wait", "number 98")),
    ({"department": "weg"}, ("unknown_department", "queue amt")),
])  # fmt: skip
def test_what_is_refused(changed: dict[str, object], problem: tuple[str, str]) -> None:
    found = problems(town(**changed))
    assert problem[0] in {code for code, _ in found}
    assert problem in found or problem[0] == "long_wait"


def test_a_queue_that_nobody_reaches_or_that_has_no_member_is_refused() -> None:
    written = waiting_town()
    idle = replace(QUEUE, id="leer", phones=(), department="it", extension="")
    other = replace(written.departments["buergerbuero"], id="it", extension="31", queue="", phones=())
    found = problems(derive(replace(
        written, queues={**written.queues, "leer": idle}, departments={**written.departments, "it": other},
    )))  # fmt: skip
    assert ("unreachable", "q_leer.wait") in found
    assert ("no_phone", "q_leer.wait") in found


@pytest.mark.parametrize(("world", "answer"), [
    ({"others": "talked"}, "talked"),
    ({"others": "talked", "keys": ("2",)}, "talked"),
    ({"others": "busy"}, "waited"),
    ({"others": "nobody", "keys": ("", "5", "2")}, "key_2"),
    ({"others": "unreachable", "keys": ("2",)}, "nobody"),
    ({"others": "talked", "queues": {"amt": "full"}}, "full"),
    ({"others": "talked", "queues": {"amt": "nobody"}}, "nobody"),
    ({"others": "busy", "observed": {WAIT: "talked"}}, "talked"),
])  # fmt: skip
def test_what_waiting_comes_to(world: dict[str, object], answer: str) -> None:
    visits = tuple(explain(town(), "d_buergerbuero.hours", World(at=MONDAY_10, **world)))  # type: ignore[arg-type]
    assert next(visit.answer for visit in visits if visit.place == WAIT) == answer
    assert ending(visits).outcome == ("answered" if answer == "talked" else "message")


def test_who_leaves_is_a_member_no_more() -> None:
    written = waiting_town()
    left = without(written, [written.people["p2500"]], TODAY)
    assert left.queues["amt"].phones == ("tel2501",)


QUEUES = """\
queues:
  amt:
    name: Schalter
    department: amt
    number: "44"
    phones: ["2500"]
    log_in: yes
    strategy: round_robin
    waited: town.menu
    full: mailbox
    keys: {1: mailbox, "*": "2500"}
    hint: {de: Die 1., en: Press 1.}
"""


def test_a_queue_as_it_is_written(tmp_path: Path) -> None:
    from orchestrator.store.reading import read_files

    path = tmp_path / "town.yaml"
    path.write_text(GOOD + QUEUES)
    found = read_files([path], 2026)
    assert not found.mistakes
    assert found.directory.queues["amt"] == WaitingQueue(
        id="amt",
        name="Schalter",
        department="amt",
        extension="44",
        phones=("tel2500",),
        log_in=True,
        strategy="round_robin",
        waited="town.menu",
        full="d_amt.box",
        keys={"1": "d_amt.box", "*": "n_2500.diverted"},
        hint={"de": "Die 1.", "en": "Press 1."},
    )


@pytest.mark.parametrize(("old", "new", "what"), [
    ("department: amt\n    number", "department: amtt\n    number", "there is no department 'amtt'"),
    ('phones: ["2500"]\n    log', 'phones: ["2501"]\n    log', "there is no phone '2501'"),
    ("round_robin", "roundrobin", "there is no strategy 'roundrobin'"),
    ("waited: town.menu", "waited: town.menuu", "there is no step, flow, department, group or number 'town.menuu'"),
    ("    hint: {de: Die 1., en: Press 1.}\n", "", "callers are not told what its keys are"),
    ("en: Press 1.}\n", "}\n", "'en' is missing"),
    ("keys: {1: mailbox", "keys: {12: mailbox", "'12' is not a key of a telephone"),
    ('number: "44"', 'number: "30"', "30"),
])  # fmt: skip
def test_mistakes(tmp_path: Path, old: str, new: str, what: str) -> None:
    assert old in GOOD + QUEUES
    found = read(tmp_path, (GOOD + QUEUES).replace(old, new, 1))
    assert any(what in mistake for mistake in found), found
