"""Jinja2 over `asterisk-conf/` and `dialplans/`: templates loop over prepared lines, decisions stay in Python."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

FOLDERS = ("asterisk-conf", "dialplans")


def render(name: str, **values: Any) -> str:
    """The text of template `name`; raises jinja2.UndefinedError for a value that nobody gave."""
    return _environment().get_template(name).render(values)


def static() -> dict[str, str]:
    """Every configuration file that is the same for all, by name."""
    found = {}
    for folder in _folders():
        for path in sorted(folder.glob("*.conf")):
            found[path.name] = path.read_text(encoding="utf-8")
    return found


@cache
def _environment() -> Environment:
    loader = FileSystemLoader([str(folder) for folder in _folders()])
    # Configuration is not HTML: each value is escaped for the grammar it lands in by compile.escape.
    return Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)  # noqa: S701


@cache
def _folders() -> tuple[Path, ...]:
    """Beside the package in a checkout, under share/durchwahl when installed."""
    for root in (Path(__file__).parents[2], Path(sys.prefix) / "share" / "durchwahl"):
        if (root / FOLDERS[0]).is_dir():
            return tuple(root / folder for folder in FOLDERS)
    raise FileNotFoundError(f"{FOLDERS[0]}/ is missing: reinstall durchwahl")
