"""What a phone dials: the table of classes against `phonenumbers`, permissions, numbers shown, problems."""

from __future__ import annotations

from dataclasses import replace

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberType as Type

from orchestrator.domain.callers import CLASSES, Callers
from orchestrator.domain.directory import Directory
from orchestrator.domain.outgoing import (
    NONE,
    SERVICE,
    Route,
    canonical,
    classify,
    dialled_class,
    masked,
    problems,
    route,
)
from orchestrator.domain.people import Phone
from orchestrator.domain.proof import prove
from orchestrator.domain.town import Permission, Trunk
from tests.towns import TODAY, small

TOWN = small().town
LINES = frozenset({"town", "national"})
MEANS = {
    Type.FIXED_LINE: LINES,
    Type.FIXED_LINE_OR_MOBILE: LINES,
    Type.MOBILE: {"mobile"},
    Type.TOLL_FREE: {SERVICE},
    Type.PREMIUM_RATE: {"premium"},
    Type.SHARED_COST: {"mobile", "premium"},  # 0180 is like a mobile call; 0137 counts as shared cost in some editions
    Type.PERSONAL_NUMBER: {"mobile"},
    Type.VOIP: {"national"},
    Type.PAGER: {"mobile"},  # 0164, 0168, 0169: they lie between the mobile blocks
    Type.UAN: {"premium", "national"},  # 018x: what it costs is agreed by its users; 116xxx and the like otherwise
    Type.VOICEMAIL: {"mobile"},  # the mailbox of a mobile phone is called by a number of its block
}
"""What the library says of a German number -> what the table may say."""
GERMAN = st.from_regex(
    r"(15[0-9]|16[0-9]|17[0-9]|180|18[1-9]|137|138|19|700|80[0-9]|90[0-9]|32|[2-9][0-9])[0-9]{6,9}", fullmatch=True
)
FOREIGN = st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS - {"DE"}))


@settings(max_examples=800, deadline=None)
@given(GERMAN)
def test_the_table_says_of_a_german_number_what_the_library_says(national: str) -> None:
    number = phonenumbers.parse(f"+49{national}")
    if not phonenumbers.is_valid_number(number):
        return
    kind = phonenumbers.number_type(number)
    said = classify(TOWN, canonical(f"+49{national}"))
    assert said in MEANS[kind], (national, kind)


@settings(max_examples=300, deadline=None)
@given(FOREIGN, st.sampled_from([Type.FIXED_LINE, Type.MOBILE, Type.PREMIUM_RATE]))
def test_a_foreign_number_is_abroad_or_costs_more(region: str, kind: int) -> None:
    if not (example := phonenumbers.example_number_for_type(region, kind)):
        return
    written = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    said = classify(TOWN, canonical(written))
    # Premium numbers of far countries are `abroad`: a budget stops them, and few can be reached from here at all.
    assert said in ({"abroad", "premium"} if kind == Type.PREMIUM_RATE else {"abroad"}), written


@pytest.mark.parametrize("region", ["AT", "CH", "GB", "NL", "BE"])
def test_premium_numbers_of_neighbours_are_premium(region: str) -> None:
    example = phonenumbers.example_number_for_type(region, Type.PREMIUM_RATE)
    written = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    assert classify(TOWN, canonical(written)) == "premium", written


@pytest.mark.parametrize(("code", "said"), [
    ("870", "satellite"), ("881", "satellite"), ("882", "satellite"), ("883", "satellite"), ("979", "premium"),
    ("808", "premium"), ("878", "premium"), ("800", SERVICE),
])  # fmt: skip
def test_codes_of_no_country(code: str, said: str) -> None:
    assert classify(TOWN, canonical(f"+{code}12345678")) == said


