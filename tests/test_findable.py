"""Who is found by name: matching, privacy, what is said; the dialplan knows the same; the conversation ends."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.compile import by_name
from orchestrator.compile.extensions import LARGEST
from orchestrator.compile.sounds import prompts_of
from orchestrator.domain.derive import derive
from orchestrator.domain.explain import Visit, World, explain, retrace
from orchestrator.domain.findable import MOST, Names
from orchestrator.domain.finding import Finding
from orchestrator.domain.flow import FindByName
from orchestrator.domain.keypad import digits, first_names, last_names
from orchestrator.domain.leavers import without
from orchestrator.domain.people import Person
from orchestrator.domain.proof import prove
from tests import names
from tests.test_compile import GOLDEN, sounds
from tests.towns import MONDAY_10, TODAY

TOWN = names.derived()
KNOWN = Names(TOWN)


def found(typed: str, ended: bool = True) -> list[str] | None:
    return KNOWN.found(digits(typed), ended)


@pytest.mark.parametrize(("typed", "ended", "expected"), [
    ("mai", True, ["4001", "4002"]),
    ("mai", False, ["4001", "4002"]),
    ("maianna", False, ["4001"]),
    ("maier", True, ["4002"]),
    ("schulz", True, ["4003", "4004"]),
    ("backer", True, ["4005"]),
    ("baecker", True, ["4005"]),
    ("baeckerjorg", True, ["4005"]),
    ("baeckerjoerg", True, ["4005"]),
    ("gross", True, ["4006"]),
    ("grossute", True, ["4006"]),
    ("weizsaecker", True, ["4007"]),
    ("vonweizsacker", True, ["4007"]),
    ("landrut", True, ["4008"]),
    ("meyer", True, ["4008"]),
    ("meyerlena", True, ["4008"]),
    ("li", True, ["4012"]),
    ("l", True, None),
    ("l", False, None),
    ("mueller", False, None),
    ("muller", True, None),
    ("muelleremma", True, ["5012", "5013", "5014"]),
    ("mulleremmad", True, ["5013"]),
    ("xyz", True, []),
    ("maiannab", True, []),
])  # fmt: skip
def test_what_is_typed_finds_those_who_have_such_a_name(typed: str, ended: bool, expected: list[str] | None) -> None:
    assert found(typed, ended) == expected


def test_whole_names_come_before_longer_ones_and_too_many_are_asked_for_more() -> None:
    several = [names.person(f"7{n:03d}", "A", "Linde" if n % 2 else "Li") for n in range(40)]
    town = derive(names.town(several))
    assert Names(town).found("54", ended=False) is None
    assert Names(town).found("54", ended=True) == sorted(each.extension for each in several if each.last_name == "Li")
    same = derive(names.town([names.person(f"7{n:03d}", "A", "Li") for n in range(40)]))
    assert Names(same).found("54", ended=True) is None  # there are first names to be asked for
    assert len(Names(same).found("542", ended=True) or ()) == 40  # and then no more


def test_who_must_not_be_named_is_not() -> None:
    said = {extension: prompt.texts["de"] for extension, prompt in KNOWN.prompts.items()}
    assert found("heimlich") == ["31"]
    assert said["31"] == "Standesamt"
    assert found("keinesfalls") == []
    assert not {"4009", "4010"} & said.keys()
    deskless = derive(names.town([names.person("4011", "Ilse", "Stumm", phones=())]))
    assert Names(deskless).found(digits("stumm"), True) == ["30"], "who has no telephone is reached by the department"
    hidden = replace(names.town().departments["amt"], findable="department")
    shy = derive(replace(names.town(), departments={**names.town().departments, "amt": hidden}))
    assert Names(shy).found(digits("mueller"), True) == ["31"]
    own = {"p5000": replace(shy.people["p5000"], findable="name")}
    assert Names(replace(shy, people={**shy.people, **own})).found(digits("mueller"), True) == ["5000", "31"]


def test_who_has_left_is_not_found_and_their_number_leads_on() -> None:
    town = names.town()
    fewer = derive(without(town, [town.people["p4001"]], TODAY))
    assert Names(fewer).found(digits("mai"), True) == ["4002"]
    assert fewer.numbers["4001"] == "d_buergerbuero"


def test_what_is_said_tells_people_of_one_name_apart() -> None:
    said = {extension: prompt.texts["en"] for extension, prompt in KNOWN.prompts.items()}
    assert said["4003"] == "Eva Schulz, Bürgerbüro"
    assert said["4004"] == "Eva Schulz, Standesamt"
    twice = [names.person("7001", "A", "B"), names.person("7002", "A", "B", function="Leitung")]
    twice += [names.person("7003", "A", "B")]
    labels = {extension: prompt.texts["de"] for extension, prompt in Names(derive(names.town(twice))).prompts.items()}
    assert labels["7002"] == "A B, Bürgerbüro, Leitung"
    assert labels["7001"] == "A B, Bürgerbüro, Durchwahl sieben, null, null, eins"


def test_the_names_are_spoken_only_where_they_are_asked_for() -> None:
    assert {"n_4001.name", "d_amt.name", "find_again", "find_8"} <= prompts_of(TOWN).keys()
    assert "n_4009.name" not in prompts_of(TOWN)
    quiet = derive(replace(names.town(), flows={"town": TOWN.flows["town"]}, numbers={"0": "town"}))
    assert not [name for name in prompts_of(quiet) if name.endswith(".name") or name.startswith("find_")]
    (left,) = by_name.contexts(quiet, sounds(quiet))
    assert [extension.name for extension in left.extensions] == ["i"]


WORDS = st.lists(
    st.sampled_from(["ab", "ad", "a-b", "äb", "Ab", "b", "bö", "oe", "ü", "m", "mn"]), min_size=1, max_size=3
).map(" ".join)
PEOPLE = st.lists(st.tuples(WORDS, WORDS, st.sampled_from(["", "department", "no"])), min_size=1, max_size=60).map(
    lambda drawn: [names.person(f"7{n:03d}", first, last, findable=kind) for n, (first, last, kind) in enumerate(drawn)]
)
TYPED = st.text("2368", min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(people=PEOPLE, typed=st.lists(TYPED, max_size=20), ended=st.booleans())
def test_the_dialplan_knows_the_same_names(people: list[Person], typed: list[str], ended: bool) -> None:
    town = derive(names.town(people))
    known, contexts = Names(town), list(by_name.contexts(town, sounds(town)))
    keys = {entry.key for entry in known.entries}
    for asked in (*typed, *keys, *(key[:2] for key in keys), *(key[:-1] for key in keys if len(key) > 1)):
        assert names.looked_up(contexts, asked, ended) == known.found(asked, ended), asked


@settings(max_examples=60, deadline=None)
@given(people=PEOPLE)
def test_everybody_who_may_be_found_is_found_by_their_whole_name(people: list[Person]) -> None:
    known = Names(derive(names.town(people)))
    for person in people:
        for last in last_names(person.last_name):
            for first in first_names(person.first_name):
                offered = known.found(last + first, ended=True)
                if person.findable == "no":
                    assert person.extension not in (offered or ())
                else:
                    assert offered is not None
                    wanted = "30" if person.findable == "department" else person.extension
                    assert wanted in offered


STEP = TOWN.graph["who.find"]


@given(st.lists(st.sampled_from([*"0123456789*#", ""]), max_size=120), st.booleans())
def test_a_conversation_ends_as_soon_as_the_caller_is_silent(keys: list[str], human: bool) -> None:
    assert isinstance(STEP, FindByName)
    visit = Finding(replace(STEP, human="town.desk" if human else ""), KNOWN)
    pressed = iter(keys)
    silent = 0
    while not visit.answer:
        key = next(pressed, "")
        silent += not key
        visit.key(key)
        assert silent <= len(keys) + 2 * STEP.tries + 2
    assert visit.answer in ({"found", "nobody", "gave_up", "human"} if human else {"found", "nobody", "gave_up"})
    assert bool(visit.extension) == (visit.answer == "found")


def test_pressing_for_ever_ends_too() -> None:
    assert isinstance(STEP, FindByName)
    for keys in ("*", "5*", "685537#9", "24#*"):
        visit = Finding(replace(STEP, human=""), KNOWN)
        for _ in range(2000):
            for key in keys:
                if not visit.answer:
                    visit.key(key)
        assert visit.answer == ("nobody" if "#" in keys else "gave_up")


@pytest.mark.parametrize(("keys", "way"), [
    (("62437#",), ["who.find=found", "n_4002.diverted=off"]),
    (("624#", "2"), ["who.find=found", "n_4002.diverted=off"]),
    (("624", "*", "62437"), ["who.find=found", "n_4002.diverted=off"]),
    (("62437#", "*", "624#", "1"), ["who.find=found", "n_4001.diverted=off"]),
    (("685537#", "3662", "9"), ["who.find=gave_up", "who.silent=said"]),
    (("685537#", "3662", "3"), ["who.find=found", "n_5014.diverted=off"]),
    (("999#", "999#"), ["who.find=nobody", "who.none=said"]),
    (("999#", "0"), ["who.find=human", "town.desk=talked"]),
    (("43465424#",), ["who.find=found", "d_amt.hours=open"]),
    (("",), ["who.find=gave_up", "who.silent=said"]),
    (("624#",), ["who.find=gave_up", "who.silent=said"]),
    (("624#", "7", "2"), ["who.find=found", "n_4002.diverted=off"]),
])  # fmt: skip
def test_explain_follows_a_caller_to_whom_they_find(keys: tuple[str, ...], way: list[str]) -> None:
    visits = list(explain(TOWN, "who.find", World(at=MONDAY_10, keys=keys)))
    assert [f"{visit.place}={visit.answer}" for visit in visits][:2] == way
    assert not retrace(TOWN, [(visit, MONDAY_10) for visit in visits])


def test_nobody_is_led_to_who_cannot_be_found() -> None:
    """The journal tells of a call that went to somebody whom the step does not offer."""
    found = Visit(place="who.find", answer="found")
    led = Visit(place="n_4010.diverted", answer="off")
    assert retrace(TOWN, [(found, MONDAY_10), (led, MONDAY_10)]).startswith("n_4010.diverted: expected ")


def codes(**more: object) -> set[str]:
    return {problem.code for problem in prove(names.derived(**more), {}, TODAY).problems}


def test_the_proof_judges_each_way_out() -> None:
    assert "unreachable" not in codes()
    for answer in ("nobody", "gave_up", "human"):
        assert "unknown_place" in codes(**{answer: "who.nowhere"}), answer
    assert "dead_end" in codes(gave_up="who.bye")
    assert "dead_end" in codes(nobody="who.bye")
    assert "silent_loop" in codes(gave_up="who.find")
    assert "silent_loop" not in codes(nobody="who.find", human="who.find")
    shy = {id_: replace(each, findable="no") for id_, each in TOWN.departments.items()}
    nobody = derive(replace(names.town([names.person("4001", "Anna", "Mai")]), departments=shy))
    assert {problem.code for problem in prove(nobody, {}, TODAY).problems} == {"nobody_findable"}


def test_the_proof_reckons_with_every_try_of_a_silent_caller() -> None:
    waits = [prove(names.derived(tries=tries, wait=20.0), {}, TODAY).worst_wait for tries in (1, 9)]
    assert waits[0] < 120
    assert waits[1] > 9 * 20


def test_golden(request: pytest.FixtureRequest) -> None:
    people = [names.person(n, *name, **names.EXTRA.get(n, {})) for n, name in names.PEOPLE.items()]
    people += [names.person(f"5{n:03d}", "Eva", "Schulze") for n in range(MOST)]
    town = derive(names.town(people))
    text = "\n".join(context.written() for context in by_name.contexts(town, sounds(town)))
    path = GOLDEN / "names.conf"
    if request.config.getoption("--update-golden"):
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.long
def test_contexts_stay_small_for_many_people() -> None:
    """30,000 people whose names are as alike as names are: no context grows beyond what Asterisk loads at once."""
    parts = ("schm", "mei", "ber", "hoff", "lan", "wal", "krau", "stein", "bach", "dorf", "mann", "er", "ing", "old")
    people = [
        names.person(str(100000 + n), parts[n % 14].title(), (parts[n // 14 % 14] + parts[n // 196 % 14]).title())
        for n in range(30000)
    ]
    town = derive(names.town(people))
    contexts = list(by_name.contexts(town, sounds(town)))
    assert max(len(context.extensions) for context in contexts) <= LARGEST
    assert sum(len(context.extensions) for context in contexts) > 1000
