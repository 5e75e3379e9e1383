"""A real Prometheus with the configuration that is delivered, asked in a hurry, and a real Alertmanager.

Belongs here: starting them, asking them. Not here: what is expected of the answers (the tests).
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import urllib.parse
import urllib.request
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.asterisk.package import find
from tests import ports
from tests.leash import leashed
from tests.running_town import until

DOCKER = Path(__file__).parents[1] / "docker"
DELIVERED = DOCKER / "prometheus"
EVERY = "2s"
"""How often pages are asked and rules judged here."""
TEMPLATES = "usr/share/prometheus/alertmanager"
SHARE = f'mount -t tmpfs share /usr/share && mkdir -p /{TEMPLATES} && cp "$0"/*.tmpl /{TEMPLATES} && exec "$@"'
"""Debian's Alertmanager reads its templates there alone: where it is not installed, it is given them there."""
Sample = tuple[Mapping[str, str], float]


@dataclass(frozen=True)
class Prometheus:
    """A server that runs."""

    port: int

    def ask(self, path: str, **query: str) -> Any:
        """What its API answers; raises HTTPError with a query that it does not understand."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=20) as reply:
            return json.load(reply)["data"]

    def query(self, expression: str) -> list[Sample]:
        """What it comes to now; `NaN` is left out: nothing is known there."""
        found = self.ask("query", query=expression)["result"]
        samples = [(each["metric"], float(each["value"][1])) for each in found]
        return [(labels, value) for labels, value in samples if not math.isnan(value)]

    def firing(self) -> dict[str, dict[str, Any]]:
        """The alerts that it raises now, by name (the last, where there are several)."""
        return {each["labels"]["alertname"]: each for each in self.ask("alerts")["alerts"] if each["state"] == "firing"}


def groups() -> list[dict[str, Any]]:
    """All groups of rules that are delivered."""
    return [
        group
        for path in sorted((DELIVERED / "rules").glob("*.yml"))
        for group in yaml.safe_load(path.read_text())["groups"]
    ]


def rules(kind: str) -> dict[str, dict[str, Any]]:
    """Every `alert` or `record` by its name."""
    return {rule[kind]: rule for group in groups() for rule in group["rules"] if kind in rule}


def targets(control: int, attendants: Sequence[int]) -> str:
    """As an admin would write targets.yml."""
    jobs = {"control": [control], "attendants": attendants}
    return yaml.safe_dump(
        [{"targets": [f"127.0.0.1:{port}" for port in listed], "labels": {"job": job}} for job, listed in jobs.items()]
    )


@contextmanager
def running_prometheus(folder: Path, told: str, alertmanager: int = 9) -> Iterator[Prometheus]:
    """A Prometheus that asks the targets `told`, inside the block. No alert waits for long."""
    shutil.copytree(DELIVERED, folder / "etc")
    (folder / "etc/targets.yml").write_text(told)
    whole = folder / "etc/prometheus.yml"
    hurried = whole.read_text().replace("10s", EVERY).replace("scrape_timeout: 5s", f"scrape_timeout: {EVERY}")
    whole.write_text(hurried.replace("127.0.0.1:9093", f"127.0.0.1:{alertmanager}"))
    for path in (folder / "etc/rules").glob("*.yml"):
        path.write_text(re.sub(r"^( +for:) \w+$", r"\1 4s", path.read_text(), flags=re.MULTILINE))
    port = ports.one()
    argv = [*find("prometheus").argv, f"--config.file={whole}", f"--storage.tsdb.path={folder / 'data'}"]
    with _running([*argv, f"--web.listen-address=127.0.0.1:{port}"], folder / "prometheus.log", f"{port}/-/ready"):
        yield Prometheus(port)


@contextmanager
def running_alertmanager(folder: Path, **environment: str) -> Iterator[int]:
    """An Alertmanager as the container starts it, inside the block; its port."""
    port = ports.one()
    program = find("prometheus-alertmanager")
    argv = [*program.argv, f"--storage.path={folder / 'alerts'}", "--cluster.listen-address="]
    argv = ["sh", str(DOCKER / "alertmanager/start"), *argv, f"--web.listen-address=127.0.0.1:{port}"]
    if program.root != Path("/"):
        unshare = ("unshare", "--map-root-user", "--mount")
        if subprocess.run([*unshare, "true"], capture_output=True, timeout=20, check=False).returncode:
            warnings.warn("NOT SHOWN: alerts by mail. This machine gives Alertmanager no name space", stacklevel=3)
            pytest.skip("no name space for Alertmanager")
        argv = [*unshare, "sh", "-c", SHARE, str(program.root / TEMPLATES), *argv]
    given = {"ALERT_CONFIG": str(folder / "alertmanager.yml"), **environment}
    with _running(argv, folder / "alertmanager.log", f"{port}/-/ready", given):
        yield port


@contextmanager
def _running(argv: Sequence[str], log: Path, ready: str, environment: Mapping[str, str] = {}) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(leashed(argv), stdout=output, stderr=output, env={**os.environ, **environment})

    def answers() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{ready}", timeout=5) as reply:
                return bool(reply.status == 200)
        except OSError:
            return False

    try:
        until(answers, 60)
        yield
    finally:
        process.terminate()
        try:
            process.wait(30)
        finally:
            process.kill()
