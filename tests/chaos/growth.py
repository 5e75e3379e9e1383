"""Memory and open descriptors of each process: looked at while it lives, judged within one life."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from tests.chaos.account import Row

LOOK_EVERY = 2.0
YOUNG, ASTERISK_YOUNG = 60.0, 180.0
"""Seconds at the beginning of a life that do not count: what is needed is only being loaded. Asterisk's memory comes to
rest after three minutes of seven calls a second, with and without attacks (`--calm`)."""
TOLD, JUDGED = 30.0, 180.0
"""Seconds after that for which a life must have been looked at, for its slope to be told, and to be judged."""
MEMORY, DESCRIPTORS = 1024.0, 3.0
"""The most that may be added in a minute: KiB, and open descriptors."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One look at one process."""

    at: float
    name: str
    pid: int
    memory: float
    """KiB in memory."""
    descriptors: int


def look(name: str, pid: int, at: float) -> Iterator[Sample]:
    """One sample, or none if the process is gone."""
    with suppress(OSError, ValueError, IndexError):
        told = Path(f"/proc/{pid}/status").read_text()
        memory = float(told.partition("VmRSS:")[2].split()[0])
        descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        yield Sample(at=at, name=name, pid=pid, memory=memory, descriptors=descriptors)


def growth(samples: Collection[Sample], since: float, until: float) -> Iterator[Row]:
    """A row for each kind of process: the slopes in its longest life between two times, and the most it ever had."""

    def life(sample: Sample) -> tuple[str, int]:
        return sample.name, sample.pid

    lives: dict[str, list[list[Sample]]] = {}
    for (name, _), found in groupby(sorted(samples, key=life), key=life):
        first, *rest = found
        grown = first.at + (ASTERISK_YOUNG if name == "asterisk" else YOUNG)
        lives.setdefault(name, []).append([each for each in rest if max(since, grown) <= each.at <= until])
    for name, each in lives.items():
        yield _row(name, max(each, key=_lasted), [sample for sample in samples if sample.name == name])


def _lasted(life: list[Sample]) -> float:
    return max((each.at for each in life), default=0.0) - min((each.at for each in life), default=0.0)


def _row(name: str, life: list[Sample], every: list[Sample]) -> Row:
    what = f"memory and descriptors: {name}"
    largest, widest = max(each.memory for each in every), max(each.descriptors for each in every)
    most = f"at most {largest / 1024:.0f} MiB, {widest} open"
    lasted = _lasted(life)
    if lasted < TOLD:
        return Row(what=what, figure=f"{most}; no life was long enough for a slope")
    memory = slope([(each.at, each.memory) for each in life]) * 60
    descriptors = slope([(each.at, each.descriptors) for each in life]) * 60
    wrong = []
    if lasted >= JUDGED and memory > MEMORY:
        wrong.append(f"{name} grew by {memory:.0f} KiB a minute")
    if lasted >= JUDGED and descriptors > DESCRIPTORS:
        wrong.append(f"{name} opened {descriptors:.1f} descriptors a minute")
    figure = f"{memory:+.0f} KiB, {descriptors:+.2f} descriptors a minute in a life of {lasted:.0f} s; {most}"
    figure += "" if lasted >= JUDGED else " (too short a life to be judged)"
    return Row(what=what, figure=figure, wrong=tuple(wrong))


def slope(points: Collection[tuple[float, float]]) -> float:
    """Of the straight line with the least squares; 0 for fewer than two points."""
    count = len(points)
    if count < 2:
        return 0.0
    mean_x, mean_y = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0
