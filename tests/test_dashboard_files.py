"""The dashboards as files, and what their labels may say."""

from __future__ import annotations

import re
from typing import Any

import yaml

from orchestrator.domain.derive import derive
from orchestrator.metrics import labels
from orchestrator.store.reading import read_files
from tests.dashboards import DASHBOARDS
from tests.hurry import EXAMPLE
from tests.prometheus_server import DOCKER


def test_no_place_of_the_example_town_is_a_persons() -> None:
    town = derive(read_files([EXAMPLE], 2026).directory)
    numbers = {each.extension for kind in (town.people, town.phones) for each in kind.values()}
    shown = {labels.place(place) for place in town.graph} | {labels.place("by_hand.tel2501")}
    assert "by_hand" in shown
    assert [label for label in shown if set(re.findall(r"\d+", label)) & numbers] == []


def test_dashboards_have_what_grafana_asks_for() -> None:
    (source,) = yaml.safe_load((DOCKER / "grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"]
    (folder,) = yaml.safe_load((DOCKER / "grafana/provisioning/dashboards/durchwahl.yml").read_text())["providers"]
    assert folder["options"]["path"] == "/etc/grafana/dashboards"
    assert DASHBOARDS.keys() == {"reachability", "operations", "call-flows"}
    for name, board in DASHBOARDS.items():
        assert board["uid"] == name
        ids = [panel["id"] for panel in board["panels"]]
        assert len(set(ids)) == len(ids)
        places = [panel["gridPos"] for panel in board["panels"]]
        assert all(at["x"] + at["w"] <= 24 for at in places)
        assert not [1 for at, one in enumerate(places) for other in places[:at] if _overlap(one, other)]
        variables = {each["name"] for each in board["templating"]["list"]}
        for panel in board["panels"]:
            assert panel["datasource"]["uid"] == source["uid"]
            for target in panel["targets"]:
                assert set(re.findall(r"\$(?!__)(\w+)", target["expr"])) <= variables


def _overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    across = one["x"] < other["x"] + other["w"] and other["x"] < one["x"] + one["w"]
    return across and one["y"] < other["y"] + other["h"] and other["y"] < one["y"] + one["h"]
