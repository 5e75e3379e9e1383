"""Import and export as an admin uses them: plans, merges, tables, what is refused, and the editor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.domain.directory import Directory
from orchestrator.service import directory as directories
from orchestrator.service import exporting, importing, present, rollout, wiring
from orchestrator.service.errors import ServiceError
from orchestrator.service.state import State, open_state
from orchestrator.store.marked import Mistakes
from orchestrator.store.merging import over
from orchestrator.store.reading import read_files, read_sections
from orchestrator.store.tables_in import read_table
from orchestrator.store.tables_out import tables
from orchestrator.store.writing import sections
from tests.databases import new_state
from tests.random_directories import directories as random_directories
from tests.test_cli import durchwahl
from tests.test_export import EXAMPLE
from tests.test_import import GOOD

HEADINGS = "Durchwahl;Vorname;Nachname;Abteilung;Standort;E-Mail"


@pytest.fixture
async def state(tmp_path: Path) -> State:
    """A state with the small town of the import tests."""
    made = new_state(tmp_path / "state")
    good = tmp_path / "good.yaml"
    good.write_text(GOOD)
    await importing.keep(made, await importing.plan(made, [good]), why="")
    return made


async def planned(state: State, name: str, content: str | bytes, **how: bool) -> importing.Planned:
    path = state.root.parent / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return await importing.plan(state, [path], **how)


def told(plan: importing.Planned) -> list[str]:
    return [str(change) for change in plan.difference.changes]


async def test_a_plan_names_what_is_new_changed_and_gone(state: State) -> None:
    changed = GOOD.replace("last: Grün", "last: Blau, function: Pforte").replace("then: bye", "then: menu")
    plan = await planned(
        state, "town.yaml", changed.replace("told:", "heard:").replace("holiday: told", "holiday: heard")
    )
    assert "changed  person 2500 Anna Blau: last: Grün → Blau, function: – → Pforte" in told(plan)
    flow = next(line for line in told(plan) if "flow town" in line)
    assert "steps.door.holiday: told → heard" in flow
    assert plan.asks is False
    fewer = await planned(state, "fewer.yaml", GOOD.replace('numbers: {"0": town}', 'numbers: {"9": town}'))
    assert {"gone     number 0 (town)", "new      number 9 (town)"} <= set(told(fewer))
    assert fewer.asks


async def test_a_merge_takes_nothing_away_and_a_whole_set_does(state: State) -> None:
    more = 'people:\n  "2501": {first: Beate, last: Blau, department: amt}\n'
    plan = await planned(state, "more.yaml", more, merge=True)
    assert plan.problems == ()
    assert told(plan) == ["new      person 2501 Beate Blau"]
    await importing.keep(state, plan, why="new colleague")
    assert set((await directories.plain(state)).people) == {"p2500", "p2501"}
    assert "no `town:` section" in (await planned(state, "more.yaml", more)).problems[0]
    whole = await planned(state, "whole.yaml", GOOD)
    assert told(whole) == ["gone     person 2501 Beate Blau"]


async def test_a_mistake_in_what_is_stored_names_the_thing(state: State) -> None:
    scope = importing.Scope(section="schedules")
    path = state.root.parent / "schedules.yaml"
    path.write_text('schedules: {nie: {week: {mo: "8:00-12:00"}}}\n')
    plan = await importing.edited(state, path, scope)
    assert any(each.startswith("the stored directory: department amt: there is no schedule") for each in plan.problems)


async def test_a_house_that_wants_reasons_gets_them(state: State) -> None:
    path = state.root / "settings.toml"
    path.write_text(path.read_text().replace("require_why = false", "require_why = true"))
    strict = open_state(state.root)
    again = await planned(strict, "more.yaml", GOOD.replace("last: Grün", "last: Blau"))
    for change in (
        lambda: importing.keep(strict, again, why=" "),
        lambda: rollout.apply(strict, lambda done, total: None, checksum="", force=(), why=""),
        lambda: rollout.rollback(strict, 1),
        lambda: present.remove(strict, "night", what="night off", why=""),
    ):
        with pytest.raises(ServiceError, match="without a reason") as refused:
            await change()
        assert "--why" in refused.value.todo
    await importing.keep(strict, again, why="as the mayor wishes")


async def test_a_disk_that_takes_no_prompt_is_not_blamed_on_the_text(state: State) -> None:
    (wiring.workshop(state).root / "de").write_text("where a folder should be")
    with pytest.raises(ServiceError, match="cannot be written") as refused:
        await rollout.plan(state, lambda done, total: None)
    assert "disk" in refused.value.todo


async def test_somebody_else_was_faster(state: State) -> None:
    plan = await planned(state, "a.yaml", GOOD.replace("Anna", "Berta"))
    await importing.keep(state, await planned(state, "b.yaml", GOOD.replace("Anna", "Clara")), why="")
    with pytest.raises(Exception, match="was changed meanwhile"):
        await importing.keep(state, plan, why="")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("separator", [";", ",", "\t"])
async def test_tables_of_every_kind_are_read(state: State, encoding: str, separator: str) -> None:
    rows = f'{HEADINGS};;\n2501;"Jörg ""Jo""";Weiß;amt;rathaus;j@stadt.example;;\n2500;Änne;Grün;amt;;;;\n;;;;;;;\n'
    plan = await planned(state, "people.csv", rows.replace(";", separator).encode(encoding))
    assert plan.problems == ()
    assert told(plan) == ["changed  person 2500 Änne Grün: first: Anna → Änne", 'new      person 2501 Jörg "Jo" Weiß']
    english = await planned(state, "english.csv", "number,first,last,department\n2501,Jo,Weiß,amt\n")
    assert told(english) == ["new      person 2501 Jo Weiß"]


