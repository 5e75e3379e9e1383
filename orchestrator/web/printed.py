"""Pages to be printed: A4, black on white, nothing from anywhere else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from orchestrator.domain.preview import Preview


def hours(town: str, previews: Sequence[Preview], made: date) -> str:
    """The opening hours of the months ahead, a page for each schedule."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("hours.html").render(town=town, previews=previews, made=f"{made:%d.%m.%Y}")
