"""What differs from telephone to telephone, and which telephone a channel is.

Contexts `<kind>-<last two characters of the id>` hold an extension for each telephone: none of them gets large, and the
same telephone is always in the same one. Belongs here: how they are named and looked into. Not here: what they hold
(outside: `phones`, listening: `desks`, queues: `members`, parking: `offices`, waiting: `single`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from orchestrator.compile.escape import IDENTIFIER, fit
from orchestrator.compile.extensions import Context, Extension, Line
from orchestrator.domain.directory import Directory
from orchestrator.domain.people import OPEN

PHONES = "phones"
"""The kind that every telephone of the house stands in (outside)."""
SHARED = "shared"
"""The kind of those at which anybody can stand."""


def contexts(kind: str, found: Iterable[tuple[str, tuple[Line, ...]]]) -> Iterator[Context]:
    """The contexts of `kind`: (id of a telephone, what is done there), in turn."""
    parts: dict[str, list[Extension]] = {}
    for phone, lines in found:
        id_ = fit(phone, IDENTIFIER)
        parts.setdefault(id_[-2:], []).append(Extension(id_, lines))
    for last, extensions in sorted(parts.items()):
        yield Context(name=f"{kind}-{last}", extensions=tuple(extensions))


def marked(kind: str, phones: Iterable[str]) -> Iterator[Context]:
    """The contexts of a kind of which nothing is done, but asked who stands there."""
    return contexts(kind, ((phone, (Line("Return()"),)) for phone in phones))


def shared(directory: Directory) -> Iterator[Context]:
    """Halls, lifts and gates."""
    return marked(SHARED, sorted(phone.id for phone in directory.phones.values() if phone.kind in OPEN))


def at(kind: str, variable: str) -> str:
    """Where the telephone in `variable` stands: the arguments of a Gosub."""
    return f"{kind}-${{{variable}:-2}},${{{variable}}},1"


def known(kind: str, variable: str) -> str:
    """Whether it stands there."""
    return f"${{DIALPLAN_EXISTS({at(kind, variable)})}}"


def named(variable: str, channel: str) -> tuple[Line, Line]:
    """Sets `variable` to the telephone of the name in the variable `channel`: `PJSIP/tel2500-0000001a` -> `tel2500`."""
    return (Line(f"Set({variable}=${{CUT({channel},/,2)}})"), Line(f"Set({variable}=${{CUT({variable},-,1)}})"))


def calling(variable: str, otherwise: str) -> tuple[Line, ...]:
    """Sets `variable` to the telephone that calls; goes on at the label `otherwise` where that is none of the house."""
    return (
        Line(f'GotoIf($["${{CHANNEL(channeltype)}}" != "PJSIP"]?{otherwise})'),
        Line(f"Set({variable}=${{CHANNEL(endpoint)}})"),
        # To Asterisk, the extensions `trunk-a` and `trunka` are the same, and the latter may be a phone.
        Line(f'GotoIf($["${{{variable}:0:6}}" = "trunk-"]?{otherwise})'),
    )
