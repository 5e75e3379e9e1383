"""Which of the things that Asterisk gets come of which edit of the directory, and which merely follow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from orchestrator.domain.edits import Edit
from orchestrator.rollout.plan import Change

Key = tuple[str, str]
"""What a thing of Asterisk is made of: (`phone`, `tel2500`), (`flow`, `n_2500`)."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """Changes by what they are made of."""

    of: Mapping[Edit, tuple[Change, ...]]
    """What Asterisk gets for each edit; some get nothing."""
    follows: Mapping[Key, tuple[Change, ...]]
    """What nobody edited and is different nevertheless: what rings a phone that is gone, settings of this machine."""


def account(edits: Iterable[Edit], changes: Iterable[Change]) -> Account:
    """Each change under the edit that brings it."""
    of: dict[Edit, list[Change]] = {edit: [] for edit in edits}
    follows: dict[Key, list[Change]] = {}
    owners: dict[Key, Edit] = {(edit.kind, edit.name): edit for edit in of}
    for edit in of:
        for key in _made(edit):
            owners.setdefault(key, edit)
    for change in changes:
        key = _key(change)
        (of[owners[key]] if key in owners else follows.setdefault(key, [])).append(change)
    return Account(
        of={edit: tuple(got) for edit, got in of.items()},
        follows={key: tuple(got) for key, got in sorted(follows.items())},
    )


def counted(changes: Iterable[Change]) -> str:
    """`12 extensions, 1 endpoint`."""
    kinds = Counter(change.kind for change in changes)
    return ", ".join(
        f"{number} {kind if number == 1 else 'mailboxes' if kind == 'mailbox' else f'{kind}s'}"
        for kind, number in sorted(kinds.items())
    )


def _made(edit: Edit) -> Iterator[Key]:
    """What is made of an edited thing beside itself."""
    if edit.flow and edit.kind != "number":
        yield "flow", edit.flow
    if edit.kind == "person":
        yield from (("phone", phone) for phone in edit.phones)


def _key(change: Change) -> Key:
    match change.kind:
        case "endpoint" if change.name.startswith("trunk-"):
            return "trunk", change.name.removeprefix("trunk-")
        case "endpoint":
            return "phone", change.name
        case "extension":
            context, _, name = change.name.partition(" ")
            part, _, rest = context.partition("-")
            match part:
                case "flow":
                    return "flow", rest
                case "numbers" if rest:
                    return "number", name
                case "circle" if name.isdigit():
                    return "number", name
                case "desks":
                    return "phone", name
                case "hours":
                    return "schedule", rest
                case _:
                    return "context", context
        case _:
            return change.kind, change.name
