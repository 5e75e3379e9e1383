"""What an apply would change, as things that an admin knows: endpoints, extensions, mailboxes, files. Never lines."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_LINE = re.compile(r"^(?:exten => [^,]+,1| same => n)(?:\([a-z_]+\))?,(\w+)\((.*)\)$", re.MULTILINE)
Tree = Mapping[str, str]
"""Path below the tree -> text."""
Thing = tuple[str, str]
"""Kind and name: (`extension`, `flow-town door`)."""

RELOADS = {
    "asterisk/extensions.conf": "pbx_config.so",
    "asterisk/pjsip.conf": "res_pjsip.so",
    "asterisk/voicemail.conf": "app_voicemail.so",
    "asterisk/musiconhold.conf": "res_musiconhold.so",
    "asterisk/logger.conf": "logger",
}
"""File -> the module that reads it again without a restart."""
UNREAD = ("attend.json", "directory.json")
"""Files that Asterisk does not read: attendants and control notice a new one themselves."""


@dataclass(frozen=True, kw_only=True, order=True)
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
    """Of the desired tree and of what it replaces: an apply of it means exactly this change."""
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


def plan(desired: Tree, running: Tree) -> Plan:
    """The difference between two trees; `running` is empty before the first apply."""
    new, old = dict(things(desired)), dict(things(running))
    changes = [Change(kind=kind, name=name, action="create") for kind, name in new.keys() - old.keys()]
    changes += [Change(kind=kind, name=name, action="delete") for kind, name in old.keys() - new.keys()]
    changes += [Change(kind=k, name=n, action="update") for k, n in new.keys() & old.keys() if new[k, n] != old[k, n]]
    files = sorted(path for path in desired.keys() | running.keys() if desired.get(path) != running.get(path))
    digest = hashlib.sha256(repr((sorted(desired.items()), sorted(running.items()))).encode()).hexdigest()
    read = [path for path in files if path not in UNREAD]
    return Plan(
        checksum=digest[:12],
        changes=tuple(sorted(changes)),
        reloads=tuple(RELOADS[path] for path in read if path in RELOADS),
        restart=tuple(path for path in read if path not in RELOADS) if running else (),
        before=len(old),
    )


def things(tree: Tree) -> Iterator[tuple[Thing, str]]:
    """Every meaningful thing of a tree with the text that defines it."""
    for path, text in tree.items():
        match path:
            case "asterisk/extensions.conf":
                yield from _extensions(text)
            case "asterisk/pjsip.conf":
                yield from _sections("endpoint", text)
            case "asterisk/voicemail.conf":
                for line in re.findall(r"^\d+ => .*$", text, re.MULTILINE):
                    yield ("mailbox", line.partition(" ")[0]), line
            case _ if path in UNREAD:
                continue
            case _:
                yield ("file", path), text


def lines(extension: str) -> list[tuple[str, str]]:
    """The priorities of one written extension: application and its data, in turn."""
    return [(application, data) for application, data in _LINE.findall(extension)]


def _extensions(text: str) -> Iterator[tuple[Thing, str]]:
    for context, body in _blocks(text):
        for extension in re.split(r"^(?=exten => )", body, flags=re.MULTILINE):
            if extension.startswith("exten => "):
                name = extension.removeprefix("exten => ").partition(",")[0]
                yield ("extension", f"{context} {name}"), extension.strip()


def _sections(kind: str, text: str) -> Iterator[tuple[Thing, str]]:
    """Sections of one name (endpoint, auth, aor) are one thing."""
    joined: dict[str, str] = {}
    for name, body in _blocks(text):
        joined[name] = joined.get(name, "") + body
    for name, body in joined.items():
        yield (kind, name), body


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    parts = re.split(r"^\[([^\]]+)\](.*)$", text, flags=re.MULTILINE)
    for name, template, body in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        yield name, template + body
