"""Random keys in random boxes: what is said is true, no message is lost or doubled, and every call comes to an end."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from orchestrator.domain.mailbox_keys import KEYS
from orchestrator.domain.mailbox_texts import prompt
from orchestrator.messages.api import NoSuchMessage, owner
from orchestrator.messages.mailbox import DELETED, HEARD, NEW
from orchestrator.messages.telephone.dialogue import Heard, Turn
from orchestrator.messages.telephone.session import MENUS
from tests.databases import current
from tests.on_the_line import OnTheLine, Town, heard, town
from tests.spools import message

Answer = TypeVar("Answer")
BOXES = ("10", "40", "3501")
RIGHTS = {"tel10": {"40"}, "tel2500": {"10"}, "tel2501": {"10", "3501"}}
PINS = {"10": "271828", "40": "314159", "3501": "161803"}
COUNTS = re.compile(
    r"Sie haben (?:(keine) Nachrichten"
    r"|(?:(\d+|eine) neue(?: Nachricht(?:en)?\.| und) ?)?(?:(\d+|eine) gespeicherte Nachricht(?:en)?\.)?)"
)
SILENT = 8
"""Turns in a row without a key after which a call is over: those that end by themselves, and then three."""


class AnyKeys(RuleBasedStateMachine):
    """Somebody at one telephone, or from outside, and somebody else who changes the same boxes."""

    keys = st.sampled_from("0123456789*#")
    ids = st.sampled_from([f"m{number}" for number in range(8)])
    boxes = st.sampled_from(BOXES)

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.loop = asyncio.Runner()
        self.stack = AsyncExitStack()
        root = Path(self._folder.name)
        self.town: Town = self.run(self.stack.enter_async_context(town(current(root), root)))
        self.there: dict[str, set[str]] = {box: set() for box in BOXES}
        """Every message that was ever left or forwarded."""
        self.line: OnTheLine = self.town.line()
        self.rights: set[str] = set()
        self.playing = ""
        self.old: list[int] = []
        self.recordings = 0

    def run(self, what: Coroutine[Any, Any, Answer]) -> Answer:
        return self.loop.run(what)

    def teardown(self) -> None:
        if self.line.last.play:
            for _ in range(SILENT):
                if self.line.last.then == "done":
                    break
                self.step(Heard(turn=self.line.last.turn))
            assert self.line.last.then == "done", "a silent caller is sent off"
        self.run(self.stack.aclose())
        self.loop.close()
        self._folder.cleanup()

    @initialize(
        phone=st.sampled_from(["", *RIGHTS]), left=st.lists(st.tuples(boxes, ids), min_size=4, max_size=12), pin=boxes
    )
    def comes(self, phone: str, left: list[tuple[str, str]], pin: str) -> None:
        for box, id_ in left:
            self.leave(box, id_)
        for box, chosen in PINS.items():
            self.town.pins.change(box, chosen)
        self.line = self.town.line(phone)
        self.rights = RIGHTS.get(phone, set())
        self.step(None)
        if not phone:
            self.rights = {pin}
            self.run(self.line.press(pin, PINS[pin]))
        self.judge()

    @rule(box=boxes, id=ids)
    def leave(self, box: str, id: str) -> None:
        if id not in self.there[box]:
            left = message(self.town.spool, box, id, at=1_795_000_000.0 + len(self.there[box]), seconds=1.6)
            self.run(self.town.messages.received(left))
            self.there[box].add(id)

    @rule(box=boxes, id=ids, what=st.sampled_from(["delete", "mark", "erase"]))
    def somebody_else(self, box: str, id: str, what: str) -> None:
        messages = self.town.messages
        if id in self.there[box]:
            match what:
                case "delete":
                    self.run(messages.delete(owner(box), box, id))
                case "mark":
                    try:
                        self.run(messages.mark(owner(box), box, id, heard=True))
                    except NoSuchMessage:
                        assert self.run(messages.find(owner(box), box, id)).folder == DELETED
                case _:
                    self.run(messages.erase(owner(box), box, id))
                    self.there[box].discard(id)

    @rule(keys=st.lists(keys, min_size=1, max_size=3))
    def press(self, keys: list[str]) -> None:
        for key in keys:
            if not self.asked():
                self.step(Heard(keys=key, turn=self.line.last.turn))

    @rule(choices=st.lists(st.integers(0, 30), min_size=2, max_size=4))
    def knows_the_keys(self, choices: list[int]) -> None:
        """Somebody who does what is asked for, and mostly goes deeper into the menus."""
        for number in choices:
            if self.line.last.then == "done":
                self.comes_again()
            session = self.town.dialogues._lines["1.1"].session
            if self.line.last.then == "record":
                self.says(2.0)
            elif self.line.last.most > 1:
                entered = {
                    "pin": PINS.get(session.typed, "1"),
                    "pin_again": session.typed,
                    "new_pin": PINS.get(session.box, ""),
                }
                self.enter(entered.get(session.at, BOXES[number % 3] if session.at != "until" else "3112"))
            else:
                menu = MENUS.get(session.at)
                known = [each.key for each in KEYS if each.menu == menu and (each.key not in "0*" or number > 24)]
                known = ["1", "1", "1", *known] if session.at == "main" else known
                self.step(Heard(keys=known[number % len(known)] if known else "", turn=self.line.last.turn))

    @rule(keys=st.one_of(boxes, st.sampled_from([*PINS.values(), "3112", "123456", "*"])))
    def enter(self, keys: str) -> None:
        if self.line.last.most > 1:
            self.step(Heard(keys=keys, turn=self.line.last.turn))

    @rule()
    def silence(self) -> None:
        self.step(Heard(turn=self.line.last.turn))

    @rule(seconds=st.sampled_from([0.3, 2.0, 3.0]))
    def says(self, seconds: float) -> None:
        if self.line.last.then == "record":
            self.recordings += 1
            said = self.town.spoken(seconds, f"said{self.recordings}")
            self.step(Heard(recorded=said, turn=self.line.last.turn))

    @rule()
    def comes_again(self) -> None:
        self.step(None)

    @rule(keys=keys, back=st.integers(1, 5))
    def an_old_reply(self, keys: str, back: int) -> None:
        if len(self.old) > back and self.old[-1 - back] != self.line.last.turn:
            before = self.state()
            self.step(Heard(keys=keys, turn=self.old[-1 - back]))
            assert self.state() == before, "nothing is done a second time"

    def asked(self) -> bool:
        """Whether something else than one key is waited for."""
        return self.line.last.most > 1 or self.line.last.then == "record"

    def step(self, heard: Heard | None) -> None:
        if self.line.last.then == "done" and not self.line.caller.phone:
            self.rights = set(BOXES) if heard is None else self.rights  # a PIN of any box may be entered now
        self.run(self.line._next(heard))
        self.old.append(self.line.last.turn)
        self.judge()

    def judge(self) -> None:
        """What was said is true, and nobody is told what is not theirs."""
        turn = self.line.last
        assert turn.then != "call" or (self.line.caller.phone and turn.number == "01711234567")
        for media in turn.play:
            if media.startswith("file:"):
                self.heard(Path(media.removeprefix("file:") + ".wav"))
        if self.old[-2:-1] != [turn.turn]:  # else it is a repetition, and somebody else may have been there
            self.did(turn)
        self.counted()

    def did(self, turn: Turn) -> None:
        """What the last key did is as it was said."""
        box, _, id_ = self.playing.partition("-")
        if prompt("deleted") in turn.play:
            assert self.folder(box, id_) == DELETED
        if prompt("undone") in turn.play:
            assert self.folder(box, id_) in (NEW, HEARD)

    def heard(self, path: Path) -> None:
        spool = self.town.spool
        if path.parent == spool.playing:
            assert path.exists()
            box, id_ = path.stem.split("-", 1)
            assert box in self.rights
            assert id_ in {*self.there[box], *self.forwarded(box)}
            self.playing = path.stem
        else:
            assert path.parent.name in {*self.rights, "dictation"}

    def counted(self) -> None:
        said = " ".join(heard(media) for media in self.line.last.play)
        if "mailbox_key_main_listen" not in str(self.line.last.play):
            return
        found = COUNTS.search(said)
        assert found, said
        new, saved = (0 if not n else 1 if n == "eine" else int(n) for n in found.groups()[1:])
        box = self.town.dialogues._lines["1.1"].session.box
        usage = self.run(self.town.messages.usage(owner(box), box))
        assert box in self.rights
        assert (usage.new, usage.heard) == (new, saved), said

    def folder(self, box: str, id: str) -> str | None:
        try:
            found = self.run(self.town.messages.find(owner(box), box, id))
        except NoSuchMessage:
            return None
        return found.folder

    def state(self) -> dict[str, list[tuple[str, str]]]:
        """Box -> id and folder of each message."""
        return {box: [(each.id, each.folder) for each in self.town.spool.box(box).messages()] for box in BOXES}

    def forwarded(self, box: str) -> set[str]:
        return {id_ for id_, _ in self.state()[box] if f"-to-{box}" in id_}

    @invariant()
    def nothing_is_lost_or_twice(self) -> None:
        for box, found in self.state().items():
            ids = [id_ for id_, _ in found]
            assert len(ids) == len(set(ids))
            assert set(ids) - self.forwarded(box) == self.there[box]
        assert not list(self.town.spool.playing.glob("*.joined"))


TestAnyKeys = pytest.mark.long(AnyKeys.TestCase)
TestAnyKeys.settings = settings(
    max_examples=40,
    stateful_step_count=30,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # a failure is told at once: shrinking takes minutes
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
