"""The dial matrix: every class × permission × outside digit × spelling, on a real Asterisk, as `route` says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from orchestrator.domain.callers import CLASSES, PRESETS, Caller, Callers
from orchestrator.domain.directory import Directory
from orchestrator.domain.outgoing import route
from orchestrator.domain.people import Phone
from orchestrator.domain.service_codes import FIRST
from orchestrator.domain.town import Permission
from tests.outside_exchange import Desks, desks
from tests.side_by_side import always
from tests.towns import BERLIN, small

OF_CLASS = {
    "town": ("512345", "06205512345"),
    "national": ("0621555123", "0906123456"),
    "mobile": ("01701234567", "01801234567"),
    "abroad": ("0033123456789", "00112125551234"),
    "premium": ("0900123456", "118890"),
    "satellite": ("00881612345678", "0087012345678"),
    "service": ("0800123456", "116116"),
    "none": ("0103301711234", "0001234567"),
}
SPELLINGS = (
    *(
        "+491701234567",
        "00491701234567",
        "+33123456789",
        "+490171123",
        "0049033123",
        "+4962052125",
        "0620521",
        "212500",
    ),
    *("212500", "+49900123456", "0620555", "123456", "010033123", "110", "112", "115", "116117", "2500", "0", "30"),
    *(
        "299",
        "77",
    ),
    *(
        "+49112",
        "+112",
        "112#",
        "9+49112",
        "0+49112#",
        "+0171",
        "+",
        "9110",
        "0112",
        "00112",
        "90112",
        "9",
        "01",
        "*31#0171123",
        "#21#",
        "anna",
        "0x123",
    ),
    *("0171&PJSIP", "0171,60", '0171"'),
)
"""What may stand behind the outside digit, or alone."""
ALL = Permission(id="everything", classes=CLASSES, at_once=0)
TIGHT = Permission(id="tight", classes=("abroad",), per_hour=3, at_once=0, nightly=2)
ONE = Permission(id="one", classes=("abroad",), at_once=1)
MONDAY = datetime(2026, 11, 30, 10, 5, tzinfo=BERLIN)
EVENING = datetime(2026, 11, 30, 22, 30, tzinfo=BERLIN)
PAST_MIDNIGHT = datetime(2026, 12, 1, 2, 30, tzinfo=BERLIN)


def organisation(digit: str) -> Directory:
    """The small town, and one phone with each permission."""
    town = small()
    named = [*PRESETS, "everything", "tight", "one"]
    phones = {
        name: Phone(id=f"may_{name}", site="rathaus", label=name, extension=str(700 + at), permission=name)
        for at, name in enumerate(named)
    }
    return replace(
        town,
        town=replace(town.town, outside=digit),
        phones={**town.phones, **{phone.id: phone for phone in phones.values()}},
        permissions={each.id: each for each in (ALL, TIGHT, ONE, replace(PRESETS["abroad"], at_once=0))},
    )


@pytest.fixture(scope="module", params=always(["0", "9", ""]), ids=["zero", "nine", "none"])
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Directory, Desks]]:
    directory = organisation(request.param)
    with desks(tmp_path_factory.mktemp("desks"), directory) as there:
        yield directory, there


def compare(directory: Directory, there: Desks, calls: list[tuple[str, str]], switch: str = "") -> None:
    """Each call went where `route` says, with the number and the caller id that it says."""
    wrong = []
    for (phone, dialled), went in zip(calls, there.dials(calls), strict=True):
        said = route(directory, directory.phones[phone], dialled, switch)
        agrees = went.kind == said.kind or (said.kind, went.number) == ("code", FIRST)
        if said.kind in ("emergency", "outside"):
            agrees = agrees and (went.number, went.shown) == (said.number, said.shown)
        if said.kind == "inside":
            flow = directory.numbers.get(said.number, directory.town.catch_all)
            agrees = agrees and went.number == directory.first(flow)
        if not agrees:
            wrong.append((phone, dialled, said.kind, said.number, said.shown, went))
    assert not wrong


def test_every_class_with_every_permission(running: tuple[Directory, Desks]) -> None:
    directory, there = running
    digit = directory.town.outside
    phones = [f"may_{name}" for name in (*PRESETS, "everything")]
    public = [number for numbers in OF_CLASS.values() for number in numbers]
    compare(directory, there, [(phone, digit + number) for number in public for phone in phones])


def test_every_spelling(running: tuple[Directory, Desks]) -> None:
    directory, there = running
    dialled = {before + number for number in SPELLINGS for before in ("", directory.town.outside, "0", "9")}
    compare(
        directory, there, [("may_everything", number) for number in sorted(dialled) if number and " " not in number]
    )


@pytest.mark.parametrize("switch", ["no_abroad", "emergency"])
def test_the_kill_switch_is_asked_natively(running: tuple[Directory, Desks], switch: str) -> None:
    directory, there = running
    digit = directory.town.outside
    there.switch(switch)
    try:
        numbers = [digit + number for each in OF_CLASS.values() for number in each]
        compare(directory, there, [("may_everything", number) for number in (*numbers, "112", f"{digit}110")], switch)
    finally:
        there.switch("on")


def test_the_kill_switch_ends_by_itself(running: tuple[Directory, Desks]) -> None:
    _, there = running
    there.switch(f"emergency:{int(MONDAY.timestamp())}")
    calls = [("may_everything", there_digit(there) + "0621555123")]
    try:
        for at, kind in ((MONDAY - timedelta(seconds=1), "refused"), (MONDAY, "outside")):
            assert [went.kind for went in there.dials(calls, at=at.timestamp())] == [kind]
    finally:
        there.switch("on")


def kinds(there: Desks, phone: str, calls: int, **more: object) -> list[str]:
    digit = there_digit(there)
    return [went.kind for went in there.dials([(phone, f"{digit}0033123456")] * calls, **more)]  # type: ignore[arg-type]


def there_digit(there: Desks) -> str:
    dialplan = (there.instance.folder / "etc/extensions.conf").read_text()
    return next((digit for digit in "09" if f"exten => _{digit}X.,1" in dialplan), "")


def test_a_budget_by_the_hour_and_by_the_night(running: tuple[Directory, Desks]) -> None:
    _, there = running
    day, hour = MONDAY.timestamp(), 3600
    assert sorted(kinds(there, "may_tight", 5, at=day)) == ["outside"] * 3 + ["refused"] * 2
    assert kinds(there, "may_tight", 1, at=day + 600) == ["refused"]
    assert kinds(there, "may_tight", 1, at=day + hour) == ["outside"]
    night = EVENING.timestamp()
    assert sorted(kinds(there, "may_tight", 3, at=night)) == ["outside"] * 2 + ["refused"]
    assert kinds(there, "may_tight", 1, at=night + hour) == ["refused"]
    assert kinds(there, "may_tight", 1, at=PAST_MIDNIGHT.timestamp()) == ["refused"]
    assert kinds(there, "may_tight", 1, at=night + 24 * hour) == ["outside"]
    assert there.dials([("may_tight", "112")])[0].kind == "emergency"


def test_one_call_abroad_at_once(running: tuple[Directory, Desks]) -> None:
    _, there = running
    assert kinds(there, "may_one", 3, hold=True) == ["outside", "refused", "refused"]
    assert kinds(there, "may_one", 1) == ["outside"]


def test_whom_a_phone_called_abroad_counts_as_its_call_after_it_has_put_them_through(
    running: tuple[Directory, Desks],
) -> None:
    _, there = running
    there.has_called("may_one")
    assert kinds(there, "may_one", 1) == ["refused"]
    assert kinds(there, "may_one", 1) == ["outside"]


def test_who_puts_somebody_through_answers_for_it(running: tuple[Directory, Desks]) -> None:
    """A phone of the hall cannot have others call abroad on their permission; in need they show their own site."""
    directory, there = running
    assert kinds(there, "may_abroad", 1, by="may_internal") == ["refused"]
    (went,) = there.dials([("may_internal", f"{there_digit(there)}0621555123")], by="may_national")
    assert (went.kind, went.shown) == ("outside", dialled_by(directory, "may_national").shown)
    (went,) = there.dials([("may_internal", "112")], by="may_national")
    assert (went.kind, went.shown) == ("emergency", dialled_by(directory, "may_internal").emergency)


def dialled_by(directory: Directory, phone: str) -> Caller:
    return Callers(directory).of(directory.phones[phone])
