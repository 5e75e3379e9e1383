"""Steps of the house's own flows: waiting queues (domain.queues), calls back from there (domain.promises), callers who
are parked (domain.parking), conference rooms (domain.rooms), bosses with a secretary (domain.secretaries).

Only derived flows have them; they are all native. Belongs here: the steps and their exits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from orchestrator.domain.place import END, KEYS, NOBODY, Answer, Exits, Place
from orchestrator.domain.prompts import Prompt


@dataclass(frozen=True, kw_only=True)
class Queue:
    """Wait in turn for a member of a waiting queue, natively. One place for each queue: its flow's (domain.queues)."""

    queue: str
    members: tuple[str, ...]
    """The phones that take its calls, or that may log in to do so."""
    waited: Place
    """Waited too long."""
    full: Place
    """Too many wait already."""
    nobody: Place
    """No member is there: at first, or while waiting."""
    keys: Mapping[str, Place]
    """Keys that may be pressed at any time while waiting."""
    hint: Prompt
    """What is said of the keys, now and then."""
    seconds: int
    """The longest wait."""

    @property
    def by_caller(self) -> frozenset[Answer]:
        return frozenset(KEYS[key] for key in self.keys)

    @property
    def exits(self) -> Exits:
        found = {"talked": END, "waited": self.waited, "full": self.full, "nobody": self.nobody}
        return found | {KEYS[key]: place for key, place in self.keys.items()}


@dataclass(frozen=True, kw_only=True)
class Park:
    """Keep a caller whom a phone has parked, with music, until somebody in the house fetches them."""

    nobody: Place
    """Nobody has fetched them in time."""
    full: Place
    """The place is taken, or all are."""
    seconds: int
    by_caller: ClassVar[frozenset[Answer]] = NOBODY

    @property
    def exits(self) -> Exits:
        return {"fetched": END, "nobody": self.nobody, "full": self.full}


@dataclass(frozen=True, kw_only=True)
class GoBack:
    """Ring the phone that parked the caller; then on to where that phone's department is reached."""

    offices: Mapping[Answer, Place]
    """Answer -> where the calls of a department begin: nobody picked up at the phone of one of its people."""
    nobody: Place
    """The same, where the phone is no department's, or it is not known who parked the caller."""
    seconds: int
    by_caller: ClassVar[frozenset[Answer]] = NOBODY

    @property
    def exits(self) -> Exits:
        return {"talked": END, "nobody": self.nobody, **self.offices}


@dataclass(frozen=True, kw_only=True)
class AskPin:
    """Ask for the PIN of a conference room. Who calls from a phone of the house is let in as they are."""

    room: str
    pin: str
    """Empty: nobody from outside is let in."""
    right: Place
    wrong: Place
    """Every try was wrong, or nothing was dialled."""
    locked: Place
    """Too many have been wrong lately, whoever dialled them."""
    tries: int = 3
    wait: float = 8.0
    """Seconds to dial it after the prompt has ended."""
    by_caller: ClassVar[frozenset[Answer]] = frozenset({"right"})

    @property
    def exits(self) -> Exits:
        return {"right": self.right, "wrong": self.wrong, "locked": self.locked}


@dataclass(frozen=True, kw_only=True)
class Meet:
    """Be in a conference room until one leaves it, with music while alone there."""

    room: str
    most: int
    """Who comes when there are so many finds it full."""
    met: Place
    full: Place
    by_caller: ClassVar[frozenset[Answer]] = NOBODY

    @property
    def exits(self) -> Exits:
        return {"met": self.met, "full": self.full}


@dataclass(frozen=True, kw_only=True)
class Promise:
    """Promise a caller who waits in a queue to call them back, where that may be: a stand-in keeps their place."""

    queue: str
    promised: Place
    refused: Place
    """They show no number, or none that may be called; or there are too many promises already."""
    by_caller: ClassVar[frozenset[Answer]] = NOBODY

    @property
    def exits(self) -> Exits:
        return {"promised": self.promised, "refused": self.refused}


@dataclass(frozen=True, kw_only=True)
class StandIn:
    """Wait in a queue for a caller who hung up and is to be called back: no person is on the line."""

    queue: str
    members: tuple[str, ...]
    served: Place
    """A member picked up."""
    by_caller: ClassVar[frozenset[Answer]] = NOBODY

    @property
    def exits(self) -> Exits:
        return {"served": self.served, "unserved": END}


@dataclass(frozen=True, kw_only=True)
class Recall:
    """Call back whom it was promised, with the member who picked up on the line."""

    queue: str
    payer: str
    """The phone whose permission and budget it is; empty: nobody pays, and nobody is called back."""
    shown: str
    """E.164 number that the called one sees."""
    unreached: Place
    """Where the member is told."""
    by_caller: ClassVar[frozenset[Answer]] = NOBODY

    @property
    def exits(self) -> Exits:
        told = dict.fromkeys(("busy", "nobody", "failed"), self.unreached)
        return {"talked": END, **told, "dropped": END}  # dropped: the member hung up before


@dataclass(frozen=True, kw_only=True)
class Screen:
    """Ask whether who calls a boss comes to the secretary first. It is turned without a rollout (domain.switches)."""

    number: str
    """The boss's."""
    on: Place
    """The secretary is rung."""
    off: Place
    """The boss takes the own calls just now."""
    through: Place
    """Who calls, or has put the caller through by hand, may come through."""
    direct: tuple[str, ...]
    """The phones from which one comes through."""
    inside: bool = False
    """Whether each phone of the house is one, to call from."""
    by_caller: ClassVar[frozenset[Answer]] = NOBODY

    @property
    def exits(self) -> Exits:
        return {"on": self.on, "off": self.off, "direct": self.through}


House = Park | GoBack | AskPin | Meet | Promise | StandIn | Recall | Screen
"""Those of calls back, parking, rooms and secretaries."""
