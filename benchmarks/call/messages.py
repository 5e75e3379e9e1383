"""The second workload: callers who leave a message, because the telephone of who they call is not there.

By hand that is Dial() and VoiceMail(); ours is the mailbox of a person. Both greet for as long. Belongs here: the
blocks, and their table. Not here: one block's calls (load), what the exchanges are (town).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import cycle, islice
from statistics import median
from typing import Any

import numpy as np

from benchmarks.call.load import Block, Caller, not_clean, place
from benchmarks.call.town import AREA, PHONE, Exchanges
from benchmarks.call.variants import ASTERISK, BY_HAND, CONTROL, OURS, PYTHON, SETTLES, VARIANTS
from orchestrator.messages.mailbox import Spool
from tests.running_town import Town
from tests.spoken import write_wav

SPOKEN = ("person_unreachable", "zero", "notice")
"""What callers of a person hear after the greeting, if the telephone is not there."""
BEEPS, SPEAKS = 1.0, 4.0
"""Seconds of the tone, with what surrounds it; seconds that a caller speaks after it, until they hang up."""
Found = Mapping[str, Mapping[str, Any]]
"""Variant -> messages, those that are in their boxes, ms of processor for each: of whom, in all, ratio."""


def people(town: Town) -> list[str]:
    """Who has a mailbox, and no telephone that is there."""
    return [each.extension for each in town.directory.people.values() if each.box and PHONE not in each.phones]


def greets(town: Town) -> float:
    """Seconds from the answer until the tone, at most."""
    said = (f"n_{number}.box" for number in people(town))
    return max(_seconds(town, name) for name in said) + sum(_seconds(town, name) for name in SPOKEN)


def _seconds(town: Town, prompt: str) -> float:
    return float(town.sounds[prompt].seconds["de"])


def furnish(all_: Exchanges) -> None:
    """By hand everybody has recorded a greeting, which takes as long as ours."""
    tone = np.sin(np.arange(int(8000 * greets(all_.ours))) / 3).astype(np.float32) * 0.5
    for number in people(all_.ours):
        write_wav(Spool(all_.by_hand.state.spool).box(number).path / "unavail.wav", tone, 8000)


def measure(all_: Exchanges, rounds: int, rate: float, seconds: float) -> Found:
    """Both in turns, `rounds` times: `rate` calls a second for `seconds`."""
    furnish(all_)
    made: dict[str, list[Block]] = {BY_HAND: [], OURS: []}
    for _ in range(rounds):
        for variant in (each for each in VARIANTS if each.name in made):
            with variant.at_work(all_) as pids:
                time.sleep(SETTLES)
                made[variant.name].append(_block(all_, variant.town(all_), pids, rate, round(rate * seconds)))
    return {
        name: {
            "messages": sum(each.calls for each in blocks),
            "clean": sum(each.clean for each in blocks),
            "cpu": {who: median(each.cpu[who] for each in blocks) for who in blocks[0].cpu},
            "total": median(each.total for each in blocks),
            "ratio": median(each.total / by_hand.total for each, by_hand in zip(blocks, made[BY_HAND], strict=True)),
        }
        for name, blocks in made.items()
    }


def _block(all_: Exchanges, town: Town, pids: Mapping[str, int], rate: float, calls: int) -> Block:
    stays = greets(all_.ours) + BEEPS + SPEAKS
    callers = [Caller(number=f"{AREA}{number}", after=stays) for number in islice(cycle(people(all_.ours)), calls)]
    before = _messages(town)
    placed = place(town, callers, pids, rate=rate)
    return Block(
        calls=calls,
        clean=_messages(town) - before,
        cpu=placed.cpu,
        latencies=(),
        memory=placed.memory,
        errors=placed.errors,
    )


def _messages(town: Town) -> int:
    """How many are in all boxes."""
    return len(list((town.state.spool / "voicemail" / "town").glob("*/INBOX/msg*.txt")))


def table(found: Found) -> str:
    """Markdown: a line for each variant."""
    whose: Sequence[str] = (ASTERISK, PYTHON, CONTROL)
    rows = ["| a message, taken | Asterisk | Python | control | together | × by hand |", "|---|---|---|---|---|---|"]
    for name, each in found.items():
        spent = [f"{each['cpu'][who]:.2f} ms" if who in each["cpu"] else "–" for who in whose]
        lost = not_clean(each["messages"], each["clean"])
        rows.append(f"| {name} | {' | '.join(spent)} | {each['total']:.2f} ms{lost} | {each['ratio']:.2f} |")
    return "\n".join(rows)
