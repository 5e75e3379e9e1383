"""The account as a table: on the terminal, and in docs/reliability.md between its marks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.report import machine
from tests.chaos.account import Row, account, by_habit
from tests.chaos.growth import growth
from tests.chaos.soak import Soaked

BEGIN, END = "<!-- chaos: begin -->", "<!-- chaos: end -->"
PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"


def rows(made: Soaked) -> list[Row]:
    """Everything that is judged or told."""
    return [*account(made.evidence), *growth(made.samples, made.middle, made.placed)]


def wrong(found: Iterable[Row]) -> list[str]:
    """All that does not hold."""
    return [each for row in found for each in row.wrong]


def text(made: Soaked, found: Sequence[Row]) -> str:
    """Markdown: what was done, a row each, and what callers of each habit came to."""
    planned = made.evidence.plan
    calls, minutes = len(planned.callers), made.took / 60
    done = f"{calls:,} calls in {minutes:.1f} minutes ({planned.rate:g} a second), seed {planned.seed}"
    table = ["| what | figure | holds |", "|---|---|---|"]
    table += [f"| {row.what} | {row.figure} | {f'**no: {len(row.wrong)}**' if row.wrong else 'yes'} |" for row in found]
    habits = ["| what callers did | what it came to |", "|---|---|"]
    for habit, outcomes in by_habit(made.evidence).items():
        habits.append(f"| {habit} | {', '.join(f'{outcome} {count:,}' for outcome, count in outcomes.most_common())} |")
    missed = [f"- does not hold: {each}" for each in wrong(found)]
    parts = [[f"{done}. Measured on: {machine()}."], table, missed, habits]
    return "\n\n".join("\n".join(part) for part in parts if part)


def publish(told: str, page: Path = PAGE) -> None:
    """Put the table between the marks of the page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n{told}\n{END}{after}", encoding="utf-8")
