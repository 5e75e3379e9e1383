"""What an apply would change, as things that an admin knows: endpoints, extensions, mailboxes, files. Never lines."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orchestrator.compile.stubs import without_stubs
from orchestrator.compile.tree import checksum_of

_LINE = re.compile(r"^(?:exten => [^,]+,1| same => [1n])(?:\([a-z_]+\))?,(\w+)\((.*)\)$", re.MULTILINE)
_HINT = re.compile(r"^exten => [^,]+,hint,(.*)$", re.MULTILINE)
_TOLD = re.compile(r'"tree": "[0-9a-f]*"')
Tree = Mapping[str, str]
"""Path below the tree -> text."""
Thing = tuple[str, str]
"""Kind and name: (`extension`, `flow-town door`)."""
Things = Mapping[Thing, str]
"""Things with the text that defines each."""

RELOADS = {
    "asterisk/ari.conf": "res_ari.so",
    "asterisk/manager.conf": "manager",
    "asterisk/extensions.conf": "pbx_config.so",
    "asterisk/pjsip.conf": "res_pjsip.so",
    "asterisk/voicemail.conf": "app_voicemail.so",
    "asterisk/queues.conf": "app_queue.so",
    "asterisk/musiconhold.conf": "res_musiconhold.so",
    "asterisk/confbridge.conf": "app_confbridge.so",
    "asterisk/res_parking.conf": "res_parking.so",
    "asterisk/logger.conf": "logger",
}
"""File -> the module that reads it again without a restart."""
TEST_CALLS = "testcall"
"""The endpoint that every exchange has for its own calls: no phone of the directory."""
NUMBERS = "numbers-"
"""How the contexts begin that have the numbers which can be dialled."""
UNREAD = ("attend.json", "directory.jsonl")
"""Files that Asterisk does not read: attendants and control notice a new one themselves."""


@dataclass(frozen=True, kw_only=True, order=True, slots=True)
class Change:
    """One thing that will be different."""

    kind: str
    name: str
    action: str
    """`create`, `update` or `delete`."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that an apply would do."""

    checksum: str
    """Of the desired tree and of what it replaces: an apply of it means exactly this change.

    Stubs of flows that are gone do not count: they go when their time is over, and nobody need read the plan again.
    """
    changes: tuple[Change, ...]
    reloads: tuple[str, ...]
    restart: tuple[str, ...]
    """Files that a running Asterisk reads only at its start."""
    before: int
    """Things that run now."""

    @property
    def empty(self) -> bool:
        return not self.changes

    def count(self, action: str) -> int:
        """How many things are created, updated or deleted."""
        return sum(change.action == action for change in self.changes)


def plan(desired: Tree, running: Tree, found: tuple[Things, Things] | None = None) -> Plan:
    """The difference between two trees; `running` is empty before the first apply. `found`: what `differing` found."""
    new, old = found or differing(desired, running)
    changed = [(*thing, "update" if thing in old else "create") for thing in new]
    changed += [(*thing, "delete") for thing in old if thing not in new]
    files = sorted(path for path in desired.keys() | running.keys() if desired.get(path) != running.get(path))
    digest = hashlib.sha256(f"{checksum_of(_lasting(desired))} {checksum_of(running)}".encode()).hexdigest()
    read = [path for path in files if path not in UNREAD]
    return Plan(
        checksum=digest[:12],
        changes=tuple(Change(kind=kind, name=name, action=action) for kind, name, action in sorted(changed)),
        reloads=tuple(RELOADS[path] for path in read if path in RELOADS),
        restart=tuple(path for path in read if path not in RELOADS) if running else (),
        before=count(running),
    )


def _lasting(tree: Tree) -> Tree:
    """`tree` without what the clock alone takes away: stubs, and the checksum over them that attendants are told."""
    return {
        **tree,
        "asterisk/extensions.conf": without_stubs(tree.get("asterisk/extensions.conf", "")),
        "attend.json": _TOLD.sub("", tree.get("attend.json", ""), count=1),
    }


