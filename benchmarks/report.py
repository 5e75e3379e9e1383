"""The figures of the benchmark as a table, as JSON and as a plot (an SVG, log-log, drawn here)."""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]
BEGIN, END = "<!-- figures: made by `make bench-rollout` -->", "<!-- end of figures -->"
WIDTH, HEIGHT, EDGE = 640, 420, 60
COLOURS = ("#1b6ca8", "#c0392b", "#27ae60", "#8e44ad", "#d35400", "#16a085", "#7f8c8d", "#2c3e50")
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
    page = docs / "performance.md"
    text = page.read_text(encoding="utf-8")
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n{table(rows)}\n{END}{after}", encoding="utf-8")
    (docs / "performance.svg").write_text(plot(rows))


def machine() -> str:
    """Where it was measured, and how busy that machine was."""
    load = os.getloadavg()[1]
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, load average {load:.1f} at the end"


def table(rows: Sequence[Row]) -> str:
    """Markdown: a line for each stage, a column for each size; CPU seconds, wall seconds, peak memory."""
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
    told = f"{row['wall']:.2f} s ({row['cpu']:.2f} s CPU, {row['peak']} MiB)"
    return f"{told}; boot {row['boot']} s, then {row['work']} s" if "boot" in row else told


def plot(rows: Iterable[Row]) -> str:
    """Wall seconds against people, both axes logarithmic; grey: growth by n, for the eye."""
    series: dict[str, list[tuple[float, float]]] = {name: [] for name in DRAWN}
    for row in rows:
        if row["stage"] in series and row.get("wall"):
            series[row["stage"]].append((float(row["people"]), max(float(row["wall"]), 0.001)))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH + 160} {HEIGHT}" font-family="sans-serif"'
        ' font-size="12">',
        f'<rect width="{WIDTH + 160}" height="{HEIGHT}" fill="white"/>',
    ]
    for power in range(-2, 4):
        y = _y(10**power)
        parts.append(
            f'<path d="M{EDGE} {y:.1f}H{WIDTH}" stroke="#ddd"/><text x="8" y="{y + 4:.1f}">{10**power:g} s</text>'
        )
    for people in (300, 3000, 30000):
        x = _x(people)
        parts.append(f'<path d="M{x:.1f} 20V{HEIGHT - 40}" stroke="#ddd"/>')
        parts.append(f'<text x="{x - 20:.1f}" y="{HEIGHT - 22}">{people:,}</text>')
    parts.append(
        f'<path d="M{_x(300):.1f} {_y(0.1):.1f}L{_x(30000):.1f} {_y(10):.1f}" stroke="#bbb" stroke-dasharray="6"/>'
    )
    for number, (name, points) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = "L".join(f"{_x(people):.1f} {_y(seconds):.1f}" for people, seconds in points)
        y = 40 + 18 * number
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>' if points else "")
        parts.append(f'<text x="{WIDTH + 10}" y="{y}" fill="{colour}">{name}</text>')
    return "\n".join([*filter(None, parts), "</svg>"]) + "\n"


def _x(people: float) -> float:
    return EDGE + 20 + math.log10(people / 300) * (WIDTH - EDGE - 60) / 2


def _y(seconds: float) -> float:
    return HEIGHT - 40 - (math.log10(seconds) + 2.2) * (HEIGHT - 70) / 5.2
