"""Trees that somebody edited by hand: named, written anew by the next apply, and nothing that safety judges against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.domain.directory import Directory
from orchestrator.rollout import apply as rollout
from orchestrator.rollout.trees import Trees, read
from orchestrator.service import drift, wiring
from orchestrator.service import rollout as service
from orchestrator.service.state import State
from orchestrator.store.database import brief
from orchestrator.store.load import save
from tests.databases import new_state
from tests.killed import killer
from tests.towns import small, town_flow

WAY_OF_110 = ("exten => 110,1,Goto(emergency,110,1)", "exten => 110,1,NoOp()")


def written() -> Directory:
    """The small town as an admin writes it, not derived."""
    return replace(small(town_flow()), flows={"town": town_flow()}, numbers={"0": "town"})


async def put(state: State, directory: Directory) -> None:
    await save(brief(state.database), directory, who="tests", what="change", why="tests")


async def applied(state: State, force: Sequence[str] = ()) -> service.Applied:
    return await service.apply(state, lambda at, total: None, checksum="", force=tuple(force))


async def planned(state: State) -> service.Planned:
    return await service.plan(state, lambda at, total: None)


@pytest.fixture
async def state(tmp_path: Path) -> State:
    """The small town, applied; no Asterisk."""
    state = new_state(tmp_path / "s")
    await put(state, written())
    assert (await applied(state)).done
    return state


def break_110(state: State) -> None:
    file = state.current / "asterisk/extensions.conf"
    text = file.read_text()
    assert WAY_OF_110[0] in text
    file.write_text(text.replace(*WAY_OF_110, 1))


async def test_a_file_edited_by_hand_is_named_and_written_anew_without_force(state: State) -> None:
    before = wiring.trees(state).running()
    break_110(state)
    plan = await planned(state)
    assert not plan.plan.empty
    assert plan.refusals == (), "110 is mended, not changed"
    assert "asterisk/extensions.conf was changed by hand" in str(plan.notes[0])
    done = await applied(state)
    assert done.done, done.told
    assert "nothing to change" not in done.told[0]
    assert wiring.trees(state).running() == before
    assert (await applied(state)).told == ("nothing to change",)
    assert (await planned(state)).notes == ()


async def test_what_is_dangerous_is_judged_against_what_was_applied(state: State) -> None:
    """The damage looks like what is wanted now: the way of emergency calls changes nevertheless."""
    now = written()
    trunk = next(iter(now.trunks))
    await put(state, replace(now, trunks={trunk: replace(now.trunks[trunk], host="127.0.0.9")}))
    tree = (await planned(state)).tree
    (state.current / "asterisk/pjsip.conf").write_text(tree["asterisk/pjsip.conf"])
    assert [each.name for each in (await planned(state)).refusals] == ["emergency"]
    break_110(state)
    assert [each.name for each in (await planned(state)).refusals] == ["emergency"]


@pytest.mark.parametrize("history", ["whole", "lost"])
async def test_damage_is_mended_together_with_an_edit(state: State, history: str) -> None:
    break_110(state)
    if history == "lost":
        (state.root / "trees/history").unlink()
    now = written()
    phone = next(iter(now.phones))
    await put(state, replace(now, phones={**now.phones, phone: replace(now.phones[phone], label="Neu")}))
    done = await applied(state)
    assert done.done, done.told
    assert WAY_OF_110[0] in (state.current / "asterisk/extensions.conf").read_text()


async def test_a_file_that_is_gone_or_was_put_there_is_damage_too(state: State) -> None:
    for path in ("asterisk/pjsip.conf", "directory.jsonl"):
        (state.current / path).unlink()
        (state.current / "asterisk/more.conf").write_text("[x]\n")
        told = " ".join(str(each) for each in await drift.look(state))
        assert f"file {path} is gone" in told
        assert "file asterisk/more.conf was put there by hand" in told
        assert (await applied(state)).done
        assert (state.current / path).exists()
        assert not (state.current / "asterisk/more.conf").exists()


async def test_drift_looks_at_files_without_an_asterisk_and_says_what_it_could_not_see(state: State) -> None:
    (unseen,) = await drift.look(state)
    assert unseen.kind == "unseen"
    assert "modules" in unseen.what
    assert "Asterisk does not run" in unseen.what
    break_110(state)
    assert [each.kind for each in await drift.look(state)] == ["unseen", "file"]
    (state.root / "trees/history").unlink()
    assert [each.kind for each in await drift.look(state)] == ["unseen", "file"], "by the tree's name alone"


async def test_the_way_back_after_a_repair_does_not_lead_into_the_damage(state: State) -> None:
    trees, first = wiring.trees(state), wiring.trees(state).running()
    now = written()
    phone = next(iter(now.phones))
    await put(state, replace(now, phones={**now.phones, phone: replace(now.phones[phone], label="Neu")}))
    assert (await applied(state)).done
    second = trees.name()
    break_110(state)
    assert (await applied(state)).done
    assert trees.name() != second, "a tree that runs is not removed, so the whole one lies beside"
    assert not (trees.folder / second).exists()
    assert (await service.rollback(state, second)).told == ("nothing to change",)
    assert (await service.rollback(state, 1)).done
    assert trees.running() == first


OLD, NEW = ({f"asterisk/{n}.conf": text * 1000 for n in range(3)} for text in ("old", "new"))
KILLED = {
    "imports": "import asyncio; from pathlib import Path; from orchestrator.rollout import apply, trees",
    "work": 'asyncio.run(apply.apply(trees.Trees(Path(at, "trees"), Path(at, "current")), '
    '{f"asterisk/{n}.conf": "new" * 1000 for n in range(3)}, "new", None))',
}


@pytest.mark.long
async def test_a_repair_that_is_killed_at_any_line_leaves_a_tree(tmp_path: Path) -> None:
    """What runs has the name of what is wanted and other content: it stays whole as it is until the new one runs."""
    damaged, seen = {**NEW, "asterisk/1.conf": "damaged"}, set()
    with killer(**KILLED, files=("/rollout/trees.py", "/rollout/apply.py", "/rollout/record.py")) as killing:
        for line in range(1000):
            at = tmp_path / str(line)
            (at / "trees").mkdir(parents=True)
            trees = Trees(at / "trees", at / "current")
            await rollout.apply(trees, OLD, "old", None)
            await rollout.apply(trees, NEW, "new", None)
            (at / "current/asterisk/1.conf").write_text("damaged")
            survived = killing.survives(at, line)
            running = trees.running()
            assert running in (damaged, NEW), f"killed at line {line}: {sorted(running)}"
            seen.add(running == NEW)
            await rollout.apply(trees, NEW, "new", None)
            assert read(trees.current) == NEW
            assert trees.kept()[0] == trees.name()
            if survived:
                assert seen == {True, False}
                return
    pytest.fail("the apply never came to its end")
