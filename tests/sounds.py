"""Sounds for tests: a tone of a given length, so that nobody has to speak."""

from __future__ import annotations

import math
import struct
import wave
from pathlib import Path

RATE = 8000


def tone(path: Path, seconds: float, *, pitch: float = 440.0) -> Path:
    """Write a soft tone of `seconds` (8 kHz, 16 bit, mono)."""
    samples = (int(6000 * math.sin(2 * math.pi * pitch * n / RATE)) for n in range(int(seconds * RATE)))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return path


def length(path: Path) -> float:
    """Seconds that a WAV file lasts."""
    with wave.open(str(path), "rb") as file:
        return file.getnframes() / file.getframerate()
