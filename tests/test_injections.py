"""Hostile texts in every field by every way in: refused with where they stand, or inert in what is compiled.

test_compile holds free text against the compiler alone; here it comes as an admin, a spreadsheet or LDAP brings it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Directory
from orchestrator.domain.proof import prove
from orchestrator.domain.staff import Employee, synchronise
from orchestrator.rollout.plan import things
from orchestrator.service import directory as directories
from orchestrator.service import importing
from orchestrator.store.load import Stored
from orchestrator.store.marked import Mistakes
from orchestrator.store.merging import over
from orchestrator.store.reading import read_files, read_sections
from orchestrator.store.tables_in import read_table
from orchestrator.store.writing import sections
from tests.test_compile import compiled
from tests.towns import TODAY

HOSTILE = (
    *("a;b", "${SHELL(touch x)}", "$[1]", "#include x", "x\n[general]", "a\r\nb", "q\"'q", "a|b", "a\0b", "a\u2028[b]"),
    *("\u202eb", "a\u200fb", "=> x,1", "x)(!)", "<b>", "a,b", "=cmd|' /C calc'!A0", "@x", "\\", "%s{{x}}"),
)
TOWN = """\
town: {name: "⟦town⟧", area: "06205", head: "21", timezone: "⟦zone⟧"}
sites:
  rathaus: {name: "⟦site⟧", address: "⟦address⟧", emergency: "+49 6205 2110"}
trunks:
  provider: {host: "⟦host⟧", user: "⟦user⟧", sources: ["⟦source⟧"]}
calendars:
  ferien: {name: "⟦calendar⟧", days: {2026-12-29: "⟦day⟧"}}
schedules:
  immer: {week: {mo-fr: "8:00-12:00"}, closed: {2026-12-24: "⟦closed⟧"}, calendars: [ferien]}
people:
  "2500": {first: "⟦first⟧", last: "⟦last⟧", department: amt, email: "⟦email⟧", function: "⟦function⟧", box: yes,
    phones: ["⟦own phone⟧"], source: "⟦person source⟧"}
departments:
  amt: {name: "⟦department⟧", site: rathaus, number: "30", schedule: immer, phones: ["2500"]}
groups:
  pforte: {name: "⟦group⟧", number: "88", phones: ["2500"], department: amt}
phones:
  saal: {site: rathaus, label: "⟦label⟧", number: "95"}
boxes:
  "30": {name: "⟦box⟧", email: "⟦box email⟧"}
retired:
  "2600": {to: "30", until: 2027-01-01, why: "⟦why⟧"}
switches: {night: "⟦switch⟧"}
numbers: {"0": town}
flows:
  town:
    start: door
    steps:
      door: {when: immer, open: menu, closed: bye_now}
      menu:
        menu: {de: "⟦said⟧ eins", en: Press one.}
        keys: {1: amt}
        otherwise: amt
      bye_now: {say: thanks, then: bye}
      bye: hangup
"""
FIELDS = tuple(dict.fromkeys(re.findall("⟦([a-z ]+)⟧", TOWN)))
USUAL = {"zone": "Europe/Berlin", "host": "192.0.2.1", "source": "192.0.2.1"}
USUAL |= {"own phone": "laptop", "user": "stadt"}


def written(field: str = "", hostile: str = "") -> str:
    """The town with one text in one field, and harmless ones in all others."""
    texts = {name: USUAL.get(name, "Harmlos") for name in FIELDS} | ({field: hostile} if field else {})
    text = TOWN
    for name, value in texts.items():
        text = text.replace(f"⟦{name}⟧", json.dumps(value)[1:-1])
    return text


def read(tmp_path: Path, text: str) -> tuple[Directory, Sequence[str]]:
    path = tmp_path / "town.yaml"
    path.write_text(text)
    found = read_files([path], 2026)
    return found.directory, directories.judged(found)


def inert(directory: Directory, usual: Directory) -> None:
    """What is compiled has the objects and the lines that it has with harmless texts."""
    plain, hostile = compiled(derive(usual)), compiled(derive(directory))
    assert dict(things(plain)).keys() == dict(things(hostile)).keys()
    for path, content in hostile.items():
        if path.endswith(".conf"):
            assert len(content.splitlines()) == len(plain[path].splitlines()), path
            included = [] if path != "asterisk/acl.conf" else ['#tryinclude "']
            assert [line[:13] for line in re.findall(r"^\s*#.*", content, re.MULTILINE)] == included, path
    dialplan = re.sub(r"^;.*$", "", hostile["asterisk/extensions.conf"], flags=re.MULTILINE)
    assert "{SHELL" not in dialplan  # displays show letters and digits of a name, and no more
    assert "SHELL(" not in dialplan
    assert "$[1]" not in dialplan


@pytest.mark.long
@pytest.mark.parametrize("field", FIELDS)
def test_yaml(tmp_path: Path, field: str) -> None:
    usual, problems = read(tmp_path, written())
    assert problems == ()
    for hostile in HOSTILE:
        directory, problems = read(tmp_path, written(field, hostile))
        if problems:
            assert all(re.match(rf"{tmp_path}/town.yaml:\d+:\d+: |\w+", each) for each in problems)
        else:
            inert(directory, usual)


@pytest.mark.parametrize("heading", ["Vorname", "Nachname", "E-Mail", "Funktion", "Apparate", "Quelle", "Abteilung"])
def test_a_table(tmp_path: Path, heading: str) -> None:
    usual, _ = read(tmp_path, written())
    stored, path = sections(usual), tmp_path / "people.csv"
    for hostile in HOSTILE:
        cell = hostile.replace('"', '""')
        head = "Durchwahl;Vorname" if heading != "Vorname" else "Durchwahl"
        path.write_text(f'{head};{heading}\n2500;{"Anna;" if heading != "Vorname" else ""}"{cell}"\n', newline="")
        mistakes = Mistakes()
        table = read_table(path, stored, mistakes)
        merged = over(stored, {}, mistakes, tables=[table] if table else [])
        found = read_sections(merged, mistakes, 2026)
        if found.mistakes:
            assert str(found.mistakes[0]).startswith((f"{path}:1:", f"{path}:2:", "the stored directory: ")), hostile
        elif not prove(derive(found.directory), {}, TODAY).problems:
            phones = replace(usual, people=found.directory.people, phones=found.directory.phones)
            inert(found.directory, phones if heading == "Apparate" else usual)


@pytest.mark.parametrize("attribute", ["first_name", "last_name", "email", "department", "site", "number", "key"])
def test_a_staff_list(tmp_path: Path, attribute: str) -> None:
    base, _ = read(tmp_path, written())
    good = Employee(key="k", first_name="Jo", last_name="Rot", number="2501", department="amt")
    usual = synchronise(base, [good], TODAY).directory
    assert "p2501" in usual.people
    for hostile in HOSTILE:
        found = synchronise(base, [replace(good, **{attribute: hostile})], TODAY)
        plan = importing.replanned(Stored(directory=base, revision=0), found.directory, "ldap-sync", found.refused)
        if plan.problems:
            assert any("person 2501" in each or hostile in each or "extension" in each for each in plan.problems)
        elif "p2501" in plan.directory.people:
            inert(plan.directory, usual)
        else:
            assert found.notes
