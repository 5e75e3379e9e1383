"""Recordings as Asterisk writes them, 8 kHz 16 bit mono WAV: repairing, joining, telling speech from silence."""

from __future__ import annotations

import array
import math
import struct
import sys
from pathlib import Path

HEADER, RATE = 44, 8000
SHORTEST = 1.5
"""Seconds below which nothing can have been said."""
SILENT = -50.0
"""dBFS: a quarter of a second must be louder, or nothing was said. Telephone speech is 20 dB and more above that."""
WINDOW = RATE // 4


def repair(path: Path) -> None:
    """Put the true sizes into a header that a crash left at zero. Raises OSError."""
    size = path.stat().st_size
    if size < HEADER:
        return
    with path.open("r+b") as file:
        header = file.read(HEADER)
        if header[:4] != b"RIFF" or header[36:40] != b"data":
            return
        if struct.unpack("<I", header[40:44])[0] != size - HEADER:
            file.seek(4)
            file.write(struct.pack("<I", size - 8))
            file.seek(40)
            file.write(struct.pack("<I", size - HEADER))


def seconds(path: Path) -> int:
    """How long a recording is, in whole seconds, at least one. Raises OSError."""
    return max(1, round((path.stat().st_size - HEADER) / (RATE * 2)))


def join(first: Path, then: Path, to: Path) -> None:
    """Write a recording and, half a second later, another one as a recording of its own. Raises OSError."""
    between = bytes(RATE)
    parts = [each.read_bytes()[HEADER:] for each in (first, then)]
    data = between.join(part[: len(part) // 2 * 2] for part in parts)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, RATE * 2, 2, 16)
    head = struct.pack("<4sI4s", b"RIFF", HEADER - 8 + len(data), b"WAVE") + form
    to.write_bytes(head + struct.pack("<4sI", b"data", len(data)) + data)


def judge(path: Path) -> tuple[float, bool]:
    """Seconds of a recording, and whether anything was said in it. Raises OSError."""
    samples = array.array("h")
    data = path.read_bytes()[HEADER:]
    samples.frombytes(data[: len(data) // 2 * 2])
    if sys.byteorder == "big":
        samples.byteswap()
    length = len(samples) / RATE
    if length < SHORTEST:
        return length, False
    windows = (samples[at : at + WINDOW] for at in range(0, len(samples) - WINDOW + 1, WINDOW))
    return length, any(_level(window) > SILENT for window in windows)


def _level(samples: array.array[int]) -> float:
    power = sum(sample * sample for sample in samples) / len(samples)
    return 10 * math.log10(max(power, 1) / 32768**2)
