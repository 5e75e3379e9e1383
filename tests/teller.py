"""A small dialogue for tests of the mailbox's line, and a real control process that has it.

It counts, collects digits, plays a long file, records, calls and says goodbye, and writes down what it was told.
Belongs here: the least that uses every kind of turn. Not here: the real one.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from orchestrator.messages.telephone.dialogue import Caller, Heard, Turn
from orchestrator.service.control import run
from orchestrator.service.state import State, open_state

MENU = "0123589"
FORBIDDEN, PERMITTED, ROUTE_66 = "0900123456", "+491712345678", "+49110"
STEERING = {"4": "reverse", "6": "forward", "5": "pause"}
OVER = Turn(play=("prompt:thanks",), then="done")
CALLED = {"8": PERMITTED, "9": FORBIDDEN, "7": ROUTE_66}


@dataclass
class Session:
    turn: Turn
    silent: int = 0
    count: int = 0


@dataclass
class Teller:
    """1 counts, 2 collects up to 6 digits, 3 records, 5 plays the long file, 7 8 9 call, 0 ends."""

    folder: Path
    sessions: dict[str, Session] = field(default_factory=dict)

    @property
    def menu(self) -> Turn:
        return Turn(play=("sound:silence/1", f"file:{self.folder / 'long'}"), wait=2.0)

    async def turn(self, caller: Caller, heard: Heard | None) -> Turn:
        session = self.sessions.setdefault(caller.channel, Session(replace(self.menu, turn=1)))
        if heard and heard.turn == session.turn.turn:
            session.turn = replace(self._next(session, heard), turn=session.turn.turn + 1)
        told = {"at": time.time(), "caller": asdict(caller), "heard": heard and asdict(heard)}
        with (self.folder / "told.jsonl").open("a") as file:
            file.write(json.dumps({**told, "turn": session.turn.turn, "then": session.turn.then}) + "\n")
        return session.turn

    def _next(self, session: Session, heard: Heard) -> Turn:
        if session.turn.then == "record":
            said = (f"file:{heard.recorded.removesuffix('.wav')}",) if heard.recorded else ("sound:beeperr",)
            return Turn(play=said)
        if session.turn.most > 1:
            return Turn(play=(f"digits:{heard.keys}",)) if heard.keys else self.menu
        if not heard.keys:
            session.silent += 1
            return OVER if session.silent >= 3 else self.menu
        match heard.keys:
            case "1":
                session.count += 1
                return Turn(play=("prompt:thanks", f"number:{session.count}"))
            case "2":
                return Turn(play=("sound:beep",), most=6)
            case "3":
                return Turn(play=("sound:silence/1",), then="record", limit=5)
            case "5":
                return Turn(play=(f"file:{self.folder / 'long'}",), during=STEERING, wait=1.0)
            case "7" | "8" | "9":
                return Turn(play=("sound:silence/1",), then="call", number=CALLED[heard.keys])
            case "0":
                return OVER
            case _:
                return self.menu


async def control(state: State) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await run(state, stop, lambda _: Teller(state.run))


if __name__ == "__main__":
    asyncio.run(control(open_state(Path(sys.argv[1]))))
