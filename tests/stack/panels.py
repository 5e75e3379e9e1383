"""What Prometheus in the stack answers to the panels of the dashboards."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.stack.stack import Stack

UNFILLED = {
    "call-flows-Seconds that half of the callers need at a menu-A",
    "reachability-Waiting queues: what waiting came to, by hour-A",
}
"""Panels that the calls of test_stack.py need not fill: who waits in a queue at night? They fill every other one."""
ASKS = """
import json, urllib.parse, urllib.request
def ask(query):
    url = "http://127.0.0.1:9090/api/v1/query?" + urllib.parse.urlencode({{"query": query}})
    try:
        return json.load(urllib.request.urlopen(url, timeout=10))
    except urllib.error.HTTPError as bad:
        return json.load(bad)
print(json.dumps({{name: ask(query) for name, query in {queries}.items()}}))
"""


def answers(stack: Stack, queries: Mapping[str, str]) -> dict[str, Any]:
    """What each query comes to now, by its name."""
    found: dict[str, Any] = json.loads(stack.inside(ASKS.format(queries=json.dumps(queries))))
    assert found.keys() == queries.keys()
    return found


def refused(answered: Mapping[str, Any]) -> list[str]:
    """Whose query was not understood."""
    return [name for name, answer in answered.items() if answer["status"] != "success"]


def empty(answered: Mapping[str, Any]) -> list[str]:
    """Which panels show nothing; where calls are counted, a share of no calls is nothing, too."""
    return [name for name, answer in answered.items() if name not in UNFILLED and not _filled(name, answer)]


def _filled(name: str, answer: dict[str, Any]) -> bool:
    values = [each["value"][1] for each in answer["data"]["result"]] if answer["status"] == "success" else []
    return any(value != "NaN" or name.startswith("operations") for value in values)
