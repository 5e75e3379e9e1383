"""Five ways of answering the same call, each put to work for one block and sent home again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from benchmarks.call.town import HEAD, PLAIN, Exchanges
from orchestrator.service import wiring
from tests.leash import leashed
from tests.running_town import Town

ASTERISK, PYTHON, CONTROL = "asterisk", "python", "control"
BY_HAND, OURS = "by hand", "ours"
"""The one that the others are compared with; and what a town has."""
SETTLES = 3.0
"""Seconds after the shift has come or gone, until nobody talks of it any more."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One way; while its block lasts, `at_work` gives whose processor time counts."""

    name: str
    number: str
    town: Callable[[Exchanges], Town]
    at_work: Callable[[Exchanges], AbstractContextManager[Mapping[str, int]]]


@contextmanager
def _by_hand(all_: Exchanges) -> Iterator[Mapping[str, int]]:
    yield {ASTERISK: all_.by_hand.processes["asterisk"].pid}


@contextmanager
def _bare(all_: Exchanges) -> Iterator[Mapping[str, int]]:
    yield {ASTERISK: all_.bare.processes["asterisk"].pid}


@contextmanager
def _fallback(all_: Exchanges) -> Iterator[Mapping[str, int]]:
    yield {name: all_.ours.processes[process].pid for name, process in ((ASTERISK, "asterisk"), (CONTROL, "control"))}


@contextmanager
def _attended(all_: Exchanges) -> Iterator[Mapping[str, int]]:
    all_.ours.begin("attend")
    try:
        with _fallback(all_) as counted:
            yield {**counted, PYTHON: all_.ours.processes["attend"].pid}
    finally:
        all_.ours.end("attend")


@contextmanager
def _plainly(all_: Exchanges) -> Iterator[Mapping[str, int]]:
    address = wiring.ari(all_.bare.state)
    argv = leashed([sys.executable, "-m", "benchmarks.call.plain", address.url, address.user])
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdin
            assert process.stdout
            process.stdin.write(f"{address.passwords()[0]}\n")
            process.stdin.close()
            if process.stdout.readline() != "ready\n":
                raise RuntimeError("the plain client did not start")
            with _bare(all_) as counted:
                yield {**counted, PYTHON: process.pid}
        finally:
            process.kill()


VARIANTS = (
    Variant(name=BY_HAND, number=HEAD, town=lambda all_: all_.by_hand, at_work=_by_hand),
    Variant(name=OURS, number=HEAD, town=lambda all_: all_.ours, at_work=_attended),
    Variant(name="ours, no attendant", number=HEAD, town=lambda all_: all_.ours, at_work=_fallback),
    Variant(name="a bare menu", number=HEAD, town=lambda all_: all_.bare, at_work=_bare),
    Variant(name="a bare menu, plain client", number=PLAIN, town=lambda all_: all_.bare, at_work=_plainly),
)
