"""The tables of the directory as CSV files that Excel opens as they are meant, and that read back to the same.

UTF-8 with its mark and semicolons, as a German Excel wants it. A text that a spreadsheet would run as a formula
(OWASP, CSV injection) gets an apostrophe before it; a number with leading zeros is written `="0123"`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from typing import Any

from orchestrator.store.columns import NONE, TABLES
from orchestrator.store.writing import Sections

DANGEROUS = re.compile(r"[=+\-@'＝＋－＠]")
ZEROS = re.compile(r"0[0-9]+")
NAMES = frozenset(f"{section}.csv" for section in TABLES)
"""The files that an export may write."""


def tables(found: Sections) -> dict[str, str]:
    """File -> its text, for every table that has rows."""
    return {f"{section}.csv": _table(section, found[section]) for section in TABLES if found.get(section)}


def _table(section: str, things: Mapping[str, Any]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    key, *columns = TABLES[section]
    writer.writerow([column.heading for column in (key, *columns)])
    for name, data in things.items():
        fields = data if isinstance(data, Mapping) else {"": data}
        writer.writerow([_cell(name), *(_cell(fields.get(column.key, "")) for column in columns)])
    return "\ufeff" + out.getvalue()


def _cell(value: Any) -> str:
    text = (" ".join(value) or NONE) if isinstance(value, list) else str(value)
    if ZEROS.fullmatch(text):
        return f'="{text}"'
    return f"'{text}" if DANGEROUS.match(text) else text
