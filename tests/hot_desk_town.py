"""The town of the hot-desking tests: a desk in another building, a public one in a hall, and three people."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.domain.callers import CLASSES
from orchestrator.domain.directory import Directory
from orchestrator.domain.people import Box, Phone
from orchestrator.domain.town import Permission, Site
from tests.switched_town import switched_town
from tests.towns import person

ELSEWHERE = "+4962052190"
"""What emergency calls from the other building show."""


def hot_desk_town() -> Directory:
    """Not derived: 2500 may call abroad, 3501 the country, 40 has no mailbox; `gast` may call the house alone."""
    town = switched_town()
    sites = {
        **town.sites,
        "otto": Site(id="otto", name="Otto-Bau", address="Ring 2", emergency_number=ELSEWHERE),
    }
    anna = replace(town.people["p2500"], box="2500")
    clara = replace(person("40", box=""), department="buergerbuero", last_name="Rot")
    phones = {
        **town.phones,
        "tel40": Phone(id="tel40", site="rathaus", label="Rot", extension="40"),
        "gast": Phone(
            id="gast", site="otto", label="Gast 1", extension="61", kind="other", permission="internal", hot_desk=True
        ),
        "halle": Phone(
            id="halle", site="otto", label="Halle", extension="62", kind="hall", permission="internal", hot_desk=True
        ),
    }
    return replace(
        town,
        sites=sites,
        people={**town.people, anna.id: anna, clara.id: clara},
        phones=phones,
        boxes={**town.boxes, "2500": Box(id="2500", name="Anna Grün", quota=99)},
        permissions={**town.permissions, "weit": Permission(id="weit", classes=CLASSES[:4], per_hour=3, at_once=1)},
        switch_codes={"1": "night"},
    )
