"""Rollouts: planned as things, refused when dangerous, never half done, undone when Asterisk disagrees."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.asterisk.rest import Rest
from orchestrator.compile.stubs import flows_in
from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Speak
from orchestrator.domain.problems import Problem
from orchestrator.rollout import apply as rollout
from orchestrator.rollout.plan import Change, differing, plan, things
from orchestrator.rollout.safety import refusals
from orchestrator.rollout.trees import Busy, Trees, read
from orchestrator.service import directory as directories
from orchestrator.service import rollout as service
from orchestrator.service import wiring
from orchestrator.service.errors import ServiceError
from orchestrator.service.running import FEW, Running, connected
from orchestrator.service.watching import look
from orchestrator.store.database import brief
from orchestrator.store.load import save
from tests import hurry
from tests.databases import new_state
from tests.killed import killer
from tests.running_town import Town, world, wrong
from tests.test_compile import compiled
from tests.towns import MONDAY_10, small, town_flow


def without(town: Directory, *people: str) -> Directory:
    return replace(town, people={id_: p for id_, p in town.people.items() if id_ not in people})


def test_a_plan_names_things_not_lines() -> None:
    before = compiled(small())
    phones = small().phones
    renamed = replace(small(), phones={**phones, "tel10": replace(phones["tel10"], label="Empfang")})
    change = plan(compiled(renamed), before)
    assert change.changes == (
        Change(kind="endpoint", name="tel10", action="update"),
        Change(kind="extension", name="flow-t_10 ring", action="update"),  # the name that others' displays show
    )
    assert set(change.reloads) == {"res_pjsip.so", "pbx_config.so"}
    assert change.restart == ()
    assert plan(before, before).empty
    assert plan(before, before).reloads == ()


def test_a_plan_leads_from_the_old_things_to_the_new() -> None:
    town = small()
    fewer = derive(
        replace(without(town, "p3501"), flows={"town": town.flows["town"]}, numbers={"0": "town", "77": "town"})
    )
    old, new = compiled(town), compiled(fewer)
    change = plan(new, old)
    names = set(dict(things(old)))
    for each in change.changes:
        if each.action == "delete":
            names.discard((each.kind, each.name))
        elif each.action == "create":
            names.add((each.kind, each.name))
    assert names == set(dict(things(new)))


def test_what_is_dangerous_is_refused_by_name() -> None:
    tree = compiled(small())
    text = tree["asterisk/extensions.conf"]
    empty = {"asterisk/extensions.conf": ""}
    assert {refusal.name for refusal in refusals(differing(empty, tree), tree, ())} == {
        "deletions",
        "emergency",
        "operator",
    }
    moved = {
        **tree,
        "asterisk/extensions.conf": text.replace("exten => 0,1,Goto(flow-town,door", "exten => 0,1,Goto(x,y"),
    }
    assert [refusal.name for refusal in refusals(differing(moved, tree), tree, ())] == ["operator"]
    problem = Problem(code="dead_end", where="town.desk", what="is one")
    assert [refusal.name for refusal in refusals(differing(tree, tree), tree, [problem])] == ["problems"]
    for file, before, after in (
        ("extensions", "Set(EMERGENCY=+4962052110)", "Set(EMERGENCY=+4962052119)"),
        ("extensions", "Set(TRUNKS=trunks)", "Set(TRUNKS=trunks-other)"),
        ("extensions", "exten => 112,1,Goto(emergency,112,1)", "exten => 112,1,Goto(emergency,110,1)"),
        (
            "extensions",
            "exten => 112,1,Dial(PJSIP/${EXTEN}@trunk-provider,180,ib(silent-trunk^goes^1))",
            "exten => 112,1,NoOp()",
        ),
        ("extensions", "Set(CALLERID(num)=${EMERGENCY})", "Set(CALLERID(num)=1)"),
        ("pjsip", "sip:127.0.0.1:5090", "sip:127.0.0.9"),
    ):
        name = f"asterisk/{file}.conf"
        assert before in tree[name]
        elsewhere = {**tree, name: tree[name].replace(before, after)}
        assert [refusal.name for refusal in refusals(differing(elsewhere, tree), tree, ())] == ["emergency"], before
    allowed = {**tree, "asterisk/extensions.conf": text.replace("PERMISSION=mobile", "PERMISSION=abroad")}
    assert [*refusals(differing(allowed, tree), tree, ())] == []


def test_one_apply_at_a_time(tmp_path: Path) -> None:
    trees = Trees(tmp_path, tmp_path / "current")
    with trees.alone(), pytest.raises(Busy), trees.alone():
        pass
    with trees.alone():
        pass


KILLED = {
    "imports": "import asyncio; from pathlib import Path; from orchestrator.rollout import apply, trees",
    "work": 'asyncio.run(apply.apply(trees.Trees(Path(at, "trees"), Path(at, "current")), '
    '{f"asterisk/{n}.conf": "new" * 1000 for n in range(3)}, "new", None))',
}


def test_a_tree_that_somebody_deleted_does_not_run(tmp_path: Path) -> None:
    """Else an apply of the same directory would have nothing to do, and Asterisk nothing to start with."""
    trees = Trees(tmp_path, tmp_path / "current")
    trees.write({"a": "b"}, "one")
    trees.swap("one")
    assert trees.name() == "one"
    shutil.rmtree(tmp_path / "one")
    assert (trees.name(), trees.running()) == ("", {})


@pytest.mark.long
async def test_killed_at_every_line_it_is_the_old_tree_or_the_new(tmp_path: Path) -> None:
    old = {f"asterisk/{n}.conf": "old" * 1000 for n in range(3)}
    new = {f"asterisk/{n}.conf": "new" * 1000 for n in range(3)}
    seen = set()
    with killer(**KILLED, files=("/rollout/trees.py", "/rollout/apply.py", "/rollout/record.py")) as killing:
        for line in range(1000):
            at = tmp_path / str(line)
            (at / "trees").mkdir(parents=True)
            trees = Trees(at / "trees", at / "current")
            await rollout.apply(trees, old, "old", None)
            survived = killing.survives(at, line)
            running = trees.running()
            assert running in (old, new), f"killed at line {line}: a mixture"
            seen.add(trees.name())
            await rollout.apply(trees, new, "new", None)  # and an apply after it is as good as ever
            assert read(trees.current) == new
            assert trees.kept()[0] == "new"
            if survived:
                assert seen == {"old", "new"}
                return
    pytest.fail("the apply never came to its end")


async def keep(town: Town, written: Directory) -> service.Applied:
    await save(brief(town.state.database), written, who="tests", what="change", why="tests")
    return await service.apply(town.state, lambda done, total: None, checksum="", force=())


async def test_a_change_reaches_a_running_asterisk_and_can_be_undone(town: Town) -> None:
    written = hurry.directory()
    try:
        person = replace(
            written.people["p2501"], first_name="Änne", box="", extension="2599", id="p2599", phones=("neu99",)
        )
        phone = replace(written.phones["tel2501"], id="neu99", extension="2599", label="Neu")
        more = replace(
            without(written, "p2512"),
            people={**without(written, "p2512").people, "p2599": person},
            phones={**written.phones, "neu99": phone},
        )
        applied = await keep(town, more)
        assert applied.done, applied.told
        assert "read back" in applied.told[0]
        async with connected(town.state) as running:
            assert running
            assert await running.differences(wiring.trees(town.state).running()) == []
        stub = wiring.trees(town.state).running()["asterisk/extensions.conf"].partition("[flow-n_2512]")[2]
        assert "exten => =gone," in stub.partition("\n[")[0]
        journey, _ = await town.test_call(world(MONDAY_10), number="2599")
        assert journey.flow == "n_2599" if "n_2599" in town.directory.flows else journey.steps
        back = await service.rollback(town.state, 1)
        assert back.done, back.told
        text = wiring.trees(town.state).running()["asterisk/extensions.conf"]
        assert "n_2599" not in flows_in(text)
        assert "[flow-n_2599]" in text, "a caller may still be in it"
        again = await service.rollback(town.state, 1)
        assert again.done, again.told
        assert "n_2599" in flows_in(wiring.trees(town.state).running()["asterisk/extensions.conf"])
    finally:
        assert (await keep(town, written)).done
    assert (await directories.check(town.state)).problems == ()


async def test_an_apply_that_was_killed_before_the_reload_is_finished_by_the_next(town: Town) -> None:
    trees = wiring.trees(town.state)
    before = trees.running()
    wanted = {
        **before,
        "asterisk/extensions.conf": before["asterisk/extensions.conf"] + "[more]\nexten => x1,1,NoOp()\n",
    }

    class Killed:
        async def reload(self, module: str) -> None:
            raise KeyboardInterrupt

        async def differences(self, tree: object, changed: object) -> object:
            raise AssertionError

    with pytest.raises(KeyboardInterrupt), trees.alone():
        await rollout.apply(trees, wanted, "wanted", Killed())  # type: ignore[arg-type]
    seen = await look(town.state)
    assert {"an apply was interrupted: run `durchwahl apply` again", "extension more x1 is missing"} <= set(
        seen.problems
    )
    applied = await service.apply(town.state, lambda done, total: None, checksum="", force=())
    assert applied.done, applied.told
    assert await wrong(town.state) == []


async def test_nothing_is_changed_under_an_asterisk_that_does_not_answer(town: Town) -> None:
    trees, pid = wiring.trees(town.state), town.processes["asterisk"].pid
    name = trees.name()
    changed = hurry.directory()
    phone = replace(changed.phones["tel2500"], label="anders")
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(ServiceError, match="does not let us in"):
            await keep(town, replace(changed, phones={**changed.phones, "tel2500": phone}))
        assert trees.name() == name
        assert any("does not answer" in problem for problem in (await look(town.state)).problems)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert (await keep(town, hurry.directory())).done


async def test_the_same_tree_again_mends_what_asterisk_lost(town: Town) -> None:
    """Somebody removed an extension at the command line of Asterisk."""
    asterisk, conf = wiring.program("asterisk"), town.state.current / "asterisk" / "asterisk.conf"
    command = (*asterisk.argv, "-C", str(conf), "-rx", "dialplan remove extension door@flow-town")
    await asyncio.to_thread(subprocess.run, command, check=True, timeout=5, capture_output=True)
    assert "extension flow-town door is missing" in (await look(town.state)).problems
    assert (await keep(town, hurry.directory())).done
    assert await wrong(town.state) == []


async def test_a_small_change_is_read_back_where_it_is_and_a_large_one_whole(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    extensions = Running._extensions

    async def noted(self: Running, **only: str) -> dict[str, list[tuple[str, str]]]:
        asked.append(only.get("Context", ""))
        return await extensions(self, **only)

    monkeypatch.setattr(Running, "_extensions", noted)
    plain = hurry.directory()
    renamed = {**plain.people, "p2501": replace(plain.people["p2501"], first_name="Änne")}
    longer = {id_: replace(person, ring_seconds=person.ring_seconds + 1) for id_, person in plain.people.items()}
    assert len(longer) > FEW
    try:
        assert (await keep(town, replace(plain, people=renamed))).done
        assert asked
        assert "" not in asked
        asked.clear()
        assert (await keep(town, replace(plain, people=longer))).done
        assert asked == [""]
    finally:
        assert (await keep(town, plain)).done


async def test_a_module_that_an_earlier_version_did_not_load_is_loaded(town: Town) -> None:
    Rest(wiring.ari(town.state)).ask("DELETE", "asterisk", "modules", "app_dtmfstore.so")
    missing = "module app_dtmfstore.so is missing"
    assert missing in (await look(town.state)).problems
    assert (await keep(town, hurry.directory())).done
    assert missing not in (await look(town.state)).problems


async def test_problems_can_be_forced_where_something_can_be_compiled(tmp_path: Path) -> None:
    state = new_state(tmp_path / "s")
    dead_end = replace(town_flow().steps["door"], closed="town.bye")  # type: ignore[call-arg]
    for changed, done in (({"door": dead_end}, True), ({"english": Speak(language="x y", then="town.box")}, False)):
        flow = town_flow(**changed)  # type: ignore[arg-type]
        written = replace(small(flow), flows={"town": flow}, numbers={"0": "town"})  # as before it was derived
        await save(brief(state.database), written, who="tests", what="", why="")
        refused = await service.apply(state, lambda at, total: None, checksum="", force=())
        assert not refused.done
        assert "refused (problems)" in refused.told[0]
        forced = await service.apply(state, lambda at, total: None, checksum="", force=("problems",))
        assert forced.done is done, forced.told


@pytest.mark.parametrize(
    ("reads", "why"),
    [pytest.param("broken", "AMI Reload", marks=pytest.mark.long), ("old", "extension more x1 is missing")],
)
async def test_a_tree_that_asterisk_reads_otherwise_is_undone(town: Town, reads: str, why: str) -> None:
    trees = wiring.trees(town.state)
    before, name = trees.running(), trees.name()
    text = before["asterisk/extensions.conf"]
    instead = text.replace("[flow-d_zentrale]", "[flow-d_zentrale", 1) if reads == "broken" else text
    wanted = {**before, "asterisk/extensions.conf": text + "\n[more]\nexten => x1,1,NoOp()\n"}
    async with connected(town.state) as running:
        assert running

        class Lossy:
            """Asterisk, made to read another file where it should read the wanted one."""

            async def reload(self, module: str) -> None:
                if trees.name() == "wanted":
                    (trees.current / "asterisk/extensions.conf").write_text(instead)
                await running.reload(module)

            async def differences(self, tree: object, changed: object) -> object:
                return await running.differences(tree, changed)  # type: ignore[arg-type]

        outcome = await rollout.apply(trees, wanted, "wanted", Lossy())  # type: ignore[arg-type]
        assert not outcome.done
        assert any(why in difference for difference in outcome.differences), outcome
        assert trees.name() == name
        assert await running.differences(before) == []
    journey, different = await town.test_call(world(MONDAY_10))
    assert (different, journey.outcome) == ("", "message")
