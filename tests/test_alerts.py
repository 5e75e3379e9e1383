"""Alerts: every rule is right by promtool, has been seen to be raised and not, has its page, and is mailed."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import tzdata
import yaml

from orchestrator.asterisk.package import find
from orchestrator.journal.journeys import OUTCOMES
from orchestrator.service.ports import Ports
from orchestrator.service.settings import Settings
from tests import ports
from tests.mail_server import mail_server
from tests.prometheus_server import DELIVERED, DOCKER, rules, running_alertmanager, running_prometheus, targets
from tests.running_town import until

TESTS = sorted((DELIVERED / "rules/tests").glob("*.yml"))
CASES = [test for path in TESTS for test in yaml.safe_load(path.read_text())["tests"]]
PAGE = Path(__file__).parents[1] / "docs/operations/alerts.md"
RAISED = re.compile(r'count\(ALERTS\{alertname="(\w+)",alertstate="firing"\}\)')
ALERTS = rules("alert")
ZONE = Path(tzdata.__file__).parent / "zoneinfo/Europe/Berlin"
MAIL = {"ALERT_FROM": "alarm@stadt.example", "ALERT_TO": "it@stadt.example", "ALERT_PAGE_TO": "sms@stadt.example"}


def said(program: str, *arguments: str | Path) -> str:
    """What one of Prometheus' own tools says, which must find nothing wrong."""
    argv = [*find(program).argv, *map(str, arguments)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_prometheus_takes_its_configuration() -> None:
    found = said("promtool", "check", "config", DELIVERED / "prometheus.yml")
    assert "FAILED" not in found
    assert f"SUCCESS: {len(list((DELIVERED / 'rules').glob('*.yml')))} rule files found" in found


def test_every_rule_is_right() -> None:
    found = said("promtool", "check", "rules", *sorted((DELIVERED / "rules").glob("*.yml")))
    assert "FAILED" not in found


@pytest.mark.long
def test_every_alert_is_raised_when_it_should_be_and_else_not() -> None:
    assert "SUCCESS" in said("promtool", "test", "rules", *TESTS)


@pytest.mark.long
def test_a_rule_that_is_wrong_would_be_seen(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    for path in (DELIVERED / "rules").glob("*.yml"):
        (tmp_path / path.name).write_text(path.read_text().replace("durchwahl_ami_up == 0", "durchwahl_ami_up == 2"))
    for path in TESTS:
        (tmp_path / "tests" / path.name).write_text(path.read_text())
    argv = [*find("promtool").argv, "test", "rules", "--run=AsteriskAway", *map(str, (tmp_path / "tests").iterdir())]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode != 0
    assert "AsteriskAway" in done.stdout + done.stderr


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_has_a_case_in_which_it_is_raised_and_one_in_which_not(alert: str) -> None:
    cases = [
        bool(asked["exp_samples"])
        for test in CASES
        for asked in test.get("promql_expr_test", ())
        if (found := RAISED.fullmatch(asked["expr"])) and found[1] == alert
    ]
    assert set(cases) == {True, False}


@pytest.mark.parametrize("figure", rules("record"))
def test_each_figure_that_others_share_has_a_case_with_numbers(figure: str) -> None:
    asked = [each for test in CASES for each in test.get("promql_expr_test", ())]
    assert [each for each in asked if each["expr"] == figure and each["exp_samples"]]


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_says_how_bad_it_is_and_where_to_read_on(alert: str) -> None:
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"].keys() == {"summary", "description", "runbook"}
    assert rule["annotations"]["runbook"] == f"docs/operations/alerts.md#{alert.lower()}"


def test_each_alert_has_its_section_and_each_section_its_alert() -> None:
    sections = re.split(r"^### ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert [section.partition("\n")[0] for section in sections] == sorted(ALERTS, key=list(ALERTS).index)
    for what in ("Look", "Do"):
        assert [section.partition("\n")[0] for section in sections if f"\n- {what}: " not in section] == [], what


def test_the_table_of_the_page_is_what_the_rules_say() -> None:
    rows = re.findall(r"^\| \[(\w+)\]\(#\w+\) \| (\w+) \| ([\w ]+) \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    expected = {
        name: (rule["labels"]["severity"], rule.get("for", "at once"), _plain(rule["annotations"]["summary"]))
        for name, rule in ALERTS.items()
    }
    assert {name: tuple(rest) for name, *rest in rows} == expected


def _plain(summary: str) -> str:
    return re.sub(r"\{\{ \$labels\.(\w+) \}\}", r"*\1*", summary)


def test_the_targets_are_those_of_a_new_exchange() -> None:
    usual, attendants = Ports(), Settings.model_fields["attendants"].default
    expected = targets(usual.web, range(usual.metrics, usual.metrics + attendants))
    assert yaml.safe_load((DELIVERED / "targets.yml").read_text()) == yaml.safe_load(expected)


def test_the_outcomes_that_there_are_raise_no_alert() -> None:
    known = re.search(r'outcome!~\s*"([\w|]+)"', ALERTS["OutcomeUnknown"]["expr"])
    assert known
    assert tuple(known[1].split("|")) == OUTCOMES


def test_what_inhibits_what_are_alerts_that_there_are() -> None:
    text = (DOCKER / "alertmanager/alertmanager.yml").read_text()
    named = {name for listed in re.findall(r'alertname!?[=~]+"([\w|]+)"', text) for name in listed.split("|")}
    assert len(named) > 10
    assert named <= ALERTS.keys()


def start(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The container's start with another program, which says that it was reached."""
    argv = ["sh", str(DOCKER / "alertmanager/start"), "echo", "became"]
    given = {"PATH": "/usr/bin:/bin", "ALERT_CONFIG": str(tmp_path / "a.yml"), **environment}
    return subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False, env=given)


def test_alertmanager_takes_what_start_makes(tmp_path: Path) -> None:
    more = {"ALERT_USER": "alarm", "ALERT_PASSWORD_FILE": "/run/secrets/other", "ALERT_TO": "a@x.example, b@x.example"}
    done = start(tmp_path, ALERT_SMARTHOST="mail.stadt.example:587", ALERT_FROM="alarm@stadt.example", **more)
    assert (done.returncode, done.stdout) == (0, f"became --config.file={tmp_path / 'a.yml'}\n"), done.stderr
    said("amtool", "check-config", tmp_path / "a.yml")
    made = yaml.safe_load((tmp_path / "a.yml").read_text())
    assert "${" not in (tmp_path / "a.yml").read_text().partition("global:")[2]
    assert made["global"]["smtp_require_tls"] is True
    assert made["global"]["smtp_auth_password_file"] == "/run/secrets/other"
    assert {receiver["email_configs"][0]["to"] for receiver in made["receivers"]} == {more["ALERT_TO"]}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"ALERT_SMARTHOST": ""}, "ALERT_SMARTHOST is not set"),
        ({"ALERT_TO": ""}, "ALERT_TO is not set"),
        ({"ALERT_FROM": "a@b|c"}, "ALERT_FROM has a character that it must not have"),
        ({"ALERT_USER": "$(id)"}, "ALERT_USER has a character that it must not have"),
    ],
)
def test_what_is_missing_or_odd_is_named(tmp_path: Path, given: dict[str, str], told: str) -> None:
    usual = {
        "ALERT_SMARTHOST": "mail.stadt.example:587",
        "ALERT_FROM": "a@stadt.example",
        "ALERT_TO": "b@stadt.example",
    }
    done = start(tmp_path, **{**usual, **given})
    assert done.returncode == 2
    assert told in done.stderr
    assert not (tmp_path / "a.yml").exists()


