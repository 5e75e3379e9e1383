"""A thing that names another which is not there is a problem, whatever it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Directory
from orchestrator.domain.kinds import ONE
from orchestrator.domain.links import LINKS, links
from orchestrator.domain.people import Group
from orchestrator.domain.proof import prove
from orchestrator.domain.queues import WaitingQueue
from orchestrator.domain.town import NumberRange, Wave
from tests.towns import TODAY, small


def town() -> Directory:
    return replace(
        small(),
        groups={"g": Group(id="g", name="G", extension="70", phones=("tel10",), department="buergerbuero")},
        queues={"q": WaitingQueue(id="q", name="Q", department="buergerbuero")},
        waves={"2": Wave(id="2", name="Schulen", trunk="provider")},
        ranges={"r": NumberRange(id="r", first="2500", last="2599", site="rathaus")},
    )


def test_a_whole_directory_has_no_loose_ends() -> None:
    assert list(links(town())) == []


@pytest.mark.parametrize(
    ("kind", "field", "target"),
    [
        *((kind, field, target) for kind, named in LINKS.items() for field, target in named.items()),
        *((kind, "permission", "permissions") for kind in ("people", "departments", "phones")),
    ],
)
def test_a_name_that_leads_nowhere_is_told(kind: str, field: str, target: str) -> None:
    directory = town()
    key, thing = next(iter(getattr(directory, kind).items()))
    lost = replace(thing, **{field: ("lost",) if isinstance(getattr(thing, field), tuple) else "lost"})
    (problem,) = links(replace(directory, **{kind: {**getattr(directory, kind), key: lost}}))  # type: ignore[arg-type]
    called = ONE[target]
    assert (problem.code, problem.where) == (f"unknown_{called}", f"{ONE[kind]} {key}")
    assert problem.what == f"there is no {called} 'lost'"
    assert problem.todo


def test_the_towns_permission_must_be_there() -> None:
    directory = replace(town(), town=replace(town().town, permission="lost"))
    assert [problem.where for problem in links(directory)] == ["town"]


def test_no_department_lies_above_itself() -> None:
    one = next(iter(town().departments.values()))
    above = {"a": "b", "b": "c", "c": "a", "d": "a", "e": "e", "f": ""}
    tree = {name: replace(one, id=name, parent=parent) for name, parent in above.items()}
    found = [each for each in links(replace(town(), departments=tree)) if each.code == "department_ring"]
    assert [(each.where, each.what) for each in found] == [
        ("department a", "lies above itself: a → b → c → a"),
        ("department e", "lies above itself: e → e"),
    ]
    assert all(each.todo for each in found)


def test_nobody_stands_in_for_themselves() -> None:
    found = town()
    (office, *_), (anna, *_) = found.departments.values(), found.people.values()
    wrong = replace(
        found,
        departments={**found.departments, office.id: replace(office, stand_in=office.id)},
        people={**found.people, anna.id: replace(anna, stand_in=anna.id)},
    )
    assert [(each.code, each.where) for each in links(wrong)] == [
        ("own_stand_in", f"department {office.id}"),
        ("own_stand_in", f"person {anna.id}"),
    ]
    assert {each.where for each in prove(derive(wrong), {}, TODAY).problems if each.code == "own_stand_in"}