async def test_a_column_that_is_not_there_changes_nothing_and_an_empty_cell_does(state: State) -> None:
    await importing.keep(
        state, await planned(state, "a.csv", "Durchwahl;Nachname;Funktion\n2500;Grün;Pforte\n"), why=""
    )
    assert told(await planned(state, "b.csv", "Durchwahl;Nachname\n2500;Grün\n")) == []
    assert told(await planned(state, "c.csv", "Durchwahl;Nachname;Funktion\n2500;Grün;\n")) == [
        "changed  person 2500 Anna Grün: function: Pforte → –"
    ]


async def test_who_is_found_by_name_is_told_in_german(state: State) -> None:
    for said, found in (("nein", "no"), ("Abteilung", "department"), ("ja", "name"), ("Amt", "department")):
        table = f"Durchwahl;Nachname;Auffindbar\n2500;Grün;{said}\n"
        plan = await planned(state, "a.csv", table)
        assert told(plan)[0].endswith(f"→ {found}"), said
        await importing.keep(state, plan, why="")
    assert "there is no way to be found 'egal'" in str(
        (await planned(state, "b.csv", table.replace(said, "egal"))).problems
    )


@pytest.mark.parametrize(("content", "where", "what", "todo"), [
    (f"{HEADINGS}\n2500,0;A;B;amt;;\n", "2:1", "Durchwahl: '2500,0' is what a spreadsheet made", "as text"),
    (f"{HEADINGS}\n2,5E+03;A;B;amt;;\n", "2:1", "Durchwahl: '2,5E+03' is what a spreadsheet made", "as text"),
    (f"{HEADINGS}\n2501;A;B;anmt;;\n", "2:4", "Abteilung: there is no department 'anmt'", "did you mean 'amt'"),
    (f"{HEADINGS}\n2501;A;B;amt;rathau;\n", "2:5", "Standort: there is no site 'rathau'", "did you mean 'rathaus'"),
    (f'{HEADINGS}\n2501;"A\nB";C;amt;;\n2502;A;B;x;;\n', "4:4", "Abteilung: there is no department 'x'", ""),
    (f'{HEADINGS}\n2501;"A\nB";C;amt;;\n', "2:2", "Vorname: holds a line break", "one line"),
    (f"{HEADINGS}\n2501;{'A' * 501};C;amt;;\n", "2:2", "Vorname: has 501 characters", "shorten"),
    (f"{HEADINGS}\n;A;B;amt;;\n", "2:1", "the row has no Durchwahl", "fill it in"),
    (f"{HEADINGS}\n2501;A;B;amt;;\n2501;A;B;amt;;\n", "3:1", "Durchwahl: '2501' is in line 2 already", "keep one"),
    (f"{HEADINGS};Gehalt\n2501;A;B;amt;;;1\n", "1:7", "unknown heading 'Gehalt'", "known here"),
    (f"{HEADINGS}\n2501;A;B;amt;;;1\n", "2:7", "'1' stands in a column without a heading", "add a heading"),
    (f'{HEADINGS}\n2501;"A;B;amt;;\n', "1:1", "is no CSV file", "quotation mark"),
    ("a;b\n1;2\n", "1:1", "no table has the headings a, b", "the first line names the columns"),
    ("", "1:1", "is empty", "add a heading line"),
    (f"{HEADINGS}\n2501;Jürgen;Weiß;amt;;\n2502;J".encode() + b"\xfcrgen;R;amt;;\n",
     "3:2", "Vorname: byte 0xFC in 'J?rgen' is no UTF-8", "type this cell anew"),
    ("Gebäude;Größe;".encode() + b"B\xfcro;Durchwahl;Nachname;Vorname\n", "1:3", "byte 0xFC in 'B?ro'", "anew"),
    ("ü;Größe;B".encode() + b"\xfcro\n", "1:1", "no table has the headings ü, Größe, B?ro", "first line"),
    (b"a\0b", "1:1", "is no CSV file", "not as a workbook"),
])  # fmt: skip
async def test_a_mistake_in_a_table_is_told_with_its_cell(
    state: State, content: str | bytes, where: str, what: str, todo: str
) -> None:
    found = (await planned(state, "people.csv", content)).problems
    assert any(f"people.csv:{where}: {what}" in each and todo in each for each in found), "\n".join(found)


