"""What a running Asterisk has, asked at its own command line: as somebody with a shell would, not as the product does.

Not here: what it should have (tests/expectation.py).
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.service import wiring
from tests.running_town import Town

ENDPOINT = re.compile(r"^ Endpoint:  ([\w-]+)(?:/(\S+))?  ", re.MULTILINE)
CONTACT = re.compile(r"^      Contact:  (trunk-\w+)/(sip:\S+) ", re.MULTILINE)
BOX = re.compile(r"^town +(\d+) ", re.MULTILINE)
OPTION = re.compile(r"^ (\w+) +: (.*)$", re.MULTILINE)
CONTEXT = re.compile(r"\[ Context '([^']+)' created by 'pbx_config' \]")
LINE = re.compile(r"  (?:'([^']*)' =>|   \[\w+\])? *\d+\. (.*?) +\[\w+\.conf:\d+\]")
INCLUDE = re.compile(r"  Include => +'([^']+)'")

Dialplan = Mapping[str, Mapping[str, tuple[str, ...]]]
"""Context -> extension -> its lines, at most 255 characters of each; what is included stands under the empty one."""


@dataclass(frozen=True, kw_only=True)
class Believed:
    """All that is compared."""

    endpoints: Mapping[str, str]
    """Name -> the number that its calls show; empty for none."""
    contacts: Mapping[str, str]
    """Trunk -> where its calls are sent."""
    boxes: frozenset[str]
    dialplan: Dialplan


def console(town: Town, command: str) -> str:
    """The answer to one command."""
    program, conf = wiring.program("asterisk"), town.state.current / "asterisk" / "asterisk.conf"
    argv = (*program.argv, "-C", str(conf), "-rx", command)
    env = {**os.environ, **program.env}
    return subprocess.run(argv, check=True, timeout=10, capture_output=True, text=True, env=env).stdout


def believed(town: Town) -> Believed:
    """What Asterisk has now."""
    endpoints = console(town, "pjsip show endpoints")
    return Believed(
        endpoints=dict(ENDPOINT.findall(endpoints)),
        contacts=dict(CONTACT.findall(endpoints)),
        boxes=frozenset(BOX.findall(console(town, "voicemail show users"))),
        dialplan=dialplan(console(town, "dialplan show")),
    )


def dialplan(told: str) -> Dialplan:
    """Our part of what `dialplan show` tells."""
    found: dict[str, dict[str, list[str]]] = {}
    extensions: dict[str, list[str]] = {}
    lines: list[str] = []
    for text in told.splitlines():
        if text.startswith("["):
            context = CONTEXT.match(text)
            extensions = found.setdefault(context[1], {}) if context else {}
        elif include := INCLUDE.match(text):
            extensions.setdefault("", []).append(include[1])
        elif line := LINE.fullmatch(text):
            lines = extensions.setdefault(line[1], []) if line[1] is not None else lines
            lines.append(line[2])
    return {
        context: {name: tuple(lines) for name, lines in extensions.items()} for context, extensions in found.items()
    }


def endpoint(town: Town, name: str) -> Mapping[str, str]:
    """Every option of one endpoint."""
    return {key: value.strip() for key, value in OPTION.findall(console(town, f"pjsip show endpoint {name}"))}
