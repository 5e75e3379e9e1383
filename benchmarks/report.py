"""The figures of the benchmark as a table, as JSON and as a plot (plot)."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.plot import log_log

Row = Mapping[str, Any]
BEGIN, END = "<!-- figures: made by `make bench-rollout` -->", "<!-- end of figures -->"
DRAWN = ("read files", "load", "proof", "compile", "plan, no change", "boot of Asterisk", "apply, a name")


def line(row: Row) -> str:
    """One row for a terminal."""
    if "failed" in row:
        return f"{row['people']:>6}  {row['stage']:<18} {row['failed']}"
    more = {key: value for key, value in row.items() if key not in ("people", "stage", "wall", "cpu", "peak")}
    told = ", ".join(f"{key} {value}" for key, value in more.items())
    return (
        f"{row['people']:>6}  {row['stage']:<18} {row['wall']:8.2f} s {row['cpu']:8.2f} s {row['peak']:6} MiB  {told}"
    )


def write(folder: Path, rows: Sequence[Row]) -> None:
    """results.json and plot.svg in `folder`."""
    (folder / "results.json").write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1) + "\n")
    (folder / "plot.svg").write_text(plot(rows))


def publish(docs: Path, rows: Sequence[Row]) -> None:
    """The table between its marks in docs/performance.md, and the plot beside it."""
    put(docs / "performance.md", BEGIN, END, table(rows))
    (docs / "performance.svg").write_text(plot(rows))


def put(page: Path, begin: str, end: str, made: str) -> None:
    """Write what was made between its two marks in `page`, in the place of what stands there."""
    text = page.read_text(encoding="utf-8")
    before, after = text.partition(begin)[0], text.partition(end)[2]
    page.write_text(f"{before}{begin}\n{made}\n{end}{after}", encoding="utf-8")


def machine() -> str:
    """Where it was measured, and how busy that machine was."""
    load = os.getloadavg()[1]
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, load average {load:.1f} at the end"


def table(rows: Sequence[Row]) -> str:
    """Markdown: a line for each stage, a column for each size; seconds, peak memory, calls beside it."""
    sizes = sorted({row["people"] for row in rows})
    stages = list(dict.fromkeys(row["stage"] for row in rows))
    found = {(row["stage"], row["people"]): row for row in rows}
    head = ["stage", *(f"{size:,} people" for size in sizes)]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for stage in stages:
        lines.append(f"| {stage} | {' | '.join(_cell(found.get((stage, size))) for size in sizes)} |")
    return "\n".join([f"Measured on: {machine()}.", "", *lines])


def _cell(row: Row | None) -> str:
    if row is None:
        return "–"
    if "failed" in row:
        return str(row["failed"])
    if "slowest" in row:
        lost = f"; {row['unanswered']} of {row['calls']} calls not answered" if row["unanswered"] else ""
        return f"{row['work']} s; slowest answer {row['slowest']:.0f} ms{lost}"
    return f"{row['boot']} s" if "boot" in row else f"{row['wall']:.2f} s ({row['cpu']:.2f} s CPU, {row['peak']} MiB)"


def plot(rows: Iterable[Row]) -> str:
    """Wall seconds against people."""
    series: dict[str, list[tuple[float, float]]] = {name: [] for name in DRAWN}
    for row in rows:
        if row["stage"] in series and row.get("wall"):
            took = row.get("work", row.get("boot", row["wall"]))
            series[row["stage"]].append((float(row["people"]), max(float(took), 0.001)))
    return log_log(series, "s")