@pytest.mark.parametrize("number", ["21-2500", "06205 21-2500", "'+49 6205 212500", "06205/21 25 00", "212500"])
async def test_a_number_in_a_table_takes_every_spelling(state: State, number: str) -> None:
    plan = await planned(state, "a.csv", f"Durchwahl;Vorname;Nachname;Abteilung\n{number};Berta;Grün;amt\n")
    assert told(plan) == ["changed  person 2500 Berta Grün: first: Anna → Berta"]
    more = f"Durchwahl;Vorname;Nachname;Abteilung;Vertretung;Weitere Nummern\n21-2501;A;B;amt;{number};21-2590 2591\n"
    (person,) = [each for each in (await planned(state, "b.csv", more)).directory.people.values() if each.stand_in]
    assert (person.extension, person.stand_in, person.numbers) == ("2501", "p2500", ("2590", "2591"))


@pytest.mark.parametrize(("headings", "section"), [
    ("Durchwahl;Funktion", "people"), ("Durchwahl;Vertretung", "people"), ("Durchwahl;Standort;Welle", "people"),
    ("Kürzel;Mailbox", "departments"), ("Apparat;Berechtigung", "phones"), ("Standort;Welle", "sites"),
    ("Mailbox;E-Mail", "boxes"), ("Leitung;Port", "trunks"), ("Welle;Name", "waves"), ("Durchwahl;Ansage", "retired"),
    ("Rufnummer;Durchwahl", "singles"), ("Schalter;Bedeutung", "switches"), ("Berechtigung;Klassen", "permissions"),
    ("site,address", "sites"), ("wave,name,trunk,day", "waves"), ("number,extension", "singles"),
])  # fmt: skip
def test_a_table_is_known_by_its_key_and_any_column(tmp_path: Path, headings: str, section: str) -> None:
    table, mistakes = tmp_path / "a.csv", Mistakes()
    separator = "," if "," in headings else ";"
    table.write_text(f"{headings}\n{separator.join('1' * len(headings.split(separator)))}\n")
    read = read_table(table, {}, mistakes)
    assert read is not None, mistakes.found
    assert (read.section, mistakes.found) == (section, [])