@pytest.mark.parametrize(("public", "said"), [
    ("06205123456", "town"), ("123456", NONE), ("512345", "town"), ("19222", "town"), ("0621555", "national"),
    ("01701234567", "mobile"), ("+491701234567", "mobile"), ("00491701234567", "mobile"), ("0033123456", "abroad"),
    ("+33123456", "abroad"), ("0900123456", "premium"), ("+49900123456", "premium"), ("0049900123456", "premium"),
    ("01371234", "premium"), ("118890", "premium"), ("0800123456", SERVICE), ("116116", SERVICE),
    ("115", NONE), ("1151", NONE),  # it is dialled as it is (SERVICES), with nothing behind it
    ("0700123456", "mobile"), ("01801234567", "mobile"), ("032123456", "national"), ("0906123456", "national"),
    # What would be another number without its beginning, or hides one behind it.
    ("01033090012345", NONE), ("0100330900", NONE), ("+4900331234", NONE), ("00490171123", NONE), ("000331234", NONE),
    ("+0171123", NONE), ("+", NONE), ("0171123x", NONE), ("0171\u0663123", NONE), ("*31#0171", NONE), ("", NONE),
])  # fmt: skip
def test_the_class_of_a_number(public: str, said: str) -> None:
    assert classify(TOWN, canonical(public)) == said


def dials(dialled: str, town: Directory | None = None, phone: str = "tel2500", switch: str = "") -> Route:
    town = town or small()
    return route(town, town.phones[phone], dialled, switch)


@pytest.mark.parametrize("digit", ["0", "9", ""])
@pytest.mark.parametrize("switch", ["", "no_abroad", "emergency"])
def test_an_emergency_goes_out_from_every_phone_whatever_is_set(digit: str, switch: str) -> None:
    town = small(town=replace(TOWN, outside=digit, permission="internal"))
    dialled_so = (
        "110",
        "112",
        f"{digit}112",
        "0112",
        f"{digit}0110",
        "1 1 2",
        "+49112",
        "+112",
        f"{digit}+49112",
        "112#",
    )
    for dialled in dialled_so:
        made = dials(dialled, town, switch=switch)
        assert (made.kind, made.shown, made.trunks) == ("emergency", "+4962052110", ("provider",)), dialled


@pytest.mark.parametrize(("digit", "dialled", "kind", "number"), [
    ("0", "0017112345", "outside", "017112345"), ("9", "9017112345", "outside", "017112345"),
    ("", "017112345", "outside", "017112345"), ("0", "+4917112345", "outside", "017112345"),
    ("9", "9+4917112345", "outside", "017112345"), ("9", "017112345", "inside", "017112345"),
    ("", "2500", "inside", "2500"), ("", "2999", "outside", "2999"), ("0", "2999", "inside", "2999"),
    ("", "77", "inside", "77"), ("0", "0", "inside", "0"), ("0", "01", "inside", "01"),
    ("0", "0 06205 21-2500", "inside", "2500"), ("0", "0212500", "inside", "2500"),
    ("0", "+4962052125", "inside", "25"),
    ("", "0620521", "inside", "0"), ("0", "+49 (0) 6205 21 30", "inside", "30"), ("0", "0116117", "outside", "116117"),
    ("9", "9115", "outside", "115"), ("0", "00116116", "refused", "0116116"), ("0", "0116116", "outside", "116116"),
    ("", "*87", "refused", "*87"), ("0", "01&x", "refused", "1&x"),
])  # fmt: skip
def test_where_it_goes(digit: str, dialled: str, kind: str, number: str) -> None:
    made = dials(dialled, small(town=replace(TOWN, outside=digit)))
    assert (made.kind, made.number) == (kind, number)


def test_further_heads_and_single_numbers_of_ours_stay_inside() -> None:
    town = small(town=replace(TOWN, heads=("+49620555", "+4962177")), singles={"+4962057788": "10"})
    for dialled, extension in (("0552500", "2500"), ("00621772500", "2500"), ("077 88", "10"), ("0062057788", "10")):
        assert (dials(dialled, town).kind, dials(dialled, town).number) == ("inside", extension), dialled
    assert dials("00621 78", town).kind == "outside"


def test_a_permission_is_that_of_phone_owner_department_town_in_turn() -> None:
    town = small(town=replace(TOWN, permission="town"))
    department = replace(town.departments["buergerbuero"], permission="national")
    person = replace(town.people["p2500"], permission="abroad")
    phone = replace(town.phones["tel2500"], permission="internal")
    steps = (
        ("town", town),
        ("national", town := replace(town, departments={"buergerbuero": department})),
        ("abroad", town := replace(town, people={**town.people, "p2500": person})),
        ("internal", replace(town, phones={**town.phones, "tel2500": phone})),
    )
    for said, directory in steps:
        assert Callers(directory).of(directory.phones["tel2500"]).permission == said


