"""What tests share: one running town for all tests that call into it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.running_town import Town, running_town, until
from tests.side_by_side import ORDER, SideBySide


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write tests/golden anew")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):  # one of several processes
        items.sort(key=lambda item: ORDER.get(item.path.stem, len(ORDER)))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> SideBySide:
    return SideBySide(config, log)


@pytest.fixture(scope="session")
def town_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The hurried town on a real Asterisk, with two attendants, for all tests of this process."""
    with running_town(tmp_path_factory.mktemp("t")) as town:
        yield town


@pytest.fixture
def town(town_up: Town) -> Iterator[Town]:
    """The running town, with its shift at work; after the test nothing may be left in it."""
    if "attend" not in town_up.processes:
        town_up.begin("attend")
    yield town_up

    until(lambda: not town_up.left(), 10)
