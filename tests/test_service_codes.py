"""What a desk may switch by dialling, and what of a call the record keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.asterisk.ami import Account, Ami
from orchestrator.domain.circles import operators
from orchestrator.domain.codes import find
from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Directory
from orchestrator.domain.explain import World, explain
from orchestrator.domain.people import Phone
from orchestrator.domain.prompts import Sound
from orchestrator.domain.proof import prove
from orchestrator.domain.service_codes import Judge, Refused, Wish, predicted
from orchestrator.domain.switches import Absence, Forwarding, On, Switched, known
from orchestrator.domain.town import Permission
from orchestrator.journal.cel import Event
from orchestrator.journal.journeys import Call, journey
from orchestrator.service.errors import ServiceError
from orchestrator.service.questions import Question, ask
from orchestrator.service.service_codes import ServiceCodes
from orchestrator.service.state import State
from orchestrator.store.read_town import switch_code
from orchestrator.web.dialogue import Asked, asked
from tests.switched_town import switched_town
from tests.test_queues import QUEUE
from tests.towns import MONDAY_10, TODAY, person

NIGHT = {"1": "night", "2": "closed_buergerbuero"}


def town(**changed: Any) -> Directory:
    """Whose telephones are whose: tel2500 Anna's, tel2501 Beate's, tel10 the operator's, halle for anybody."""
    written = switched_town()
    hall = Phone(id="halle", site="rathaus", label="Halle", extension="96", kind="hall")
    desk = Phone(id="theke", site="rathaus", label="Theke", extension="31", kind="other")
    office = written.departments["buergerbuero"]
    given = {
        "phones": {**written.phones, "halle": hall, "theke": desk},
        "departments": {"buergerbuero": replace(office, phones=(*office.phones, "theke"))},
        "switch_codes": NIGHT,
        **changed,
    }
    return derive(replace(written, **given))


TOWN = town()


def wish(phone: str, dialled: str, directory: Directory = TOWN) -> Wish:
    found = find(directory.town, dialled)
    assert found
    return Judge(directory).wish(directory.phones[phone], found.code, found.given)


@pytest.mark.parametrize(("dialled", "name", "to", "target"), [
    ("*21*3501#", "forward_2500", "on", "3501"), ("*21*30", "forward_2500", "on", "30"),
    ("*61*001712345678#", "unanswered_2500", "on", "+491712345678"),
    ("*67*0062051234567", "busy_2500", "on", "+4962051234567"),
    ("*67*0234567", "busy_2500", "on", "+496205234567"),
    ("*21*00033123456789#", "forward_2500", "on", "+33123456789"), ("*21*006205213501", "forward_2500", "on", "3501"),
    ("#21#", "forward_2500", "off", ""), ("#61", "unanswered_2500", "off", ""), ("#67#", "busy_2500", "off", ""),
    ("*26#", "quiet_2500", "on", ""), ("#26#", "quiet_2500", "off", ""), ("*27", "absent_2500", "toggle", ""),
])  # fmt: skip
def test_a_code_means_the_own_number(dialled: str, name: str, to: str, target: str) -> None:
    found = wish("tel2500", dialled)
    assert (found.name, found.to, found.target, found.who) == (name, to, target, "2500 Anna Grün")
    assert found.name in known(TOWN)
    assert not any(digit in found.dialled for digit in ("3501", "171")), "the number stands in the switch alone"


@pytest.mark.parametrize(("phone", "dialled", "why"), [
    ("tel2500", "*21*2500", "round"), ("tel2500", "*21*7777", "unknown"), ("tel2500", "*21*0", None),
    ("tel2500", "*21*00900123456", "forbidden"), ("tel2500", "*21*112", "forbidden"),
    ("tel2500", "*21*0112", "forbidden"), ("tel2500", "*21*0110", "forbidden"), ("tel2500", "*21*0115", "forbidden"),
    ("tel2500", "*21*00087012345678", "forbidden"),
    ("tel2501", "*21*00033123456789#", "forbidden"), ("halle", "*21*3501", "nobody"), ("halle", "*26", "nobody"),
    ("halle", "*281", "nobody"), ("theke", "*26", "nobody"), ("theke", "*27", "nobody"), ("theke", "*281", "nobody"),
    ("tel2500", "*281", "nobody"), ("tel10", "*283", "nothing"), ("tel10", "*21*3501", "nobody"),
])  # fmt: skip
def test_what_may_not_be_switched_is_refused(phone: str, dialled: str, why: str | None) -> None:
    if why is None:
        assert find(TOWN.town, dialled) is None, "one digit is no number"
        return
    with pytest.raises(Refused, match=f"^{why}$"):
        wish(phone, dialled)
    assert predicted(TOWN, TOWN.phones[phone], dialled) == "refused"


