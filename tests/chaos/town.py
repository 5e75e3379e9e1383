"""The town that is called: always open, a menu before two desks, a waiting queue, boxes that hold everything."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Flow, Menu, Ring, When
from tests.call_back_town import ALWAYS
from tests.test_queues import WAIT, waiting_town
from tests.towns import prompt, town_flow

DESKS, MEMBER = ("tel10", "tel2501"), "tel2500"
"""Who is rung by the menu, and who serves the queue."""
OFFICE_BOX, OWN_BOX = "10", "3501"
"""The department's, whose messages are cases, and somebody's own."""
HEAD, DIRECT, NOBODY = "+496205210", "+496205213501", "+496205217777"
"""What the provider delivers: the head number, a direct number with a box of its own, and one that nobody has."""
QUOTA, LIMIT = 9999, 30
LONGEST, MOST = 25, 30
"""Seconds that callers wait in the queue, and how many of them there may be."""
WELCOME = ("Eine Nachricht mit der 2, warten mit der 3.", "Press 2 for a message, 3 to wait.")
MENU = "town.welcome"


def chaos_town() -> Directory:
    """Key 1 and silence ring the desks, 2 leads to the mailbox, 3 into the queue."""
    town = waiting_town(phones=(MEMBER,), most=MOST, longest=LONGEST, announce=10, wrap_up=0)
    steps = town_flow().steps
    door = When(schedule=ALWAYS.name, open=MENU, closed="town.sorry", holiday="town.sorry")
    welcome = Menu(prompt=prompt(MENU, *WELCOME), keys={"1": "town.desk", "2": "town.box", "3": WAIT},
                   otherwise="town.desk", wait=1.5, tries=2)  # fmt: skip
    desk = Ring(phones=DESKS, busy="town.box", nobody="town.box", unreachable="town.box", seconds=5)
    kept = {name: steps[name] for name in ("box", "thanks", "sorry", "bye")}
    return replace(
        town,
        schedules={**town.schedules, ALWAYS.name: ALWAYS},
        departments={id_: replace(each, schedule=ALWAYS.name) for id_, each in town.departments.items()},
        boxes={id_: replace(box, quota=QUOTA, limit=LIMIT) for id_, box in town.boxes.items()},
        flows={"town": Flow(name="town", start="door", steps={"door": door, "welcome": welcome, "desk": desk, **kept})},
    )
