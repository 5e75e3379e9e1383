"""The list of phones and where their emergency calls lead: what is in it, and what is missing."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.domain.audit import GRAVE, audit
from orchestrator.domain.directory import Directory
from orchestrator.domain.proof import prove
from orchestrator.domain.town import Site, Trunk
from tests.test_cli import durchwahl
from tests.test_import import GOOD
from tests.towns import TODAY, small


def test_each_phone_with_what_its_emergency_calls_need() -> None:
    judged = audit(small())
    assert judged.findings == ()
    assert [entry.phone for entry in judged.entries] == ["tel10", "tel2500", "tel2501"]
    entry = judged.entries[1]
    assert (entry.name, entry.site, entry.address, entry.emergency) == (
        *("Anna Grün", "Rathaus", "Markt 1", "+4962052110"),
    )
    assert (entry.trunks, entry.permission, entry.shown) == ("provider", "mobile", "+496205212500")


def site(**changed: object) -> Directory:
    town = small()
    return replace(town, sites={"rathaus": replace(town.sites["rathaus"], **changed)})  # type: ignore[arg-type]


def elsewhere() -> Directory:
    town = small()
    return replace(town, phones={**town.phones, "tel10": replace(town.phones["tel10"], site="mond")})


def old_exchange() -> Directory:
    return replace(site(trunk="old"), trunks={**small().trunks, "old": Trunk(id="old", host="192.0.2.9", public=False)})


def another_area() -> Directory:
    town = site(emergency_number="+4962177110", address="Am Rand 1")
    return replace(town, town=replace(town.town, heads=("+4962177",)), numbers={**town.numbers, "110": "town"})


@pytest.mark.parametrize(("directory", "code", "where"), [
    (elsewhere(), "phone_without_site", "phone tel10"),
    (site(address=" "), "site_without_address", "site rathaus"),
    (site(emergency_number="+4930123456"), "foreign_emergency_number", "site rathaus"),
    (site(trunk="nowhere"), "unknown_trunk", "site rathaus"),
    (replace(small(), trunks={}), "no_trunk", "trunks"),
    (old_exchange(), "private_trunk", "site rathaus"),
    (site(emergency_number="+4962052177"), "no_call_back", "site rathaus"),
    (another_area(), "emergency_area", "site rathaus"),
])  # fmt: skip
def test_what_is_missing_is_told_and_what_is_grave_is_a_problem(directory: Directory, code: str, where: str) -> None:
    (finding,) = audit(directory).findings
    assert (finding.code, finding.where) == (code, where)
    assert finding.what
    assert finding.todo
    problems = {problem.code for problem in prove(directory, {}, TODAY).problems}
    assert (code in problems) == (code in GRAVE)


def test_a_site_that_no_phone_has_is_judged_too() -> None:
    town = small()
    empty = Site(id="halle", name="Halle", address="", emergency_number="+4962052110")
    (finding,) = audit(replace(town, sites={**town.sites, "halle": empty})).findings
    assert (finding.code, finding.where) == ("site_without_address", "site halle")


def test_the_command(tmp_path: Path) -> None:
    state, file = tmp_path / "s", tmp_path / "town.yaml"
    file.write_text(GOOD)
    for arguments in (("init",), ("import", str(file))):
        assert durchwahl(state, *arguments).returncode == 0
    told = durchwahl(state, "audit")
    assert told.returncode == 1  # nobody answers 10, to which its site's emergency calls are called back
    assert "tel2500" in told.stdout
    assert "Rathaus, Markt 1" in told.stdout
    assert "emergency +4962052110 by provider; may call mobile, shows +496205212500" in told.stdout
    assert "site rathaus: a control centre that calls +4962052110 back" in told.stdout
    assert "[no_call_back]" in told.stdout
    assert "to do: name a number that is answered at this site" in told.stdout
    assert json.loads(durchwahl(state, "audit", "--json").stdout)["findings"][0]["code"] == "no_call_back"
    (row,) = csv.DictReader(durchwahl(state, "audit", "--csv").stdout.splitlines(), delimiter=";")
    assert (row["phone"], row["site"], row["emergency"]) == ("tel2500", "Rathaus", "'+4962052110")
    file.write_text(GOOD.replace("6205 2110", "6205 2130"))
    assert durchwahl(state, "import", str(file)).returncode == 0
    assert durchwahl(state, "audit").returncode == 0
