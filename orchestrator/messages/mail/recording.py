"""A recording as it goes out by mail: the WAV as it is, or as MP3 where that is wanted or the WAV is too large.

Belongs here: the choice, and the making of an MP3. Not here: finding the recording (mailbox), the mail (composing).
"""

from __future__ import annotations

import io

import numpy as np
import soundfile
import soxr

from orchestrator.domain.people import ATTACHMENT, COMPRESSED
from orchestrator.messages.audio import HEADER, RATE
from orchestrator.messages.mail.composing import Enclosed

MP3_RATE = 16000
"""Hz: MPEG-2, which every player knows; the telephone's own 8000 is an extension (MPEG-2.5) that some do not."""
LEVEL = 0.9
"""What libsndfile makes 24 kbit/s of at this rate: 180 kB a minute, a fifth of the WAV."""
ENCODED = 78 / 57
"""How much larger Base64 with its line ends is (RFC 2045)."""
AROUND = 8192
"""Bytes of a mail beside its attachment, at most."""


def enclosed(wav: bytes | None, mail: str, limit: int) -> Enclosed:
    """What is enclosed for a box with this `mail` (of people.MAILS) in a mail of at most `limit` bytes.

    None for a recording that is gone. Takes some seconds of computing for ten minutes: call it from a thread.
    """
    if mail not in (ATTACHMENT, COMPRESSED):
        return Enclosed()
    if wav is None or len(wav) <= HEADER:
        return Enclosed(form="lost")
    if mail == ATTACHMENT and _fits(wav, limit):
        return Enclosed(form="wav", audio=wav)
    try:
        made = mp3(wav)
    except (soundfile.SoundFileError, ValueError):
        return Enclosed(form="lost")
    return Enclosed(form="mp3", audio=made) if _fits(made, limit) else Enclosed(form="large")


def mp3(wav: bytes) -> bytes:
    """The same as MP3, mono, 24 kbit/s; raises soundfile.SoundFileError for what is no sound."""
    samples, rate = soundfile.read(io.BytesIO(wav), dtype="float32", always_2d=True)
    mono = samples.mean(axis=1) if samples.shape[1] > 1 else samples[:, 0]
    made = io.BytesIO()
    soundfile.write(
        made,
        np.clip(soxr.resample(mono, rate or RATE, MP3_RATE), -1.0, 1.0),
        MP3_RATE,
        format="MP3",
        subtype="MPEG_LAYER_III",
        compression_level=LEVEL,
        bitrate_mode="CONSTANT",
    )
    return made.getvalue()


def _fits(audio: bytes, limit: int) -> bool:
    return len(audio) * ENCODED + AROUND <= limit