def test_a_table_that_could_be_two_is_a_mistake(tmp_path: Path) -> None:
    table, mistakes = tmp_path / "a.csv", Mistakes()
    table.write_text("Durchwahl;Quelle\n2500;x\n")
    assert read_table(table, {}, mistakes) is None
    (told,) = map(str, mistakes.found)
    assert "a.csv:1:1: the headings Durchwahl, Quelle are those of several tables: people, retired" in told
    assert "retired: Neue Durchwahl" in told.partition("to do: ")[2]


async def test_public_numbers_and_dates_in_tables(state: State) -> None:
    singles = "Rufnummer;Durchwahl\n06205 7788;21-30\n"
    await importing.keep(state, await planned(state, "singles.csv", singles), why="")
    assert (await directories.plain(state)).singles == {"+4962057788": "30"}
    assert told(await planned(state, "again.csv", "Rufnummer;Durchwahl\n+49 (0)6205 77 88;30\n")) == []
    waves = await planned(state, "w.csv", "Welle;Name;Leitung;Tag\n2;Schulen;provider;1.3.2027\n")
    assert str(waves.directory.waves["2"].day) == "2027-03-01"
    sites = await planned(state, "s.csv", "Standort;Name;Anschrift;Notrufnummer\nneu;N;Weg 1;(06205) 21-10\n")
    assert sites.directory.sites["neu"].emergency_number == "+4962052110"


async def test_a_list_that_is_empty_is_written_so(state: State) -> None:
    empty = "Kürzel;Name;Apparate\namt;Amt;keine\n"
    plan = await planned(state, "a.csv", empty)
    assert plan.directory.departments["amt"].phones == ()
    assert "amt;Amt;rathaus;30;immer;keine;" in tables(sections(plan.directory))["departments.csv"]


def test_a_number_that_lost_its_zeros_is_seen(tmp_path: Path) -> None:
    table, mistakes = tmp_path / "a.csv", Mistakes()
    stored = {"people": {"012": {}, "2500": {}, "02501": {}, "2501": {}}}
    table.write_text(f'{HEADINGS}\n="012";Udo;Rot;amt;;\n12;Udo;Rot;amt;;\n2500;A;B;amt;;\n2501;A;B;amt;;\n')
    read = read_table(table, stored, mistakes)
    assert read is not None
    assert [row.key.value for row in read.rows] == ["012", "12", "2500", "2501"]
    (told,) = map(str, mistakes.found)
    assert f"{table}:3:1: Durchwahl: '12' was '012': its leading zeros are lost" in told
    assert 'write ="2500"' in told


@pytest.mark.long
@settings(max_examples=40, deadline=None)
@given(random_directories(), st.booleans())
def test_tables_read_back_to_the_same(
    tmp_path_factory: pytest.TempPathFactory, town: Directory, replaced: bool
) -> None:
    folder, mistakes, stored = tmp_path_factory.mktemp("csv"), Mistakes(), sections(town)
    read = []
    for name, text in tables(stored).items():
        assert not any(
            cell.lstrip('"').startswith(("=1", "+", "-", "@")) for cell in text.replace("\r\n", ";").split(";")
        )
        (folder / name).write_bytes(text.encode())
        read.append(read_table(folder / name, stored, mistakes, town))
    flat = {name for name in stored if name not in ("town", "calendars", "schedules", "queues", "prompts", "flows")}
    assert {f"{name}.csv" for name in flat if stored[name]} == set(tables(stored))
    found = [table for table in read if table]
    gone = {table.section for table in found} if replaced else ()
    again = read_sections(over(stored, {}, mistakes, tables=found, replaced=gone), mistakes, 2026)
    assert [str(each) for each in again.mistakes] == []
    assert again.directory == town


async def test_more_than_a_few_new_things_are_asked_about(state: State) -> None:
    rows = [f"{number};Jo;Weiß;amt;;\n" for number in range(2501, 2507)]
    six = await planned(state, "six.csv", HEADINGS + "\n" + "".join(rows))
    five = await planned(state, "five.csv", HEADINGS + "\n" + "".join(rows[:5]))
    assert (six.asks, five.asks) == (True, False)
    first = new_state(state.root.parent / "first")
    assert (await importing.plan(first, [EXAMPLE])).asks is False


