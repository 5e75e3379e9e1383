"""Why a telephone rings, as its display says it before the caller: `Bürgerbüro: …`, `Überlauf Bürgerbüro: …`,
`für Meier: …`, `alte Nr. 2345: …`.

A telephone at which the own number of its owner rings says nothing. Where a call goes on from somebody who was rung
before, every later telephone says whom it was for: that reason stays. An old number is told where it leads to.

Belongs here: which reason, and its words. Not here: how it gets to the telephones (compile.display), who comes back to
whom put them through (compile.parking, which says `zurück: …`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from orchestrator.domain.directory import Directory
from orchestrator.domain.explain import Visit
from orchestrator.domain.flow import Forward, Place, Queue, Ring
from orchestrator.domain.secretaries import DEPUTY, FRONT, TOGETHER

Rings = Ring | Queue | Forward
"""Steps that ring telephones of the house."""
LONGEST = 20
"""Characters of a reason: displays show 20 to 32, and the caller stands behind it."""
INSTEAD = frozenset({"stand_in", FRONT, TOGETHER, DEPUTY})
"""Names of the places at which somebody else is rung than whose number it is."""
FOR, OVERFLOW, OLD = "for", "overflow", "old"
WORDS: Mapping[str, Mapping[str, str]] = {
    "de": {FOR: "für {}", OVERFLOW: "Überlauf {}", OLD: "alte Nr. {}"},
    "en": {FOR: "for {}", OVERFLOW: "overflow {}", OLD: "old no. {}"},
}
"""Language of the town -> reasons."""
SHOWN = re.compile(r"[^\W_](?:[^\W_]|[ ./+-])*")
"""What a reason may consist of: letters of any alphabet, digits, and little else."""
_ELSE = re.compile(r"(?:_|[^\w ./+-])+")


@dataclass(frozen=True, kw_only=True)
class Sign:
    """What a place makes of the displays of the telephones that it rings."""

    here: str
    """The reason where nobody else was rung before; empty: there is none."""
    onward: str
    """The reason at whoever is rung after this one; empty: as it was."""
    own: bool
    """Whether those ring whose number it is: an old number is told there."""


class Signs:
    """The signs of one directory, derived; looked up once."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._words = directory.town.word(WORDS)

    @cached_property
    def _owners(self) -> Mapping[str, tuple[str, str]]:
        """Flow -> what its own telephones say, and whoever is rung after them."""
        directory, found = self._directory, {}
        offices = directory.departments.values()
        for department in offices:
            found[department.flow] = department.short or department.name
        for group in directory.groups.values():
            found[group.flow] = group.name
        for queue in directory.queues.values():
            owner = directory.departments.get(queue.department)
            found[queue.flow] = (owner.short or owner.name) if owner and owner.queue == queue.id else queue.name
        own = {flow: (self.text("{}", name), self.text(self._words[OVERFLOW], name)) for flow, name in found.items()}
        single = {phone.flow: phone.label for phone in directory.shared()}
        single |= {person.flow: person.last_name for person in directory.people.values()}
        return {**{flow: ("", self.text(self._words[FOR], name)) for flow, name in single.items()}, **own}

    @staticmethod
    def text(words: str, name: str) -> str:
        """`words` with `name` in it, made short enough; empty where nothing of the name can be shown."""
        short = plain(name)
        room = LONGEST - len(words.format(""))
        short = short if len(short) <= room else short[: room - 1].rstrip(" ./+-") + "."
        return words.format(short) if short else ""

    def of(self, place: Place, step: Rings) -> Sign:
        """The sign of `step`, which is at `place`."""
        flow, _, name = place.partition(".")
        here, onward = self._owners.get(flow, ("", ""))
        if isinstance(step, Forward):
            instead = onward if step.missed or not here else self.text(self._words[FOR], here)
            return Sign(here=instead, onward=onward, own=False)
        if name in INSTEAD and flow in self._owners:
            return Sign(here=onward, onward=onward, own=False)
        return Sign(here=here, onward=onward, own=True)

    @cached_property
    def retired(self) -> Mapping[str, str]:
        """Old number that nobody has again -> the reason."""
        used = self._directory.used
        old = (number for number in self._directory.retired if used.get(number) == f"retired {number}")
        return {number: self.text(self._words[OLD], number) for number in old}

    def shown(self, number: str, way: Iterable[Visit]) -> Iterator[tuple[Place, str]]:
        """Each place of the way of a call to `number` at which telephones may ring, and the reason that they show."""
        came, old = "", self.retired.get(number, "")
        for visit in way:
            step = self._directory.graph.get(visit.place)
            if not isinstance(step, Rings) or (isinstance(step, Forward) and visit.answer == "off"):
                continue
            sign = self.of(visit.place, step)
            shows = old if sign.own and old else sign.here
            if not isinstance(step, Forward) or visit.answer != "quiet":
                yield visit.place, came if came and came != sign.onward else shows
            came = came or sign.onward


def plain(name: str) -> str:
    """What can be shown of a name."""
    return " ".join(_ELSE.sub(" ", unicodedata.normalize("NFC", name)).split()).lstrip("./+- ")
