"""Organisations of any size in the shape of the example town, as files to import. The same files every time.

Nobody in them is real: names are drawn from the lists of examples/generate.py.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from examples.generate import FIRST, LAST, OFFICES, SEED

EXAMPLE = Path(__file__).parents[1] / "examples" / "town"
TAKEN = ("town.yaml", "schedules.yaml", "flows.yaml")
"""Files of the example that are the same at any size."""
OF_THE_EXAMPLE = ("groups", "singles")
"""Sections in them that name people of the example."""


def write(folder: Path, people: int) -> None:
    """Write an organisation of `people` people into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in TAKEN:
        text = (EXAMPLE / name).read_text(encoding="utf-8")
        for section in OF_THE_EXAMPLE:
            text = re.sub(rf"^{section}:\n(?:[ #].*\n|\n)*", "", text, flags=re.MULTILINE)
        (folder / name).write_text(text, encoding="utf-8")
    offices, staff = _offices(people)
    (folder / "departments.yaml").write_text("\n".join(["departments:", *offices]) + "\n", encoding="utf-8")
    (folder / "people.yaml").write_text("\n".join(["people:", *staff]) + "\n", encoding="utf-8")


def _offices(people: int) -> tuple[list[str], list[str]]:
    """The departments of the example over and over, each with its people, until there are enough of these."""
    names, offices, staff = _names(), [], []
    for number in range(people):  # never as many departments as people
        name, title, parent, site, _, schedule, _, count, function = OFFICES[number % len(OFFICES)]
        round_ = number // len(OFFICES)
        if len(staff) + 1 > people:
            break
        first = 500000 + len(staff)
        count = min(count, people - len(staff))
        own = f"{name}_{round_}" if round_ else name
        more = ', box: "10"' if own == "zentrale" else ""
        more += f", parent: {parent}_{round_}" if parent and round_ else f", parent: {parent}" if parent else ""
        rings = ", ".join(f'"{first + at}"' for at in range(min(count, 5)))
        offices.append(
            f'  {own}: {{name: {title}{f" {round_}" if round_ else ""}, site: {site}, number: "{80000 + number}",'
            f" schedule: {schedule}, phones: [{rings}]{more}}}"
        )
        staff += [_person(first, at, own, function, next(names)) for at in range(count)]
    return offices, staff


def _person(first: int, at: int, office: str, function: str, name: tuple[str, str]) -> str:
    rest = ", box: yes" if at % 4 in (0, 3) else ""
    rest += f', stand_in: "{first + at - 1}"' if at % 4 == 3 else ""
    mail = f"p{first + at}@stadt.example"
    return (
        f'  "{first + at}": {{first: {name[0]}, last: {name[1]}, department: {office}, email: {mail},'
        f" function: {function}{rest}}}"
    )


def _names() -> Iterator[tuple[str, str]]:
    """First and last names, no two people with the same ones: double names when the simple ones are used up."""
    order = random.Random(SEED)  # noqa: S311
    simple = [(first, last) for first in FIRST for last in LAST]
    order.shuffle(simple)
    yield from simple
    for one in LAST:
        double = [(first, f"{one}-{other}") for first in FIRST for other in LAST if other != one]
        yield from islice(sorted(double, key=lambda name: order.random()), len(double))