def differing(desired: Tree, running: Tree) -> tuple[Things, Things]:
    """The things of each tree that the other has not, or has otherwise. Only blocks that differ are taken apart."""
    new: dict[Thing, str] = {}
    old: dict[Thing, str] = {}
    for path in sorted(desired.keys() | running.keys()):
        if path in UNREAD or desired.get(path) == running.get(path):
            continue
        mine, theirs = dict(_blocks(path, desired.get(path, ""))), {}
        for name, body in _blocks(path, running.get(path, "")):
            if mine.get(name) == body:
                del mine[name]
            else:
                theirs[name] = body
        for name in sorted(mine.keys() | theirs.keys()):
            here, there = _things(path, name, mine.pop(name, "")), _things(path, name, theirs.pop(name, ""))
            new |= {thing: text for thing, text in here.items() if there.get(thing) != text}
            old |= {thing: text for thing, text in there.items() if here.get(thing) != text}
    return new, old


def things(tree: Tree) -> Iterator[tuple[Thing, str]]:
    """Every meaningful thing of a tree with the text that defines it."""
    for path, text in tree.items():
        for name, body in _blocks(path, text):
            yield from _things(path, name, body).items()


def endpoints(tree: Tree) -> Mapping[str, str]:
    """The sections of pjsip.conf by name."""
    return dict(_blocks("asterisk/pjsip.conf", tree.get("asterisk/pjsip.conf", "")))


def lines(extension: str) -> list[tuple[str, str]]:
    """The priorities of one written extension: application and its data, in turn."""
    return [*((devices, "") for devices in _HINT.findall(extension)), *_LINE.findall(extension)]


def _blocks(path: str, text: str) -> Iterator[tuple[str, str]]:
    """The blocks of a file by name: contexts, sections of one name together, mailboxes, or the file as one."""
    match path:
        case "asterisk/extensions.conf" | "asterisk/queues.conf":
            yield from _sections(text)
        case "asterisk/pjsip.conf":
            joined: dict[str, str] = {}
            for name, body in _sections(text):
                joined[name] = f"{joined[name]}\n{body}" if name in joined else body
            yield from joined.items()
        case "asterisk/voicemail.conf":
            yield from ((line.partition(" ")[0], line) for line in re.findall(r"^\d+ => .*$", text, re.MULTILINE))
        case _:
            yield from (("", text),) if text else ()


def _sections(text: str) -> Iterator[tuple[str, str]]:
    """Each `[name]` and what follows it, one at a time: a dialplan may have a hundred million characters."""
    start = 0 if text.startswith("[") else text.find("\n[") + 1
    while text[start : start + 1] == "[":
        end = text.find("\n[", start)
        name, _, body = text[start + 1 : len(text) if end < 0 else end].partition("]")
        yield name, body
        if end < 0:
            return
        start = end + 1


def _things(path: str, name: str, body: str) -> dict[Thing, str]:
    """What an admin knows of one block, with the text that defines it."""
    if path in UNREAD or not body:
        return {}
    match path:
        case "asterisk/extensions.conf":
            parts = (part.strip() for part in body.split("\nexten => ")[1:])
            return {("extension", f"{name} {part.partition(',')[0]}"): f"exten => {part}" for part in parts}
        case "asterisk/pjsip.conf":
            return {("endpoint", name): body}
        case "asterisk/voicemail.conf":
            return {("mailbox", name): body}
        case "asterisk/queues.conf":
            return {("queue", name): body}
        case _:
            return {("file", path): body}


def count(tree: Tree) -> int:
    """How many things a tree has."""
    return sum(
        text.count("\nexten => ") if path == "asterisk/extensions.conf" else len(dict(_blocks(path, text)))
        for path, text in tree.items()
        if path not in UNREAD
    )


def counted(tree: Tree) -> Mapping[str, int]:
    """How many a tree has of what an admin counts: phones, trunks, mailboxes, numbers that can be dialled."""
    found = Counter(kind for name, body in endpoints(tree).items() if (kind := kind_of(("endpoint", name), body)))
    found["mailboxes"] = len(dict(_blocks("asterisk/voicemail.conf", tree.get("asterisk/voicemail.conf", ""))))
    for name, body in _sections(tree.get("asterisk/extensions.conf", "")):
        if name.startswith(NUMBERS):
            found["numbers"] += body.count("\nexten => ")
    return found


def kind_of(thing: Thing, text: str) -> str:
    """What an admin counts a thing among; empty if it is part of something else."""
    match thing:
        case "endpoint", name if name.startswith("trunk-"):
            return "trunks"
        case "endpoint", name if text.startswith("(phone)") and name != TEST_CALLS:
            return "phones"
        case "mailbox", _:
            return "mailboxes"
        case "extension", name if name.startswith(NUMBERS):
            return "numbers"
        case _:
            return ""
