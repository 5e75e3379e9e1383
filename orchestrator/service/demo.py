"""`make demo`: the example town on a real Asterisk, real calls by SIP, and what became of each.

Every call is compared with what `explain` says of the same world: the phones here are ours, so all of it is known.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.domain.directory import Directory
from orchestrator.domain.explain import World, explain
from orchestrator.domain.prompts import Sounds
from orchestrator.metrics.exchange import shift
from orchestrator.phone.desk import Answers, Desk, LetsItRing
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import directory as directories
from orchestrator.service import importing, rollout, testcall, up, wiring
from orchestrator.service.errors import ServiceError
from orchestrator.service.questions import keys, start, when
from orchestrator.service.state import State, create

EXAMPLE = Path(__file__).parents[2] / "examples" / "town"
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One call of the demo, and the world that it meets."""

    title: str
    number: str
    at: str
    press: str = ""
    phones: Mapping[str, str] = field(default_factory=dict)
    """Phone -> what it does; all others are not registered."""
    kills: bool = False
    """Whether the attendant is killed in mid-menu."""


SCENES = (
    Scene(
        title="Answered at the desk: Monday morning, key 1 for the citizens' office",
        number="21-0",
        at="2026-11-30 10:00",
        press="1",
        phones={"tel2500": "talked"},
    ),
    Scene(
        title="A message: the same call, nobody picks up, and key 2 while waiting",
        number="21-0",
        at="2026-11-30 10:05",
        press="1,,,,2",
        phones={"tel2500": "nobody"},
    ),
    Scene(title="Sunday: closed, then a message with key 1", number="06205 21-0", at="2026-11-29 10:00", press="1"),
    Scene(
        title="Presses nothing: the menu twice, then the switchboard",
        number="21-0",
        at="2026-11-30 10:10",
        phones={"tel2031": "talked"},
    ),
    Scene(
        title="The attendant is killed in mid-menu: the call goes on at the same place",
        number="21-0",
        at="2026-11-30 10:15",
        press="1",
        phones={"tel2500": "talked"},
        kills=True,
    ),
)


async def demo(state: State, *, once: bool, say: Say) -> bool:
    """Run the example town and its calls; whether every call went where `explain` said."""
    say("loading the example town")
    imported = await importing.plan(state, [EXAMPLE])
    await importing.keep(state, imported, why="demo")
    say(f"  {', '.join(f'{count} {kind}' for kind, count in imported.counts.items())}")
    proof = await directories.check(state)
    say(f"proved: {proof.numbers} numbers, {proof.places} places, {len(proof.problems)} problems;")
    say(f"  a caller who does nothing waits {proof.worst_wait:.0f} s at most (number {proof.worst_number})")
    for line in (await rollout.apply(state, lambda done, total: None, checksum="", force=())).lines():
        say(line)
    say("starting Asterisk, two attendants and control")
    async with up.running(state, lambda text: None):
        directory = await directories.read(state)
        spoken = directories.spoken(state, directory)
        words = testcall.words(state)
        good = [await _scene(state, directory, spoken, scene, words, say) for scene in SCENES]
        say(f"\n{sum(good)} of {len(good)} calls went where `durchwahl explain` said.")
        if not once:
            web = f"http://127.0.0.1:{state.settings().web_port}"
            say(f"\nstill running: status page {web}/  metrics {web}/metrics  state {state.root}")
            command = f".venv/bin/durchwahl --state {state.root} call 21-0 --press 2"
            say(f'another call:  {command} --at "2026-11-30 10:20"\nCtrl-C ends it.')
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
    return all(good)


async def _scene(state: State, directory: Directory, spoken: Sounds, scene: Scene, words: Path, say: Say) -> bool:
    say(f"\n{scene.title}\n  {scene.number} on {scene.at}" + (f", presses {scene.press}" if scene.press else ""))
    world = World(
        at=when(scene.at, directory.town.timezone), keys=keys(scene.press), phones=scene.phones, others="unreachable"
    )
    first = start(directory, testcall.directory_number(directory, scene.number))
    expected = tuple(explain(directory, first, world))
    async with AsyncExitStack() as office:
        for phone, does in scene.phones.items():
            await office.enter_async_context(desk(state, phone, does))
        killer = asyncio.create_task(_kill(state, say)) if scene.kills else None
        settle = 5.0 if scene.kills else 1.0
        wish = testcall.Wish(number=scene.number, press=scene.press, at=scene.at, says=words, settle=settle)
        placed = await testcall.place(state, directory, spoken, wish)
        if killer:
            await killer
    journey = placed.journey
    for step in journey.steps:
        say(f"  {step.at - journey.began:6.1f} s  {step.place:<28} {step.answer}")
    different = testcall.difference(journey, expected)
    waited = f" after {journey.wait:.1f} s" if journey.wait is not None else ""
    say(f"  {journey.outcome} at {journey.place}{waited}; as explained: {different or 'yes'}")
    return not different


def desk(state: State, phone: str, does: str) -> Desk:
    """An employee at a registered phone of the town, who picks up or lets it ring."""
    line = Line(
        number=phone,
        exchange=f"{state.settings().bind}:{state.settings().sip_port}",
        password=wiring.secrets(state).telephone(phone),
        registers=True,
    )
    habit = Answers(after=2.0) if does == "talked" else LetsItRing()
    return Desk(Telephone(wiring.program("baresip"), line), habit)


async def _kill(state: State, say: Say) -> None:
    """Kill both attendants in turn while the caller hears the menu: whoever has the call, it goes on."""
    await asyncio.sleep(2.0)
    for worker in shift(state.shift).get("workers", []):
        if worker.get("up"):
            os.kill(int(worker["pid"]), signal.SIGKILL)
            say(f"         attendant {worker['slot']} (process {worker['pid']}) killed")


def main() -> int:
    """0: every call went where it should; 1: one did not; 2: could not run; 130: interrupted before the last call."""
    root = Path(tempfile.mkdtemp(prefix="durchwahl-demo-"))
    try:
        work = demo(create(root), once="--once" in sys.argv[1:], say=lambda text: print(text, flush=True))
        good = asyncio.run(up.until_signal(work))
    except ServiceError as bad:
        print(f"durchwahl: {bad}\n  to do: {bad.todo}\n  logs: {root / 'log'}", file=sys.stderr)
        return 2
    shutil.rmtree(root, ignore_errors=True)
    if good is None:
        print("interrupted", file=sys.stderr)
        return 130
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
