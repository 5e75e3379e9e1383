"""No secret is committed: every tracked file is looked at for keys, logins in addresses, and values that look random.

In the manner of gitleaks, with a few rules of our own: what is known by its form, and what is long, without a word in
it, and given to something that is called a secret.
"""

from __future__ import annotations

import hashlib
import math
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FORMS = {
    "private key": re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----\s*\n?[A-Za-z0-9+/=\s]{40}"),
    "key of a cloud": re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bAIza[\w-]{35}\b"),
    "token of a forge": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{40,}|glpat-[\w-]{20,})"),
    "token of a chat": re.compile(r"\bxox[abpr]-[A-Za-z0-9-]{10,}"),
    "token of a registry": re.compile(r"\b(?:pypi-AgE|npm_)[\w-]{30,}"),
    "signed token": re.compile(r"\beyJ[\w-]{15,}\.eyJ[\w-]{15,}\.[\w-]{20,}"),
    "login in an address": re.compile(r"\b[a-z][a-z0-9+]{1,20}://[^\s/:@{}<>\"'$]+:([^\s/:@{}<>\"'$…]{3,})@[\w\[]"),
}
GIVEN = re.compile(
    r"(?i)\b[\w-]*(?:password|passwd|passwort|secret|token|api_?key|master|pin)[\w-]*[\"']?\s*(?:[:=]|=>)\s*[\"']?"
    r"([\w+/=.~-]{16,})"
)
"""A value of something that is called a secret."""
HEX = re.compile(r"(?<![\w:/-])[0-9a-f]{64}(?![\w-])")
"""As `secrets/master` is written; also a checksum, which has a prefix or stands in a lock."""
RANDOM = 3.5
"""Bits a character from which on a text is no word: 32 letters and digits of ours have 4 and more."""
LOCKS = ("requirements/", "tests/golden/")
"""Checksums of packages; and configuration compiled with a master that is 32 equal bytes (test_compile)."""
LARGEST = 2_000_000


def tracked() -> list[Path]:
    """The files that are committed, or would be; outside of a checkout, those that are there."""
    asked = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    try:
        listed = (
            subprocess.run(asked, cwd=ROOT, capture_output=True, check=True, timeout=60).stdout.decode().split("\0")
        )
    except (OSError, subprocess.SubprocessError):
        return [path for path in ROOT.rglob("*") if path.is_file() and not {".venv", ".git"} & set(path.parts)]
    return [ROOT / name for name in listed if name and (ROOT / name).is_file()]


def entropy(text: str) -> float:
    """Bits a character."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())


def looks_random(text: str) -> bool:
    """Whether a value has digits and letters mixed as no name has; a call or a name of something is none."""
    return entropy(text) >= RANDOM and len(re.findall(r"(?<=[a-zA-Z])\d|\d(?=[a-zA-Z])", text)) >= 3


def secrets(name: str, text: str) -> Iterator[str]:
    """What in a file looks like a secret, with the line."""
    for kind, form in FORMS.items():
        yield from (
            f"{_at(name, text, hit)}: {kind}" for hit in form.finditer(text) if not _example(hit[hit.lastindex or 0])
        )
    if not name.startswith(LOCKS):
        yield from (f"{_at(name, text, hit)}: random" for hit in GIVEN.finditer(text) if looks_random(hit[1]))
        yield from (f"{_at(name, text, hit)}: 32 bytes" for hit in HEX.finditer(text) if entropy(hit[0]) > 3)


def _at(name: str, text: str, hit: re.Match[str]) -> str:
    return f"{name}:{text.count(chr(10), 0, hit.start()) + 1}"


def _example(text: str) -> bool:
    """A password of the tests' own servers, which are gone with the test: it says itself that it is secret."""
    return "geheim" in text or text in ("wrong", "PASSWORD")


def test_no_secret_is_committed() -> None:
    found: list[str] = []
    files = tracked()
    assert len(files) > 400
    for path in files:
        if path.stat().st_size <= LARGEST:
            found += secrets(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8", errors="replace"))
    assert found == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("state/secrets/master", hashlib.sha256(b"any").hexdigest()),
        ("docs/a.md", "password = " + "k3v7q2x5" + "n4m6p7w2a3z7b5t6"),
        ("a.py", 'TOKEN = "' + "ghp_" + "x" * 36 + '"'),
        ("settings.toml", "postgresql://durchwahl:" + "hunter2" + "@db.stadt.example/x"),
        ("tls.key", "-----BEGIN RSA " + "PRIVATE KEY-----\n" + "MIIEow" * 12),
        ("ari.conf", "[attendant]\npassword = " + "qzv2m3k7xw5tn4d6ahc2yrj5pb3ue7gs"),
    ],
)
def test_what_is_committed_by_mistake_would_be_found(name: str, text: str) -> None:
    assert list(secrets(name, text))


def test_words_and_names_are_none() -> None:
    for text in (
        "password = wiring.secrets(state).of('sip:testcall')",
        "secret: The word that is typed at the telephone",
        "TOKEN = DURCHWAHL_DIALOGUE_TOKEN",
        "database = postgresql://durchwahl@db.stadt.example/durchwahl",
    ):
        assert not list(secrets("a.py", text)), text
