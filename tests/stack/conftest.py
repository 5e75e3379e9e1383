"""The engine with the images, for the whole run; and the stack on its bridge, for the tests of a file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from ipaddress import ip_network

import pytest

from tests.stack.engine import Engine, NoEngine, base, engine
from tests.stack.stack import BRIDGE, OVERRIDE, Stack, build, running


@pytest.fixture(scope="session")
def docker() -> Iterator[Engine]:
    try:
        with engine() as there:
            base(there)
            build(there)
            yield there
    except NoEngine as bad:
        if os.environ.get("DURCHWAHL_NO_ENGINE") == "skip":
            pytest.skip(str(bad))
        pytest.fail(
            f"{bad}\n  to do: run it as root on Debian, or start an engine; DURCHWAHL_NO_ENGINE=skip does without"
        )


@pytest.fixture(scope="module")
def stack(docker: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """On its bridge network; telephones outside reach it by an address of this host."""
    host = _gateway(docker)
    told = {"DURCHWAHL_BRIDGE": BRIDGE, "DURCHWAHL_EXTERNAL": host, "COMPOSE_PROFILES": "observability,wave"}
    folder = tmp_path_factory.mktemp("stack")
    with running(docker, folder, "compose.yaml", "compose.bridge.yaml", OVERRIDE, **told) as made:
        yield made


def _gateway(docker: Engine) -> str:
    """The address of this host in the engine's first network. Who has just made that names only its subnet (20.10)."""
    (made,) = json.loads(docker.run("network", "inspect", "bridge"))[0]["IPAM"]["Config"]
    return str(made.get("Gateway") or next(ip_network(made["Subnet"]).hosts()))
