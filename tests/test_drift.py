"""A running Asterisk that was changed behind its back: `durchwahl drift` names each thing, and an apply mends it."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from orchestrator.service import drift, wiring
from orchestrator.service.rollout import apply
from orchestrator.service.running import connected
from tests.console import console
from tests.running_town import Town


def edited(town: Town, path: str, old: str, new: str) -> None:
    """A file of the tree that runs, changed by hand."""
    file = town.state.current / "asterisk" / path
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def unloaded(town: Town) -> None:
    console(town, "module unload res_musiconhold.so")


def extension(town: Town) -> None:
    console(town, "dialplan add extension ghost,1,NoOp into flow-town")


def other_application(town: Town) -> None:
    console(town, "dialplan remove extension bye=gone@flow-town")
    console(town, "dialplan add extension bye=gone,1,NoOp into flow-town")


def phone(town: Town) -> None:
    edited(town, "pjsip.conf", "<2500>", "<2599>")
    console(town, "module reload res_pjsip.so")
    edited(town, "pjsip.conf", "<2599>", "<2500>")


def stranger(town: Town) -> None:
    edited(town, "pjsip.conf", "; Test calls of", "[ghost](phone)\naors = ghost\n[ghost](phone-aor)\n\n; Test calls of")
    console(town, "module reload res_pjsip.so")


def user(town: Town) -> None:
    edited(town, "manager.conf", "[control]", "[ghost]\nsecret = x\nread = all\nwrite = all\n\n[control]")
    console(town, "manager reload")
    edited(town, "manager.conf", "[ghost]\nsecret = x\nread = all\nwrite = all\n\n", "")


def box(town: Town) -> None:
    edited(town, "voicemail.conf", "[town]\n", "[town]\n4711 => 123987,Ghost,,,\n")
    console(town, "module reload app_voicemail.so")


CHANGES: dict[str, tuple[Callable[[Town], None], set[str]]] = {
    "module": (unloaded, {"module res_musiconhold.so is missing"}),
    "extension": (extension, {"extension flow-town ghost is still there"}),
    "phone": (phone, {"endpoint tel2500 has callerid"}),
    "stranger": (stranger, {"file asterisk/pjsip.conf was changed by hand"}),
    "user": (user, {"user ghost of AMI may log in, and no tree says so"}),
    "box": (box, {"file asterisk/voicemail.conf was changed by hand"}),
}


async def mended(town: Town) -> None:
    """The tree as it was compiled, and all of it read again."""
    applied = await apply(town.state, lambda done, total: None, checksum="", force=())
    assert applied.done, applied.told


async def test_there_is_no_drift_after_an_apply(town: Town) -> None:
    await mended(town)
    assert await drift.look(town.state) == ()


@pytest.mark.long
@pytest.mark.parametrize("change", CHANGES)
async def test_what_was_changed_behind_its_back_is_named(town: Town, change: str) -> None:
    act, named = CHANGES[change]
    await mended(town)
    try:
        act(town)
        told = [str(each) for each in await drift.look(town.state)]
        for words in named:
            assert any(words in line for line in told), told
        assert all("to do:" in line for line in told)
    finally:
        if change == "module":
            console(town, "module load res_musiconhold.so")
        await mended(town)
        if change == "user":
            console(town, "manager reload")
    assert await drift.look(town.state) == ()


async def test_drift_of_an_exchange_that_does_not_answer_could_not_be_seen(town: Town) -> None:
    os.kill(town.processes["asterisk"].pid, 19)
    try:
        (unseen,) = await drift.look(town.state)
        assert unseen.kind == "unseen"
        assert "does not let us in" in unseen.what
    finally:
        os.kill(town.processes["asterisk"].pid, 18)


async def test_what_an_endpoint_does_is_read_back(town: Town) -> None:
    tree = wiring.trees(town.state).running()["asterisk/pjsip.conf"]
    section = tree.partition("[tel2500](phone)")[2].partition("\n[")[0]
    async with connected(town.state) as running:
        assert running
        assert await running.endpoints({"tel2500": section}) == []
        for old, new in (("from-phones", "elsewhere"), ("<2500>", "<9999>"), ("2500@town", "1@town")):
            wrong = section.replace(old, new) if old in section else f"{section}\ncontext = {new}\n"
            found = await running.endpoints({"tel2500": wrong})
            assert len(found) == 1, found
            assert "endpoint tel2500 has" in found[0]
            assert new in found[0]
