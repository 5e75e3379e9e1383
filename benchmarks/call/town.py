"""The exchanges that are compared: the example town as we run it, and what an admin writes by hand.

Belongs here: what they are. Not here: who calls (load) and what is measured (cost).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import When
from orchestrator.service import ports
from orchestrator.service.state import State
from tests import hurry
from tests.call_back_town import ALWAYS
from tests.ports import area
from tests.running_town import Town, prepared, started
from tests.spoken import write_wav

PHONE = "tel2500"
HEAD, PLAIN = "+496205210", "+496205211"
"""What the provider delivers: the head number, and the one that the plain client answers."""
AREA = HEAD[:-1]
OFFICE = "buergerbuero"
MENU, SECONDS = "town.welcome", 1.0
"""What the menu says takes this long."""
HERE = Path(__file__).parent
RTP_PORTS = 4600
"""For 1,150 calls at once: 400 a second, each for almost three."""
FIRST_RTP = 28000
"""Of all of them, as one is called at a time: above the ports of the tests' exchanges, below those that Linux hands out
itself. Who finds one in use takes another."""


@dataclass(frozen=True, kw_only=True)
class Exchanges:
    """All of them, running. Of those by hand there is only Asterisk."""

    ours: Town
    by_hand: Town
    """The same work."""
    bare: Town
    """A menu and nothing else."""


def directory() -> Directory:
    """The hurried example town, open at any time; the citizens' office has one telephone, which takes every call."""
    town = hurry.directory()
    open_ = {id_: replace(each, schedule=ALWAYS.name) for id_, each in town.departments.items()}
    office = replace(open_[OFFICE], phones=(PHONE,))
    flow = town.flows["town"]
    door = flow.steps["door"]
    assert isinstance(door, When)
    door = replace(door, schedule=ALWAYS.name)
    return replace(
        town,
        schedules={**town.schedules, ALWAYS.name: ALWAYS},
        departments={**open_, OFFICE: office},
        flows={**town.flows, "town": replace(flow, steps={**flow.steps, "door": door})},
    )


@contextmanager
def exchanges(folder: Path) -> Iterator[Exchanges]:
    """All at work; the shift of ours is at home. Raises what starting raises."""
    with ExitStack() as running:
        ours, by_hand, bare = (_prepared(folder / name) for name in ("ours", "by-hand", "bare"))
        _write(by_hand, HERE / "by_hand.conf")
        shutil.copyfile(HERE / "by_hand_cel.conf", by_hand.state.current / "asterisk" / "cel.conf")
        _write(bare, HERE / "bare.conf")
        (bare.state.current / "asterisk" / "cel.conf").write_text("[general]\nenable = no\n")
        running.enter_context(started(ours, ("asterisk", "control")))
        for town in (by_hand, bare):
            running.enter_context(started(town, ("asterisk",)))
        yield Exchanges(ours=ours, by_hand=by_hand, bare=bare)


def _prepared(folder: Path) -> Town:
    def furnish(state: State) -> None:
        tone = np.sin(np.arange(int(8000 * SECONDS)) / 3).astype(np.float32) * 0.5
        for language in ("de", "en"):
            write_wav(state.recorded / language / f"{MENU}.wav", tone, 8000)

    os.environ["DURCHWAHL_CANARY"] = "0"  # what it costs is no part of a call
    folder.mkdir()
    first = area().take(len(ports.SINGLE) + ports.ATTENDANTS)
    listens = ports.spread(first, rtp=FIRST_RTP, rtp_ports=RTP_PORTS)
    state, made, sounds = prepared(folder, directory(), furnish, listens=listens)
    return Town(state, made, sounds, folder / "words.wav", afresh=True)


def _write(town: Town, dialplan: Path) -> None:
    """The same Asterisk with the same telephones, with a dialplan by hand."""
    text = dialplan.read_text().format(
        number=HEAD, plain=PLAIN, people=f"{AREA}XXXX", prompt=town.sounds[MENU].file, phone=PHONE
    )
    (town.state.current / "asterisk" / "extensions.conf").write_text(text)
