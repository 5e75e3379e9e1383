"""`docker/env.example` names everything that an admin may set, nothing else, and says which lines end calls."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.apps import lines
from orchestrator.service.settings import Settings

ROOT = Path(__file__).parents[1]
DOCKER = ROOT / "docker"
EXAMPLE = (DOCKER / "env.example").read_text(encoding="utf-8")
FILES = {name: (DOCKER / name).read_text(encoding="utf-8") for name in ("compose.yaml", "compose.bridge.yaml")}
START = (DOCKER / "alertmanager/start").read_text(encoding="utf-8")
PAGE = (ROOT / "docs/containers.md").read_text(encoding="utf-8")

LINES = dict(re.findall(r"^(?:# )?([A-Z][A-Z0-9_]*)=(.*)$", EXAMPLE, re.MULTILINE))
"""Each variable that it names, with the rest of its (last) line."""
COMPOSES_OWN = {"COMPOSE_FILE", "COMPOSE_PROFILES"}
OUTSIDE = {"DURCHWAHL_ENV"}
"""Says which file is the .env, so it cannot stand in it."""
INSIDE = {"ALERT_PASSWORD_FILE", "ALERT_CONFIG"}
"""Where things are in the container of Alertmanager: compose.yaml has them there."""
SETTINGS = {f"DURCHWAHL_{name.upper()}" for name in Settings.model_fields}
AT_START = {
    f"DURCHWAHL_{name}"
    for name in ("BIND", "EXTERNAL", "INSIDE", "SIP_PORT", "TLS_PORT", "HTTP_PORT", "AMI_PORT", "RTP_START", "RTP_END")
}
"""Settings that Asterisk reads only when it starts."""
ENDS_CALLS = {name for name, rest in LINES.items() if "ends calls" in rest}


def variables(text: object) -> set[str]:
    """Those that Compose fills in, but for `$$`, which is for a shell of the container."""
    return set(re.findall(r"(?<!\$)\$\{([A-Z][A-Z0-9_]*)", str(text)))


def told_to_alertmanager() -> set[str]:
    """What the head of its start script says that it is told."""
    return set(re.findall(r"^#   (ALERT_[A-Z_]+) ", START, re.MULTILINE)) - INSIDE


def composed(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILES[name])
    return found


def test_it_names_all_that_may_be_set_and_nothing_else() -> None:
    asked = set().union(*map(variables, FILES.values())) - OUTSIDE
    assert len(asked) > 20
    assert LINES.keys() == SETTINGS | asked | told_to_alertmanager() | COMPOSES_OWN | {lines.CHOSEN}


def test_alertmanager_is_given_what_its_start_asks_for() -> None:
    given = composed("compose.yaml")["services"]["alertmanager"]["environment"]
    assert told_to_alertmanager()
    assert given.keys() - {"TZ"} == told_to_alertmanager()


def test_what_asterisk_or_its_network_is_made_of_is_marked() -> None:
    """Whoever changes one of these makes them anew, with the next `up`, and calls end."""
    bridge = composed("compose.bridge.yaml")
    made_of = variables(composed("compose.yaml")["services"]["asterisk"])
    made_of |= variables(bridge["services"]["line"]) | variables(bridge["networks"])
    assert {"TZ", "ASTERISK_IMAGE", "GRAFANA_PORT"} <= made_of
    assert made_of | AT_START | {"COMPOSE_FILE"} == ENDS_CALLS


def test_asterisk_is_given_no_setting_of_the_exchange() -> None:
    asterisk = composed("compose.yaml")["services"]["asterisk"]
    assert "env_file" not in asterisk
    assert not variables(asterisk) & SETTINGS


@pytest.mark.parametrize("name", sorted(ENDS_CALLS))
def test_the_page_says_so_too(name: str) -> None:
    section = PAGE.partition("## Lines of .env that end calls\n")[2].partition("\n## ")[0]
    assert f"`{name}`" in section
