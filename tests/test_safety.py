"""What is refused: too much gone of one kind, and calls to the operator that end elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from orchestrator.compile.stubs import with_stubs, without_stubs
from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Directory
from orchestrator.domain.losses import too_many
from orchestrator.rollout.plan import Tree, counted, differing, plan
from orchestrator.rollout.safety import Refusal
from orchestrator.service import directory as directories
from orchestrator.service import rollout as service
from orchestrator.store import lines
from tests.test_cli import ROOT
from tests.test_compile import compiled
from tests.towns import small, town_flow

MANY = 20


def written() -> Directory:
    """The small town, not derived, with `MANY` more people who have a phone and a number each."""
    flow = town_flow()
    town = replace(small(flow), flows={"town": flow}, numbers={"0": "town", "77": "town"})
    person, phone = town.people["p3501"], next(iter(town.phones.values()))
    more, desks = {}, {}
    for n in range(MANY):
        more[f"x{n}"] = replace(person, id=f"x{n}", extension=str(400 + n), phones=(f"t{n}",), box="")
        desks[f"t{n}"] = replace(phone, id=f"t{n}", extension=str(400 + n), label=f"T{n}")
    return replace(town, people={**town.people, **more}, phones={**town.phones, **desks})


def tree_of(directory: Directory) -> Tree:
    return {**compiled(directory), directories.APPLIED: lines.write(directory)}


def without(town: Directory, *numbers: int) -> Directory:
    gone_people, gone_phones = {f"x{n}" for n in numbers}, {f"t{n}" for n in numbers}
    people = {id_: person for id_, person in town.people.items() if id_ not in gone_people}
    return replace(town, people=people, phones={k: v for k, v in town.phones.items() if k not in gone_phones})


def refused(before: Directory, after: Directory) -> list[Refusal]:
    old, new = derive(before), derive(after)
    return list(service.compared(new, tree_of(new), tree_of(old), ()).refusals)


def test_what_an_admin_counts_is_counted() -> None:
    town = derive(written())
    assert counted(compiled(town)) == {
        "phones": len(town.phones),
        "trunks": len(town.trunks),
        "mailboxes": len(town.boxes),
        "numbers": len(town.numbers),
    }


@pytest.mark.parametrize(("gone", "told"), [(3, False), (5, False), (10, True)])
def test_too_many_phones_and_numbers_are_counted_by_kind(gone: int, told: bool) -> None:
    """Their things are few among all: a phone is an endpoint, and most extensions are parts of flows."""
    town = written()
    found = refused(town, without(town, *range(gone)))
    assert [each.name for each in found] == ["deletions"] * told
    if told:
        assert f"{gone} of {len(town.phones)} phones" in found[0].why
        assert f"{gone} of {len(derive(town).numbers)} numbers" in found[0].why


def test_few_are_never_too_many() -> None:
    assert not too_many(3, 3)
    assert too_many(4, 13)
    assert not too_many(4, 14)


def test_the_operator_must_not_end_elsewhere_unasked() -> None:
    """The line of number 0 is the same; what its flow does is not."""
    town = written()
    door = replace(town.flows["town"].steps["door"], open="town.box")  # type: ignore[call-arg]
    steps = {**town.flows["town"].steps, "door": door}
    other = replace(town, flows={"town": replace(town.flows["town"], steps=steps)})
    (operator,) = refused(town, other)
    assert operator.name == "operator"
    assert "calls to the operator's number (0) would end elsewhere: 06205 21-0, " in operator.why
    assert "06205 21-77, " in operator.why, "it leads to the same flow"
    before = tree_of(derive(town))
    (unknown,) = service.refusals(differing(tree_of(derive(other)), before), before, ())
    assert unknown.name == "operator", "where outcomes cannot be told, the flow counts"


def test_calls_to_others_may_end_elsewhere() -> None:
    town = written()
    people = {**town.people, "x1": replace(town.people["x1"], stand_in="x2")}
    assert refused(town, replace(town, people=people)) == []


def test_a_stub_that_goes_with_time_is_no_other_plan() -> None:
    town, later = small(), derive(written())
    running = compiled(town, ("one", "two"))
    stubbed, bare = compiled(later, ("one", "two")), compiled(later)
    assert stubbed != bare
    assert without_stubs(stubbed["asterisk/extensions.conf"]) == bare["asterisk/extensions.conf"]
    text = bare["asterisk/extensions.conf"]
    assert without_stubs(with_stubs(text, ("one", "two"))) == text
    assert without_stubs(text) is text
    assert plan(stubbed, running).checksum == plan(bare, running).checksum
    assert plan(bare, bare).checksum != plan(bare, running).checksum


SAID = """
from orchestrator.rollout.plan import differing
from orchestrator.rollout.safety import refusals
from tests.test_compile import compiled
from tests.towns import small
tree = compiled(small())
print([each.why for each in refusals(differing(dict.fromkeys(tree, ""), tree), tree, ())])
"""


def test_a_refusal_says_the_same_whatever_the_order_of_sets() -> None:
    said = set()
    for seed in "123":
        env = {**os.environ, "PYTHONHASHSEED": seed}
        argv = [sys.executable, "-c", SAID]
        said.add(subprocess.run(argv, env=env, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    assert len(said) == 1, said
