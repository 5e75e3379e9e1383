"""Four ways of answering the same call, each put to work for one block and sent home again."""

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
BY_HAND = "by hand"


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One way; while its block lasts, `at_work` gives whose processor time counts."""

    name: str
    number: str
    town: Callable[[Exchanges], Town]
    at_work: Callable[[Exchanges], AbstractContextManager[Mapping[str, int]]]


@contextmanager
def _by_hand(both: Exchanges) -> Iterator[Mapping[str, int]]:
    yield {ASTERISK: both.by_hand.processes["asterisk"].pid}


@contextmanager
def _fallback(both: Exchanges) -> Iterator[Mapping[str, int]]:
    yield {name: both.ours.processes[process].pid for name, process in ((ASTERISK, "asterisk"), (CONTROL, "control"))}


@contextmanager
def _attended(both: Exchanges) -> Iterator[Mapping[str, int]]:
    both.ours.begin("attend")
    try:
        with _fallback(both) as counted:
            yield {**counted, PYTHON: both.ours.processes["attend"].pid}
    finally:
        both.ours.end("attend")


@contextmanager
def _plainly(both: Exchanges) -> Iterator[Mapping[str, int]]:
    address = wiring.ari(both.by_hand.state)
    argv = leashed([sys.executable, "-m", "benchmarks.call.plain", address.url, address.user])
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdin
            assert process.stdout
            process.stdin.write(f"{address.passwords()[0]}\n")
            process.stdin.close()
            if process.stdout.readline() != "ready\n":
                raise RuntimeError("the plain client did not start")
            with _by_hand(both) as counted:
                yield {**counted, PYTHON: process.pid}
        finally:
            process.kill()


VARIANTS = (
    Variant(name=BY_HAND, number=HEAD, town=lambda both: both.by_hand, at_work=_by_hand),
    Variant(name="ours", number=HEAD, town=lambda both: both.ours, at_work=_attended),
    Variant(name="ours, no attendant", number=HEAD, town=lambda both: both.ours, at_work=_fallback),
    Variant(name="plain client", number=PLAIN, town=lambda both: both.by_hand, at_work=_plainly),
)
