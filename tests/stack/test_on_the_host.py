"""The container stack on the network of the host, with SQLite."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.service.ports import spread
from tests.stack.engine import Engine
from tests.stack.stack import DEVIATES, NEIGHBOUR, OVERRIDE, running, talks

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1200)]


def test_it_is_the_same_there(docker: Engine, tmp_path: Path) -> None:
    """And a line of .env that ends calls is changed there in the order of the page."""
    ports = spread(25300, rtp=25400)
    settings = {
        "DURCHWAHL_BIND": "127.0.0.1",
        "DURCHWAHL_TRUNKS": json.dumps({"provider": f"{NEIGHBOUR}:5090", "altanlage": f"{NEIGHBOUR}:5092"}),
        "DURCHWAHL_DATABASE": "",
        "DURCHWAHL_SIP_PORT": str(ports.sip),
        "DURCHWAHL_TLS_PORT": str(ports.tls),
        "DURCHWAHL_HTTP_PORT": str(ports.http),
        "DURCHWAHL_AMI_PORT": str(ports.ami),
        "DURCHWAHL_WEB_PORT": str(ports.web),
        "DURCHWAHL_METRICS_PORT": str(ports.metrics),
        "DURCHWAHL_RTP_START": str(ports.rtp),
        "DURCHWAHL_RTP_END": str(ports.rtp + 199),
    }
    with running(docker, tmp_path, "compose.yaml", OVERRIDE, **settings) as stack:
        stack.goes_as_explained()
        talks(stack, "+4917012351")
        assert {each["code"] for each in stack.evidence()["deviations"]} == DEVIATES
        assert "directory.db" in stack.compose("exec", "-T", "control", "ls", "/var/lib/durchwahl")
        stack.compose("stop", "--timeout", "10", "asterisk")
        stack.compose("down")
        settings_of = tmp_path / "env"
        settings_of.write_text(settings_of.read_text().replace(f"_PORT={ports.ami}\n", f"_PORT={ports.rtp + 200}\n"))
        applied = stack.compose("run", "--rm", "-T", "prepare", "apply", "--yes")
        assert "Asterisk is not running and will start with it" in applied
        stack.compose("up", "-d", "--wait")
        stack.goes_as_explained()
