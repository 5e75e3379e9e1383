"""LDIF (RFC 2849) as `ldapsearch -LLL` writes it: entries with their attributes; and what may stand in a question.

Belongs here: the two grammars. Not here: who is asked (service.ldap) and what an entry means (domain.staff).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence

Entry = Mapping[str, Sequence[bytes]]
"""Attribute in small letters -> its values. `dn` is one of them."""


class BadLdif(ValueError):
    """A text that is no LDIF."""


def entries(text: bytes) -> Iterator[Entry]:
    """Every entry; raises BadLdif. Folded lines are joined, base64 is decoded, comments and references left out."""
    unfolded = re.sub(rb"\r?\n ", b"", text)
    for block in re.split(rb"(?:\r?\n){2,}", unfolded):
        found: dict[str, list[bytes]] = {}
        for line in block.splitlines():
            if line and not line.startswith(b"#"):
                name, value = _attribute(line)
                found.setdefault(name, []).append(value)
        if "dn" in found:
            yield found


def _attribute(line: bytes) -> tuple[str, bytes]:
    name, colon, rest = line.partition(b":")
    if not colon:
        raise BadLdif(f"not an attribute: {line[:60]!r}")
    plain = name.decode("ascii", "replace").partition(";")[0].lower()
    if rest.startswith(b":"):
        try:
            return plain, base64.b64decode(rest[1:].strip(), validate=True)
        except binascii.Error as bad:
            raise BadLdif(f"{plain}: not base64: {bad}") from bad
    return plain, rest.lstrip(b" ")


def text(entry: Entry, attribute: str) -> str:
    """The first value of an attribute as text; empty if it has none. What is not UTF-8 (objectGUID) is in hex."""
    value = next(iter(entry.get(attribute.lower(), ())), b"")
    if attribute.lower() == "objectguid":
        return value.hex()
    try:
        return value.decode("utf-8").strip()
    except UnicodeDecodeError:
        return value.hex()


def balanced(filter_: str) -> bool:
    """Whether a filter is one pair of brackets, as RFC 4515 has it."""
    if not (filter_.startswith("(") and filter_.endswith(")")) or any(ord(each) < 32 for each in filter_):
        return False
    depth = 0
    for at, each in enumerate(filter_):
        depth += (each == "(") - (each == ")")
        if depth < 0 or (depth == 0 and at < len(filter_) - 1):
            return False
    return depth == 0


def is_name(base: str) -> bool:
    """Whether `base` can be a distinguished name (RFC 4514): `ou=people,dc=stadt,dc=example`."""
    part = r"[A-Za-z][A-Za-z0-9-]*=(?:[^,+\"\\<>;\x00-\x1f]|\\[0-9A-Fa-f]{2}|\\[ ,+\"\\<>;#=])+"
    return re.fullmatch(rf"{part}(?:[,+]\s*{part})*", base) is not None
