"""What a rollout costs at 300, 3,000, 10,000 and 30,000 people: `make bench-rollout`. Measures and never judges.

Each stage runs in a process of its own, which first makes what the stage needs; only the stage is timed, and the
memory is the most that its process ever had. Prompts are spoken by a stand-in, a command that copies one sound:
a real voice takes about 25 ms for each of them, once.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import organisation, report, stages

ROOT = Path(__file__).parents[1]
SIZES = (300, 3000, 10000, 30000)
LIMIT = 1800.0
"""Seconds after which a stage is given up; it then stands in the table as such."""


def measured(name: str, state: Path) -> dict[str, Any]:
    """One stage in a process of its own; wall and CPU seconds, peak memory in MiB, or `failed` with the reason."""
    argv = [sys.executable, "-m", "benchmarks.rollout", "--stage", name, "--state", str(state)]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=LIMIT, check=False, cwd=ROOT)
    except subprocess.TimeoutExpired:
        return {"stage": name, "failed": f"not finished in {LIMIT:.0f} s"}
    if done.returncode:
        return {"stage": name, "failed": (done.stderr.strip().splitlines() or ["?"])[-1]}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def timed(name: str, state: Path) -> dict[str, Any]:
    """Run one stage here: its preparation untimed, then itself. Without looking for cycles, as the commands do it."""
    gc.disable()
    work: Callable[[], object] = stages.STAGES[name](state)
    wall, cpu = time.perf_counter(), time.process_time()
    extra = work()
    took = {"wall": round(time.perf_counter() - wall, 3), "cpu": round(time.process_time() - cpu, 3)}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    more: Mapping[str, object] = extra if isinstance(extra, dict) else {}
    return {"stage": name, **took, "peak": peak, **more}


def bench(folder: Path, sizes: Sequence[int], skip: Sequence[str]) -> list[dict[str, Any]]:
    """Every stage at every size; each line is printed as it is known."""
    rows = []
    for people in sizes:
        here = folder / str(people)
        organisation.write(here / "files", people)
        stages.prepare(here)
        for name in stages.STAGES:
            if name not in skip:
                row = {"people": people, **measured(name, here)}
                print(report.line(row), flush=True)
                rows.append(row)
    return rows


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "bench-rollout", help="states and results")
    parser.add_argument("--skip", nargs="*", default=[], choices=list(stages.STAGES), help="stages to leave out")
    parser.add_argument("--docs", action="store_true", help="write docs/performance.md's table and its plot too")
    parser.add_argument("--stage", help=argparse.SUPPRESS)
    parser.add_argument("--state", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.stage:
        print(json.dumps(timed(asked.stage, asked.state)))
        return
    rows = bench(asked.folder, asked.sizes, asked.skip)
    report.write(asked.folder, rows)
    if asked.docs:
        report.publish(ROOT / "docs", rows)


if __name__ == "__main__":
    main()
