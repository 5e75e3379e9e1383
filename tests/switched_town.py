"""The town of the switching tests: a night service, a school that has not moved, a retired number, ways outside."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import date

from orchestrator.domain.callers import CLASSES
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Flow, Menu, Switch, Transfer
from orchestrator.domain.people import Phone
from orchestrator.domain.town import Permission, Retired, Site, Trunk, Wave
from tests.towns import person, small, town_flow

OLD, PROVIDER = "127.0.0.4", "127.0.0.5"
"""Where the old exchange and the provider are: each at a port of its own, as several runs may share a machine."""
PUT_THROUGH = Transfer(number="+491712345678", trunk="down", busy="town.box", nobody="town.box", failed="town.box")
OUTSIDE = Flow(name="out", start="to", steps={"to": PUT_THROUGH})
"""A number outside, by a trunk at whose end nobody is."""
OUT, ABROAD = "+491712345678", "+33123456789"


def switched_town() -> Directory:
    """The small town with all of this."""
    town = small()
    night = Switch(name="night", on="town.closed", off="town.door")
    counter = Switch(name="lunch", on="town.closed", off="town.desk")
    welcome = town_flow().steps["welcome"]
    assert isinstance(welcome, Menu)
    welcome = replace(welcome, keys={**welcome.keys, "2": "n_2500.diverted", "3": "town.counter"}, wait=1.5)
    school = person("9110", site="schule", stand_in="", box="10")
    trunks = {
        "provider": replace(town.trunks["provider"], public=False),
        "amt": Trunk(id="amt", host=PROVIDER, port=free_port(PROVIDER)),
        "down": Trunk(id="down", host=PROVIDER, port=free_port(PROVIDER), order=9),
        "alt": Trunk(id="alt", host=OLD, port=free_port(OLD), public=False),
    }
    return replace(
        town,
        flows={
            "town": replace(town_flow(night=night, welcome=welcome, counter=counter), start="night"),
            "out": OUTSIDE,
        },
        numbers={"0": "town", "71": "out"},
        switches={"night": "Nachtschaltung", "lunch": "Mittagspause"},
        trunks=trunks,
        waves={"2": Wave(id="2", name="Schulen", trunk="alt", day=date(2027, 3, 1))},
        sites={
            **town.sites,
            "schule": Site(id="schule", name="S", address="S 1", emergency_number="+49620521", wave=2),
        },
        people={**town.people, school.id: school},
        phones={
            **town.phones,
            "tel2500": replace(town.phones["tel2500"], permission="weit"),
            "tel9110": Phone(id="tel9110", site="schule", label="S", extension="9110"),
        },
        permissions={"weit": Permission(id="weit", classes=CLASSES[:4], per_hour=3, at_once=1)},
        boxes={id_: replace(box, quota=99) for id_, box in town.boxes.items()},
        retired={"2499": Retired(extension="2499", to="2500", until=date(2027, 6, 30), announced=True)},
    )


def free_port(address: str) -> int:
    """A port at which nobody listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind((address, 0))
        return int(line.getsockname()[1])
