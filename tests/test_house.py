"""What the house does with callers who are put through by hand: predicted, proved, retraced, written and read."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Directory
from orchestrator.domain.explain import Visit, World, ending, explain, retrace
from orchestrator.domain.flow import Forward, LeaveMessage, Ring
from orchestrator.domain.outgoing import route
from orchestrator.domain.people import Room
from orchestrator.domain.proof import prove
from orchestrator.domain.switches import On
from orchestrator.domain.town import PARKING
from orchestrator.store.reading import read_files
from orchestrator.store.writing import files, sections
from tests.putting_through import PIN, putting_town
from tests.test_compile import compiled
from tests.towns import MONDAY_10, SUNDAY_10, TODAY, small

TOWN = derive(putting_town())


def way(start: str, directory: Directory = TOWN, **world: object) -> list[str]:
    described = World(at=MONDAY_10, **{"others": "nobody", **world})  # type: ignore[arg-type]
    return [f"{visit.place}={visit.answer}" for visit in explain(directory, start, described)]


def test_a_caller_comes_back_to_who_put_them_through_before_a_mailbox_and_once() -> None:
    put = {"by": "tel2500", "phones": {"tel2500": "talked"}}
    assert way("n_2600.diverted", **put) == ["n_2600.diverted=off", "n_2600.ring=back"]
    assert way("n_2600.diverted")[1:4] == ["n_2600.ring=nobody", "n_2600.missed=off", "n_2600.box=left"]
    gone = way("n_2700.diverted", by="tel2500")
    assert gone[1:4] == ["n_2700.ring=nobody", "n_2700.missed=off", "d_buergerbuero.hours=open"]
    assert "back" not in "".join(gone)


def test_who_stands_in_is_rung_before_who_put_a_caller_through_to_somebody_who_rests() -> None:
    written = putting_town()
    people = {**written.people, "p2600": replace(written.people["p2600"], stand_in="p2700")}
    there: dict[str, object] = {"by": "tel2500", "switches": {"quiet_2600": On()}}
    phones = {"tel2500": "talked", "tel2700": "talked"}
    town = derive(replace(written, people=people))
    assert way("n_2600.diverted", town, phones=phones, **there)[1:] == ["n_2600.missed=off", "n_2600.stand_in=talked"]
    assert way("n_2600.diverted", town, phones={"tel2500": "talked"}, **there)[-1] == "n_2600.stand_in=back"
    assert way("n_2600.diverted", phones={"tel2500": "talked"}, **there) == ["n_2600.diverted=back"]


def test_nothing_comes_back_where_the_town_does_not_want_it() -> None:
    written = putting_town()
    town = derive(replace(written, town=replace(written.town, back=0, parked=0)))
    assert way("n_2600.diverted", town, by="tel2500", phones={"tel2500": "talked"})[1] == "n_2600.ring=nobody"
    assert PARKING not in town.flows
    text = compiled(town)["asterisk/extensions.conf"]
    assert "Gosub(back," not in text
    assert "*70" not in text


def test_before_every_mailbox_of_a_derived_flow_who_put_through_is_rung() -> None:
    """Whatever ring is the last before a mailbox or another flow; not where a stand-in rings next."""
    town = derive(small())
    for place, step in town.graph.items():
        if isinstance(step, Ring) and not place.startswith("town."):
            after = step.nobody
            if isinstance(missed := town.graph[after], Forward):  # forwarded on busy or no answer? if not, on
                after = missed.off
            onward = town.graph[after]
            leaves = after.partition(".")[0] != place.partition(".")[0]
            assert step.back == (leaves or isinstance(onward, LeaveMessage)), place


def test_whom_nobody_fetches_goes_back_and_on_to_the_office() -> None:
    nobody = {"observed": {"park.keep": "nobody"}}
    assert way("park.keep") == ["park.keep=fetched"]
    assert way("park.keep", by="tel2500", phones={"tel2500": "talked"}, **nobody)[1] == "park.back=talked"
    assert way("park.keep", by="tel2500", **nobody)[1:3] == [
        "park.back=d_buergerbuero",
        "d_buergerbuero.hours=open",
    ]
    assert way("park.keep", by="tel10", **nobody)[1:3] == ["park.back=nobody", "town.door=open"]
    assert ending(explain(TOWN, "park.keep", World(at=MONDAY_10))).outcome == "answered"


def test_a_room_lets_in_desks_and_who_knows_the_pin() -> None:
    assert way("c_saal.door", inside=True)[:2] == ["c_saal.door=right", "c_saal.room=met"]
    assert way("c_saal.door", inside=True, open=True)[0] == "c_saal.door=wrong"
    assert way("c_saal.door", pin=PIN)[1] == "c_saal.room=met"
    for pin in ("", "123", PIN + "0"):
        assert way("c_saal.door", pin=pin)[:2] == ["c_saal.door=wrong", "c_saal.refused=said"]
    assert way("c_innen.door", pin="")[0] == "c_innen.door=wrong"
    assert ending(explain(TOWN, "c_saal.door", World(at=SUNDAY_10, inside=True))).outcome == "served"


def test_the_town_is_proved_and_a_room_is_a_number() -> None:
    assert prove(TOWN, {}, TODAY).problems == ()
    doubled = replace(putting_town(), rooms={"saal": Room(id="saal", name="S", extension="2600")})
    assert "double_number" in {problem.code for problem in prove(derive(doubled), {}, TODAY).problems}


@pytest.mark.parametrize("pin", ["12345", "123456", "111111", "987654", "121212", "12345a", "1" * 13])
def test_a_pin_that_anybody_guesses_is_refused(pin: str) -> None:
    weak = replace(putting_town(), rooms={"saal": Room(id="saal", name="S", extension="3900", pin=pin)})
    assert "weak_pin" in {problem.code for problem in prove(derive(weak), {}, TODAY).problems}


def test_rooms_are_written_and_read_as_the_same() -> None:
    example = read_files([Path(__file__).parents[1] / "examples" / "town"], 2026).directory
    town = replace(example, rooms=putting_town().rooms, town=replace(example.town, back=7, parked=33))
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files(sections(town)).items():
            (Path(folder) / name).write_text(text)
        read = read_files([Path(folder)], 2026)
    assert read.mistakes == ()
    assert (read.directory.rooms, read.directory.town) == (town.rooms, town.town)


def test_a_journey_may_go_anywhere_after_two_have_talked_and_nowhere_else() -> None:
    at = datetime.now(UTC)

    def visits(*steps: str) -> list[tuple[Visit, datetime]]:
        return [(Visit(place=place, answer=answer), at) for place, _, answer in (step.partition("=") for step in steps)]

    assert (
        retrace(TOWN, visits("n_2500.ring=talked", "n_2600.diverted=off", "n_2600.ring=back", "outside.outside=busy"))
        == ""
    )
    assert retrace(TOWN, visits("n_2500.ring=talked", "park.keep=fetched")) == ""
    assert "expected n_2600.missed" in retrace(TOWN, visits("n_2600.ring=busy", "n_2700.ring"))
    assert "expected park.back" in retrace(TOWN, visits("park.keep=nobody", "n_2700.ring"))


def test_codes_are_known_to_explain_and_only_phones_of_the_town_are_rung_back() -> None:
    phone = TOWN.phones["tel2500"]
    assert (route(TOWN, phone, "*70").kind, route(TOWN, phone, "*70").group) == ("code", "park")
    assert route(TOWN, phone, "*73#").group == "fetch"
    text = compiled(TOWN)["asterisk/extensions.conf"]
    back = text.partition("\n[back]\n")[2].partition("\n[")[0]
    assert [line for line in back.splitlines() if "Dial(" in line] == [
        " same => n,Dial(PJSIP/${BY},${ARG1},ib(back^show^1(${ARG2})))"
    ]
    assert "DIALPLAN_EXISTS(phones-${BY:-2},${BY},1)}?:on" in back
