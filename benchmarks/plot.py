"""Lines on two logarithmic axes, drawn as SVG: what grows in proportion is as steep as the dashed line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

Series = Mapping[str, Sequence[tuple[float, float]]]
"""Name -> points, each above 0."""
WIDTH, HEIGHT, EDGE, LEGEND = 640, 420, 60, 190
COLOURS = ("#1b6ca8", "#c0392b", "#27ae60", "#8e44ad", "#d35400", "#16a085", "#7f8c8d", "#2c3e50")


def log_log(series: Series, unit: str) -> str:
    """The SVG; `unit` is what the upright axis counts. Raises ValueError without a point."""
    points = [point for line in series.values() for point in line]
    if not points:
        raise ValueError("there is nothing to draw")
    across, up = _Axis([x for x, _ in points], EDGE + 20, WIDTH - 40), _Axis([y for _, y in points], HEIGHT - 40, 30)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH + LEGEND} {HEIGHT}" font-family="sans-serif"'
        ' font-size="12">',
        f'<rect width="{WIDTH + LEGEND}" height="{HEIGHT}" fill="white"/>',
    ]
    for y in up.marks():
        parts.append(f'<path d="M{EDGE} {up.at(y):.1f}H{WIDTH}" stroke="#ddd"/>')
        parts.append(f'<text x="6" y="{up.at(y) + 4:.1f}">{y:,g} {unit}</text>')
    for x in sorted({x for x, _ in points}):
        parts.append(f'<path d="M{across.at(x):.1f} 20V{HEIGHT - 40}" stroke="#ddd"/>')
        parts.append(f'<text x="{across.at(x):.1f}" y="{HEIGHT - 22}" text-anchor="middle">{x:,.0f}</text>')
    low, end = up.least, min(across.most, across.least * up.most / up.least)
    proportion = _path([(across.least, low), (end, low * end / across.least)], across, up)
    parts.append(f'<path d="M{proportion}" stroke="#bbb" stroke-dasharray="6"/>')
    for number, (name, line) in enumerate(series.items()):
        colour, y = COLOURS[number % len(COLOURS)], 40 + 18 * number
        if line:
            parts.append(f'<path d="M{_path(line, across, up)}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{WIDTH + 10}" y="{y}" fill="{colour}">{name}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


class _Axis:
    """From a little below the least value to a little above the most one, between two places of the drawing."""

    def __init__(self, values: Sequence[float], begin: float, end: float) -> None:
        self.least, self.most = min(values), max(values)
        self._begin, self._end = begin, end
        self._low, self._high = math.log10(self.least) - 0.1, math.log10(self.most) + 0.1

    def at(self, value: float) -> float:
        return self._begin + (math.log10(value) - self._low) / (self._high - self._low) * (self._end - self._begin)

    def marks(self) -> list[float]:
        """Where a line is drawn: at powers of ten, and between them where there would be few."""
        powers = range(math.floor(self._low), math.ceil(self._high) + 1)
        decades = self._high - self._low
        steps = range(1, 10) if decades < 1 else (1, 2, 5) if decades < 2 else (1,)
        made = [10.0**power * step for power in powers for step in steps]
        return [each for each in made if self._low <= math.log10(each) <= self._high]


def _path(line: Sequence[tuple[float, float]], across: _Axis, up: _Axis) -> str:
    return "L".join(f"{across.at(x):.1f} {up.at(y):.1f}" for x, y in line)
