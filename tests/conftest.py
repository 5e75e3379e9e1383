"""What tests share: one running town for all tests that call into it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.running_town import Town, running_town, until


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write tests/golden anew")


@pytest.fixture(scope="session")
def town_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The hurried town on a real Asterisk, with two attendants, for the whole run."""
    with running_town(tmp_path_factory.mktemp("t")) as town:
        yield town


@pytest.fixture
def town(town_up: Town) -> Iterator[Town]:
    """The running town, with its shift at work; after the test nothing may be left in it."""
    if "attend" not in town_up.processes:
        town_up.begin("attend")
    yield town_up

    until(lambda: not town_up.left(), 10)
