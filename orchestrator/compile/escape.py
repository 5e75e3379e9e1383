"""One rule per grammar for every name that comes from the directory.

Free text (names, labels) reaches only configuration values and caller ids, never the dialplan: what the dialplan
needs is an identifier and is held to its grammar here. What displays show is letters, digits and ` ./+-` of a name
(domain.display.SHOWN). An identifier that does not fit raises; text is made to fit.
"""

from __future__ import annotations

import re

from orchestrator.domain import numbers
from orchestrator.domain.flow import NAME

PLACE = re.compile(rf"{NAME.pattern}\.{NAME.pattern}")
IDENTIFIER = NAME
PREFIX = re.compile(r"\+?[0-9]+")
DIGITS = re.compile(r"[0-9]+")
E164 = numbers.E164
SOUND = re.compile(r"[a-z0-9_/-]+")
DIALLED = re.compile(r"[0-9]*\+?[0-9]+#?")
CIRCLE = re.compile(r"[a-z][a-z0-9_]*")
CODE = re.compile(r"[*#][0-9*#]*")
ZONE = re.compile(r"[A-Za-z0-9_+/-]+")
HOST = re.compile(r"[A-Za-z0-9.:\[\]-]+")
SOURCE = re.compile(r"[A-Za-z0-9.:-]+(/[0-9]{1,3})?")
ACCOUNT = re.compile(r"[A-Za-z0-9_.+@-]+")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class Unfit(ValueError):
    """An identifier that its grammar does not allow: a directory that was not proved."""


def fit(value: str, grammar: re.Pattern[str]) -> str:
    """`value` if it is of `grammar`; raises Unfit."""
    if not grammar.fullmatch(value):
        raise Unfit(f"{value!r} does not match {grammar.pattern}")
    return value


def conf(text: str) -> str:
    """Free text as the value of a configuration line: one line, no comment, no include, no template."""
    line = _UNPRINTABLE.sub(" ", text).strip()
    return re.sub(r"[;\\]", "", line).lstrip("#<>=[ ")


PASSWORD = re.compile(r"[!-~]{1,200}")
"""Printable ASCII without spaces."""


def password(text: str) -> str:
    """A password of somebody else's choice as the value of a configuration line; raises Unfit."""
    return fit(text, PASSWORD).replace(";", "\\;")


def caller_name(text: str) -> str:
    """Free text as the display name of a caller id, to be written between double quotes."""
    return re.sub(r'["<>]', "", conf(text))


def voicemail(text: str) -> str:
    """Free text as a field of a mailbox line in voicemail.conf, where commas and bars separate."""
    return re.sub(r"[,|=&>]", " ", conf(text)).strip()
