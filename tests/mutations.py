"""Messages that were right once: INVITE, REGISTER and the offer of a call, changed at random, by a seed.

In the spirit of PROTOS c07, whose cases are not used. Belongs here: making them. Not here: what must be so afterwards.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator

from tests.torture import Pen

WORDS = (
    *(b"", b"%s%n%d", b"\0", b"\xff\xfe", b"-1", b"0", b"4294967296", b"9" * 40, b"A" * 5000, b"<" * 40, b'"', b"\\"),
    *(b"sip:", b"tel:+1", b"@", b";", b",", b"[::1]", b"255.255.255.255", b"${SHELL(id)}", b"../../x", b"\r\n ", b"\t"),
)
"""What is put where a word was."""
WORD = re.compile(rb"[A-Za-z0-9.+-]+")
Change = Callable[[random.Random, bytes], bytes]


def _word(drawn: random.Random, text: bytes) -> bytes:
    found = drawn.choice(list(WORD.finditer(text)) or [re.match(b"", text)])
    return text[: found.start()] + drawn.choice(WORDS) + text[found.end() :] if found else text


def _byte(drawn: random.Random, text: bytes) -> bytes:
    at = drawn.randrange(len(text) or 1)
    return text[:at] + bytes([drawn.randrange(256)]) + text[at + 1 :]


def _cut(drawn: random.Random, text: bytes) -> bytes:
    one, two = sorted(drawn.randrange(len(text) + 1) for _ in range(2))
    return text[:one] + text[two:]


def _again(drawn: random.Random, text: bytes) -> bytes:
    lines = text.split(b"\r\n")
    at = drawn.randrange(len(lines))
    return b"\r\n".join([*lines[:at], *[lines[at]] * drawn.choice((2, 3, 200)), *lines[at + 1 :]])


def _mixed(drawn: random.Random, text: bytes) -> bytes:
    first, *lines = text.split(b"\r\n")
    drawn.shuffle(lines)
    return b"\r\n".join([first, *lines])


CHANGES: tuple[Change, ...] = (_word, _word, _word, _byte, _byte, _cut, _again, _mixed)


def mutated(seed: int, pen: Pen) -> Iterator[bytes]:
    """Without end: requests with their head, their body or both changed once to three times."""
    drawn = random.Random(seed)
    while True:
        head, _, body = pen.asked(drawn.choice(("INVITE", "INVITE", "REGISTER"))).partition(b"\r\n\r\n")
        part = drawn.choice(("head", "body", "both"))
        for _ in range(drawn.randint(1, 3)):
            change = drawn.choice(CHANGES)
            head = change(drawn, head) if part != "body" or not body else head
            body = change(drawn, body) if part != "head" and body else body
        if part != "head":
            head = re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % len(body), head)
        yield (head + b"\r\n\r\n" + body)[:60000]
