"""What a call costs, and how much memory it takes, when many are in progress: of one length, so that only their number
differs.

Belongs here: the blocks, and their table. Not here: one block (load), who answers (variants).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.call.load import Block, block, length, not_clean
from benchmarks.call.town import Exchanges
from benchmarks.call.usage import forget_most, most_memory
from benchmarks.call.variants import BY_HAND, SETTLES, Variant
from benchmarks.plot import log_log

TALKS = 10.0
"""Seconds that a caller talks with the desk, if nothing else is said."""
STANDS = 1.2
"""For how many times as long as many calls as asked for are in progress."""

Found = Mapping[int, Mapping[str, Mapping[str, Any]]]
"""Calls at once -> variant -> calls, clean ones, ms of processor a call in all, KiB in all at the most, KiB of
them for a call, ratio."""


def measure(all_: Exchanges, variants: Sequence[Variant], counts: Sequence[int], talks: float) -> Found:
    """Each variant in turns at each of `counts`, which ascend: memory once taken is not always given back, so it is
    counted from before the first of them. `talks`: seconds.
    """
    found: dict[int, dict[str, Mapping[str, Any]]] = {}
    before: dict[str, int] = {}
    for count in counts:
        made: dict[str, Block] = {}
        rate = count / length(talks)
        for variant in variants:
            with variant.at_work(all_) as pids:
                time.sleep(SETTLES)
                if variant.name not in before:
                    before[variant.name] = _memory_now(pids)
                calls = round(rate * (length(talks) + talks * STANDS))
                town = variant.town(all_)
                made[variant.name] = block(town, variant.number, pids, rate=rate, calls=calls, talks=talks)
        found[count] = {
            name: {
                "calls": each.calls,
                "clean": each.clean,
                "total": each.total,
                "most": sum(each.memory.values()),
                "memory": (sum(each.memory.values()) - before[name]) / count,
                "ratio": each.total / made[BY_HAND].total,
            }
            for name, each in made.items()
        }
    return found


def _memory_now(pids: Mapping[str, int]) -> int:
    for pid in pids.values():
        forget_most(pid)
    return sum(map(most_memory, pids.values()))


def table(found: Found) -> str:
    """Markdown: a line for each number of calls."""
    names = list(next(iter(found.values())))
    heads = [f"{name}: a call" + ("" if name == BY_HAND else " | × by hand") for name in names]
    rows = [f"| calls at once | {' | '.join(heads)} |", "|" + "---|" * (2 * len(names))]
    for count, made in found.items():
        told = [_cell(each) + ("" if name == BY_HAND else f" | {each['ratio']:.2f}") for name, each in made.items()]
        rows.append(f"| {count} | {' | '.join(told)} |")
    return "\n".join(rows)


def plot(found: Found) -> str:
    """Milliseconds of processor that a call costs, against the calls at once."""
    names = list(next(iter(found.values())))
    return log_log({name: [(count, made[name]["total"]) for count, made in found.items()] for name in names}, "ms")


def _cell(each: Mapping[str, Any]) -> str:
    return f"{each['total']:.1f} ms, {each['memory']:.0f} KiB{not_clean(each['calls'], each['clean'])}"
