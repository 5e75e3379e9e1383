"""A real Prometheus looks at a real exchange after calls were made: no panel is empty, and alerts are raised."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from orchestrator.service import sealing, sites
from orchestrator.service.state import State
from tests.dashboards import PANELS, VARIABLES
from tests.prometheus_server import Prometheus, rules, running_prometheus, targets
from tests.running_town import Town, running_town, until
from tests.tls_telephone import certified
from tests.watched_town import ABROAD, MEMBER, a_day, provider, reached, traveller, watched_town

pytestmark = pytest.mark.long  # with every change the container stack asks each panel and each alert once
SELECTED = re.compile(r"\b(durchwahl_\w+|up)\b(?:\{([^}]*)\})?")


@dataclass(frozen=True)
class Watched:
    town: Town
    prometheus: Prometheus

    def counted(self, expression: str, at_least: float = 1.0) -> bool:
        """Whether the figure is there, and that large."""
        return any(value >= at_least for _, value in self.prometheus.query(expression))


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """The town after two days alike: what was counted from 0 on the first day increases on the second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DURCHWAHL_CANARY", "900")
        with running_town(tmp_path_factory.mktemp("w"), watched_town(), furnish) as town:
            ports = town.settings.metrics_port, town.settings.metrics_port + 1
            told = targets(town.settings.web_port, ports)
            with running_prometheus(tmp_path_factory.mktemp("p"), told) as prometheus:
                seen = Watched(town, prometheus)
                asyncio.run(calls(seen))
                yield seen


def furnish(state: State) -> None:
    """A certificate, and backups: control makes the first one soon after its start."""
    certified(state)
    folder = state.root.parent / "backups"
    folder.mkdir()
    key = sealing.new_key(state.root.parent / "identity")
    with (state.root / "settings.toml").open("a") as file:
        file.write(f'\n[backup]\nfolder = "{folder}"\nkeys = ["{key}"]\n')


async def calls(seen: Watched) -> None:
    async with provider(seen.town):
        await reached(seen.town)
        for day in (1, 2):
            assert await a_day(seen.town) == ["answered", "gave_up", "message", "gave_up", "gave_up"]
            written = f"sum(durchwahl_calls_total) >= {6 * day}"
            filed = f"sum(durchwahl_messages_total) >= {day}"
            for expression in (written, filed, "durchwahl_canary_up == 1", 'durchwahl_trunk_up{trunk="amt"} == 1'):
                await asyncio.to_thread(until, lambda asked=expression: seen.counted(asked), 60)
    await asyncio.to_thread(until, lambda: seen.counted("durchwahl_backup_timestamp_seconds > 0"), 60)
    await asyncio.sleep(5)


@pytest.mark.parametrize("panel", PANELS)
def test_no_panel_is_empty(watched: Watched, panel: str) -> None:
    assert watched.prometheus.query(PANELS[panel])


@pytest.mark.parametrize("variable", VARIABLES)
def test_every_choice_has_something_to_choose(watched: Watched, variable: str) -> None:
    """Asked as Grafana asks for `label_values(figure, label)`."""
    ((figure, label),) = VARIABLES[variable]
    assert watched.prometheus.ask(f"label/{label}/values", **{"match[]": figure})


@pytest.mark.parametrize("record", rules("record"))
def test_every_recording_rule_records_something(watched: Watched, record: str) -> None:
    assert watched.prometheus.query(record)


@pytest.mark.parametrize("alert", rules("alert"))
def test_every_alert_asks_for_figures_that_there_are(watched: Watched, alert: str) -> None:
    """Their labels, too. Its own comparison may find nothing: then all is well."""
    expression = rules("alert")[alert]["expr"]
    watched.prometheus.query(expression)
    selected = SELECTED.findall(expression)
    assert selected or "durchwahl:" in expression
    for name, matchers in selected:
        wanted = ",".join(f'{label}!=""' for label in re.findall(r'(\w+)[!=]=?~?"', matchers))
        if wanted or name == "up":
            assert watched.prometheus.ask("query", query=f"{name}{{{wanted}}}")["result"], f"{name}{{{wanted}}}"
        else:  # one that counts what is never seen has no samples, and is told of all the same
            assert watched.prometheus.ask("metadata", metric=name), name


