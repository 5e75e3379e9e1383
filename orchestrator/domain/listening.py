"""The mailbox by telephone: how a caller comes to hear messages, and what remains of it without Python.

    turn: a dialogue of control, one turn a visit -> again | record | call | done
      -> dictate: record what it asked for      -> turn
      -> call: dial whom it named, as the phone that is calling
    boxes: Asterisk's own VoiceMailMain(), for the same boxes with the same PINs, while there is no dialogue. For our
      telephones only: it counts no wrong PINs across calls, so who comes from outside is told to call again.

Belongs here: the flow, its number, whose desk it is. Not here: what the dialogue says (messages).
"""

from __future__ import annotations

from orchestrator.domain import mailbox_texts
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Answer, CallBack, Dictate, Do, Flow, HangUp, Listen, Place, Say, Step
from orchestrator.domain.people import Department, Person, Phone
from orchestrator.domain.prompts import Prompt
from orchestrator.domain.rights import Rights
from orchestrator.domain.town import MAILBOX

PROMPTS: tuple[Prompt, ...] = tuple(mailbox_texts.PROMPTS.values())
"""Everything that the dialogue says besides numbers, dates and messages."""
ASKED = 60
"""Seconds of one turn besides the message that it plays."""
LIMIT = 120
"""Seconds of a message where no box says so."""
SOMEBODYS = ("", "other")
"""Kinds of phones at which it is known who sits there: a person's own, and a shared one that is none of the others (the
counter of a department). Anybody comes by at the rest."""


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
        "boxes": Listen(served=f"{MAILBOX}.goodbye", refused=f"{MAILBOX}.sorry"),
        "sorry": Say(prompt=mailbox_texts.PROMPTS["mailbox_unreachable"], then=f"{MAILBOX}.goodbye"),
        "goodbye": HangUp(),
    }
    return Flow(name=MAILBOX, start="turn", steps=steps)


def turned_away(place: Place, answer: Answer) -> bool:
    """Whether somebody was told there to call again, because nobody was there to ask for a PIN."""
    return (place, answer) == (f"{MAILBOX}.boxes", "refused")


class Desks:
    """The boxes that are at hand at telephones: where a lamp is lit, and where no PIN is asked.

    The one rule for both sides: the dialogue asks it when somebody comes, the dialplan is compiled from it.
    """

    def __init__(self, directory: Directory) -> None:
        self._rights = Rights(directory)
        self._boxes = directory.boxes
        self._owned = {person.extension: person.box for person in directory.people.values() if person.box}
        self._owned |= {department.extension: department.box for department in directory.departments.values()}
        self._people: dict[str, list[Person]] = {}
        for person in directory.people.values():
            for phone in dict.fromkeys(person.phones):
                self._people.setdefault(phone, []).append(person)
        self._homes: dict[str, list[Department]] = {}
        for home in directory.departments.values():
            for phone in dict.fromkeys(home.phones):
                self._homes.setdefault(phone, []).append(home)

    def lamp(self, phone: Phone) -> str:
        """The box whose lamp is on `phone`; empty for none."""
        box = self._owned.get(phone.extension, phone.extension)
        return box if box in self._boxes else ""

    def whose(self, phone: Phone) -> Person | Department | None:
        """Who sits at `phone`: the one person who has it, or the one department; None where nobody can know."""
        if phone.kind not in SOMEBODYS:
            return None
        people, homes = self._people.get(phone.id, []), self._homes.get(phone.id, [])
        if people:
            return people[0] if len(people) == 1 else None
        return homes[0] if len(homes) == 1 else None

    def opens(self, phone: Phone) -> str:
        """The box that opens on `phone` without a PIN: the own one, else one that its owner works with; empty: none."""
        return self.opened_by(self.whose(phone))

    def opened_by(self, owner: Person | Department | None) -> str:
        """The box that opens without a PIN where `owner` is known to sit; empty: none."""
        match owner:
            case Person(box=box) if box in self._boxes:
                return box
            case Person() as person:
                return next(iter(self._rights.ordered(self._rights.boxes_of(person))), "")
            case Department(box=box) if box in self._boxes:
                return box
            case _:
                return ""
