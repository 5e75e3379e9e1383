"""What the directory makes of calls back: who may be called at whose cost, what is proved, predicted, read, written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.domain import promises
from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Directory
from orchestrator.domain.explain import World, ending, explain
from orchestrator.domain.flow import Flow, HangUp, Say
from orchestrator.domain.house import Recall
from orchestrator.domain.proof import prove
from orchestrator.domain.switches import OUTSIDE, Outside
from orchestrator.store.reading import read_files
from orchestrator.store.writing import files, sections
from tests.call_back_town import OFFICE, call_back_town
from tests.test_compile import compiled, sounds
from tests.test_import import GOOD
from tests.test_queue_rules import QUEUES
from tests.test_queues import WAIT
from tests.towns import MONDAY_10, TODAY, prompt

CITIZEN = "+4917212345678"


def problems(directory: Directory) -> set[tuple[str, str]]:
    return {(each.code, each.where) for each in prove(directory, sounds(directory), TODAY).problems}


def test_a_town_that_calls_back_is_proved() -> None:
    town = derive(call_back_town())
    assert problems(town) == set()
    assert town.graph["q_amt.unable"].exits == {"said": WAIT}
    waits = prove(town, sounds(town), TODAY)
    without = derive(call_back_town(keys={"2": "d_buergerbuero.box"}))
    assert (waits.worst_wait, waits.worst_hung) == (
        prove(without, sounds(without), TODAY).worst_wait,
        prove(without, sounds(without), TODAY).worst_hung,
    ), "nobody waits on the line while a stand-in waits"
    assert not [name for name in without.flows if name.startswith(promises.FLOW)]
    assert "[stand-in-" not in compiled(without)["asterisk/extensions.conf"]


def test_what_is_refused() -> None:
    town = call_back_town()
    poor = replace(town, phones={id_: replace(phone, permission="internal") for id_, phone in town.phones.items()})
    assert problems(derive(poor)) == {("no_call_back_allowed", "queue amt")}
    bye = Flow(name="callback_amt", start="bye", steps={"bye": Say(prompt=prompt("x", "Ab.", "Bye."), then="x.y"),
                                                        "y": HangUp()})  # fmt: skip
    assert ("bad_name", "flow 'callback_amt'") in problems(derive(replace(town, flows={**town.flows, bye.name: bye})))
    loop = derive(call_back_town(waited="q_amt.promise"))
    assert {code for code, _ in problems(loop)} == {"silent_loop"}, "only a key asks for it"


def test_whose_cost_it_is_and_what_the_citizen_sees() -> None:
    town = call_back_town(phones=("tel10", "tel2500", "tel2501"))
    phones = {
        id_: replace(phone, permission={"tel10": "national", "tel2500": "internal", "tel2501": "mobile"}[id_])
        for id_, phone in town.phones.items()
    }
    step = derive(replace(town, phones=phones)).graph["callback_amt.call"]
    assert isinstance(step, Recall)
    assert (step.payer, step.shown) == ("tel2501", OFFICE)
    poor = {id_: replace(phone, permission="national") for id_, phone in phones.items()}
    town = replace(town, phones=poor)
    assert promises.payer(town, town.queues["amt"]) == "tel10"
    assert promises.number(town, town.queues["amt"], "+4962219999") == "062219999"
    assert promises.number(town, town.queues["amt"], CITIZEN) == ""
    own = derive(call_back_town(extension="35")).graph["callback_amt.call"]
    assert isinstance(own, Recall)
    assert own.shown == "+4962052135"


@pytest.mark.parametrize(("caller", "only", "answer"), [
    (CITIZEN, "", "promised"), ("01721234567", "", "promised"), ("", "", "promised"), ("anonymous", "", "refused"),
    ("2500", "", "refused"), ("+33123456789", "", "refused"), (CITIZEN, "emergency", "refused"),
    (CITIZEN, "no_abroad", "promised"), (OFFICE, "", "refused"), ("+49110", "", "refused"), ("110", "", "refused"),
])  # fmt: skip
def test_what_pressing_the_key_comes_to(caller: str, only: str, answer: str) -> None:
    town = derive(call_back_town())
    world = World(at=MONDAY_10, keys=("1",), others="nobody", caller=caller)
    if only:
        world = replace(world, switches={OUTSIDE: Outside(only=only)})
    visits = tuple(explain(town, WAIT, world))
    assert (visits[1].place, visits[1].answer) == ("q_amt.promise", answer)
    assert ending(visits).outcome == ("call_back" if answer == "promised" else "message")


def test_a_promise_has_its_own_way() -> None:
    town = derive(call_back_town())
    for others, outside, way in (
        ("nobody", {}, ["unserved"]),
        ("talked", {}, ["served", "talked"]),
        ("talked", {promises.number(town, town.queues["amt"], CITIZEN): "busy"}, ["served", "busy", "said", "gone"]),
    ):
        world = World(at=MONDAY_10, others=others, outside=outside, caller=CITIZEN)
        assert [visit.answer for visit in explain(town, "callback_amt.turn", world)] == way


def test_the_key_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "town.yaml"
    path.write_text(GOOD + QUEUES.replace('{1: mailbox, "*": "2500"}', "{1: call_back, 2: mailbox}"))
    found = read_files([path], 2026)
    assert not found.mistakes
    assert found.directory.queues["amt"].keys == {"1": "q_amt.promise", "2": "d_amt.box"}
    assert "1: call_back, 2: mailbox" in "".join(files(sections(found.directory)).values())
    path.write_text(path.read_text().replace("waited: town.menu", "waited: call_back"))
    assert any("call_back" in str(mistake) for mistake in read_files([path], 2026).mistakes)
