"""The stages of a rollout, each as a function that prepares it and gives what is to be timed."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
import wave
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from orchestrator.compile import sounds, speech
from orchestrator.compile.tree import checksum_of, compile_tree
from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Directory
from orchestrator.domain.prompts import Sound, Sounds
from orchestrator.domain.proof import prove
from orchestrator.rollout import apply as rollout
from orchestrator.service import database, wiring
from orchestrator.service import directory as directories
from orchestrator.service import rollout as service
from orchestrator.service.running import life
from orchestrator.service.state import State, create, open_state
from orchestrator.store import lines
from orchestrator.store.database import open_database
from orchestrator.store.load import load, save
from orchestrator.store.reading import read_files

Work = Callable[[], object]
BOOT_WITHIN = 600.0
"""Seconds that Asterisk may take to start."""


def prepare(folder: Path) -> None:
    """A new state in `folder`/s with the stand-in voice; the files to import lie in `folder`/files."""
    from tests.running_town import CITIZEN  # what it takes along would be in the memory of every stage

    shutil.rmtree(folder / "s", ignore_errors=True)
    state = create(folder / "s")
    tone = np.sin(np.arange(4000) / 3).astype(np.float32) * 0.5
    with wave.open(str(folder / "tone.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(speech.linear(tone))
    path = state.root / "settings.toml"
    voice = f'voice = ["cp", "{folder / "tone.wav"}", "{{out}}"]\n'
    path.write_text(f'{voice}{path.read_text()}provider = "{CITIZEN}:5090"\n')


def _state(folder: Path) -> State:
    return open_state(folder / "s")


def _estimated(directory: Directory) -> Sounds:
    """Sounds as if they had been made: no files."""
    names = sounds.prompts_of(directory)
    return {name: Sound(file=f"town/{at:016x}", seconds={"de": 5.0, "en": 5.0}) for at, name in enumerate(names)}


def _load(state: State) -> Directory:
    async def run() -> Directory:
        engine = open_database(state.database)
        try:
            return await load(engine, directories.today().year)
        finally:
            await engine.dispose()

    return asyncio.run(run())


def reading(folder: Path) -> Work:
    """The files, all of them, into a directory."""
    return lambda: read_files([folder / "files"], 2026)


def saving(folder: Path) -> Work:
    """The directory into the database."""
    found, state = read_files([folder / "files"], 2026), _state(folder)
    asyncio.run(database.prepare(state))
    return lambda: _save(state, found.directory)


def _save(state: State, directory: Directory) -> None:
    async def run() -> None:
        engine = open_database(state.database)
        await save(engine, directory, who="benchmark", what="import", why="")
        await engine.dispose()

    asyncio.run(run())


def loading(folder: Path) -> Work:
    """The database into a directory."""
    state = _state(folder)
    return lambda: _load(state)


def deriving(folder: Path) -> Work:
    """The flows of people and departments."""
    written = _load(_state(folder))
    return lambda: derive(written)


def proving(folder: Path) -> Work:
    """The proof."""
    directory = derive(_load(_state(folder)))
    spoken = _estimated(directory)
    return lambda: {"problems": len(prove(directory, spoken, directories.today()).problems)}


def compiling(folder: Path) -> Work:
    """The tree as text."""
    state = _state(folder)
    directory = derive(_load(state))
    spoken, secrets, exchange = _estimated(directory), wiring.secrets(state), wiring.exchange(state, directory)
    return lambda: {"bytes": sum(map(len, compile_tree(directory, spoken, secrets, exchange).values()))}


def comparing(folder: Path) -> Work:
    """The plan itself, for one person's other name: trees and directories are there."""
    state = _state(folder)
    written = _load(state)
    first = next(iter(written.people.values()))
    people = {**written.people, first.id: replace(first, last_name=first.last_name + "s")}
    secrets, exchange = wiring.secrets(state), wiring.exchange(state, written)
    made = [derive(written), derive(replace(written, people=people))]
    old, new = (
        {**compile_tree(each, _estimated(each), secrets, exchange), directories.APPLIED: lines.write(each)}
        for each in made
    )
    return lambda: {"edits": len(service.compared(made[1], new, old, ()).edits)}


