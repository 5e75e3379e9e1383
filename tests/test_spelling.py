"""Every usual spelling of a number means that number: by hand, by round trips, and beside `phonenumbers`."""

from __future__ import annotations

from dataclasses import replace

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.domain.numbers import e164, notes, written
from orchestrator.domain.spelling import Meant, parse, spellings
from orchestrator.domain.town import NumberRange, Town
from tests.towns import small

TOWN = Town(name="Kleinstadt", area="6205", head="21", heads=("+49620555", "+4989123"))
DIRECTORY = replace(small(), town=TOWN, singles={"+4962057788": "30", "+498005551": "0"})


@pytest.mark.parametrize("text", [
    "2500", " 2500 ", "21-2500", "21 / 2500", "21 25 00", "06205 21-2500", "06205/21-2500", "06205-21 2500",
    "0620521-2500",
    "(06205) 21 25 00", "[06205] 21.25.00", "+49 6205 212500", "+49 6205 21-2500", "+49 (0)6205 21-2500",
    "+49(0) 6205/212500",
    "+49 06205 212500", "(+49) 6205 21-2500", "0049 6205 212500", "0049 (0) 6205 212500", "496205212500", "6205212500",
    "\N{FULLWIDTH PLUS SIGN}\uff14\uff19 6205 212500", "\uff12\uff15\uff10\uff10", "\u0662\u0665\u0660\u0660",
    "06205\u00a021\u20132500", "06205\u202f21\u20112500", "06205 21\u22122500", "\u202a06205 21-2500\u202c",
    "06205 21\u00ad-2500",
    "tel:+49-6205-21-2500", "TEL:+496205212500", "tel:2500;phone-context=+49620521",
    "tel:2500;phone-context=stadt.example",
    "tel:+49-6205-21;ext=2500", "tel:+496205212500;isub=1234", "tel:%2B49(6205)212500",
    "sip:2500@stadt.example", "sip:+496205212500@192.0.2.1:5060;user=phone", "sips:+496205212500;npdi@stadt.example",
    "sip:06205212500@[2001:db8::1]", '"Anna Grün" <sip:2500@stadt.example>;tag=1', "06205 55-2500", "55-2500",
    "+49 89 123-2500", "089 123 2500",
])  # fmt: skip
def test_usual_spellings(text: str) -> None:
    assert parse(DIRECTORY, text) == Meant(extension="2500")


@pytest.mark.parametrize(("text", "extension"), [
    ("212500", "2500"), ("552500", "2500"), ("2130", "2130"), ("212999", "2999"), ("210", "0"),
    ("2125", "2125"), ("21299", "21299"), ("2110", "2110"), ("999999", "999999"), ("552130", "2130"),
])  # fmt: skip
def test_a_head_without_anything_behind_it_is_seen_by_what_the_town_has(text: str, extension: str) -> None:
    assert parse(DIRECTORY, text) == Meant(extension=extension)


def test_an_extension_that_is_in_use_or_in_a_range_is_never_a_head() -> None:
    used = replace(DIRECTORY, numbers={**DIRECTORY.numbers, "212500": "town"})
    assert parse(used, "212500") == Meant(extension="212500")
    (told,) = notes(used)
    assert (told.code, told.where) == ("looks_like_head", "number 212500 of flow town")
    assert "06205 21-2500" in told.what
    long = NumberRange(id="lang", first="212000", last="212999")
    assert parse(replace(DIRECTORY, ranges={"lang": long}), "212500") == Meant(extension="212500")
    short = NumberRange(id="kurz", first="290", last="299")
    assert parse(replace(DIRECTORY, ranges={"kurz": short}), "21299") == Meant(extension="299")


