"""What the voice said once, it need not say again for every town: hundreds of texts for each, and always the same.

Only the tests' own towns are prepared with it; tests of the voice have it speak.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np

from orchestrator.asterisk.archive import cache
from orchestrator.compile import sounds, speech

KEPT = cache() / "tests-spoken"
"""Of this user, beside the programs: a file for each voice, text and language."""
CODE = hashlib.sha256(b"".join(Path(str(each.__file__)).read_bytes() for each in (sounds, speech))).digest()
"""What sounds are made by: other code may make other ones."""
_speak, _store = speech.speak, sounds.store


def _remembered(voice: speech.Voice, text: str, language: str) -> tuple[speech.Samples, int]:
    """What `voice` says, or said before in just that way."""
    path = _kept(voice, text, language, ".npz")
    if not path.exists():
        samples, rate = _speak(voice, text, language)
        beside = _beside(path)
        np.savez(beside, samples=samples, rate=rate)
        beside.replace(path)
    with np.load(path) as kept:
        return np.asarray(kept["samples"], np.float32), int(kept["rate"])


def recording(voice: speech.Voice, text: str, language: str) -> Path:
    """A WAV file of it, to be copied."""
    path = _kept(voice, text, language, ".wav")
    if not path.exists():
        beside = _beside(path)
        write_wav(beside, *_remembered(voice, text, language))
        beside.replace(path)
    return path


def _stored(samples: speech.Samples, rate: int, beside: Path) -> None:
    """As `sounds.store`, of what was stored before a copy."""
    kept = KEPT / hashlib.sha256(b"%s %d %s" % (CODE, rate, samples.tobytes())).hexdigest()[:32]
    for suffix in sounds.RATES:
        path = kept.with_suffix(suffix)
        if not path.exists():
            _store(samples, rate, _beside(path))
            for each in sounds.RATES:
                _beside(path).with_suffix(each).replace(kept.with_suffix(each))
        beside.parent.mkdir(parents=True, exist_ok=True)
        target = beside.with_suffix(suffix)
        shutil.copyfile(path, _beside(target))  # others may play what is there
        _beside(target).replace(target)


def write_wav(path: Path, samples: speech.Samples, rate: int) -> None:
    """A mono 16-bit WAV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(speech.linear(samples))


def _kept(voice: speech.Voice, text: str, language: str, ending: str) -> Path:
    said = hashlib.sha256(repr((voice.argv, voice.name, text, language)).encode()).hexdigest()[:32]
    KEPT.mkdir(parents=True, exist_ok=True)
    return KEPT / f"{said}{ending}"


def _beside(path: Path) -> Path:
    """What is written first: other processes and threads may read or write the same."""
    return path.with_name(f"{path.stem}.{os.getpid()}.{threading.get_ident()}{path.suffix}")


@contextmanager
def remembered() -> Iterator[None]:
    """Within it nothing is spoken, nor put into Asterisk's formats, twice."""
    with patch.object(speech, "speak", _remembered), patch.object(sounds, "store", _stored):
        yield
