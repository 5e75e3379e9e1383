"""Kill at every second (design, section 11.3): a prompt of 20 s, a menu, a ring and a message on real Asterisk.

Calls begin one second apart, so that one kill meets calls of every age. Each is followed to its *end*: a rescue that is
cut three seconds later looks like a success until then. Nothing here may depend on which worker had whom.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests import town_dialplan as town
from tests.asterisk_instance import Instance
from tests.journeys import Mark, way, written
from tests.sounds import length, tone
from tests.staff import Staff

PROMPT, WAIT, MESSAGE = 20.0, 2.0, 4
FIRST_PRESS, PRESS_EVERY = 23.3, 4.0
"""A citizen hears the prompt out, waits, and presses 1 into its second try; and again if nothing seems to happen."""
CALLS = 34
"""A call lasts: 20 s prompt, 2 s wait, 1 s of the second try, 2 s ring, 3 s talk, 4 s message. One for each second."""
END_LIMIT = 90.0
"""Seconds after the attack until every call must be over: once more from the beginning with all tries, and a margin."""
EXPECTED = [
    "PLACE test.door",
    "ANSWER test.door=key_1",
    "PLACE test.desk",
    "ANSWER test.desk=talked",
    "PLACE test.box",
    "ANSWER test.box=left",
]


CITIZEN = """
[citizen]
exten => rings,1,Playback(listens)
 same => n(again),SendDTMF(1)
 same => n,Playback(talks)
 same => n,Goto(again)
"""
"""What a caller does, as a dialplan too: it needs no Python, so nothing but the staff can be hit."""


def dialplan(folder: Path) -> str:
    return (
        CITIZEN
        + town.LANDING
        + town.context(
            "test",
            town.menu("test", "door", prompt="long", seconds=PROMPT, wait=WAIT, tries=3, keys=["1"]),
            town.answers("test", "door", {"key_1": "desk", "gave_up": ""}),
            town.native("test", "desk", "Dial(Local/desk@answering,10,g)", "Goto(desk=talked,1)"),
            town.answers("test", "desk", {"talked": "box"}),
            town.native(
                "test", "box", f"Record({folder}/spool/recording/${{UNIQUEID}}.wav,0,{MESSAGE},kq)", "Goto(box=left,1)"
            ),
            town.answers("test", "box", {"left": ""}),
        )
    )


@dataclass(frozen=True, kw_only=True)
class Attack:
    """What is done to the staff, whether a supervisor starts a new shift a second later, and what a caller may notice.

    `silence` is the longest, in seconds, from the attack until a caller in the menu is at a place again; with a new
    shift, from the instant when that has all its workers: how long Python takes to start is the machine's business.
    """

    do: Callable[[Staff], None]
    new_shift: bool = False
    silence: float


ATTACKS = {
    "worker killed": Attack(do=Staff.kill_one, silence=0.5),
    "worker stopped": Attack(do=Staff.stop_one, silence=2.0),
    "parent killed": Attack(do=Staff.kill_parent, new_shift=True, silence=0.5),
    "shift killed": Attack(do=Staff.kill_all, new_shift=True, silence=0.5),
    "everything killed": Attack(do=Staff.kill_all, silence=PROMPT + WAIT + 3.5),
}


@asynccontextmanager
async def exchange(folder: Path) -> AsyncIterator[tuple[Instance, Staff]]:
    lasts = {"long": PROMPT, "listens": FIRST_PRESS, "talks": PRESS_EVERY}
    sounds = {f"{name}.wav": tone(folder / f"{name}.wav", seconds) for name, seconds in lasts.items()}
    instance = Instance(folder, dialplan(folder), sounds)
    menu = {"step": "menu", "prompt": "long", "keys": ["1"], "wait": WAIT, "seconds": {"de": PROMPT}}
    staff = Staff(instance, {"test.door": menu})
    instance.start()
    try:
        staff.begin()
        await staff.ready()
        yield instance, staff
        staff.end()
        instance.assert_empty()
    except BaseException:
        staff.kill_parent()
        raise
    finally:
        instance.kill()


@dataclass(frozen=True, kw_only=True)
class Attacked:
    """What became of an attack: when it was, seconds until the new shift was whole, each call's marks, the log."""

    at: float
    new_shift: float
    found: dict[str, list[Mark]]
    log: str


async def attacked(folder: Path, attack: Attack) -> Attacked:
    """Place the calls, attack when there is one of every age, follow all to the end."""
    async with exchange(folder) as (instance, staff):
        for number in range(CALLS):
            ring(instance, f"call-{number:02}")
            await asyncio.sleep(1)
        at = time.time()
        attack.do(staff)
        new_shift = 0.0
        if attack.new_shift:
            await asyncio.sleep(1)
            staff.begin()
            await staff.ready()
            new_shift = time.time() - at
        async with asyncio.timeout(END_LIMIT):
            while instance.left_over():
                await asyncio.sleep(0.5)
        found = await written(instance.journal, [f"call-{number:02}-line" for number in range(CALLS)])
        log = (folder / "shift.log").read_text()
        return Attacked(at=at, new_shift=new_shift, found=found, log=log)


def ring(instance: Instance, name: str) -> None:
    """One citizen rings the town; the caller in the dialplan is `<name>-line`."""
    query = {"endpoint": "Local/door@flow-test/n", "context": "citizen", "extension": "rings", "formats": "alaw"}
    instance.get("channels?" + urlencode(query | {"channelId": name, "otherChannelId": f"{name}-line"}), "POST")


def judge(name: str, attack: Attack, folder: Path, result: Attacked) -> list[str]:
    """What is wrong with the calls of one attack."""
    wrong: list[str] = []
    hit = []
    at, limit = result.at, result.new_shift + attack.silence
    for number in range(CALLS):
        line = f"call-{number:02}-line"
        marks = result.found.get(line, [])
        if way(marks) != EXPECTED:
            wrong.append(f"{name}: {line} went {[str(mark) for mark in marks]}")
            continue
        recording = folder / "spool/recording" / f"{line}.wav"
        if not length(recording) > MESSAGE - 0.6:
            wrong.append(f"{name}: the message of {line} was cut to {length(recording):.1f} s")
        again = [mark.at - at for mark in marks if mark.at > at and str(mark) == EXPECTED[0]]
        late = [mark.at - at for mark in marks if mark.at > at and mark.kind == "NOTE"]
        hit += (again + late)[:1]
    if hit:
        print(f"{name}: {len(hit)} callers were sent back, after {min(hit):.3f} to {max(hit):.3f} s")
        if max(hit) > limit:
            wrong.append(f"{name}: a caller waited {max(hit):.2f} s, more than {limit:.2f} s")
    else:
        wrong.append(f"{name}: the attack hit nobody")
    return wrong


@pytest.mark.long
@pytest.mark.crowded
async def test_every_call_reaches_its_end(tmp_path: Path) -> None:
    folders = {name: tmp_path / name.replace(" ", "-") for name in ATTACKS}
    for folder in folders.values():
        folder.mkdir()
    results = await asyncio.gather(*(attacked(folders[name], attack) for name, attack in ATTACKS.items()))
    wrong: list[str] = []
    for (name, attack), result in zip(ATTACKS.items(), results, strict=True):
        problems = judge(name, attack, folders[name], result)
        wrong += problems + ([result.log] if problems else [])
    assert not wrong, "\n".join(wrong)
