"""Judging what was heard: how loud, which tone for how long, and whether it was a given prompt.

Belongs here: arithmetic on samples. A prompt is found, or found missing, in a minute of sound in some 20 ms, for who
listens has telephones to answer meanwhile.

How a prompt is recognised. On a digital line the samples arrive as they were sent (a-law is lossless once encoded;
G.722 changes them a little), only later, perhaps with a 20 ms frame lost or doubled where two clocks differ, and
perhaps not to the end; and where the listening machine had no time, it recorded nothing at all for a while.
So: find where the prompt's opening may lie by the shape of its loudness, settle that to the sample, then follow the
prompt in eighths of a second, each of which must correlate with what was heard at its place, or a little later. Where
other prompts open with the same words, each such place is followed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from orchestrator.phone.sound import RATE, Sound

RINGING_TONE = 425.0
"""Hz: ringing, busy and congestion in Germany and most of Europe. Source: ITU-T E.180 and its supplement 2."""
FULL_SCALE = 32768.0
SILENCE = -50.0
"""dBFS. Quieter is silence: a-law's own noise lies at -66, speech prompts at -24 to -14, tones at about -20."""
TONE_SHARE = 0.8
"""Share of the energy within +-25 Hz. A pure tone has above 0.95, speech hardly ever 0.5."""
HOLE = 0.2
"""Seconds. A shorter pause in a tone is lost packets: the shortest real one, in the congestion tone, has 0.24."""
FRAME = RATE // 50
"""20 ms, what one RTP packet carries."""
PIECE = RATE // 8
OPENING = RATE // 4
"""What is looked for to settle where the prompt begins: longer, because it is looked for in many places."""
SAME_PIECE = 0.7
"""Correlation of a piece. The same one: above 0.98 by a-law, above 0.9 by G.722, less only where a frame was lost
in the middle of it; the best place for a piece of another sentence: below 0.5."""
RECOGNISED = 0.9
"""Share of a prompt that must be heard to call it heard. Measured with one voice: the same prompt 0.97 to 1.0, another
0.0, one that differs only in its last word 0.8."""
PAUSE = RATE // 2
"""The longest pause that a busy machine puts into what it records (60 ms were met)."""
GONE = 3
"""After so many pieces that are not there the prompt was interrupted: what comes later is not looked for."""
SHAPES = (2 * RATE, 3 * RATE // 4)
"""How much of the prompt's loudness is looked for: the shorter one for where a pause that the machine made is in the
longer one, which looks less like it then than other prompts that open with the same words."""
PEAKS = 8
"""How many places of each are tried at which the loudness looks like the prompt's."""
LANDMARKS = 3
"""How many pieces of the opening are tried there: one may have lost a frame."""


Samples = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Match:
    """How much of a prompt was heard."""

    share: float
    """0 to 1: seconds of it that were recognised by seconds of it that are not silence."""
    at: float
    """Second of the recording at which the prompt begins."""
    seconds: float
    """How far into the prompt the last recognised piece goes: where the caller interrupted it."""
    recognised: bool
    """Whether it was heard, if need be over pauses that the listening machine made."""


def level(sound: Sound) -> float:
    """Mean level in dBFS (0: full scale square wave); -inf for nothing at all."""
    return float(_decibels(_numbers(sound)[np.newaxis])[0])


def tone_seconds(sound: Sound, hertz: float = RINGING_TONE) -> float:
    """For how many seconds a tone of this frequency was heard, all bursts together, to 40 ms."""
    return sum(end - start for start, end in tone_bursts(sound, hertz))


def tone_bursts(sound: Sound, hertz: float = RINGING_TONE) -> list[tuple[float, float]]:
    """Each burst of the tone: from second, to second. German ringing is 1 s of tone and 4 s of silence."""
    step = sound.rate // 25
    bursts: list[tuple[float, float]] = []
    for at in np.flatnonzero(_are_tone(_cut(_numbers(sound), step), hertz / sound.rate)).tolist():
        start, end = at * step / sound.rate, (at + 1) * step / sound.rate
        if bursts and start - bursts[-1][1] < HOLE:
            start = bursts.pop()[0]
        bursts.append((start, end))
    return bursts


def recognise(heard: Sound, prompt: Sound) -> Match:
    """Where and how much of `prompt` is in `heard`; its opening two seconds must be."""
    wanted = _soften(prompt)
    starts = range(0, len(wanted) - PIECE // 2, PIECE)
    loud = [at for at in starts if _decibels(wanted[np.newaxis, at : at + PIECE])[0] > SILENCE]
    if not loud or not len(heard.samples):
        return Match(share=0.0, at=0.0, seconds=0.0, recognised=False)
    # The prompt may go on beyond the end of the recording.
    recording = np.pad(_soften(heard), (0, len(wanted) + RATE))
    best = Match(share=0.0, at=0.0, seconds=0.0, recognised=False)
    for begin in dict.fromkeys(_openings(recording, wanted, loud[0])):  # others may open with the same words
        share, seconds = _follow(recording, wanted, loud, begin)
        if share >= RECOGNISED or _follow(recording, wanted, loud, begin, patient=True)[0] >= RECOGNISED:
            return Match(share=share, at=begin / RATE, seconds=seconds, recognised=True)
        if share > best.share:
            best = Match(share=share, at=begin / RATE, seconds=seconds, recognised=False)
    return best


def _follow(
    recording: Samples, wanted: Samples, loud: list[int], begin: int, *, patient: bool = False
) -> tuple[float, float]:
    """Piece by piece along the prompt, which begins at sample `begin`; it may slip on the way: share and seconds."""
    recognised, end, lag, missing = 0, 0, begin, 0
    for at in loud:
        piece = wanted[at : at + PIECE]
        place = _place(recording, piece, at + lag, late=patient and missing < GONE)
        missing += 1
        if place is not None:
            recognised, end, lag, missing = recognised + 1, at + len(piece), place - at, 0
    return recognised / len(loud), end / RATE


def _place(recording: Samples, piece: Samples, place: int, *, late: bool) -> int | None:
    """Where the piece is: at its place, whole frames beside it, or (`late`) behind a pause; None if nowhere there."""
    for slip in (0, FRAME, -FRAME, 2 * FRAME, -2 * FRAME):
        if _correlation(piece, recording, max(0, place + slip)) >= SAME_PIECE:
            return place + slip
    if late:
        place = max(0, place)
        found = _settle(recording, piece, place, place + PAUSE)
        between = recording[max(0, place - 2 * PIECE) : found]
        if _correlation(piece, recording, found) >= SAME_PIECE and _nothing(between) >= found - place - FRAME:
            return found
    return None


def _nothing(samples: Samples) -> int:
    """How many samples in a row are exactly zero."""
    return int(np.diff(np.flatnonzero(np.concatenate(([1], samples, [1])))).max()) - 1


def _openings(recording: Samples, wanted: Samples, opening: int) -> Iterator[int]:
    """Samples at which the prompt may begin, the likeliest first: by its loudness, then by its strongest pieces."""
    curve, step = _envelope(recording), FRAME // 2
    places = range(opening, max(opening + 1, min(opening + 2 * RATE, len(wanted)) - OPENING + 1), OPENING)
    strongest = sorted(places, key=lambda at: float(np.mean(wanted[at : at + OPENING] ** 2)), reverse=True)[:LANDMARKS]
    for length in SHAPES:
        shape = _envelope(wanted[opening : opening + length])
        scores = _correlations(shape, sliding_window_view(curve, len(shape)))
        for peak in np.argsort(-_peaks(scores), kind="stable")[:PEAKS].tolist():
            for landmark in strongest:
                piece, near = wanted[landmark : landmark + OPENING], peak * step + landmark - opening
                found = _settle(recording, piece, max(0, near - FRAME), near + FRAME + 1)
                if _correlation(piece, recording, found) >= SAME_PIECE:
                    yield found - landmark
                    break


def _numbers(sound: Sound) -> Samples:
    return np.asarray(sound.samples, np.float64)


def _soften(sound: Sound) -> Samples:
    """The part below about 1 kHz: there a shift by half a sample, as G.722 makes it, does not change the shape."""
    samples = _numbers(sound.narrow())
    return sliding_window_view(samples, 4).mean(axis=1) if len(samples) >= 4 else samples[:0]


def _peaks(scores: Samples) -> Samples:
    """The scores, with what is lower than one of its neighbours put last."""
    before, after = np.append(scores[:1], scores[:-1]), np.append(scores[1:], scores[-1:])
    peaks: Samples = np.where((before <= scores) & (scores >= after), scores, -2.0)
    return peaks


def _settle(recording: Samples, piece: Samples, first: int, end: int) -> int:
    """The place from `first` until `end` where the piece fits best. Every fourth sample is enough to tell."""
    windows = sliding_window_view(recording, len(piece))[first:end, ::4]
    return first + int(np.argmax(_correlations(piece[::4], windows))) if len(windows) else first


def _correlation(piece: Samples, recording: Samples, at: int) -> float:
    """Pearson's, of the piece and what is at its place; 0 beyond the end."""
    there = recording[np.newaxis, at : at + len(piece)]
    return float(_correlations(piece, there)[0]) if there.shape[1] == len(piece) else 0.0


def _correlations(piece: Samples, windows: Samples) -> Samples:
    """Pearson's, with each row: 1 the same shape, 0 nothing in common, whatever the volume."""
    # The piece has no mean, so that of a window makes no difference to their product: no window need be copied.
    piece = piece - piece.mean()
    spread = np.einsum("ij,ij->i", windows, windows) - windows.sum(axis=1) ** 2 / windows.shape[1]
    power = np.sqrt((piece @ piece) * np.maximum(spread, 0.0))
    alike: Samples = np.divide(np.einsum("ij,j->i", windows, piece), power, out=np.zeros(len(windows)), where=power > 0)
    return alike


def _cut(samples: Samples, step: int) -> Samples:
    """Rows of `step` samples; what is left over at the end is dropped."""
    return samples[: len(samples) // step * step].reshape(-1, step)


def _envelope(samples: Samples) -> Samples:
    """Loudness each 10 ms."""
    loudness: Samples = np.sqrt(np.mean(_cut(samples, FRAME // 2) ** 2, axis=1))
    return loudness


def _decibels(rows: Samples) -> Samples:
    """Mean level of each row."""
    power = np.mean(rows**2, axis=1) if rows.size else np.zeros(len(rows))
    with np.errstate(divide="ignore"):
        return 10 * np.log10(power / FULL_SCALE**2)


def _are_tone(rows: Samples, cycles: float) -> NDArray[np.bool_]:
    """In which rows nearly all of the energy is at one frequency, given in cycles a sample."""
    size = rows.shape[1]
    wave = np.exp(-2j * np.pi * cycles * np.arange(size))
    energy = np.abs((rows - rows.mean(axis=1, keepdims=True)) @ wave) ** 2
    pure: NDArray[np.bool_] = 2 * energy / size**2 >= TONE_SHARE * np.mean(rows**2, axis=1)
    return pure & (_decibels(rows) >= SILENCE)