def test_a_page_is_mailed_at_once_and_what_comes_of_it_is_not(tmp_path: Path) -> None:
    (tmp_path / "zone").write_bytes(ZONE.read_bytes())  # its name space has no /usr/share of this machine
    with mail_server() as mail:
        where = {"ALERT_SMARTHOST": f"127.0.0.1:{mail.port}", "ALERT_TLS": "false", "TZ": str(tmp_path / "zone")}
        with running_alertmanager(tmp_path, **MAIL, **where) as port:
            raised = raise_alerts(port, "NoTrunk", "TrunkAway")
            until(lambda: mail.post.taken, 40)
            states = {each["labels"]["alertname"]: each["status"]["state"] for each in asked(port)}
    assert states == {"NoTrunk": "active", "TrunkAway": "suppressed"}
    (letter,) = mail.post.taken
    assert mail.post.recipients == ["sms@stadt.example"]
    assert letter["Subject"] == f"[page] {ALERTS['NoTrunk']['annotations']['summary']}"
    body = letter.get_body(("plain",))
    assert body
    text = body.get_content()
    assert ALERTS["NoTrunk"]["annotations"]["description"] in text
    assert "docs/operations/alerts.md#notrunk" in text
    assert f"Since {raised.astimezone(ZoneInfo('Europe/Berlin')):%Y-%m-%d %H:%M:%S %Z}. " in text
    assert "TrunkAway" not in text


def test_what_prometheus_raises_is_mailed(tmp_path: Path) -> None:
    """Nobody is at the ports that it asks."""
    with mail_server() as mail:
        where = {"ALERT_SMARTHOST": f"127.0.0.1:{mail.port}", "ALERT_TLS": "false"}
        told = targets(ports.one(), [ports.one()])
        with running_alertmanager(tmp_path, **MAIL, **where) as port, running_prometheus(tmp_path, told, port):
            until(lambda: mail.post.taken, 60)
    assert mail.post.taken[0]["Subject"] == f"[page] {ALERTS['ControlAway']['annotations']['summary']}"


def raise_alerts(port: int, *names: str) -> datetime:
    """Tell Alertmanager as Prometheus does; since when."""
    since = datetime.now(UTC)
    told = [
        {
            "labels": {"alertname": name, "severity": ALERTS[name]["labels"]["severity"]},
            "annotations": ALERTS[name]["annotations"],
            "startsAt": since.isoformat(),
        }
        for name in names
    ]
    asked(port, json.dumps(told).encode())
    return since


def asked(port: int, told: bytes | None = None) -> list[dict[str, Any]]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v2/alerts", data=told, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=20) as reply:  # noqa: S310
        found: list[dict[str, Any]] = json.loads(reply.read() or b"[]")
    return found