@pytest.mark.parametrize(("text", "number"), [
    ("06205 1234", "+4962051234"), ("0171 1234567", "+491711234567"), ("1711234567", "+491711234567"),
    ("491711234567", "+491711234567"), ("+43 1 234567", "+431234567"), ("00 43 1 234567", "+431234567"),
    ("7654321", "+4962057654321"), ("tel:7042;phone-context=+498912", "+4989127042"), ("112", "112"), ("1 1 0", "110"),
    ("116 117", "116117"), ("0621 21-2500", "+49621212500"), ("+1 (650) 253-0000", "+16502530000"),
])  # fmt: skip
def test_numbers_outside(text: str, number: str) -> None:
    assert parse(DIRECTORY, text) == Meant(number=number)


@pytest.mark.parametrize(
    "text", ["21", "06205 21", "+49620521", "06205/21", "0", "0800 5551", "06205 55", "tel:+49-6205-21"]
)
def test_the_head_number_alone_is_the_operator(text: str) -> None:
    assert parse(DIRECTORY, text) == Meant(extension="0")


@pytest.mark.parametrize("text", ["06205 7788", "+4962057788", "6205-7788", "0049 6205 7788", "4962057788"])
def test_a_single_number_is_the_extension_that_it_means(text: str) -> None:
    assert parse(DIRECTORY, text) == Meant(extension="30")


@pytest.mark.parametrize("text", [
    "", " ", "anna", "2500x", "25+00", "++49", "+", "-", "sip:", "sip:anna@stadt.example", "tel:",
    "+49 6205 21-2500-000000", "½",
    "https://stadt.example", "06205 21-2500\n06205 21-2501", "<>", "tel:;ext=", "01", "0" * 30,
])  # fmt: skip
def test_what_is_no_number(text: str) -> None:
    assert parse(DIRECTORY, text) is None


@pytest.mark.parametrize("code", ["*21*2510#", "#21#", "*8"])
def test_feature_codes_stay_as_they_are(code: str) -> None:
    assert parse(DIRECTORY, code) == Meant(extension=code)


AREAS = st.sampled_from(["6205", "30", "89", "621", "33203"])
EXTENSIONS = st.from_regex(r"[1-9][0-9]{0,3}|0", fullmatch=True)


@settings(deadline=None)
@given(AREAS, st.from_regex(r"[2-9][0-9]{0,3}", fullmatch=True), EXTENSIONS)
def test_each_way_to_write_an_extension_is_read(area: str, head: str, extension: str) -> None:
    town = Town(name="K", area=area, head=head)
    directory = replace(small(), town=town)
    for text in spellings(town, extension):
        assert parse(directory, text) == Meant(extension=extension), text
    number = phonenumbers.parse(written(town, extension), "DE")
    assert phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) == e164(town, extension)


PUBLIC = st.sampled_from(["DE", "AT", "CH", "FR", "US", "IT"]).map(phonenumbers.example_number)
FORMATS = st.sampled_from(
    [
        phonenumbers.PhoneNumberFormat.E164,
        phonenumbers.PhoneNumberFormat.INTERNATIONAL,
        phonenumbers.PhoneNumberFormat.RFC3966,
    ]
)


KINDS = [kind for kind in phonenumbers.PhoneNumberType.values() if phonenumbers.example_number_for_type("DE", kind)]


@settings(deadline=None)
@given(
    PUBLIC | st.sampled_from(KINDS).map(lambda kind: phonenumbers.example_number_for_type("DE", kind)),
    FORMATS,
    st.booleans(),
)
def test_numbers_outside_are_read_as_phonenumbers_writes_them(
    number: phonenumbers.PhoneNumber, written_as: int, national: bool
) -> None:
    text = phonenumbers.format_number(number, written_as)
    expected = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    assert parse(DIRECTORY, text) == Meant(number=expected)
    if national and number.country_code == 49:
        text = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
        if text.startswith("0"):
            assert parse(DIRECTORY, text) == Meant(number=expected)


@settings(deadline=None)
@given(st.text(max_size=40) | st.text("0123456789+-/() *#.;=telsip:@<>", max_size=40))
def test_nothing_that_anybody_writes_stops_it(text: str) -> None:
    meant = parse(DIRECTORY, text)
    assert meant is None or bool(meant.extension) != bool(meant.number)
