"""A private Asterisk with nothing but the compiled dialplan: phones that dial there, and where their calls went.

It has no SIP at all, so each trunk is out of order, and every call ends by itself.
"""

from __future__ import annotations

import json
import time
import urllib.request
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from orchestrator.asterisk.address import Address
from orchestrator.compile import templates
from orchestrator.compile.codes import UNKNOWN
from orchestrator.compile.tree import dialplan
from orchestrator.domain.directory import Directory
from orchestrator.journal import cel
from orchestrator.journal.cel import Event
from tests import asterisk_instance
from tests.asterisk_instance import Instance
from tests.test_compile import sounds

PARK = "\n[park]\nexten => s,1,Answer()\n same => n,Wait(1.5)\n"
MODULES = ("func_cut", "func_db", "func_groupcount", "func_lock", "app_exec", "func_vmcount")


@dataclass(frozen=True, kw_only=True)
class Went:
    """Where one call came to."""

    kind: str
    number: str
    """As the trunk gets it; inside, the place where the call began."""
    shown: str


class Desks:
    """The phones of one directory on one Asterisk."""

    def __init__(self, instance: Instance) -> None:
        self.instance, self.used = instance, 0

    def switch(self, says: str) -> None:
        """Set the kill switch as `durchwahl outside` does: a key of Asterisk's database."""
        self.dials([("nobody", says)], context="switch")

    def dials(
        self,
        calls: Iterable[tuple[str, str]],
        *,
        context: str = "from-phones",
        at: float = 0.0,
        hold: bool = False,
        by: str = "",
    ) -> list[Went]:
        """(phone, number) -> where it went, in turn; all at once, or with `hold` each while the one before is on.

        `by` is a phone that puts them through.
        """
        began = self.instance.journal.stat().st_size if self.instance.journal.exists() else 0
        made = []
        for phone, number in calls:
            self.used += 1
            made.append((f"desk{self.used}", number))
            more = {"TESTTIME": str(int(at))} if at else {}
            more |= {"BLINDTRANSFER": f"PJSIP/{by}-00000001"} if by else {}
            self._originate(made[-1][0], number, context, {"PHONE": phone, **more})
            time.sleep(0.15 if hold else 0.01)
        deadline = time.monotonic() + 60
        while self.instance.left_over():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        time.sleep(0.2)
        events = list(cel.read(self.instance.journal, began).events)
        return [_went([event for event in events if event.channel == id_], number) for id_, number in made]

    def has_called(self, phone: str) -> None:
        """Somebody abroad whom `phone` called and put through to somebody else, and who is on the line for a while."""
        self._originate(f"called{self.used}", phone, "called", {})
        time.sleep(0.3)

    def _originate(self, id_: str, number: str, context: str, variables: Mapping[str, str]) -> None:
        asked = {"endpoint": "Local/s@park/n", "context": context, "extension": number, "channelId": id_}
        originate(self.instance.address, {**asked, "formats": "slin", "variables": variables})


def originate(address: Address, asked: Mapping[str, object]) -> None:
    """Make a call with variables of its own, which only the body of a request can carry."""
    token = b64encode(f"{address.user}:{address.password}".encode()).decode()
    headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{address.url}/channels", json.dumps(asked).encode(), headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310
        pass


def _went(events: list[Event], dialled: str) -> Went:
    for event in events:
        if event.kind == "PLACE":
            place = event.mark.partition(".")
            if place[0] == "outside":
                return Went(kind=place[2], number=event.extension, shown=event.caller)
            return Went(kind="inside", number=event.mark, shown="")
        if event.extension == "refused" or event.context == UNKNOWN:
            return Went(kind="refused", number="", shown="")
    raise AssertionError(f"{dialled}: came to nothing: {events}")


@contextmanager
def desks(folder: Path, directory: Directory, more: str = "") -> Iterator[Desks]:
    """An exchange with the dialplan of `directory`, and `more` of it."""
    contexts = tuple(dialplan(directory, sounds(directory), str(folder / "spool")))
    text = templates.render("extensions.conf.j2", contexts=contexts, town="test", variables=()) + PARK
    text += (
        "\n[switch]\nexten => _[a-z_].,1,Set(DB(switched/outside)=${EXTEN})\n same => n,Goto(from-phones,refused,1)\n"
        "\n[called]\nexten => _[a-z_].,1,Set(GROUP(called)=${EXTEN})\n same => n,Wait(1)\n" + more
    )
    with (
        patch.object(asterisk_instance, "MODULES", [*asterisk_instance.MODULES, *MODULES]),
        patch.object(asterisk_instance, "BOOT_LIMIT", 30.0),
    ):
        instance = Instance(folder, text, {})
        instance.start()
    try:
        yield Desks(instance)
    finally:
        instance.kill()