def test_a_permission_that_is_taken_away_takes_the_code_with_it() -> None:
    weak = town(permissions={"weit": Permission(id="weit", classes=("town",), per_hour=1, at_once=1)})
    with pytest.raises(Refused, match="forbidden"):
        wish("tel2500", "*21*001712345678#", weak)


def test_the_counter_of_an_office_forwards_the_office() -> None:
    assert wish("theke", "*21*3501").name == "forward_30"
    assert wish("theke", "*21*3501").who == "30 Bürgerbüro"


def test_a_telephone_of_two_people_is_nobodys() -> None:
    two = town(people={**TOWN.people, "p40": replace(person("40"), phones=("tel2500",))})
    with pytest.raises(Refused, match="nobody"):
        wish("tel2500", "*26", two)


def test_an_office_whose_callers_wait_is_forwarded_always_or_not_at_all() -> None:
    """They wait when nobody is free: there is no ringing in vain behind which they could go elsewhere."""
    office = replace(TOWN.departments["buergerbuero"], queue="amt", stand_in="")
    waiting = town(departments={"buergerbuero": office}, queues={"amt": QUEUE})
    assert "d_buergerbuero.missed" not in waiting.graph
    assert not prove(waiting, {}, TODAY).problems
    assert wish("theke", "*21*3501", waiting).name in known(waiting)
    for dialled in ("*61*3501", "*67*3501#"):
        with pytest.raises(Refused, match="nobody"):
            wish("theke", dialled, waiting)
        assert wish("tel2500", dialled, waiting).name in known(waiting)


def test_operators_turn_the_town_and_an_office_closes_itself() -> None:
    assert set(operators(TOWN)) == {"tel10"}
    assert (wish("tel10", "*281").name, wish("tel10", "*282").name) == ("night", "closed_buergerbuero")
    assert {wish(phone, "*282").name for phone in ("tel2500", "theke")} == {"closed_buergerbuero"}
    open_one = town(phones={**TOWN.phones, "tel10": replace(TOWN.phones["tel10"], kind="hall")})
    with pytest.raises(Refused, match="nobody"):
        wish("tel10", "*281", open_one)


@pytest.mark.parametrize("name", ["nigth", "outside", "absent_2500", "quiet_2500", "wave_2", "closed_x"])
def test_a_digit_for_what_nobody_may_turn_so_is_a_problem(name: str) -> None:
    assert not prove(TOWN, {}, TODAY).problems
    (problem,) = prove(town(switch_codes={"1": name}), {}, TODAY).problems
    assert (problem.code, problem.where) == ("unknown_switch", "switch code 1")


def test_a_digit_is_one_digit() -> None:
    class Marked:
        def wrong(self, what: str, todo: str) -> None:
            raise ServiceError(what, todo=todo)

        def text(self) -> str:
            return "night"

    assert switch_code("1", Marked()) == "night"  # type: ignore[arg-type]
    with pytest.raises(ServiceError, match="not a digit"):
        switch_code("12", Marked())  # type: ignore[arg-type]


def way(number: str, switches: Mapping[str, Switched], **phones: str) -> list[str]:
    world = World(at=MONDAY_10, switches=switches, phones=phones)
    return [f"{v.place}={v.answer}" for v in explain(TOWN, TOWN.first(TOWN.numbers[number]), world)]


def test_busy_and_no_answer_are_told_apart_and_the_own_telephone_rings_first() -> None:
    both = {"busy_2500": Forwarding(to="30"), "unanswered_2500": Forwarding(to="+491712345678")}
    assert way("2500", both) == ["n_2500.diverted=off", "n_2500.ring=talked"]
    for does in ("busy", "nobody", "unreachable"):
        assert way("2500", both, tel2500=does)[1:] == [f"n_2500.ring={does}", "n_2500.missed=talked"]
    assert way("2500", {"busy_2500": both["busy_2500"]}, tel2500="nobody")[2] == "n_2500.missed=off"
    assert way("2500", {"unanswered_2500": both["busy_2500"]}, tel2500="busy")[2] == "n_2500.missed=off"
    office = {"unanswered_30": Forwarding(to="10")}
    assert way("30", office, tel2500="nobody", tel2501="nobody", theke="nobody")[-1] == "d_buergerbuero.missed=talked"