def speaking(folder: Path) -> Work:
    """Every prompt, by the stand-in voice; a cache of its own, so that it is always the first time."""
    state = _state(folder)
    directory = derive(_load(state))
    shutil.rmtree(folder / "speech", ignore_errors=True)
    workshop = replace(wiring.workshop(state), cache=folder / "speech")
    wanted = sounds.prompts_of(directory)
    return lambda: {"prompts": len(sounds.make(wanted, workshop).sounds)}


def planning(folder: Path) -> Work:
    """`durchwahl plan` as a whole, prompts spoken already."""
    state = _state(folder)
    _speech(folder)
    return lambda: {"changes": len(asyncio.run(service.plan(state, _silent)).plan.changes)}


def applying(folder: Path) -> Work:
    """`durchwahl apply` as a whole, Asterisk not running."""
    state = _state(folder)
    _speech(folder)
    return lambda: _apply(state)


def renaming(folder: Path) -> Work:
    """One person has another name; `durchwahl plan`."""
    state = _state(folder)
    _speech(folder)
    written = _load(state)
    first = next(iter(written.people.values()))
    _save(state, replace(written, people={**written.people, first.id: replace(first, last_name=first.last_name + "s")}))
    return lambda: {"changes": len(asyncio.run(service.plan(state, _silent)).plan.changes)}


def writing(folder: Path) -> Work:
    """A whole tree beside, and the swap."""
    state = _state(folder)
    trees = wiring.trees(state)
    tree = {**trees.running(), "asterisk/more.conf": str(time.time())}
    return lambda: asyncio.run(rollout.apply(trees, tree, checksum_of(tree), None)) and None


def booting(folder: Path) -> Work:
    """Asterisk, from its start until it is fully booted."""
    state = _state(folder)
    return lambda: _asterisk(state, dict)


def reloading(folder: Path) -> Work:
    """`durchwahl apply` of one person's name to a running Asterisk that takes calls: reload and read-back are in it."""
    from benchmarks.under_calls import under_calls

    state = _state(folder)
    _speech(folder)
    people = len(_load(state).people)
    return lambda: _asterisk(state, lambda: under_calls(state, 15 + people / 200, lambda: _apply(state)))


STAGES: Mapping[str, Callable[[Path], Work]] = {
    "read files": reading,
    "save": saving,
    "load": loading,
    "derive": deriving,
    "proof": proving,
    "compile": compiling,
    "compare": comparing,
    "speak": speaking,
    "plan, first": planning,
    "apply, first": applying,
    "plan, no change": planning,
    "plan, a name": renaming,
    "boot of Asterisk": booting,
    "apply, a name": reloading,
    "write a tree": writing,
}
"""In the order in which they follow each other in one state."""


def _speech(folder: Path) -> None:
    """What the stand-in says stays out of the user's cache."""
    usual = wiring.workshop
    wiring.workshop = lambda state: replace(usual(state), cache=folder / "speech")


def _silent(done: int, total: int) -> None:
    """Nobody looks."""


def _apply(state: State) -> None:
    applied = asyncio.run(service.apply(state, _silent, checksum="", force=()))
    if not applied.done:
        raise RuntimeError("; ".join(applied.told[:3]))


def _asterisk(state: State, work: Callable[[], Mapping[str, float]]) -> Mapping[str, float]:
    """Start Asterisk, do `work` under it, end it; how long it took to be there, and what `work` told."""
    program = wiring.program("asterisk")
    conf = str(state.current / "asterisk" / "asterisk.conf")
    began = time.perf_counter()
    with (state.log / "asterisk.out").open("ab") as out:
        process = subprocess.Popen((*program.argv, "-f", "-C", conf), stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    try:
        until = began + BOOT_WITHIN
        while not (life(state) and _booted(state, conf)):
            if process.poll() is not None or time.perf_counter() > until:
                raise RuntimeError(f"Asterisk is not up after {time.perf_counter() - began:.0f} s")
            time.sleep(0.05)
        return {"boot": round(time.perf_counter() - began, 2), **work()}
    finally:
        process.terminate()
        process.wait(60)


def _booted(state: State, conf: str) -> bool:
    program = wiring.program("asterisk")
    argv = (*program.argv, "-C", conf, "-rx", "core waitfullybooted")
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env={**os.environ, **program.env})
    return "fully booted" in done.stdout
