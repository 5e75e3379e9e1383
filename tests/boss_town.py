"""A town with bosses: who answers for them, who comes through, and telephones that do what their owners do.

2500  the boss, of the building office     tel2500; the secretary is 2600, and 2800 comes through
2510  the other boss                       tel2510; 2600 too; rings along after 5 s, and for all of the house at once
2600  the secretary, of the citizens'      tel2600; 2700 stands in
2700, 2800  colleagues                     tel2700, tel2800
"""

from __future__ import annotations

from dataclasses import replace

from orchestrator.domain.directory import Directory
from orchestrator.domain.people import Box, Department, Person, Phone
from tests.towns import person, small

BACK = 5
RING = 3
JOINS = 5


def boss_town() -> Directory:
    """Not derived."""
    town = small()
    numbers = ("2500", "2510", "2600", "2700", "2800")
    phones = [
        Phone(id=f"tel{number}", site="rathaus", label=f"tel{number}", extension=number, permission="national")
        for number in ("10", *numbers)
    ]
    office = Department(
        id="bauamt", name="Bauamt", site="rathaus", extension="60", schedule="rathaus", box="60", phones=("tel2500",)
    )
    return replace(
        town,
        town=replace(town.town, back=BACK),
        people={each.id: each for each in map(_person, numbers)},
        departments={
            "buergerbuero": replace(town.departments["buergerbuero"], phones=("tel2700",), ring_seconds=RING),
            "bauamt": office,
        },
        phones={phone.id: phone for phone in phones},
        boxes={number: Box(id=number, name=number, quota=500) for number in ("10", "60", "2500", "2510")},
        flows={"town": town.flows["town"]},
        numbers={"0": "town"},
    )


def _person(number: str) -> Person:
    more = {
        "2500": {"secretary": ("p2600",), "direct": ("p2800",), "box": "2500", "department": "bauamt"},
        "2510": {"secretary": ("p2600",), "direct_inside": True, "joins": JOINS, "box": "2510"},
        "2600": {"stand_in": "p2700"},
    }.get(number, {})
    made = replace(person(number), first_name="N", last_name=f"N{number}", ring_seconds=RING)
    return replace(made, **more)  # type: ignore[arg-type]