async def test_an_import_that_deletes_a_third_is_refused(state: State) -> None:
    rows = "".join(f"{number};Jo;Weiß;amt;;\n" for number in range(2501, 2507))
    await importing.keep(state, await planned(state, "more.csv", f"{HEADINGS}\n{rows}"), why="")
    one = state.root.parent / "one.csv"
    one.write_text(f"{HEADINGS}\n2500;Anna;Neu;amt;;\n")
    done = durchwahl(state.root, "import", str(one), "--replace", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["refused"], told["saved"]) == (1, ["6 of 7 people would be gone"], False)
    assert told["changes"][0]["thing"] == "person 2500 Anna Neu"
    assert len((await directories.plain(state)).people) == 7
    assert durchwahl(state.root, "import", str(one), "--replace", "--force", "deletions").returncode == 0
    assert len((await directories.plain(state)).people) == 1


async def test_export_and_import_by_hand_change_nothing(tmp_path: Path) -> None:
    root, folder = tmp_path / "s", tmp_path / "out"
    town = new_state(root)
    await importing.keep(town, await importing.plan(town, [EXAMPLE]), why="")
    assert durchwahl(root, "export", str(folder)).returncode == 0
    assert read_files([folder], 2026).directory == read_files([EXAMPLE], 2026).directory
    assert durchwahl(root, "export", "--csv", str(folder / "csv")).returncode == 0
    for files in ([folder], [folder / "csv"], sorted((folder / "csv").iterdir())):
        plan = await importing.plan(town, files)
        assert (plan.problems, plan.difference.changes) == ((), ())
    (folder / "csv" / "waves.csv").write_text("Welle;Name\n9;alt\n")
    exporting.export(replace(await directories.plain(town), waves={}), folder / "csv", csv=True)
    assert not (folder / "csv" / "waves.csv").exists()
    (folder / "people.csv").write_text("Durchwahl;Vorname\n2500;A\n")
    with pytest.raises(ServiceError, match="has YAML files, which are a whole directory, and CSV files"):
        await importing.plan(town, [folder])
    directory = await directories.plain(town)
    shown = exporting.show(directory, "person", "21-2500")
    assert "number 06205 21-2500 leads here" in shown
    assert "department buergerbuero rings tel2500" in shown
    assert "town.welcome leads here" in exporting.show(directory, "department", "buergerbuero")
    assert "leads to flow town" in durchwahl(root, "show", "number", "0").stdout
    assert durchwahl(root, "show", "person", "1").returncode == 2


def edit(state: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`durchwahl edit` with an editor that runs `script` on the file `path`."""
    editor = state.parent / "editor.py"
    editor.write_text(f"import sys, pathlib\npath = pathlib.Path(sys.argv[1])\n{script}\n")
    environment = {**os.environ, "EDITOR": f"{sys.executable} {editor}", "VISUAL": ""}
    argv = [sys.executable, "-m", "orchestrator.cli", "--state", str(state), "edit", *arguments]
    return subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False, env=environment)


def test_an_editor_changes_one_thing_and_hears_of_mistakes(state: State) -> None:
    log = state.root.parent / "seen"
    done = edit(state.root, "pass", "person", "2500")
    assert done.returncode == 0
    assert "nothing was changed" in done.stdout
    mend = f"""
text = path.read_text()
with open({str(log)!r}, "a") as file: file.write(text + "----\\n")
mended = text.replace("anmt", "amt").replace("Grün", "Rot")
path.write_text(mended if "anmt" in text else text.replace("amt", "anmt"))
"""
    done = edit(state.root, mend, "person", "2500")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "changed  person 2500 Anna Rot: last: Grün → Rot" in done.stdout
    first, second, _ = log.read_text().split("----\n")
    assert first == 'people:\n  "2500": {first: Anna, last: Grün, department: amt}\n'
    line = next(line for line in second.splitlines() if "anmt" in line)
    assert f"people.yaml:{second.splitlines().index(first.splitlines()[1].replace('amt', 'anmt')) + 1}:" in line
    done = edit(state.root, 'path.write_text("people:\\n")', "people")
    assert done.returncode == 1
    assert "nothing was changed" in done.stderr
