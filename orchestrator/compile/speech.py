"""Texts -> audio, by a voice: any command that reads a text file and writes a WAV.

Belongs here: calling the voice and making what it says fit for a telephone. Not here: which texts (sounds).
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import wave
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

Samples = NDArray[np.float32]
"""Mono audio, -1 to 1."""

PEAK = 10 ** (-3 / 20)
"""Prompts are normalised to -3 dBFS."""
QUIET = 10 ** (-45 / 20)
"""Below -45 dBFS the beginning and end of a prompt are cut off."""
PAUSE = 0.15
"""Seconds of silence kept before and after."""
LIMIT = 30.0
"""Seconds that a voice may take for one text."""


class Unspoken(Exception):
    """A text could not be made into sound; says which and why."""


@dataclass(frozen=True, kw_only=True)
class Voice:
    """How to speak: `{language}`, `{text}` (a file) and `{out}` (a WAV) are filled in."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    name: str
    """Part of each sound's identity: another voice is another sound."""


def espeak(argv: tuple[str, ...], env: Mapping[str, str], version: str) -> Voice:
    """The voice that always works: espeak-ng, a little slower than it is made."""
    options = ("-v", "{language}", "-s", "145", "-p", "45", "-g", "2", "-f", "{text}", "-w", "{out}")
    return Voice(argv=(*argv, *options), env=env, name=f"espeak-ng {version} {' '.join(options)}")


def speak(voice: Voice, text: str, language: str) -> tuple[Samples, int]:
    """What `voice` says, and its rate in Hz; raises Unspoken."""
    with tempfile.TemporaryDirectory() as folder:
        written, out = Path(folder) / "text", Path(folder) / "out.wav"
        written.write_text(text + "\n", encoding="utf-8")
        argv = [part.format(language=language, text=written, out=out) for part in voice.argv]
        try:
            done = subprocess.run(
                argv, env={**os.environ, **voice.env}, capture_output=True, timeout=LIMIT, check=False, text=True
            )
        except (OSError, subprocess.TimeoutExpired) as bad:
            raise Unspoken(f"{text[:40]!r}: {bad}") from bad
        if done.returncode or not out.exists():
            raise Unspoken(f"{text[:40]!r}: {argv[0]} failed: {done.stderr.strip()[-200:]}")
        return read(out)


def read(path: Path) -> tuple[Samples, int]:
    """Any PCM WAV as mono, and its rate in Hz; raises Unspoken for anything else."""
    try:
        with wave.open(str(path)) as file:
            rate, width, channels = file.getframerate(), file.getsampwidth(), file.getnchannels()
            raw = file.readframes(file.getnframes())
    except (OSError, wave.Error, EOFError) as bad:
        what = str(bad) or "it ends too early"
        raise Unspoken(f"{path}: not a WAV file of 16-bit PCM, mono, 8 kHz or more: {what}") from bad
    samples: Samples = _samples(raw, width).reshape(-1, channels).mean(axis=1, dtype=np.float32)
    if not len(samples):
        raise Unspoken(f"{path}: holds no sound")
    return samples, rate


def _samples(raw: bytes, width: int) -> Samples:
    if width == 1:
        return np.asarray((np.frombuffer(raw, np.uint8).astype(np.float32) - 128) / 128, np.float32)
    if width == 3:
        three = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        padded = np.pad(three, ((0, 0), (1, 0))).copy().view("<i4").ravel()
        return np.asarray(padded / 2**31, np.float32)
    wide = np.frombuffer(raw, {2: "<i2", 4: "<i4"}[width])
    return np.asarray(wide / 2 ** (8 * width - 1), np.float32)


def fit(samples: Samples) -> Samples:
    """Silence at both ends cut to `PAUSE`-like margins, loudest point at -3 dBFS; all silence stays as it is."""
    loud = np.flatnonzero(np.abs(samples) > QUIET)
    if not len(loud):
        return samples
    cut = samples[loud[0] : loud[-1] + 1]
    return np.asarray(cut * (PEAK / np.abs(cut).max()), np.float32)


def resample(samples: Samples, rate: int, wanted: int) -> Samples:
    """`samples` at `wanted` Hz, band-limited, with a pause before and after."""
    changed = soxr.resample(samples, rate, wanted) if rate != wanted else samples
    pause = np.zeros(int(PAUSE * wanted), np.float32)
    return np.concatenate((pause, np.clip(changed, -1, 1), pause)).astype(np.float32)


def linear(samples: Samples) -> bytes:
    """16-bit signed little-endian, as Asterisk's slin formats are."""
    return (samples * 32767).round().astype("<i2").tobytes()


def alaw(samples: Samples) -> bytes:
    """G.711 A-law (ITU-T G.711, table 1), one byte per sample."""
    pcm = (samples * 32767).round().astype(np.int32)
    positive = pcm >= 0
    magnitude = np.where(positive, pcm, -pcm - 1) >> 3  # 13 bits
    segment = np.zeros_like(magnitude)
    for start in (64, 128, 256, 512, 1024, 2048):
        segment += magnitude >= start * 1
    segment += magnitude >= 32
    mantissa = np.where(segment < 2, magnitude >> 1, magnitude >> np.maximum(segment, 1)) & 0x0F
    coded = (segment << 4) | mantissa
    return (coded ^ np.where(positive, 0xD5, 0x55)).astype(np.uint8).tobytes()
