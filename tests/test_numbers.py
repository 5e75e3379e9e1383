"""The number plan: what is wrong with one is told; what is accepted is reached as it is dialled; free ones are free."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from orchestrator.compile import entries
from orchestrator.domain import numbers, ranges
from orchestrator.domain import retired as retired_numbers
from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Directory
from orchestrator.domain.people import Group
from orchestrator.domain.problems import Problem
from orchestrator.domain.proof import prove
from orchestrator.domain.spelling import Meant, parse
from orchestrator.domain.town import NumberRange, Retired, Town
from tests.towns import TODAY, small

HOTLINE = Group(id="hotline", name="Hotline", extension="40", phones=("tel2500",), department="buergerbuero")
TOWN = Town(name="Kleinstadt", area="6205", head="21")


def told(directory: Directory, code: str) -> list[Problem]:
    found = [each for each in prove(derive(directory), {}, TODAY).problems if each.code == code]
    assert all(each.where and each.what and each.todo for each in found)
    return found


def with_numbers(*extensions: str, **town: object) -> Directory:
    more = dict.fromkeys(extensions, "town")
    return replace(small(), town=replace(TOWN, **town), numbers={"0": "town", **more})  # type: ignore[arg-type]


def test_a_town_with_everything_has_no_problem() -> None:
    directory = small(
        town=replace(TOWN, heads=("+49620555",), overlaps=("35",)),
        groups={"hotline": HOTLINE},
        singles={"+4962057788": "40", "+498005551234": "0"},
        numbers={"0": "town", "35": "town"},
        ranges={"amt": NumberRange(id="amt", first="2500", last="2549", department="buergerbuero")},
        retired={"2599": Retired(extension="2599", to="2500", until=date(2027, 6, 30))},
    )
    proof = prove(directory, {}, TODAY)
    assert proof.problems == ()
    assert [note.where for note in proof.notes] == ["person p3501"]
    assert "2500–2549" in proof.notes[0].what


@pytest.mark.parametrize(("extension", "what"), [
    ("110", "the police"), ("115", "authorities"), ("116117", "doctors"), ("1101", "gets 110"), ("11", "gets 11"),
    ("1161", "gets 1161"), ("012", "call to the outside"), ("049", "call to the outside"),
])  # fmt: skip
def test_reserved_numbers_are_nobodys(extension: str, what: str) -> None:
    (problem,) = told(with_numbers(extension), "reserved_number")
    assert problem.where == f"number {extension} of flow town"
    assert what in problem.what


def test_what_is_reserved_depends_on_the_town() -> None:
    assert told(with_numbers("95", outside="9"), "reserved_number")
    assert told(with_numbers("95"), "reserved_number") == []
    assert told(with_numbers("012", outside=""), "reserved_number")
    assert told(with_numbers("3095", area="30", head="9"), "reserved_number")  # 030 9-5, as a provider may send it
    assert told(with_numbers("11", overlaps=("11",)), "reserved_number") == []


@pytest.mark.parametrize("extension", ["*21", "#1", "1234567", "٢٥", "", "2 5"])
def test_feature_codes_and_the_like_are_no_extensions(extension: str) -> None:
    assert any(problem.where == f"number {extension} of flow town" for problem in told_raw(extension))


def told_raw(extension: str) -> list[Problem]:
    return [each for each in numbers.problems(with_numbers(extension)) if each.code == "bad_number"]


def test_a_shorter_number_shadows_longer_ones_unless_it_is_declared() -> None:
    person, phone = told(with_numbers("25"), "shadowed_number")
    assert (person.where, phone.where) == ("person p2500", "phone tel2501")
    problem = person
    assert "25 (number 25 of flow town) is first" in problem.what
    assert "overlaps" in problem.todo
    assert told(with_numbers("25", overlaps=("25",)), "shadowed_number") == []


def test_numbers_of_all_kinds_are_told_when_given_twice() -> None:
    town = small()
    office, anna = town.departments["buergerbuero"], town.people["p2500"]
    for directory in (
        replace(town, departments={"buergerbuero": replace(office, numbers=("2500",))}),
        replace(town, people={**town.people, "p2500": replace(anna, numbers=("30",))}),
        replace(town, groups={"hotline": replace(HOTLINE, extension="2500")}),
        replace(town, groups={"hotline": HOTLINE, "zwei": replace(HOTLINE, id="zwei")}),
    ):
        assert told(directory, "double_number")


def test_single_numbers_lead_to_somebody() -> None:
    (problem,) = told(replace(small(), singles={"+4962057788": "41"}), "unknown_extension")
    assert (problem.where, "'41'" in problem.what) == ("single +4962057788", True)


@pytest.mark.parametrize(("heads", "singles", "code", "where"), [
    (("0620555",), {}, "bad_number", "town"),
    ((), {"7788": "0"}, "bad_number", "single 7788"),
    ((), {"+49062057788": "0"}, "bad_number", "single +49062057788"),
    (("+49620555", "+49620555"), {}, "double_number", "town"),
    (("+49620521",), {}, "double_number", "town"),
    ((), {"+49620521": "0"}, "double_number", "single +49620521"),
    (("+496205215",), {}, "shadowed_number", "town"),
    ((), {"+49620521999": "0"}, "shadowed_number", "single +49620521999"),
    ((), {"+4962057788": "0", "+49620577": "0"}, "shadowed_number", "single +4962057788"),
    ((), {"+492500": "0"}, "shadowed_number", "person p2500"),
])  # fmt: skip
def test_public_numbers_are_not_ambiguous(
    heads: tuple[str, ...], singles: dict[str, str], code: str, where: str
) -> None:
    directory = replace(small(), town=replace(TOWN, heads=heads), singles=singles)
    assert where in [problem.where for problem in told(directory, code)]


def test_ranges_do_not_overlap_and_a_department_lies_within_its_site() -> None:
    site = NumberRange(id="haus", first="2000", last="2999", site="rathaus")
    one = NumberRange(id="eins", first="2500", last="2549", department="buergerbuero")
    inside = replace(one, id="drin", first="2510", last="2512")
    beside = replace(one, id="daneben", first="2550", last="2560")
    assert told(replace(small(), ranges={"haus": site, "eins": one, "daneben": beside}), "overlapping_ranges") == []
    (problem,) = told(replace(small(), ranges={"eins": one, "drin": inside, "daneben": beside}), "overlapping_ranges")
    assert (problem.where, "eins" in problem.what) == ("range drin", True)
    later = replace(one, id="spät", first="2549", last="2551")
    assert told(replace(small(), ranges={"eins": one, "drin": inside, "spät": later}), "overlapping_ranges")[1:]


def test_the_next_free_number() -> None:
    span = NumberRange(id="amt", first="2498", last="2506", department="buergerbuero")
    directory = replace(
        small(),
        numbers={"0": "town", "2501": "town", "25020": "town"},
        retired={
            "2503": Retired(extension="2503", to="2500", until=date(2027, 6, 30)),
            "2504": Retired(extension="2504", to="2500", until=TODAY),
        },
    )
    assert list(ranges.free(directory, [span], TODAY)) == ["2498", "2499", "2504", "2505", "2506"]
    two_digits = NumberRange(id="kurz", first="24", last="36", site="rathaus")
    # 25… and 35… have longer ones behind them, 30 is the department's
    free = list(ranges.free(directory, [two_digits], TODAY))
    assert free == ["24", "26", "27", "28", "29", "31", "32", "33", "34", "36"]
    emergency = replace(span, first="1098", last="1121")  # 10 is somebody's; 110 and 112 are everybody's
    assert list(ranges.free(directory, [emergency], TODAY)) == [str(number) for number in range(1110, 1120)]


def test_the_ranges_of_a_department_are_its_own_or_its_parents_or_its_sites() -> None:
    town = small()
    office = town.departments["buergerbuero"]
    site = NumberRange(id="haus", first="2000", last="2999", site="rathaus")
    above = NumberRange(id="amt", first="2500", last="2549", department="fb")
    tree = {"buergerbuero": replace(office, parent="fb"), "fb": replace(office, id="fb", extension="31")}
    directory = replace(town, departments=tree, ranges={"haus": site})
    assert ranges.of_department(directory, "buergerbuero") == [site]
    directory = replace(directory, ranges={"haus": site, "amt": above})
    assert ranges.of_department(directory, "buergerbuero") == [above]
    anna, bernd = town.people["p2500"], replace(town.people["p2500"], id="p2600", extension="2600")
    (told,) = ranges.notes(replace(directory, people={"p2500": anna, "p2600": bernd}))
    assert (told.where, "department fb (2500–2549)" in told.what) == ("person p2600", True)


EXTENSIONS = st.sets(st.from_regex(r"[0-9]{1,5}", fullmatch=True), max_size=8)
HEADS = st.sets(st.sampled_from(["+49620555", "+4989123", "+496205215", "+4930"]), max_size=2)
SINGLES = st.dictionaries(
    st.sampled_from(["+4962057788", "+498005551", "+49620577", "+492500"]), EXTENSIONS, max_size=2
)


@st.composite
def plans(draw: st.DrawFn) -> Directory:
    """A town with numbers of many kinds, right and wrong; all lead to the entry flow."""
    extensions = draw(EXTENSIONS)
    overlaps = draw(st.sets(st.sampled_from(sorted(extensions) or ["0"]), max_size=3))
    town = replace(
        TOWN,
        heads=tuple(sorted(draw(HEADS))),
        overlaps=tuple(sorted(overlaps)),
        outside=draw(st.sampled_from(["0", "9", ""])),
    )
    singles = {number: min(to, default="0") for number, to in draw(SINGLES).items()}
    written = dict.fromkeys(sorted(extensions | {"0"} | set(singles.values())), "town")
    empty = Directory(town=town, flows=small().flows)
    return replace(empty, numbers=written, singles=singles, retired={})


def sent(directory: Directory, dialled: str) -> str:
    """The extension to which the dialplan leads a call from the trunk: the exact one first, as Asterisk does, then the
    pattern with the longest beginning.
    """
    context = entries.from_trunk(directory)
    found = {each.name: each for each in context.extensions}
    if dialled in found:
        return found[dialled].lines[-1].application.removeprefix("Goto(numbers,").removesuffix(",1)")
    patterns = [name[1:-2] for name in found if name.startswith("_")]
    begun = max((each for each in patterns if dialled.startswith(each) and dialled != each), key=len, default=None)
    return "nobody" if begun is None else dialled.removeprefix(begun)


@pytest.mark.long
@settings(max_examples=300, deadline=None)
@given(plans())
def test_what_the_plan_accepts_is_reached_as_it_is_dialled(directory: Directory) -> None:
    assume(not list(numbers.problems(directory)))
    for extension in directory.numbers:
        assert sent(directory, extension) == extension
        for prefix in numbers.prefixes(directory.town):
            assert sent(directory, prefix + extension) == extension
            assert parse(directory, prefix + extension) == Meant(extension=extension)
    for number, extension in directory.singles.items():
        for form in numbers.forms(directory.town, number):
            assert sent(directory, form) == extension
            assert parse(directory, form) == Meant(extension=extension)
    for head in numbers.heads(directory.town):
        assert {sent(directory, form) for form in numbers.forms(directory.town, head)} == {"0"}


@pytest.mark.long
@settings(max_examples=200, deadline=None)
@given(plans(), st.sampled_from([("1", "9"), ("20", "39"), ("100", "130"), ("2490", "2520"), ("00", "12")]), st.data())
def test_the_next_free_number_never_collides(directory: Directory, span: tuple[str, str], data: st.DataObject) -> None:
    assume(not list(numbers.problems(directory)))
    retired = data.draw(st.sets(st.sampled_from(["25", "2500", "110"]), max_size=2))
    waiting = {each: Retired(extension=each, to="0", until=date(2027, 6, 30)) for each in retired}
    directory = replace(directory, retired={each: r for each, r in waiting.items() if each not in directory.numbers})
    assume(not list(numbers.problems(directory)))
    given_ = list(ranges.free(directory, [NumberRange(id="x", first=span[0], last=span[1])], TODAY))
    assert len(set(given_)) == len(given_)
    full = replace(directory, numbers={**directory.numbers, **dict.fromkeys(given_, "town")})
    assert [*numbers.problems(full), *retired_numbers.problems(full, TODAY)] == []
