"""The plan: a seed becomes callers and attacks. Pure; the same seed gives the same plan.

Belongs here: who calls when and does what, and what is done to whom when. Not here: doing it (callers, attacks).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from tests.chaos.town import DIRECT, HEAD, NOBODY

Habit = Literal["waits it out", "presses 1", "gives up", "writes", "queues", "direct", "misdials"]
"""A citizen hears the menu out and is rung through; wants the desk; hangs up soon; leaves a message; waits in the
queue; dials somebody's own number; dials a number that nobody has."""
Kind = Literal["attendant killed", "attendant hung", "shift's parent killed", "control killed", "Asterisk killed"]
HABITS: tuple[Habit, ...] = get_args(Habit)
KINDS: tuple[Kind, ...] = get_args(Kind)
NO_KEY = -1
OFTEN: Mapping[Kind, int] = dict(zip(KINDS, (30, 25, 20, 20, 5), strict=True))
SHARES: Mapping[Habit, int] = dict(zip(HABITS, (16, 18, 14, 24, 12, 8, 8), strict=True))
FIRST = 6.0
"""Seconds from the first call to the first attack."""
PAUSE, LONG_PAUSE = (0.5, 14.0), (15.0, 20.0)
"""Seconds from one attack to the next, and after Asterisk was killed: phones must be able to come back."""
QUIET = 1 / 4
"""The last part of the calls, which meets no attack: everything must be as it was before, and is measured within one
life."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """One citizen and their call. Times in seconds."""

    shown: str
    """Their number, which nobody else has."""
    habit: Habit
    dialled: str = HEAD
    before: float = 0.0
    """From the answer to the key."""
    key: int = NO_KEY
    after: float
    """From the key to hanging up, if nobody else has until then."""
    voice: bool = False
    """Whether they speak all the time."""

    @property
    def line(self) -> str:
        """As tests/scenarios/citizen.xml reads it."""
        fields = (self.shown, self.dialled, round(self.before * 1000), self.key, round(self.after * 1000), +self.voice)
        return ";".join(str(field) for field in fields)


@dataclass(frozen=True, kw_only=True)
class Attack:
    """Something is done to one process, `at` seconds after the first call; `which` of several, modulo their number."""

    at: float
    kind: Kind
    which: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All of a run; callers come `rate` a second."""

    seed: int
    rate: float
    callers: tuple[Caller, ...]
    attacks: tuple[Attack, ...]

    @property
    def lasts(self) -> float:
        """Seconds from the first call to the last."""
        return len(self.callers) / self.rate


def plan(calls: int, seed: int, *, rate: float) -> Plan:
    """What `seed` means for that many calls."""
    chance = random.Random(seed)
    habits = chance.choices(HABITS, weights=[SHARES[habit] for habit in HABITS], k=calls)
    callers = tuple(_caller(f"+491715{number:06}", habit, chance) for number, habit in enumerate(habits))
    attacks = tuple(_attacks(calls / rate * (1 - QUIET), chance))
    return Plan(seed=seed, rate=rate, callers=callers, attacks=attacks)


def _caller(shown: str, habit: Habit, chance: random.Random) -> Caller:
    def some(least: float, most: float) -> float:
        return round(chance.uniform(least, most), 3)

    match habit:
        case "waits it out":
            return Caller(shown=shown, habit=habit, after=some(12, 26))
        case "presses 1":
            return Caller(shown=shown, habit=habit, before=some(0.5, 8), key=1, after=some(6, 14))
        case "gives up":
            return Caller(shown=shown, habit=habit, after=some(0, 9))
        case "writes":
            return Caller(shown=shown, habit=habit, before=some(0.5, 4), key=2, after=some(6, 14), voice=True)
        case "queues":
            return Caller(shown=shown, habit=habit, before=some(0.5, 6), key=3, after=some(8, 40))
        case "direct":
            return Caller(shown=shown, habit=habit, dialled=DIRECT, after=some(6, 18), voice=True)
        case "misdials":
            return Caller(shown=shown, habit=habit, dialled=NOBODY, after=some(3, 12))


def _attacks(until: float, chance: random.Random) -> Iterator[Attack]:
    """Each kind once, Asterisk after the others, and then some more often than others."""
    first = list(KINDS[:-1])
    chance.shuffle(first)
    first.insert(0, KINDS[-1])
    at = FIRST
    while at < until:
        kind = first.pop() if first else chance.choices(KINDS, weights=[OFTEN[kind] for kind in KINDS])[0]
        yield Attack(at=round(at, 3), kind=kind, which=chance.randrange(1000))
        at += chance.uniform(*(LONG_PAUSE if kind == "Asterisk killed" else PAUSE))
