"""What tests share: the hurried town, running, for the tests of a file that call into it."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL

from orchestrator.asterisk.archive import cache
from tests.databases import current, sqlite
from tests.postgres import Server, running_postgres
from tests.running_town import Town, running_town, until
from tests.side_by_side import FIFTHS, NICE, ORDER, SideBySide, computes, fifth_of, in_turn

# Hundreds of processes begin during a run: what Python has compiled is kept for the next one, also where that is not
# wanted beside the sources. This one has begun already, and has the tests before it.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ.setdefault("PYTHONPYCACHEPREFIX", str(cache() / "tests-bytecode"))
sys.dont_write_bytecode, sys.pycache_prefix = False, os.environ["PYTHONPYCACHEPREFIX"]

# A call now and then of which a test knows nothing; tests/test_canary.py asks for it.
os.environ.setdefault("DURCHWAHL_CANARY", "0")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write tests/golden anew")
    parser.addoption("--fifth", type=int, choices=FIFTHS, help="of what is marked `long`, this fifth alone")


@pytest.hookimpl(tryfirst=True)  # all are there yet, whatever else is left out
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if fifth := config.getoption("--fifth"):
        out = {item for item in items if item.get_closest_marker("long") and fifth_of(_together(item)) != fifth}
        items[:] = [item for item in items if item not in out]
        config.hook.pytest_deselected(items=list(out))
    if hasattr(config, "workerinput"):  # one of several processes
        items.sort(key=lambda item: ORDER.get(item.path.stem, len(ORDER)))


def _together(item: pytest.Item) -> str:
    """What goes into one fifth: a file that is long as a whole, as it sets much up once; else each test by itself."""
    file = item.getparent(pytest.Module)
    return item.path.stem if file and any(mark.name == "long" for mark in file.own_markers) else item.nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> SideBySide:
    return SideBySide(config, log)


@pytest.hookimpl(wrapper=True, tryfirst=True)  # its time counts from then on
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    if hasattr(item.config, "workerinput") and not _computes(item.config):
        in_turn()
    return (yield)


class Told:
    """Names each failure when it happens: also of a run that is stopped before its end it is known what failed."""

    def __init__(self, reporter: pytest.TerminalReporter) -> None:
        self._reporter = reporter

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            why = next((line[1:].strip() for line in report.longreprtext.splitlines() if line.startswith("E ")), "")
            self._reporter.write_line(f"\n{report.when} of {report.nodeid} failed: {why}")


def _computes(config: Any) -> bool:
    return computes(config.workerinput["workerid"], config.workerinput["workercount"])


@pytest.hookimpl(trylast=True)  # the reporter is there then
def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") and _computes(config):
        os.nice(NICE)
    if not hasattr(config, "workerinput") and (reporter := config.pluginmanager.get_plugin("terminalreporter")):
        config.pluginmanager.register(Told(reporter))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A real PostgreSQL server, for the whole run."""
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> URL:
    """A database of this version in which nothing is; a test that asks for it runs on both kinds."""
    if request.param == "postgres":
        return request.getfixturevalue("postgres").current()  # type: ignore[no-any-return]
    return current(tmp_path)


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> URL:
    """A database without tables; a test that asks for it runs on both kinds."""
    if request.param == "postgres":
        return request.getfixturevalue("postgres").fresh()  # type: ignore[no-any-return]
    return sqlite(tmp_path)


@pytest.fixture(scope="module")
def town_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The hurried town on a real Asterisk, with two attendants."""
    with running_town(tmp_path_factory.mktemp("t")) as town:
        yield town


@pytest.fixture
def town(town_up: Town) -> Iterator[Town]:
    """The running town, with its shift at work; after the test nothing may be left in it."""
    if "attend" not in town_up.processes:
        town_up.begin("attend")
    yield town_up

    until(lambda: not town_up.left(), 10)
