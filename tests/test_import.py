"""Every kind of mistake in a file: where it is, what it is, what to do; and nothing is saved."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.domain.flow import Transfer
from orchestrator.service import directory as directories
from orchestrator.service import importing
from orchestrator.store.reading import read_files
from tests.databases import new_state

LONG = "a" * 41
PREMIUM = "+499001234567"
GOOD = """\
town: {name: Kleinstadt, area: "06205", head: "21"}
sites:
  rathaus: {name: Rathaus, address: Markt 1, emergency: "+49 6205 2110"}
schedules:
  immer: {week: {mo-fr: "8:00-12:00"}}
people:
  "2500": {first: Anna, last: Grün, department: amt}
departments:
  amt: {name: Amt, site: rathaus, number: "30", schedule: immer, phones: ["2500"]}
numbers: {"0": town}
flows:
  town:
    start: door
    steps:
      door: {when: immer, open: menu, closed: bye_now, holiday: told}
      menu:
        menu: {de: Die eins., en: Press one.}
        keys: {1: amt}
        otherwise: amt
      bye_now: {say: thanks, then: bye}
      told: {do: next_opening, with: {schedule: immer}, exits: {said: bye_now, failed: bye_now}, python_down: bye_now}
      bye: hangup
trunks: {provider: {host: 192.0.2.1}}
"""


def read(tmp_path: Path, text: str, *more: str) -> list[str]:
    """The mistakes of a file, without its folder."""
    paths = []
    for number, content in enumerate((text, *more)):
        paths.append(tmp_path / f"town{number or ''}.yaml")
        paths[-1].write_text(content)
    return [str(mistake).replace(f"{tmp_path}/", "") for mistake in read_files(paths, 2026).mistakes]


def test_a_good_file_has_no_mistake(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD) == []
    finds = "told: {find: find_name, nobody: bye_now, gave_up: amt, human: amt, tries: 2, wait: 4}\n      other: {do"
    assert read(tmp_path, GOOD.replace("told: {do", finds)) == []
    assert (
        "step told (find) does not say where 'gave_up' leads"
        in read(tmp_path, GOOD.replace("told: {do", finds.replace("gave_up: amt, ", "")))[0]
    )


@pytest.mark.parametrize(("old", "new", "where", "what", "todo"), [
    ("otherwise: amt", "otherwize: amt", "town.yaml:19:9", "unknown key 'otherwize'", "did you mean 'otherwise'?"),
    ("        otherwise: amt\n", "", "town.yaml:17:9", "does not say where 'otherwise' leads", "add `otherwise: …`"),
    (", closed: bye_now", "", "town.yaml:15:13", "does not say where 'closed' leads", "add `closed: …`"),
    ("keys: {1: amt}", "keys: {1: ampt}", "town.yaml:18:19", "department, group or number 'ampt'", "'amt'?"),
    ("numbers:", "groups: {gr: {name: G, number: 9, phones: ['2500'], department: amt, order: x}}\nnumbers:",
     "town.yaml:10:77", "no order of ringing", ""),
    ("numbers:", "groups: {gr: {name: G, number: 2500, phones: ['2500'], department: amt}}\nnumbers:",
     "town.yaml:10:10", "belongs to", "another"),
    ("numbers:", "singles: {'+49 6205 77': '99'}\nnumbers:", "town.yaml:10:11", "nobody has", "in use"),
    ("numbers:", "singles: {'6205 77': '0'}\nnumbers:", "town.yaml:10:11", "international", "write it as"),
    ("numbers:", "ranges: {a: {from: '20', to: '30'}, b: {from: '25', to: '26'}}\nnumbers:", "town.yaml:10:37",
     "in common", "let one end"),
    ("numbers:", "retired: {'98': {to: '97', until: 2027-01-01}}\nnumbers:", "town.yaml:10:11", "nobody has", "in use"),
    ("keys: {1: amt}", "keys: {x: amt}", "town.yaml:18:16", "'x' is not a key of a telephone", "use 0 to 9"),
    ("when: immer", "when: imer", "town.yaml:15:20", "there is no schedule 'imer'", "did you mean 'immer'?"),
    ("de: Die eins., en: Press one.", "de: Die eins.", "town.yaml:17:15", "'en' is missing", "add a line `en: …`"),
    ("en: Press one.", "en: Press one., fr: Un.", "town.yaml:17:47", "unknown key 'fr'", "de, en"),
    ("say: thanks", "say: thank", "town.yaml:20:22", "there is no prompt 'thank'", "did you mean 'thanks'?"),
    ("bye: hangup", "bye: hang up", "town.yaml:22:12", "a step is `kind: …` lines", "kinds: say"),
    ("start: door", "start: dor", "town.yaml:13:12", "there is no step 'dor'", "did you mean 'door'?"),
    ('numbers: {"0"', 'numbers: {"110"', "town.yaml:10:11", "110 is the police", "another extension"),
    ('number: "30"', 'number: "25"', "town.yaml:7:3", "cannot be dialled digit by digit: 25", "not 25…"),
    ('phones: ["2500"]', 'phones: ["2501"]', "town.yaml:9:75", "there is no phone '2501'", "name the number"),
    ("site: rathaus, n", "site: rathau, n", "town.yaml:9:26", "there is no site 'rathau'", "did you mean 'rathaus'?"),
    ("department: amt", "department: anmt", "town.yaml:7:49", "there is no department 'anmt'", "did you mean 'amt'?"),
    ("8:00-12:00", "8:00-25:00", "town.yaml:5:25", "'8:00-25:00' is not an opening time", "write it as 8:00-12:00"),
    ("8:00-12:00", "12:00-8:00", "town.yaml:5:25", "ends before it begins", "split it at midnight"),
    ("mo-fr", "mo-xx", "town.yaml:5:18", "'mo-xx' is not a weekday", "write mo, di, mi"),
    ("mo-fr", "fr-mo", "town.yaml:5:18", "'fr-mo' goes backwards", "from Monday"),
    ('area: "06205"', "area: Nord", "town.yaml:1:32", "'Nord' is not a number", "digits only"),
    ('emergency: "+49 6205 2110"', "emergency: 110", "town.yaml:3:57", "not a number in international form", "+49"),
    ('"2500": {first', '"2500": {vorname', "town.yaml:7:12", "unknown key 'vorname'", "known here: first"),
    ("      bye: hangup\n", "      bye: hangup\n      bye: hangup\n", "town.yaml:23:7", "given twice", "keep one"),
    ("do: next_opening", "do: next_openig", "town.yaml:21:18", "there is no skill 'next_openig'", "'next_opening'?"),
    ("schedule: immer}, e", "schedule: imer}, e", "town.yaml:21:49", "there is no schedule 'imer'", "'immer'?"),
    ("said: bye_now, ", "", "town.yaml:21:64", "'said' is missing", "add a line `said: …`"),
    ("failed: bye", "sung: bye_now, failed: bye", "town.yaml:21:80", "unknown key 'sung'", "known here: said, failed"),
    ("do: next_opening, with: {schedule: immer}", "do: next_opening", "town.yaml:21:13", "has no 'with'", "`with: …`"),
    ("then: bye}", f"then: bye}}\n      off: {{transfer: {PREMIUM}, otherwise: amt}}", "town.yaml:21:23", "cost", ""),
    ("then: bye}", "then: bye}\n      off: {transfer: 110, otherwise: amt}", "town.yaml:21:23", "international", "+49"),
    ("then: bye}", "then: bye}\n      off: {transfer: +110, otherwise: amt}", "town.yaml:21:23", "dialled", "+49"),
    ("door: {", f"{LONG}: {{", "town.yaml:15:7", "is no name of a step", "at most 40"),
    ("  town:\n    start", f"  {LONG}:\n    start", "town.yaml:12:3", "is no name", "at most 40"),
    ("  town:\n    start", "  n_2500:\n    start", "town.yaml:12:3", "the one that the exchange makes", "another name"),
    ("schedules:", "phones: {saal: {site: rathaus, number: 110}}\nschedules:", "town.yaml:4:10", "the police", "other"),
    ("schedules:", "phones: {saal: {site: rathaus, number: 2500}}\nschedules:", "town.yaml:4:10", "belongs to", "othe"),
    ("schedules:", "phones: {saal: {site: rathaus, number: 250}}\nschedules:", "town.yaml:8:3", "digit by digit", "25"),
    ("schedules:", "phones: {saal: {site: rathaus, number: abc}}\nschedules:", "town.yaml:4:10", "extension", "digits"),
    ("provider: {host: 192.0.2.1}", "t1: {host: ''}", "town.yaml:23:21", "is not an address", "write 192.0.2.1"),
    ("provider: {host: 192.0.2.1}", "t1: {host: a, sources: [b c]}", "town.yaml:23:34", "no", "192.0.2.0/24"),
    ('area: "06205"', 'area: "٠٦٢٠٥"', "town.yaml:1:32", "is not a number", "digits only"),
    ("de: Die eins.", "de: ...", "town.yaml:17:20", "says nothing", "what the caller hears"),
    ("de: Die eins.", 'de: "\\u200b"', "town.yaml:17:20", "says nothing", "what the caller hears"),
    ("last: Grün", 'last: "\\ud83d\\ude00"', "town.yaml:7:31", "half a character", "the character itself"),
    ("mo-fr", "montagg", "town.yaml:5:18", "is not a weekday", "write mo, di, mi"),
    ("8:00-12:00", "24:00-12:00", "town.yaml:5:25", "ends before it begins", "split it"),
    ('2:00"}', '2:00"}, special: {2026-12-24: {hours: "8:00-12:00,9:00-9:30"}}', "town.yaml:5:62", "overlap", "let"),
    ("schedules:", "phones: {Gate-1: {site: rathaus, number: 40}}\nschedules:", "town.yaml:4:10", "is no name", "use"),
    ("schedules:", "phones: {udp: {site: rathaus, number: 40}}\nschedules:", "town.yaml:4:15", "a phone already", "re"),
    ("schedules:", "phones: {tel2500: {site: rathaus, number: 4}}\nschedules:", "town.yaml:4:19", "already", "rename"),
    ("sites:", "seiten:", "town.yaml:2:1", "unknown key 'seiten'", ""),
    ("      door:", "\tdoor:", "town.yaml:15:1", "not YAML", "spaces, not tabs"),
    ('"8:00-12:00"}', '"8:00-12:00"}, closed: {24.12.2026: x}', "town.yaml:5:49", "is not a date", "write 2026-12-24"),
])  # fmt: skip
def test_a_mistake_is_told_with_its_place(tmp_path: Path, old: str, new: str, where: str, what: str, todo: str) -> None:
    assert old in GOOD
    found = read(tmp_path, GOOD.replace(old, new, 1))
    assert any(told.startswith(f"{where}: ") and what in told and todo in told for told in found), "\n".join(found)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    found = read(tmp_path, GOOD.replace("otherwise: amt", "otherwise: x").replace("when: immer", "when: y"))
    assert [told.split(": ")[0] for told in found] == ["town.yaml:15:20", "town.yaml:19:20"]


def test_a_name_in_two_files_is_told(tmp_path: Path) -> None:
    second = 'people: {"2500": {first: Beate, last: Blau, department: amt}}\n'
    assert any(
        told.startswith("town1.yaml:1:10: people: '2500' is in another file") for told in read(tmp_path, GOOD, second)
    )


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"town: {name: M\xfcnster}\n")
    (tmp_path / "empty").mkdir()
    latin = read_files([tmp_path / "latin.yaml"], 2026).mistakes
    assert any("save it as UTF-8" in str(told) for told in latin)
    assert any("no *.yaml" in str(told) for told in read_files([tmp_path / "empty"], 2026).mistakes)


async def test_nothing_is_saved_on_a_mistake_or_a_dry_run(tmp_path: Path) -> None:
    state = new_state(tmp_path / "state")
    file = tmp_path / "town.yaml"
    file.write_text(GOOD)
    await importing.keep(state, await importing.plan(state, [file]), why="")
    before = await directories.read(state)
    changed = GOOD.replace("Anna", "Beate")
    file.write_text(changed)
    assert not (await importing.plan(state, [file])).problems
    assert await directories.read(state) == before
    file.write_text(changed.replace("otherwise: amt", "otherwise: x"))
    refused = await importing.plan(state, [file])
    assert refused.problems
    with pytest.raises(ValueError, match="not kept"):
        await importing.keep(state, refused, why="")
    assert await directories.read(state) == before
    file.write_text(changed.replace("closed: bye_now", "closed: bye"))  # reads well, but the proof objects
    refused = await importing.plan(state, [file])
    assert any(problem.startswith(f"{file}:15:7: town.door: on closed") for problem in refused.problems)
    assert await directories.read(state) == before


OUTSIDE = GOOD.replace(
    "      bye: hangup", "      bye: hangup\n      off: {transfer: +496211234567, otherwise: amt}"
).replace("otherwise: amt\n      bye_now", "otherwise: off\n      bye_now")
OLD_FIRST = (
    "trunks: {alt: {host: 192.0.2.9, public: no}, zwei: {host: 192.0.2.2, order: 2}, amt: {host: 192.0.2.3, order: 1}}"
)


def test_a_number_outside_goes_by_the_first_public_trunk_and_never_by_the_old_exchange(tmp_path: Path) -> None:
    (path := tmp_path / "town.yaml").write_text(OUTSIDE.replace("trunks: {provider: {host: 192.0.2.1}}", OLD_FIRST))
    (mistakes, town) = (found := read_files([path], 2026)).mistakes, found.directory
    assert not mistakes
    step = town.flows["town"].steps["off"]
    assert isinstance(step, Transfer)
    assert step.trunk == "amt"
    (told,) = read(tmp_path, OUTSIDE.replace("{host: 192.0.2.1}", "{host: 192.0.2.1, public: no}"))
    assert "town.yaml:23:23: there is no trunk to the public network" in told
    assert "trunks:" in told
