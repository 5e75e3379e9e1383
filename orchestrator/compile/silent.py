"""A trunk that says not a word to a call: it is given up after some seconds, where SIP itself waits for 32.

Asterisk has one such patience (timer B, RFC 3261 § 17.1.1.2) for everything that it ever asks; made shorter, it would
also end the lamps of a telephone whose line is away for some seconds. So a channel that nobody hears goes with each
call by a trunk: it looks once whether anything was replied, if only that it is tried, and else ends the call there. To
Dial() that trunk then is one that could not be had, and whoever is next is called.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.compile.extensions import Context, Extension, Line

NAME = "silent-trunk"
OPTION = f"b({NAME}^goes^1)"
"""Among the options of a Dial() that calls by a trunk, and nothing else."""
PATIENCE = 3
"""Seconds: the call has been sent three times until then, at 0, 0.5 and 1.5 s."""


def context() -> Context:
    """The context `silent-trunk`."""
    return Context(name=NAME, extensions=(Extension("goes", tuple(_goes())), Extension("s", tuple(_looks()))))


def _goes() -> Iterator[Line]:
    """On the channel by which a call is about to go out."""
    yield Line(f"Originate(Local/s@{NAME},exten,{NAME},s,over,{PATIENCE + 2},av(LEG=${{CHANNEL(name)}}))")
    yield Line("Return()")


def _looks() -> Iterator[Line]:
    """On the one that goes with it. What was replied stands on the channel LEG, as what might end it."""
    yield Line(f"Wait({PATIENCE})")
    yield Line("GotoIf(${CHANNEL_EXISTS(${LEG})}?:over)")
    yield Line('GotoIf($["${IMPORT(${LEG},HANGUPCAUSE_KEYS())}" = ""]?:over)')
    yield Line("SoftHangup(${LEG})")
    yield Line("Hangup()", label="over")
