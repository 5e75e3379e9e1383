"""The attendants' book: what is to be done at each place that Python performs first.

Belongs here: reading `attend.json` of the live tree, again when it has changed. Not here: performing (perform),
writing (compile).
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0
"""Seconds between two looks at whether the file is another one."""


@dataclass(frozen=True, kw_only=True)
class Menu:
    """Ask for one of `keys` (`0`-`9`, `star`, `hash`), until `wait` seconds after the prompt: one try."""

    prompt: str
    keys: frozenset[str]
    wait: float
    seconds: Mapping[str, float]
    """How long the prompt is, per language."""

    def length(self, language: str) -> float:
        """Seconds that the prompt takes in `language`; in an unknown one, as long as the longest."""
        return self.seconds.get(language, max(self.seconds.values(), default=0.0))


@dataclass(frozen=True, kw_only=True)
class Do:
    """Run a skill, which ends in one of `exits`, within `seconds`."""

    skill: str
    exits: frozenset[str]
    seconds: float
    arguments: Mapping[str, Any] = field(default_factory=dict)


Step = Menu | Do


class UnreadableBook(Exception):
    """`attend.json` is missing or wrong; says where."""


class UnknownPlace(LookupError):
    """No step is written down for a place."""


class Book:
    """Place -> step, as the file at `path` says now. A file that cannot be read leaves the last good one in force."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._clock = path, clock
        self._steps: Mapping[str, Step] = {}
        self._identity: tuple[int, ...] | None = None
        self._looked = float("-inf")
        self.tree = ""
        """Checksum of the tree that the steps come from."""

    def step(self, place: str) -> Step:
        """What to do at `place`. Raises UnknownPlace."""
        if self._clock() - self._looked >= LOOK_EVERY or place not in self._steps:
            self._look()
        try:
            return self._steps[place]
        except KeyError:
            raise UnknownPlace(f"{self._path} knows no place {place!r}") from None

    def _look(self) -> None:
        self._looked = self._clock()
        try:
            found = os.stat(self._path)
            identity = (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size)
            if identity != self._identity:
                self.tree, self._steps = read(self._path)
                self._identity = identity
        except (OSError, UnreadableBook) as error:
            log.error("attendants go on with what they know: %s; apply the tree again", error)


def read(path: Path) -> tuple[str, Mapping[str, Step]]:
    """Checksum and steps of one `attend.json`. Raises OSError, UnreadableBook.

    Another version of this program may have written it: fields that we do not know are skipped, and a step that we
    cannot read is left out alone. Its callers go on natively, those at other places are served.
    """
    try:
        content = orjson.loads(path.read_bytes())
        hours, tree, places = content.get("hours", {}), str(content["tree"]), content["places"].items()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableBook(f"{path}: {error!r}") from error
    steps: dict[str, Step] = {}
    for place, written in places:
        try:
            steps[place] = _step(written, hours)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("%s: callers at %s are served natively: this version cannot read %r", path, place, error)
    return tree, steps


def _step(found: Mapping[str, Any], hours: Mapping[str, Any]) -> Step:
    """One step. A skill that names a schedule is told its `hours`."""
    match found["step"]:
        case "menu":
            return Menu(
                prompt=str(found["prompt"]),
                keys=frozenset(map(str, found["keys"])),
                wait=float(found["wait"]),
                seconds={language: float(length) for language, length in found["seconds"].items()},
            )
        case "do":
            return Do(
                skill=str(found["skill"]),
                exits=frozenset(map(str, found["exits"])),
                seconds=float(found["seconds"]),
                arguments=_told(found.get("arguments", {}), hours),
            )
        case other:
            raise ValueError(f"a step {other!r} is not for attendants")


def _told(arguments: Mapping[str, Any], hours: Mapping[str, Any]) -> Mapping[str, Any]:
    named = str(arguments.get("schedule", ""))
    return {**arguments, "hours": hours[named]} if named in hours else dict(arguments)