def test_who_is_not_to_be_disturbed_is_stood_in_for_and_absence_and_forwarding_come_first() -> None:
    quiet: dict[str, Switched] = {"quiet_2500": On()}
    assert way("2500", quiet) == ["n_2500.diverted=quiet", "n_2500.missed=off", "n_2500.stand_in=talked"]
    assert way("2500", {**quiet, "unanswered_2500": Forwarding(to="30")})[-1] == "n_2500.missed=talked"
    assert way("2500", {**quiet, "busy_2500": Forwarding(to="30")})[1] == "n_2500.missed=off"
    assert way("2500", {**quiet, "forward_2500": Forwarding(to="30")}) == ["n_2500.diverted=talked"]
    assert way("2500", {**quiet, "absent_2500": Absence(stand_in="30")}) == ["n_2500.diverted=talked"]
    assert "d_buergerbuero.ring=talked" in way("30", quiet), "calls to the office are none to the person"


def test_explain_tells_what_a_code_comes_to() -> None:
    told = ask(TOWN, Question(number="*21*3501#", caller="2500"))
    assert [visit.answer for visit in told.visits] == ["done", "gone"]
    assert told.ending.outcome == "served"
    assert ask(TOWN, Question(number="*21*7777", caller="2500")).ending.outcome == "told"
    down = ask(TOWN, Question(number="*26", caller="2500", python=False))
    assert [visit.answer for visit in down.visits] == ["python_down", "said", "gone"]
    assert down.ending.outcome == "told"


def event(kind: str, mark: str = "", **more: str) -> Event:
    where = {"context": "", "extension": "", **more}
    return Event(kind=kind, at=1.0, channel="1.1", call="1.1", name="PJSIP/tel2500-1", caller="", mark=mark, **where)


@pytest.mark.parametrize(("answers", "outcome"), [(("done",), "served"), (("refused",), "told"), ((), "failed")])
def test_the_journal_keeps_the_code_and_not_the_number_behind_it(answers: tuple[str, ...], outcome: str) -> None:
    call = Call("1.1")
    call.add(event("CHAN_START", context="from-phones", extension="*21*001712345678#"))
    call.add(event("PLACE", "codes.turn"))
    for answer in answers:
        call.add(event("ANSWER", f"codes.turn={answer}"))
        call.add(event("PLACE", "codes.over"))
        call.add(event("ANSWER", "codes.over=gone"))
    written = journey(call)
    assert written
    assert (written.number, written.outcome) == ("*21*", outcome)


def test_an_attendant_tells_the_wish_and_no_more_than_fits() -> None:
    body = b'{"channel": "1", "name": "PJSIP/a-1", "number": "", "wish": "quiet_on.", "asker": "a"}'
    assert (asked(body).wish, asked(body).asker) == ("quiet_on.", "a")
    with pytest.raises(Exception, match="Bad Request"):
        asked(body.replace(b"quiet_on.", b"9" * 200))


async def _not_asked(box: str, pin: str, *, known: bool, also: str) -> str:
    raise AssertionError("no PIN is asked for")


@pytest.mark.parametrize(("name", "asker", "then"), [
    ("PJSIP/tel2501-1", "tel2500", "refused"), ("PJSIP/trunk-amt-1", "tel2500", "refused"),
    ("PJSIP/halle-1", "halle", "refused"), ("PJSIP/tel2500-1", "", "refused"),
])  # fmt: skip
async def test_who_came_to_a_code_by_another_telephone_switches_nothing(name: str, asker: str, then: str) -> None:
    """Nothing is asked of a database or of Asterisk: there is none."""
    spoken = {f"wish_{name}": Sound(file=f"town/{name}", seconds={"de": 1.0}) for name in ("nobody", "moment")}
    nowhere = State(Path("/nowhere"))
    wishing = ServiceCodes(
        state=nowhere,
        directory=lambda: TOWN,
        sounds=lambda: spoken,
        ami=Ami(Account(port=1, user="", secret="")),
        knows=_not_asked,
    )
    told = await wishing.answer(
        Asked(channel="1.1", name=name, number="", at=None, came=True, wish="quiet_on.", asker=asker)
    )
    assert (told["play"][0], told["then"]) == ("sound:town/nobody", then)
