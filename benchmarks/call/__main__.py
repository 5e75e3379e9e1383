"""What a call costs: the same call by a dialplan written by hand, by us, by us without attendants, by a plain client.

`make bench-call`. Measures and never judges.
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.call import at_once, messages, report
from benchmarks.call.load import Block, block
from benchmarks.call.town import Exchanges, exchanges
from benchmarks.call.usage import used
from benchmarks.call.variants import BY_HAND, OURS, SETTLES, VARIANTS, Variant

ROOT = Path(__file__).parents[2]
FIRST_RATE, STEP, STEP_SECONDS = 40.0, 1.2, 5.0
"""Calls a second of the first step up, how much more each next one has, and how long one lasts."""
HIGHEST = 400.0
CLEAN = 0.995
"""The part of the calls that must come through."""


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="blocks of each variant, one after the other in turns")
    parser.add_argument("--rate", type=float, default=20.0, help="calls a second")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long a block lasts")
    parser.add_argument("--rest", type=float, default=30.0, help="seconds without calls: what everything costs at rest")
    parser.add_argument(
        "--only", nargs="+", default=[variant.name for variant in VARIANTS], help="some, beside the one by hand"
    )
    parser.add_argument("--no-steps", action="store_true", help="do not look for the highest rate")
    parser.add_argument(
        "--at-once",
        type=int,
        nargs="*",
        default=[10, 100, 300],
        help="calls in progress, ascending; nothing: not asked",
    )
    parser.add_argument("--talks", type=float, default=at_once.TALKS, help="seconds that each of them talks")
    parser.add_argument("--message-rate", type=float, default=5.0, help="messages left in a second; 0: not asked")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "bench-call", help="exchanges and results")
    parser.add_argument("--docs", action="store_true", help="write docs/performance.md's table and the history too")
    asked = parser.parse_args()
    shutil.rmtree(asked.folder, ignore_errors=True)
    asked.folder.mkdir(parents=True)
    variants = [variant for variant in VARIANTS if variant.name in (BY_HAND, *asked.only)]
    with exchanges(asked.folder) as all_:
        rest = {variant.name: at_rest(all_, variant, asked.rest) for variant in variants}
        rounds = [_round(all_, variants, asked.rate, round(asked.rate * asked.seconds)) for _ in range(asked.rounds)]
        rates = {} if asked.no_steps else {variant.name: highest(all_, variant) for variant in variants}
        attended = [variant for variant in variants if variant.name in (BY_HAND, OURS)]
        many = at_once.measure(all_, attended, asked.at_once, asked.talks) if asked.at_once else {}
        left = messages.measure(all_, asked.rounds, asked.message_rate, asked.seconds) if asked.message_rate else {}
    found = report.figures(rounds, rates, rest)
    print(report.table(found))
    if many:
        print(at_once.table(many))
    if left:
        print(messages.table(left))
    told = {"rounds": asked.rounds, "rate": asked.rate, "seconds": asked.seconds}
    report.write(asked.folder, ROOT / "docs" if asked.docs else None, told, found, many, left)


def at_rest(all_: Exchanges, variant: Variant, seconds: float) -> dict[str, float]:
    """Milliseconds of processor a second that each one uses while nobody calls."""
    with variant.at_work(all_) as pids:
        time.sleep(SETTLES)
        before, began = {name: used(pid) for name, pid in pids.items()}, time.monotonic()
        time.sleep(seconds)
        took = time.monotonic() - began
        return {name: (used(pid) - before[name]) * 1000 / took for name, pid in pids.items()}


def _round(all_: Exchanges, variants: Sequence[Variant], rate: float, calls: int) -> dict[str, Block]:
    made = {}
    for variant in variants:
        with variant.at_work(all_) as pids:
            time.sleep(SETTLES)
            made[variant.name] = block(variant.town(all_), variant.number, pids, rate=rate, calls=calls)
        print(report.line(variant.name, made[variant.name]), flush=True)
    return made


def highest(all_: Exchanges, variant: Variant) -> float:
    """The most calls a second that came through, step by step until one did not; 0 if not even the first did."""
    rate, reached = FIRST_RATE, 0.0
    with variant.at_work(all_) as pids:
        while rate <= HIGHEST:
            made = block(variant.town(all_), variant.number, pids, rate=rate, calls=round(rate * STEP_SECONDS))
            print(f"{rate:6.0f}/s {report.line(variant.name, made)}", flush=True)
            if made.clean < made.calls * CLEAN:
                break
            rate, reached = rate * STEP, rate
    return reached


if __name__ == "__main__":
    main()
