"""Sound as numbers: reading and writing the few file formats that prompts and recordings have.

Belongs here: samples and files. What they mean (a tone, a prompt) is in hearing.py.
Source: ITU-T G.711 for a-law; RIFF/WAVE with 16-bit linear PCM.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

RATE = 8000
"""Samples a second on the telephone."""


@dataclass(frozen=True, kw_only=True)
class Sound:
    """One channel, 16 bits: samples from -32768 to 32767."""

    rate: int = RATE
    samples: Sequence[int] = ()

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate

    def part(self, start: float, end: float | None = None) -> Sound:
        """From second `start` to second `end`."""
        last = None if end is None else round(end * self.rate)
        return Sound(rate=self.rate, samples=self.samples[round(start * self.rate) : last])

    def narrow(self) -> Sound:
        """At telephone rate: 16 kHz becomes 8 kHz by the mean of two; good enough to compare, not to listen to."""
        if self.rate == RATE:
            return self
        if self.rate != 2 * RATE:
            raise ValueError(f"{self.rate} samples a second: only {RATE} and {2 * RATE} are known here")
        even, odd = self.samples[0::2], self.samples[1::2]
        return Sound(samples=array("h", ((a + b) // 2 for a, b in zip(even, odd, strict=False))))


class NotSound(ValueError):
    """The file is none of the formats that are known here."""


def read_sound(path: Path) -> Sound:
    """A `.wav` (16-bit, one channel, also one that is still being written), `.alaw`, `.sln` or `.sln16` file.

    Raises NotSound and OSError.
    """
    data = path.read_bytes()
    match path.suffix:
        case ".wav":
            return _from_wav(data, path)
        case ".alaw" | ".al":
            return Sound(samples=array("h", map(ALAW.__getitem__, data)))
        case ".sln":
            return Sound(samples=_linear(data))
        case ".sln16":
            return Sound(rate=16000, samples=_linear(data))
        case other:
            raise NotSound(f"{path}: `{other}` is no sound format that is known here (wav, alaw, sln, sln16)")


def write_wav(path: Path, sound: Sound, *, silence: float = 0.0) -> None:
    """Write a WAV file, followed by `silence` seconds that take no room on the disk."""
    body = array("h", sound.samples)
    if sys.byteorder == "big":
        body.byteswap()
    size = 2 * len(body) + 2 * round(silence * sound.rate)
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1, sound.rate,
                       2 * sound.rate, 2, 16, b"data", size)  # fmt: skip
    with path.open("wb") as file:
        file.write(head)
        file.write(body.tobytes())
        file.truncate(len(head) + size)


def wav_is_complete(path: Path) -> bool:
    """Whether the writer has closed the file: only then its header says how long it is."""
    try:
        with path.open("rb") as file:
            head = file.read(44)
        return len(head) == 44 and 0 < struct.unpack("<I", head[40:44])[0] <= path.stat().st_size - 44
    except OSError:
        return False


def _from_wav(data: bytes, path: Path) -> Sound:
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        if not data:  # opened by its writer, nothing written yet
            return Sound()
        raise NotSound(f"{path}: not a WAV file")
    rate, at = 0, 12
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8
        if name == b"fmt ":
            kind, channels, rate, _, _, bits = struct.unpack("<HHIIHH", data[at : at + 16])
            if (kind, channels, bits) != (1, 1, 16):
                raise NotSound(f"{path}: needs 16-bit linear PCM, one channel; has {kind=} {channels=} {bits=}")
        elif name == b"data" and rate:
            end = at + size if size else len(data)  # no size: the writer has not come to an end
            return Sound(rate=rate, samples=_linear(data[at:end]))
        at += size + size % 2
    raise NotSound(f"{path}: a WAV file without sound data")


def _linear(data: bytes) -> array[int]:
    samples = array("h", data[: len(data) // 2 * 2])
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def _expand(code: int) -> int:
    code ^= 0x55
    exponent, mantissa = (code & 0x70) >> 4, code & 0x0F
    value = (mantissa << 4) + 8 if exponent == 0 else ((mantissa << 4) + 0x108) << (exponent - 1)
    return value if code & 0x80 else -value


ALAW = tuple(map(_expand, range(256)))
"""Linear value of each a-law code."""
