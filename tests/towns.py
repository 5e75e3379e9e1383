"""A small town for the tests: two departments, two people, one menu; every kind of step once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Do, Flow, HangUp, LeaveMessage, Menu, Ring, Say, Speak, Step, Transfer, When
from orchestrator.domain.people import Box, Department, Person, Phone
from orchestrator.domain.prompts import Prompt
from orchestrator.domain.schedule import Block, Schedule, SpecialDay
from orchestrator.domain.town import Site, Town, Trunk

BERLIN = ZoneInfo("Europe/Berlin")
MORNING = Block(start=time(8), end=time(12))
AFTERNOON = Block(start=time(14), end=time(18))
TODAY = date(2026, 11, 23)
MONDAY_10 = datetime(2026, 11, 30, 10, 0, tzinfo=BERLIN)
SUNDAY_10 = datetime(2026, 11, 29, 10, 0, tzinfo=BERLIN)
CHRISTMAS_10 = datetime(2026, 12, 25, 10, 0, tzinfo=BERLIN)

HOURS = Schedule(
    name="rathaus",
    timezone="Europe/Berlin",
    week={
        "mon": (MORNING,),
        "tue": (MORNING,),
        "wed": (MORNING,),
        "thu": (MORNING, AFTERNOON),
        "fri": (MORNING,),
    },
    special={
        date(2026, 12, 25): SpecialDay(name="1. Weihnachtstag"),
        date(2026, 12, 24): SpecialDay(name="Heiligabend", blocks=(Block(start=time(8), end=time(10)),)),
    },
    known_until=date(2029, 12, 31),
)


def prompt(name: str, de: str, en: str) -> Prompt:
    return Prompt(name=name, texts={"de": de, "en": en})


def town_flow(**changed: Step) -> Flow:
    """The entry flow; keyword arguments replace or add steps."""
    steps: dict[str, Step] = {
        "door": When(schedule="rathaus", open="town.welcome", closed="town.later", holiday="town.closed"),
        "welcome": Menu(
            prompt=prompt("town.welcome", "Für das Bürgerbüro die 1.", "For the citizens' office press 1."),
            keys={"1": "d_buergerbuero.hours", "8": "town.welcome", "9": "town.english", "*": "town.police"},
            otherwise="town.desk",
        ),
        "english": Speak(language="en", then="town.welcome"),
        "desk": Ring(phones=("tel10",), busy="town.box", nobody="town.box", unreachable="town.box", seconds=5),
        "police": Transfer(
            number="+4962051234", trunk="provider", busy="town.box", nobody="town.box", failed="town.box", seconds=5
        ),
        "later": Do(
            skill="next_opening",
            outcomes={"said": "town.closed", "failed": "town.closed"},
            python_down="town.closed",
            arguments={"schedule": "rathaus"},
        ),
        "closed": Say(prompt=prompt("town.closed", "Das Rathaus ist zu.", "The town hall is closed."), then="town.box"),
        "box": LeaveMessage(
            box="10",
            greeting=prompt("town.box", "Bitte sprechen Sie.", "Please speak."),
            left="town.thanks",
            too_short="town.sorry",
            full="town.sorry",
            failed="town.sorry",
            limit=30,
        ),
        "thanks": Say(prompt=prompt("town.thanks", "Danke.", "Thank you."), then="town.bye"),
        "sorry": Say(prompt=prompt("town.sorry", "Rufen Sie wieder an.", "Please call again."), then="town.bye"),
        "bye": HangUp(),
    }
    return Flow(name="town", start="door", steps={**steps, **changed})


def small(flow: Flow | None = None, **changed: object) -> Directory:
    """The small town, derived; keyword arguments replace fields of the directory before that."""
    phones = [
        Phone(id=f"tel{number}", site="rathaus", label=f"Platz {number}", extension=number)
        for number in ("10", "2500", "2501")
    ]
    directory = Directory(
        town=Town(name="Kleinstadt", area="6205", head="21", mailbox="98"),
        sites=_by_id(Site(id="rathaus", name="Rathaus", address="Markt 1", emergency_number="+4962052110")),
        departments=_by_id(
            Department(
                id="buergerbuero",
                name="Bürgerbüro",
                site="rathaus",
                extension="30",
                schedule="rathaus",
                box="10",
                phones=("tel2500", "tel2501"),
                ring_seconds=5,
            )
        ),
        people=_by_id(person("2500", stand_in="p3501"), person("3501", phones=("tel2501",), box="3501")),
        phones=_by_id(*phones),
        boxes=_by_id(Box(id="10", name="Zentrale", quota=3), Box(id="3501", name="Beate Blau")),
        schedules={"rathaus": HOURS},
        trunks=_by_id(Trunk(id="provider", host="127.0.0.1", port=5090)),
        numbers={"0": "town"},
        flows={"town": flow or town_flow()},
    )
    return derive(replace(directory, **changed))  # type: ignore[arg-type]


def person(extension: str, **more: object) -> Person:
    given = {"phones": (f"tel{extension}",), "site": "rathaus", **more}
    return Person(
        id=f"p{extension}",
        first_name="Anna" if extension == "2500" else "Beate",
        last_name="Grün" if extension == "2500" else "Blau",
        department="buergerbuero",
        extension=extension,
        ring_seconds=5,
        **given,  # type: ignore[arg-type]
    )


def _by_id(*things: Any) -> Mapping[str, Any]:
    return {thing.id: thing for thing in things}
