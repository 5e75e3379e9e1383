"""Send a dead worker's callers back to their places, over plain REST.

Standard library only: this runs in the shift's parent. Belongs here: whom to send back, and where to. Not here: who is
dead (shift). The worker must be dead already: ARI asks nobody whose caller it is, so one that wakes up again could
still command callers who have gone on.
"""

from __future__ import annotations

import logging
import re
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.asterisk.errors import NOT_THERE, AlreadyOver, Refused
from orchestrator.asterisk.rest import Rest

log = logging.getLogger(__name__)

ATTENDANT = re.compile(r"attendant-\d+")
MOST_TRIES = 9
"""Playbacks are called `<channel>-<try>`, with tries from 1 to this."""
LAST_WORDS = 0.02
"""Seconds for Asterisk to read what the dead one had already said, so that we do not talk across it."""
WAYS: Sequence[Mapping[str, str]] = ({"label": "resume"}, {"label": "native"}, {"priority": "1"})
"""Where in a place callers are sent: the next one where an apply took the label, at last the place itself, or `i`."""
ROUNDS = 5
"""How often we look again for callers who were just being claimed."""
REMEMBERED = 1000
"""Rescued callers whose place we remember."""


class Rescue:
    """Rescues callers. `rescued` counts them since the start."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._places: OrderedDict[str, str] = OrderedDict()
        self.rescued = 0

    def everyone(self) -> int:
        """Rescue whoever is found with any attendant; for a shift that has just begun. Raises NotConnected, Refused."""
        found = self._rest.ask("GET", "applications")
        return sum(self.callers_of(app["name"]) for app in found if ATTENDANT.fullmatch(app["name"]))

    def callers_of(self, app: str) -> int:
        """Rescue all callers of the dead attendant `app`; how many. Raises NotConnected, Refused."""
        sent: set[str] = set()
        for _ in range(ROUNDS):
            time.sleep(LAST_WORDS)
            waiting = [channel for channel in self._channels(app) if channel not in sent]
            if not waiting:
                break
            for channel in waiting:
                self._send_back(channel)
                sent.add(channel)
        self.rescued += len(sent)
        return len(sent)

    def _channels(self, app: str) -> Sequence[str]:
        try:
            found: Any = self._rest.ask("GET", "applications", app)
        except AlreadyOver:
            return ()  # Asterisk has forgotten the name: nobody is there
        return tuple(found.get("channel_ids", ()))

    def _send_back(self, channel: str) -> None:
        """To the place where the caller is; the second time from the same place to its native rendition."""
        try:
            at = self._rest.ask("GET", "channels", channel)["dialplan"]
            context, step = at["context"], at["exten"]
            again = self._places.pop(channel, None) == f"{context},{step}"
            self._remember(channel, f"{context},{step}")
            self._silence(channel)
            self._go_on(channel, context, step, WAYS[1:] if again else WAYS)
        except AlreadyOver:
            pass  # hung up or gone on while we looked
        except Refused as error:
            log.warning("%s is left to its deadline: %s", channel, error)  # the others must not wait for this one

    def _go_on(self, channel: str, context: str, step: str, ways: Sequence[Mapping[str, str]]) -> None:
        """By the first of `ways` that the dialplan has, if the caller is still there. Raises Refused."""
        for way in ways:
            try:
                self._rest.ask("POST", "channels", channel, "continue", context=context, extension=step, **way)
                return
            except AlreadyOver as over:
                if over.status != NOT_THERE:
                    return  # gone on by themselves, and perhaps with a fellow already

    def _silence(self, channel: str) -> None:
        """Stop what plays: `continue` would wait for its end. One plays at a time."""
        for attempt in range(1, MOST_TRIES + 1):
            try:
                self._rest.ask("DELETE", "playbacks", f"{channel}-{attempt}")
            except AlreadyOver:
                continue
            return

    def _remember(self, channel: str, place: str) -> None:
        self._places[channel] = place
        if len(self._places) > REMEMBERED:
            self._places.popitem(last=False)
