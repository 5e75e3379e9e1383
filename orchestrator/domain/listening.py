"""The mailbox by telephone: how a caller comes to hear messages, and what remains of it without Python.

    turn: a dialogue of control, one turn a visit -> again | record | call | done
      -> dictate: record what it asked for      -> turn
      -> call: dial whom it named, as the phone that is calling
    boxes: Asterisk's own VoiceMailMain(), for the same boxes with the same PINs, while there is no dialogue

Belongs here: the flow, its number, whose desk it is. Not here: what the dialogue says (messages).
"""

from __future__ import annotations

from orchestrator.domain import mailbox_texts
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import CallBack, Dictate, Do, Flow, HangUp, Listen, Step
from orchestrator.domain.outgoing import OPEN
from orchestrator.domain.people import Phone
from orchestrator.domain.prompts import Prompt
from orchestrator.domain.town import MAILBOX

PROMPTS: tuple[Prompt, ...] = tuple(mailbox_texts.PROMPTS.values())
"""Everything that the dialogue says besides numbers, dates and messages."""
ASKED = 60
"""Seconds of one turn besides the message that it plays."""
LIMIT = 120
"""Seconds of a message where no box says so."""


def flow(directory: Directory) -> Flow:
    """The flow of the mailbox by telephone. A message may be played back and forth for twice its length in one turn."""
    longest = max((box.limit for box in directory.boxes.values()), default=LIMIT)
    outcomes = {
        "done": f"{MAILBOX}.goodbye",
        "again": f"{MAILBOX}.turn",
        "record": f"{MAILBOX}.dictate",
        "call": f"{MAILBOX}.call",
        "native": f"{MAILBOX}.boxes",
        "failed": f"{MAILBOX}.boxes",
    }
    turn = Do(
        skill="mailbox",
        outcomes=outcomes,
        python_down=f"{MAILBOX}.boxes",
        by_caller=frozenset(("again", "record", "call")),  # who does nothing is sent off: the dialogue ends its loops
        seconds=2 * longest + ASKED,
        says=PROMPTS,
    )
    steps: dict[str, Step] = {
        "turn": turn,
        "dictate": Dictate(then=f"{MAILBOX}.turn"),
        "call": CallBack(refused=f"{MAILBOX}.turn"),
        "boxes": Listen(served=f"{MAILBOX}.goodbye"),
        "goodbye": HangUp(),
    }
    return Flow(name=MAILBOX, start="turn", steps=steps)


class Desks:
    """The boxes that are at hand at telephones: their lamp is lit there, and no PIN is asked."""

    def __init__(self, directory: Directory) -> None:
        self._boxes = directory.boxes
        self._owned = {person.extension: person.box for person in directory.people.values() if person.box}
        self._owned |= {department.extension: department.box for department in directory.departments.values()}

    def lamp(self, phone: Phone) -> str:
        """The box whose lamp is on `phone`; empty for none."""
        box = self._owned.get(phone.extension, phone.extension)
        return box if box in self._boxes else ""

    def opens(self, phone: Phone) -> str:
        """The box that opens on `phone` without a PIN; empty for none, and where anybody could come by."""
        return "" if phone.kind in OPEN else self.lamp(phone)