def test_the_figures_are_those_of_the_calls(watched: Watched) -> None:
    found = watched.prometheus.query('durchwahl_calls_total{flow="town"}')
    counted = {at["outcome"]: value for at, value in found if value}
    assert counted == {"answered": 2, "message": 2, "gave_up": 4}
    soon = watched.prometheus.query('durchwahl_call_wait_seconds_bucket{flow="town",outcome="answered",le="30.0"}')
    assert [value for _, value in soon] == [2]
    assert watched.counted('durchwahl_reached_total{where="q_amt",outcome="answered",soon="yes"} == 2')
    assert watched.counted('durchwahl_reached_total{where="q_amt",outcome="gave_up"} == 2')
    assert watched.counted('durchwahl_calls_outside_total{class="abroad"}', 2)
    assert watched.counted('durchwahl_visits_total{place="town.welcome",answer="key_1"}', 4)
    assert watched.counted('durchwahl_visits_total{place="town.welcome",answer="hung_up"}', 2)
    assert watched.counted('increase(durchwahl_visits_total{place="town.welcome",answer="key_1"}[1h])', 3.9)


def test_no_label_names_anybody(watched: Watched) -> None:
    series = watched.prometheus.ask("series", **{"match[]": '{__name__=~"durchwahl.+"}'})
    places = {str(each[label]) for each in series for label in ("flow", "place", "queue", "where") if label in each}
    assert any(place.startswith("person.") for place in places)
    assert [place for place in places if re.search(r"\d{2}|n_|tel", place)] == []


async def test_calls_that_cost_are_seen_while_they_last(watched: Watched) -> None:
    """The figure that CostlyCalls asks for, of a call that nobody has answered yet."""
    asked = 'durchwahl_calls_outside_now{class="abroad"}'
    async with provider(watched.town) as far, traveller(watched.town) as telephone:
        far.status = 180
        await reached(watched.town)
        call = await telephone.dial(ABROAD)
        await call.rings(within=10)
        await asyncio.to_thread(until, lambda: watched.counted(f"{asked} == 1"), 20)
        await call.hang_up()
        await asyncio.to_thread(until, lambda: watched.counted(f"{asked} + 1 == 1"), 20)


def test_trunks_that_are_away_are_an_alert(watched: Watched) -> None:
    """One of two, while the other is there; both, when that is gone as well."""
    until(lambda: "TrunkAway" in watched.prometheus.firing(), 30)
    until(lambda: "NoTrunk" in watched.prometheus.firing(), 90)
    raised = watched.prometheus.firing()["NoTrunk"]
    assert raised["labels"]["severity"] == "page"
    assert raised["annotations"]["runbook"].endswith("#notrunk")


async def test_a_site_whose_telephones_are_gone_is_an_alert(watched: Watched) -> None:
    there = 'durchwahl_phones_registered{site="rathaus"}'
    async with watched.town.staff({MEMBER: "talked"}):
        await asyncio.to_thread(until, lambda: watched.counted(there), sites.EVERY + 30)
        await asyncio.to_thread(until, lambda: "SiteAway" not in watched.prometheus.firing(), 20)
    await asyncio.to_thread(until, lambda: "SiteAway" in watched.prometheus.firing(), sites.EVERY + 30)
    assert watched.prometheus.firing()["SiteAway"]["annotations"]["summary"].startswith(
        "No telephone of the site rathaus"
    )


def test_a_shift_that_has_gone_is_an_alert_and_one_that_is_back_is_none(watched: Watched) -> None:
    assert not watched.prometheus.firing().keys() & {"NoAttendant", "AttendantAway", "ControlAway", "AsteriskAway"}
    watched.town.end("attend")
    try:
        until(lambda: watched.prometheus.firing().keys() >= {"NoAttendant", "AttendantAway"}, 60)
        assert watched.prometheus.firing()["NoAttendant"]["annotations"]["description"].startswith("0 attendants are")
    finally:
        watched.town.begin("attend")
    until(lambda: not watched.prometheus.firing().keys() & {"NoAttendant", "AttendantAway"}, 60)