def test_who_may_what_and_why_not() -> None:
    abroad = Permission(id="abroad", classes=CLASSES[:4], per_hour=3, nightly=1)
    for permission, dialled, kind, why in (
        ("internal", "0512345", "refused", "permission"),
        ("internal", "00800123456", "outside", ""),
        ("mobile", "00170123456", "outside", ""),
        ("mobile", "00033123456", "refused", "permission"),
        ("abroad", "00033123456", "outside", ""),
        ("abroad", "00900123456", "refused", "permission"),
        ("abroad", "0010330171", "refused", "no_number"),
    ):
        town = small(town=replace(TOWN, permission=permission), permissions={"abroad": abroad})
        made = dials(dialled, town)
        assert (made.kind, made.why) == (kind, why), (permission, dialled)
        assert made.kind == "refused" or made.shown == "+496205212500"
    town = small(town=replace(TOWN, permission="abroad"), permissions={"abroad": abroad})
    assert dials("00033123456", town).permission == abroad
    assert dials("00033123456", town, switch="no_abroad").why == "switch"
    assert dials("00170123456", town, switch="no_abroad").kind == "outside"
    assert dials("00170123456", town, switch="emergency").why == "switch"
    assert dials("0115", town, switch="emergency").kind == "outside"


def test_the_trunk_of_the_site_is_first_and_only_public_ones_are_used() -> None:
    town = small()
    trunks = {
        "a": Trunk(id="a", host="192.0.2.1", order=2),
        "b": Trunk(id="b", host="192.0.2.2"),
        "old": Trunk(id="old", host="192.0.2.3", public=False),
        "z": Trunk(id="z", host="192.0.2.4", order=3),
    }
    town = replace(town, trunks=trunks)
    assert dials("0512345", town).trunks == ("b", "a", "z")
    for first, order in (("z", ("z", "b", "a")), ("old", ("b", "a", "z"))):
        site = replace(town.sites["rathaus"], trunk=first)
        assert dials("112", replace(town, sites={"rathaus": site})).trunks == order


def test_a_phone_whose_number_nobody_can_call_shows_its_department_or_the_operator() -> None:
    town = small()
    for phone, shown in ((Phone(id="x", site="rathaus", label="x", extension="7777"), "+496205210"),
                         (replace(town.phones["tel2500"], extension="7777"), "+4962052130")):  # fmt: skip
        assert Callers(town).of(phone).shown == shown


def found(directory: Directory, code: str) -> str:
    """Where the proof finds it."""
    (problem,) = (problem for problem in prove(directory, {}, TODAY).problems if problem.code == code)
    assert problem.what
    assert problem.todo
    return problem.where


def test_problems_of_permissions() -> None:
    town = small()
    phone = replace(town.phones["tel10"], permission="everything")
    assert found(replace(town, phones={**town.phones, "tel10": phone}), "unknown_permission") == "phone tel10"
    hall = replace(town.phones["tel10"], kind="hall", permission="abroad")
    assert found(replace(town, phones={**town.phones, "tel10": hall}), "open_phone") == "phone tel10"
    room = replace(hall, kind="meeting_room")
    assert list(problems(replace(town, phones={**town.phones, "tel10": room}))) == []
    odd = {"far": Permission(id="far", classes=("moon",))}
    assert found(replace(town, permissions=odd), "unknown_class") == "permission far"
    assert list(problems(small(town=replace(TOWN, outside="")))) == []


@pytest.mark.parametrize(("dialled", "expected"), [
    ("00033123456789", "abroad"),
    ("+33123456789", "abroad"),
    ("0+4915112345678", "mobile"),
    ("0015112345678", "mobile"),
    ("000870123456", "satellite"),
    ("00900123456", "premium"),
    ("0222", "town"),
    ("115", SERVICE),
    ("0112", "emergency"),
])  # fmt: skip
def test_a_record_still_tells_the_class(dialled: str, expected: str) -> None:
    """Without the last digits, which it does not keep."""
    assert dialled_class(TOWN, masked(dialled)) == expected
