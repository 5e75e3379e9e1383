"""`make chaos`: thousands of calls while everything is killed. Exit code 1 and a list if something does not hold."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from tests.chaos import report
from tests.chaos.plan import plan
from tests.chaos.soak import soak

CALLS, SEED, RATE = 10_000, 1, 7.0


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--calls", type=int, default=CALLS)
    parser.add_argument("--seed", type=int, default=SEED, help="the same seed is the same calls and attacks")
    parser.add_argument("--rate", type=float, default=RATE, help="calls a second")
    parser.add_argument("--calm", action="store_true", help="nothing is killed: what calls alone cost in memory")
    parser.add_argument("--docs", action="store_true", help="write the table into docs/reliability.md too")
    parser.add_argument("--keep", type=Path, help="an empty folder for the exchange, which then stays")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # whoever ends it: what it has started ends, too
    planned = plan(asked.calls, asked.seed, rate=asked.rate)
    planned = replace(planned, attacks=()) if asked.calm else planned
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        made = soak(planned, asked.keep or Path(folder))
    found = report.rows(made)
    told = report.text(made, found)
    print(told)
    if asked.docs:
        report.publish(told)
    bad = report.wrong(found)
    for each in bad:
        print(f"does not hold: {each}", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
