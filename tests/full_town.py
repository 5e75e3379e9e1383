"""The small town with something in every section: other people, groups, calendars, ways out, a school yet to move."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Flow, Ring, Say, Switch
from orchestrator.domain.people import IN_TURN, Box, Department, Group, Phone, Room
from orchestrator.domain.queues import WaitingQueue
from orchestrator.domain.schedule import Calendar
from orchestrator.domain.town import NumberRange, Permission, Retired, Site, Trunk, Wave
from tests.towns import HOURS, person, prompt, small, town_flow

HEAD = "+49620521"
FAR = date(2050, 1, 1)


def full(old: Trunk) -> Directory:
    """The small town with something in every section; `old` is the exchange from which a school has not moved yet."""
    town = small()
    school = person("9110", site="schule", stand_in="", box="10")
    told = prompt("info.told", "Der Markt ist am Samstag.", "The market is on Saturday.")
    desk = Ring(phones=("tel10",), busy="town.box", nobody="town.box", unreachable="town.box", seconds=5)
    flows = {
        "town": replace(town_flow(night=Switch(name="night", on="town.closed", off="town.door")), start="night"),
        "info": Flow(name="info", start="told", steps={"told": Say(prompt=told, then="info.desk"), "desk": desk}),
    }
    offices = {
        "standesamt": Department(
            id="standesamt", name="Standesamt", site="rathaus", extension="31", schedule="standesamt", box="31",
            phones=("tel2501",), ring_seconds=5, stand_in="buergerbuero", parent="buergerbuero",
        )
    }  # fmt: skip
    hall = Phone(id="saal", site="rathaus", label="Saal", extension="60", kind="meeting_room", permission="town")
    site = Site(id="schule", name="Schule", address="Weg 2", emergency_number=f"{HEAD}0", wave=2)
    return replace(
        town,
        town=replace(town.town, longest_wait=900),
        flows=flows,
        numbers={"0": "town", "40": "info"},
        sites={**town.sites, "schule": site},
        departments={"buergerbuero": replace(town.departments["buergerbuero"], permission="national"), **offices},
        people={**town.people, school.id: school, "p3502": person("3502", box="3502", permission="sparsam")},
        phones={
            **town.phones,
            "tel9110": desk_phone("9110", "schule"),
            "tel3502": desk_phone("3502", "rathaus"),
            "saal": hall,
        },
        boxes={**town.boxes, "31": Box(id="31", name="Standesamt"), "3502": Box(id="3502", name="Beate Blau")},
        schedules={
            "rathaus": HOURS,
            "standesamt": replace(HOURS, name="standesamt", calendars=("ferien",), region="BW"),
        },
        calendars={"ferien": Calendar(id="ferien", name="Ferien", days={date(2026, 12, 28): "Brückentag"})},
        trunks={**town.trunks, "amt": Trunk(id="amt", host="127.0.0.6", order=2), old.id: old},
        permissions={
            "sparsam": Permission(id="sparsam", classes=("town", "abroad"), per_hour=3),
            "gast": Permission(id="gast", classes=("town",)),
        },
        groups={
            "hotline": Group(
                id="hotline", name="Hotline", extension="50", phones=("tel10", "tel2500"), department="buergerbuero",
                order=IN_TURN, ring_seconds=5,
            )
        },
        queues={
            "schalter": WaitingQueue(
                id="schalter", name="Schalter", department="buergerbuero", extension="51", phones=("tel2501",),
                log_in=True, waited="town.box",
                keys={"1": "d_buergerbuero.box", "5": "q_schalter.promise", "*": "town.box"},
                hint={"de": "1 Postfach, 5 Rückruf.", "en": "Press 1 for the mailbox, 5 for a call back."},
            )
        },
        rooms={"saal": Room(id="saal", name="Saal", extension="52", pin="402817")},
        ranges={"amt": NumberRange(id="amt", first="2500", last="2999", department="buergerbuero")},
        retired={"2499": Retired(extension="2499", to="2500", until=FAR, announced=True)},
        waves={"2": Wave(id="2", name="Schulen", trunk=old.id, day=date(2027, 3, 1))},
        switches={"night": "Nachtschaltung", "umzug": "Umzug"},
        switch_codes={"1": "night", "7": "closed_buergerbuero"},
        singles={"+4962057788": "50"},
    )  # fmt: skip


def desk_phone(number: str, site: str) -> Phone:
    return Phone(id=f"tel{number}", site=site, label=f"Platz {number}", extension=number)
