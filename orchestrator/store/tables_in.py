"""CSV files as Excel and others write them: bytes -> rows whose every cell knows its line, column and heading.

Belongs here: encodings, separators, what a spreadsheet does to numbers.
Not here: what a table has (columns), what a row means (merging, reading).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import yaml

from orchestrator.domain.directory import Directory
from orchestrator.domain.spelling import extension, public
from orchestrator.store.columns import MANY, NONE, NUMBERS, PUBLIC, TABLES, TELLING, WORDS, Column, known
from orchestrator.store.marked import Marked, Mistake, Mistakes, Spot, suggest
from orchestrator.store.merging import Row, Table
from orchestrator.store.writing import Sections
from orchestrator.store.written import node

TABLE_ENDINGS = (".csv", ".tsv", ".txt")
SEPARATORS = ";,\t"
MOST = 100_000_000
"""Bytes of a table that are read."""
SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
"""A character of UTF-8 that is no ASCII."""
DAMAGED = re.compile("[\udc80-\udcff]")
GUARDED = re.compile(r"'(?=[=+\-@'\s＝＋－＠])")
"""The mark before a text that a spreadsheet would take for a formula."""
FORMULA = re.compile(r'="([^"]*)"')
DECIMAL = re.compile(r"[0-9]+[.,][0-9]*")
POWER = re.compile(r"[0-9]+([.,][0-9]+)?[eE]\+?[0-9]+")
AS_TEXT = 'format the column as text in the spreadsheet and enter the number again, or write ="2500"'
NO = {"nein": "no", "ja": "yes", "x": "yes", "wahr": "yes", "falsch": "no"}
"""What stands in spreadsheets for yes and no."""
HOW_FOUND = {"ja": "name", "nein": "no", "abteilung": "department", "amt": "department"}
"""What stands there for how somebody is found by name."""


def read_table(path: Path, stored: Sections, mistakes: Mistakes, directory: Directory | None = None) -> Table | None:
    """The rows of a CSV file; None, with a mistake, if it is none of ours.

    With the `directory` that is stored, extensions may be written in every usual spelling.
    """
    text = _text(path, mistakes)
    if text is None:
        return None
    try:
        lines = list(_lines(text))
    except csv.Error as bad:
        todo = "look for a quotation mark without its second one"
        mistakes.found.append(Mistake(file=str(path), line=1, column=1, what=f"is no CSV file: {bad}", todo=todo))
        return None
    if not lines:
        mistakes.found.append(Mistake(file=str(path), line=1, column=1, what="is empty", todo="add a heading line"))
        return None
    (_, headings), *rest = lines
    section, *more = _sections(headings) or ("",)
    if not section or more:
        mistakes.found.append(_unknown_table(path, headings, (section, *more) if section else ()))
        return None
    reader = _Rows(str(path), section, stored.get(section, {}), mistakes, directory)
    columns = reader.columns(headings)
    rows = [row for line, cells in rest if (row := reader.row(line, cells, columns))]
    return Table(section=section, file=str(path), rows=tuple(reader.once(rows)))


def _text(path: Path, mistakes: Mistakes) -> str | None:
    """UTF-8 with or without its mark, else Windows-1252, which any bytes could be: so NUL and the like are refused.

    Where most of what is no ASCII is UTF-8, the rest is damaged: such bytes come out as surrogates, for their cell to
    tell of them.
    """
    try:
        data = path.read_bytes()[: MOST + 1]
    except OSError as bad:
        mistakes.found.append(Mistake(file=str(path), line=1, column=1, what=f"cannot be read: {bad}"))
        return None
    if len(data) > MOST or b"\0" in data:
        what = "is no CSV file" if b"\0" in data else "is too large"
        todo = "save it as CSV (UTF-8), not as a workbook or UTF-16"
        mistakes.found.append(Mistake(file=str(path), line=1, column=1, what=what, todo=todo))
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        good, rest = len(SEQUENCE.findall(data)), SEQUENCE.sub(b"", data)
        if good > sum(byte > 0x7F for byte in rest):
            return data.decode("utf-8-sig", errors="surrogateescape")
        return data.decode("cp1252", errors="replace")


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """(line from 0 where it begins, cells) of every row that is not empty."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    told = re.fullmatch(r"sep=(.)", first.strip())
    separator = told[1] if told else max(SEPARATORS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    begins = 0
    for cells in reader:
        if any(cell.strip() for cell in cells) and not re.fullmatch(r"sep=.?", separator.join(cells).strip()):
            yield begins, cells
        begins = reader.line_num


def _sections(headings: Sequence[str]) -> list[str]:
    """The tables that the headings may belong to: one, unless several have as much in common with them.

    A table has its key and one of the columns that tell it from others; else its key and any other of its columns.
    """
    common: dict[str, int] = {}
    told: set[str] = set()
    for section, columns in TABLES.items():
        keys = {column.key for heading in headings for column in columns if known(column, heading, section)}
        if columns[0].key in keys and len(keys) > 1:
            common[section] = len(keys)
            told |= {section} if keys & TELLING[section] else set()
    found = {section: count for section, count in common.items() if section in (told or common)}
    return [section for section, count in found.items() if count == max(found.values())]


def _unknown_table(path: Path, headings: Sequence[str], fitting: Sequence[str]) -> Mistake:
    written = ", ".join(DAMAGED.sub("?", each.strip()) for each in headings if each.strip())
    if fitting:
        what = f"the headings {written} are those of several tables: {', '.join(fitting)}"
        telling = (
            f"{name}: {', '.join(column.heading for column in TABLES[name] if column.key in TELLING[name])}"
            for name in fitting
        )
        todo = f"add a column that tells which; {'; '.join(telling)}"
    else:
        usual = "; ".join(f"{name}: {', '.join(c.heading for c in columns[:3])} …" for name, columns in TABLES.items())
        what, todo = f"no table has the headings {written}", f"the first line names the columns; {usual}"
    return Mistake(file=str(path), line=1, column=1, what=what, todo=todo)


class _Rows:
    """Reads the rows of one file."""

    def __init__(
        self,
        file: str,
        section: str,
        stored: Mapping[str, object],
        mistakes: Mistakes,
        directory: Directory | None,
    ) -> None:
        self.file, self.section, self.stored, self.mistakes = file, section, stored, mistakes
        self.directory = directory
        self.key = TABLES[section][0].key
        self.shortened = {each.lstrip("0"): each for each in stored if each.startswith("0")}

    def columns(self, headings: Sequence[str]) -> list[Column | None]:
        """The column of each heading; None for one without a heading."""
        found: list[Column | None] = []
        for at, written in enumerate(headings):
            heading = self._whole(Spot(line=0, column=at), written)
            column = next((each for each in TABLES[self.section] if known(each, heading, self.section)), None)
            if heading.strip() and column is None:
                usual = [each.heading for each in TABLES[self.section]]
                todo = suggest(heading, usual) or f"known here: {', '.join(usual)}"
                self._wrong(Spot(line=0, column=at), f"unknown heading {heading.strip()!r}", todo)
            if column is not None and column in found:
                self._wrong(
                    Spot(line=0, column=at), f"heading {heading.strip()!r} is given twice", "keep one of the two"
                )
            found.append(column)
        return found

    def row(self, line: int, cells: Sequence[str], columns: Sequence[Column | None]) -> Row | None:
        """One thing; None, with a mistake, without its key."""
        fields: dict[str, yaml.Node | None] = {}
        key: yaml.Node | None = None
        for at, written in enumerate(cells):
            column = columns[at] if at < len(columns) else None
            mark = Spot(line=line, column=at, heading=column.heading if column else "")
            cell = self._whole(mark, written)
            if column is None:
                if cell.strip():
                    self._wrong(mark, f"{cell.strip()!r} stands in a column without a heading", "add a heading")
            elif column.key == self.key:
                key = self._cell(mark, column, cell)
            else:
                fields[column.key] = self._cell(mark, column, cell)
        if not isinstance(key, yaml.ScalarNode):
            self._wrong(Spot(line=line), f"the row has no {TABLES[self.section][0].heading}", "fill it in")
            return None
        self._lost_zeros(key)
        return Row(key=key, mark=Spot(line=line), fields=fields)

    def _whole(self, mark: Spot, cell: str) -> str:
        """`cell` with a sign for each byte that is none of UTF-8, which is a mistake."""
        if found := DAMAGED.search(cell):
            shown = f"byte 0x{ord(found[0]) - 0xDC00:02X} in {DAMAGED.sub('?', cell)!r}"
            what = f"{shown} is no UTF-8, as the rest of the file is"
            self._wrong(mark, what, "type this cell anew and save the file as CSV UTF-8")
        return DAMAGED.sub("\ufffd", cell)

    def once(self, rows: Sequence[Row]) -> Iterator[Row]:
        """`rows` without a second one of the same key."""
        lines: dict[str, int] = {}
        for row in rows:
            key, line = str(row.key.value), row.key.start_mark.line + 1
            if lines.setdefault(key, line) == line:
                yield row
            else:
                self._wrong(row.key.start_mark, f"{key!r} is in line {lines[key]} already", "keep one of the two")

    def _cell(self, mark: Spot, column: Column, cell: str) -> yaml.Node | None:
        text = cell.strip()
        if column.holds in (NUMBERS, MANY, PUBLIC):
            self._spoilt(mark, text)
        text = quoted[1] if (quoted := FORMULA.fullmatch(text)) else GUARDED.sub("", text, count=1)
        if not text.strip():
            return None
        if column.holds in (WORDS, MANY):
            words = [] if text.casefold() == NONE else re.split(r"[\s|;]+|, +", text)
            return node([self._extension(column, each) if column.holds == MANY else each for each in words], mark)
        return node(self._one(column, text), mark)

    def _one(self, column: Column, text: str) -> str:
        """A single value as a YAML file has it."""
        match column.holds:
            case "numbers":
                return self._extension(column, text)
            case "public":
                return (public(self.directory.town, text) if self.directory else "") or text
            case "yes":
                return NO.get(text.casefold(), text)
            case "found":
                return HOW_FOUND.get(text.casefold(), text)
            case "day" if day := re.fullmatch(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})", text):
                return f"{day[3]}-{int(day[2]):02}-{int(day[1]):02}"
            case _:
                return text

    def _extension(self, column: Column, text: str) -> str:
        """The extension that `text` spells; `text` itself where it is none, or a number of another kind."""
        other = self.section in ("ranges", "boxes") or column.key == "box"
        if self.directory is None or other or text in self.directory.used:
            return text
        return extension(self.directory, text) or text

    def _spoilt(self, mark: Spot, text: str) -> None:
        """What a spreadsheet makes of a telephone number that it takes for a quantity."""
        if DECIMAL.fullmatch(text) or POWER.fullmatch(text):
            self._wrong(mark, f"{text!r} is what a spreadsheet made of a number", AS_TEXT)

    def _lost_zeros(self, key: yaml.ScalarNode) -> None:
        number = str(key.value)
        if TABLES[self.section][0].holds != NUMBERS or number in self.stored:
            return
        if longer := self.shortened.get(number):
            self._wrong(key.start_mark, f"{number!r} was {longer!r}: its leading zeros are lost", AS_TEXT)

    def _wrong(self, mark: yaml.Mark, what: str, todo: str) -> None:
        Marked(yaml.ScalarNode("tag:yaml.org,2002:str", "", mark, mark), self.file, self.mistakes).wrong(what, todo)
