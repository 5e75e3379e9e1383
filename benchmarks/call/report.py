"""The figures of the calls as a table for docs/performance.md, as JSON, and as one line more of the history."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.call import at_once, messages
from benchmarks.call.load import Block, not_clean
from benchmarks.call.variants import BY_HAND
from benchmarks.report import machine, put

BEGIN, END = "<!-- calls: made by `make bench-call` -->", "<!-- end of calls -->"
HISTORY, PLOT = "performance-history.jsonl", "performance-calls.svg"
Rounds = Sequence[Mapping[str, Block]]
"""One round after the other: the block of each variant."""


def figures(rounds: Rounds, rates: Mapping[str, float], rest: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """What is known of each variant. CPU is the median over the rounds, as is its ratio to the one written by hand of
    the same round; latencies are those of all rounds."""
    return {
        name: {
            "cpu": {who: median(made[name].cpu[who] for made in rounds) for who in rounds[0][name].cpu},
            "total": median(made[name].total for made in rounds),
            "ratio": median(made[name].total / made[BY_HAND].total for made in rounds),
            **_latency(rounds, name),
            "calls": sum(made[name].calls for made in rounds),
            "clean": sum(made[name].clean for made in rounds),
            "rate": rates.get(name),
            "rest": rest[name],
        }
        for name in rounds[0]
    }


def _latency(rounds: Rounds, name: str) -> dict[str, float]:
    late = sorted(each for made in rounds for each in made[name].latencies)
    return {f"p{share}": late[min(len(late) * share // 100, len(late) - 1)] if late else 0.0 for share in (50, 99)}


def line(name: str, made: Block) -> str:
    """One block for a terminal."""
    told = ", ".join(f"{who} {spent:.2f}" for who, spent in made.cpu.items())
    broken = not_clean(made.calls, made.clean)
    if broken and made.errors:
        broken += f"; SIPp: {made.errors.splitlines()[0]}"
    return f"{name:<26} {made.total:6.2f} ms a call ({told}){broken}"


def table(found: Mapping[str, Any]) -> str:
    """Markdown: a line for each variant."""
    rows = [
        "| answered by | Asterisk | Python | control | together | × by hand | key → ringing p50 / p99 | clean up to |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, each in found.items():
        spent = [
            f"{each['cpu'][who]:.2f} ms" if who in each["cpu"] else "–" for who in ("asterisk", "python", "control")
        ]
        rate, by_hand = each["rate"], found[BY_HAND]["rate"]
        reached = "–" if rate is None else f"{rate:.0f}/s" + (f" (× {rate / by_hand:.2f})" if by_hand else "")
        late = f"{each['p50']:.1f} / {each['p99']:.1f} ms"
        rows.append(
            f"| {name} | {' | '.join(spent)} | {each['total']:.2f} ms | {each['ratio']:.2f} | {late} | {reached} |"
        )
    return "\n".join(rows)


def write(
    folder: Path,
    docs: Path | None,
    told: Mapping[str, Any],
    found: Mapping[str, Any],
    many: at_once.Found,
    left: messages.Found,
) -> None:
    """results.json in `folder`; with `docs` the table of performance.md, and a line of the history too."""
    result = {
        "commit": _commit(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        **told,
        "variants": found,
        "at once": many,
        "messages": left,
    }
    (folder / "results.json").write_text(json.dumps(result, indent=1) + "\n")
    if docs is None:
        return
    where = f"Measured on: {machine()}. {told['rounds']} rounds, {told['rate']:g} calls/s."
    beside = "".join(f"\n\n{made}" for made in (many and at_once.table(many), left and messages.table(left)) if made)
    put(docs / "performance.md", BEGIN, END, f"{where}\n\n{table(found)}{beside}")
    if many:
        (docs / PLOT).write_text(at_once.plot(many))
    with (docs / HISTORY).open("a") as history:
        history.write(json.dumps(result) + "\n")


def _commit() -> str:
    said = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return said.stdout.strip()
