"""What the voice said once, it need not say again for every town: hundreds of texts for each, and always the same.

Only the tests' own towns are prepared with it; tests of the voice have it speak.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import numpy as np

from orchestrator.asterisk.archive import cache
from orchestrator.compile import speech

KEPT = cache() / "tests-spoken"
"""Of this user, beside the programs: a file for each voice, text and language."""
_speak = speech.speak


def _remembered(voice: speech.Voice, text: str, language: str) -> tuple[speech.Samples, int]:
    """What `voice` says, or said before in just that way."""
    said = hashlib.sha256(repr((voice.argv, voice.name, text, language)).encode()).hexdigest()[:32]
    path = KEPT / f"{said}.npz"
    if not path.exists():
        samples, rate = _speak(voice, text, language)
        KEPT.mkdir(parents=True, exist_ok=True)
        beside = KEPT / f"{said}.{os.getpid()}.{threading.get_ident()}.npz"  # threads, too, may say the same at once
        np.savez(beside, samples=samples, rate=rate)
        beside.replace(path)  # others may read or write the same
    with np.load(path) as kept:
        return np.asarray(kept["samples"], np.float32), int(kept["rate"])


@contextmanager
def remembered() -> Iterator[None]:
    """Within it nothing is spoken twice."""
    with patch.object(speech, "speak", _remembered):
        yield
