"""The command line as an admin meets it: exit codes, JSON, and errors that say what, where and what to do."""

from __future__ import annotations

import gc
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.main import get_group

from orchestrator.cli.app import MODULES, main, needed, tree
from tests import preloaded
from tests.side_by_side import always
from tests.test_import import GOOD

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "town"


def durchwahl(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = preloaded.durchwahl("--state", str(state), *arguments, timeout=300, cwd=ROOT)
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, imported and applied, not running."""
    state = tmp_path_factory.mktemp("c") / "s"
    for arguments in (("init",), ("import", str(EXAMPLE)), ("apply", "--yes")):
        done = durchwahl(state, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
    return state


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small directory, imported and not applied; only ever copied."""
    at = tmp_path_factory.mktemp("i")
    (at / "small.yaml").write_text(GOOD)
    for arguments in (("init",), ("import", str(at / "small.yaml"))):
        assert durchwahl(at / "s", *arguments).returncode == 0
    return at / "s"


@pytest.fixture
def state(imported: Path, tmp_path: Path) -> Path:
    """A state folder for one test to damage."""
    return shutil.copytree(imported, tmp_path / "s")


def test_nothing_is_collected_while_a_command_is_imported_and_then_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    collects: list[bool] = []

    def seen(*_: object) -> Callable[[], None]:
        collects.append(gc.isenabled())
        return lambda: collects.append(gc.isenabled())

    monkeypatch.setattr("orchestrator.cli.app.tree", seen)
    main()
    assert collects == [False, True]


def test_a_folder_in_use_is_not_made_a_state(tmp_path: Path) -> None:
    (tmp_path / "something").touch()
    done = durchwahl(tmp_path, "init")
    assert done.returncode == 2
    assert "is not empty" in done.stderr
    assert "to do: name an empty folder" in done.stderr


def test_no_state_says_what_to_do(tmp_path: Path) -> None:
    for command in ("check", "plan", "apply", "status", "journeys", "up"):
        done = durchwahl(tmp_path / "none", command)
        assert done.returncode == 2, command
        assert "run `durchwahl init`" in done.stderr


def test_a_state_of_a_newer_version_is_left_alone(state: Path) -> None:
    (state / "state.json").write_text('{"version": 99}')
    done = durchwahl(state, "check")
    assert done.returncode == 2
    assert "newer Durchwahl (state version 99" in done.stderr


def test_a_wrong_setting_is_named(state: Path) -> None:
    with (state / "settings.toml").open("a") as file:
        file.write("\n[more]\nx = 1\n")
    done = durchwahl(state, "attend")
    assert done.returncode == 2
    assert "more" in done.stderr


def test_secrets_are_private(town: Path) -> None:
    assert (town / "secrets" / "master").stat().st_mode & 0o077 == 0
    for path in (town / "current" / "asterisk").iterdir():
        assert path.stat().st_mode & 0o077 == 0, path


def test_an_import_with_mistakes_changes_nothing(town: Path, tmp_path: Path) -> None:
    before = durchwahl(town, "explain", "21-0", "--at", "2026-11-30 10:00").stdout
    bad = tmp_path / "bad.yaml"
    bad.write_text("town: {name: X, area: '06205', head: '21', colour: red}\n")
    done = durchwahl(town, "import", str(bad))
    assert done.returncode == 1
    assert f"{bad}:1:44: unknown key 'colour'" in done.stdout
    assert "nothing was changed" in done.stderr
    assert durchwahl(town, "explain", "21-0", "--at", "2026-11-30 10:00").stdout == before
    assert durchwahl(town, "import", str(tmp_path / "none.yaml")).returncode == 2


def test_check_proves_the_example_and_says_the_worst_wait(town: Path) -> None:
    done = durchwahl(town, "check")
    assert done.returncode == 0
    assert " 0 problems; a caller who does nothing waits " in done.stdout
    proof = json.loads(durchwahl(town, "check", "--json").stdout)
    assert proof["problems"] == []
    assert 60 < proof["worst_wait"] <= 240


def test_explain(town: Path) -> None:
    done = durchwahl(town, "explain", "+49 6205 21-0", "--at", "25.12.2026 10:00")
    assert done.returncode == 0
    assert "town.door                        holiday" in done.stdout
    assert "ends: message at town.box" in done.stdout
    way = json.loads(durchwahl(town, "explain", "2500", "--away", "2500", "--at", "2026-11-30 10:00", "--json").stdout)
    asked, rang = {"place": "n_2500.diverted", "answer": "off"}, {"place": "n_2500.ring", "answer": "nobody"}
    assert way["visits"][:2] == [asked, rang]
    night = durchwahl(town, "explain", "21-0", "--at", "2026-11-30 10:00", "--switch", "night=on")
    assert "town.night                       on" in night.stdout
    for wrong in (
        ("explain", "0", "--press", "!"),
        ("explain", "0", "--at", "soon"),
        ("explain", "0", "--busy", "9999"),
    ):
        done = durchwahl(town, *wrong)
        assert done.returncode == 2, wrong
        assert "to do:" in done.stderr


def test_what_is_switched_while_asterisk_is_down_is_stored_and_told(town: Path) -> None:
    done = durchwahl(town, "absent", "2500", "--until", "5.12.2036", "--stand-in", "2501", "--why", "Kur")
    assert done.returncode == 0, done.stderr
    assert "2501 stands in; stored; takes effect when Asterisk is back" in done.stdout
    assert "absent_2500" in (listed := durchwahl(town, "switched").stdout)
    assert "Kur" in listed
    explained = durchwahl(town, "explain", "2500", "--at", "2026-11-30 10:00").stdout
    assert "switched: absent_2500 absent until 2036-12-06 00:00, 2501 stands in" in explained
    warned = durchwahl(town, "absent", "2501", "--stand-in", "2500")
    assert "warning: 2500 is absent, too" in warned.stdout
    for number in ("2500", "2501"):
        assert durchwahl(town, "back", number).returncode == 0
    for wrong in (
        ("back", "2500"),
        ("absent", "9999"),
        ("absent", "2500", "--until", "2020-01-01"),
        ("absent", "2500", "--until", "soon"),
        ("absent", "2500", "--stand-in", "2500"),
        ("forward", "2500", "2500"),
        ("forward", "2500", "9999"),
        ("forward", "2500", "0900 1234567"),
        ("forward", "2500", "+88213312345678"),
        ("forward", "2500", "0033 1 23456789"),
        ("forward", "2500", "112"),
        ("switch", "nigth", "on"),
        ("wave", "move", "7"),
    ):
        done = durchwahl(town, *wrong)
        assert done.returncode == 2, wrong
        assert "to do:" in done.stderr


def test_plan_and_apply_without_a_change(town: Path) -> None:
    plan = json.loads(durchwahl(town, "plan", "--json").stdout)
    assert plan["changes"] == []
    for done in (durchwahl(town, "apply", "--yes"), durchwahl(town, "apply", plan["checksum"])):
        assert done.returncode == 0
        assert "nothing to change" in done.stdout
    done = durchwahl(town, "apply", "000000")
    assert done.returncode == 1
    assert "the plan is another one now" in done.stdout
    assert durchwahl(town, "rollback").returncode == 2


def test_status_of_an_exchange_that_does_not_run(town: Path) -> None:
    done = durchwahl(town, "status")
    assert done.returncode == 1
    assert "Asterisk does not run: run `durchwahl up`" in done.stdout
    assert durchwahl(town, "journeys").returncode == 0


DAMAGES: dict[str, Callable[[Path], object]] = {
    "an empty master": lambda state: (state / "secrets" / "master").write_text(""),
    "empty settings": lambda state: (state / "settings.toml").write_text(""),
    "garbage for a database": lambda state: (state / "directory.db").write_text("garbage" * 1000),
    "a short master": lambda state: (state / "secrets" / "master").write_text("ab\n"),
    "no settings": lambda state: (state / "settings.toml").unlink(),
    "a folder for settings": lambda state: ((state / "settings.toml").unlink(), (state / "settings.toml").mkdir()),
    "a folder for a database": lambda state: ((state / "directory.db").unlink(), (state / "directory.db").mkdir()),
    "no trees": lambda state: shutil.rmtree(state / "trees"),
    "a folder for the running tree": lambda state: (state / "current").mkdir(),
}


@pytest.mark.parametrize("damage", always([*DAMAGES], 3))
def test_a_damaged_state_is_told_in_a_sentence_and_left_alone(state: Path, damage: str) -> None:
    DAMAGES[damage](state)
    done = durchwahl(state, "apply", "--yes")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "to do:" in done.stderr


def test_an_apply_of_any_plan_must_be_said_where_nobody_can_be_asked(state: Path) -> None:
    for arguments in ((), ("--json",), ("--force", "problems")):
        done = durchwahl(state, "apply", *arguments)
        assert done.returncode == 2
        assert "nobody can be asked here; nothing was changed" in done.stderr
        assert "to do: read `durchwahl plan`, then run `durchwahl apply CHECKSUM`" in done.stderr
        assert not (state / "current").exists()


@pytest.mark.parametrize(("key", "value"), [
    ("bind", '"256.1.1.1"'), ("bind", '"x ; [y]"'), ("rtp_end", "1024"), ("web_port", "5038"), ("sip_port", "0"),
    ("attendants", "33"), ("metrics_port", "8080"),
])  # fmt: skip
def test_a_setting_that_cannot_work_is_refused_by_name(state: Path, key: str, value: str) -> None:
    path = state / "settings.toml"
    ports = {"sip_port": 5060, "http_port": 8088, "ami_port": 5038, "web_port": 8080, "metrics_port": 9151}
    lines = {"bind": '"127.0.0.1"', **ports, "rtp_start": 10000, "rtp_end": 10999, key: value}
    path.write_text("".join(f"{name} = {text}\n" for name, text in lines.items()))
    done = durchwahl(state, "attend")
    assert done.returncode == 2
    assert "settings.toml: " in done.stderr
    assert key in done.stderr or str(value) in done.stderr or str(ports.get(key)) in done.stderr


def test_what_nobody_can_dial_is_no_number(town: Path) -> None:
    for wrong in (("explain", "abc"), ("explain", ""), ("call", "abc"), ("call", "0", "--hangup-after", "-5")):
        done = durchwahl(town, *wrong)
        assert done.returncode == 2, wrong
        assert "to do:" in done.stderr
    done = durchwahl(town, "call", "21-0")
    assert done.returncode == 2
    assert "does not run" in done.stderr


def test_explain_knows_what_a_desk_dials(town: Path) -> None:
    for dialled, told in (("0112", "calls 112 by the trunk (emergency), showing +49"), ("0 0900 1", "refused")):
        done = durchwahl(town, "explain", dialled, "--from", "2500")
        assert done.returncode == 0
        assert told in done.stdout
    inside = durchwahl(town, "explain", "2501", "--from", "2500", "--at", "2026-11-30 10:00")
    assert "n_2501.ring" in inside.stdout
    assert durchwahl(town, "explain", "2501", "--from", "9999").returncode == 2


def test_explain_knows_who_puts_through_and_what_a_room_is_told(town: Path) -> None:
    back = durchwahl(town, "explain", "2501", "--by", "2500", "--away", "2501", "--at", "2026-11-30 10:00")
    assert re.search(r"n_2501\.ring +back", back.stdout)
    assert re.search(r"n_2501\.ring +nobody", durchwahl(town, "explain", "2501", "--away", "2501").stdout)
    assert durchwahl(town, "explain", "2501", "--by", "9999").returncode == 2
    for pin, outcome in (("470811", "served"), ("470812", "told"), ("", "told")):
        assert f"ends: {outcome} " in durchwahl(town, "explain", "3900", "--pin", pin).stdout


@pytest.mark.parametrize("bind", ["not an address", "256.0.0.1", ""])
def test_init_refuses_what_is_no_address(tmp_path: Path, bind: str) -> None:
    done = durchwahl(tmp_path / "s", "init", "--bind", bind)
    assert done.returncode == 2
    assert "is not an address" in done.stderr
    assert not (tmp_path / "s").exists()


def test_each_command_is_where_the_tree_says() -> None:
    for module, names in MODULES.items():
        assert set(get_group(tree([module])).commands) == set(names), module


@pytest.mark.parametrize(("arguments", "modules"), [
    (["attend"], ["shift"]),
    (["--state", "plan", "check", "apply"], ["directory"]),
    (["--state=plan", "old-numbers", "--json"], ["switching"]),
    (["--help"], list(MODULES)),
    ([], list(MODULES)),
    (["--state"], list(MODULES)),
    (["unknown"], list(MODULES)),
])  # fmt: skip
def test_a_command_brings_its_own_module_alone(arguments: list[str], modules: list[str]) -> None:
    assert list(needed(arguments)) == modules


def test_the_shift_begins_without_what_control_needs() -> None:
    asks = "import sys; from orchestrator.cli.app import tree; tree(['shift'])"
    tells = (
        "print([name for name in ('orchestrator.service.control', 'alembic', 'aiohttp.web') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", f"{asks}; {tells}"], capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n", done.stderr
