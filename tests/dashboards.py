"""The dashboards that are delivered, and what their panels ask."""

from __future__ import annotations

import json
import re

from tests.prometheus_server import DOCKER

DASHBOARDS = {
    path.stem: json.loads(path.read_text()) for path in sorted((DOCKER / "grafana/dashboards").glob("*.json"))
}
FILLED = {"$flow": ".+", "$place": ".+", "$__range": "1h", "$__rate_interval": "2m"}


def _filled(expression: str) -> str:
    """As Grafana asks it, where nothing has been chosen."""
    for name, value in FILLED.items():
        expression = expression.replace(name, value)
    assert "$" not in expression
    return expression


PANELS = {
    f"{name}-{panel['title']}-{target['refId']}": _filled(target["expr"])
    for name, board in DASHBOARDS.items()
    for panel in board["panels"]
    for target in panel["targets"]
}
"""Which panel -> its query."""
VARIABLES = {
    f"{name}-{each['name']}": re.findall(r"^label_values\((\w+), (\w+)\)$", each["query"])
    for name, board in DASHBOARDS.items()
    for each in board["templating"]["list"]
}
"""Which choice above the panels -> the figure and its label whose values are chosen from."""
