"""Judging what was heard: how loud, which tone for how long, and whether it was a given prompt.

Belongs here: arithmetic on samples, standard library only. Ten seconds at 8 kHz take about a third of a second.

How a prompt is recognised. On a digital line the samples arrive as they were sent (a-law is lossless once encoded;
G.722 changes them a little), only later, perhaps with a 20 ms frame lost or doubled where two clocks differ, and
perhaps not to the end. So: find where the prompt's opening lies by the shape of its loudness, settle that to the
sample, then follow the prompt in eighths of a second, each of which must correlate with what was heard at its place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import repeat
from operator import mul, sub

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
PEAKS = 8
"""How many places are tried at which the loudness looks like the prompt's."""
LANDMARKS = 3
"""How many pieces of the opening are tried there: one may have lost a frame."""


@dataclass(frozen=True, kw_only=True)
class Match:
    """How much of a prompt was heard."""

    share: float
    """0 to 1: seconds of it that were recognised by seconds of it that are not silence."""
    at: float
    """Second of the recording at which the prompt begins."""
    seconds: float
    """How far into the prompt the last recognised piece goes: where the caller interrupted it."""

    @property
    def recognised(self) -> bool:
        return self.share >= RECOGNISED


def level(sound: Sound) -> float:
    """Mean level in dBFS (0: full scale square wave); -inf for nothing at all."""
    return _decibels(sound.samples)


def tone_seconds(sound: Sound, hertz: float = RINGING_TONE) -> float:
    """For how many seconds a tone of this frequency was heard, all bursts together, to 40 ms."""
    return sum(end - start for start, end in tone_bursts(sound, hertz))


def tone_bursts(sound: Sound, hertz: float = RINGING_TONE) -> list[tuple[float, float]]:
    """Each burst of the tone: from second, to second. German ringing is 1 s of tone and 4 s of silence."""
    step = sound.rate // 25
    bursts: list[tuple[float, float]] = []
    for at in range(0, len(sound.samples) - step + 1, step):
        if _is_tone(sound.samples[at : at + step], hertz / sound.rate):
            start, end = at / sound.rate, (at + step) / sound.rate
            if bursts and start - bursts[-1][1] < HOLE:
                start = bursts.pop()[0]
            bursts.append((start, end))
    return bursts


def recognise(heard: Sound, prompt: Sound) -> Match:
    """Where and how much of `prompt` is in `heard`; its opening two seconds must be."""
    wanted = _soften(prompt)
    loud = [at for at in range(0, len(wanted) - PIECE // 2, PIECE) if _decibels(wanted[at : at + PIECE]) > SILENCE]
    if not loud or not len(heard.samples):
        return Match(share=0.0, at=0.0, seconds=0.0)
    # The prompt may go on beyond the end of the recording.
    recording = _soften(heard) + [0] * (len(wanted) + RATE)
    begin = _find(recording, wanted, loud[0])
    if begin is None:
        return Match(share=0.0, at=0.0, seconds=0.0)
    return _follow(recording, wanted, loud, begin)


def _follow(recording: Sequence[int], wanted: Sequence[int], loud: list[int], begin: int) -> Match:
    """Piece by piece along the prompt, which begins at sample `begin`; it may slip by whole frames on the way."""
    recognised, end, lag = 0, 0, begin
    for at in loud:
        piece = wanted[at : at + PIECE]
        for slip in (0, FRAME, -FRAME, 2 * FRAME, -2 * FRAME):
            place = max(0, at + lag + slip)
            if _correlation(piece, recording[place : place + len(piece)]) >= SAME_PIECE:
                recognised, end, lag = recognised + 1, at + len(piece), lag + slip
                break
    return Match(share=recognised / len(loud), at=begin / RATE, seconds=end / RATE)


def _find(recording: Sequence[int], wanted: Sequence[int], opening: int) -> int | None:
    """The sample at which the prompt begins: by its loudness first, then by its strongest pieces."""
    shape, curve, step = _envelope(wanted[opening : opening + 2 * RATE]), _envelope(recording), FRAME // 2
    scores = [_correlation(shape, curve[at : at + len(shape)]) for at in range(len(curve) - len(shape) + 1)]
    places = range(opening, max(opening + 1, min(opening + 2 * RATE, len(wanted)) - OPENING + 1), OPENING)
    strongest = sorted(places, key=lambda at: _power(wanted[at : at + OPENING]), reverse=True)[:LANDMARKS]
    for peak in sorted(range(len(scores)), key=_peaks(scores), reverse=True)[:PEAKS]:
        for landmark in strongest:
            piece, near = wanted[landmark : landmark + OPENING], peak * step + landmark - opening
            found = _settle(recording, piece, range(max(0, near - FRAME), near + FRAME + 1))
            if _correlation(piece, recording[found : found + len(piece)]) >= SAME_PIECE:
                return found - landmark
    return None


def _soften(sound: Sound) -> list[int]:
    """The part below about 1 kHz: there a shift by half a sample, as G.722 makes it, does not change the shape."""
    samples = sound.narrow().samples
    return [sum(four) // 4 for four in zip(samples, samples[1:], samples[2:], samples[3:], strict=False)]


def _peaks(scores: Sequence[float]) -> Callable[[int], float]:
    """A key that puts what is lower than its neighbours last."""
    last = len(scores) - 1
    return lambda at: scores[at] if scores[max(0, at - 1)] <= scores[at] >= scores[min(last, at + 1)] else -2.0


def _settle(recording: Sequence[int], piece: Sequence[int], places: range) -> int:
    """The place where the piece fits best. Every fourth sample is enough to tell, and four times as fast."""
    thin = piece[::4]
    return max(places, key=lambda at: _correlation(thin, recording[at : at + len(piece) : 4]))


def _correlation(one: Sequence[float], other: Sequence[float]) -> float:
    """Pearson's: 1 the same shape, 0 nothing in common (also if the lengths differ), whatever the volume."""
    size = len(one)
    if size != len(other) or not size:
        return 0.0
    mean_one, mean_other = sum(one) / size, sum(other) / size
    power_one: float = sum(map(mul, one, one)) - size * mean_one**2
    power_other: float = sum(map(mul, other, other)) - size * mean_other**2
    if power_one <= 0 or power_other <= 0:
        return 0.0
    common: float = sum(map(mul, one, other)) - size * mean_one * mean_other
    return common / math.sqrt(power_one * power_other)


def _envelope(samples: Sequence[int]) -> list[float]:
    """Loudness each 10 ms."""
    step = FRAME // 2
    return [math.sqrt(_power(samples[at : at + step])) for at in range(0, len(samples) - step + 1, step)]


def _power(samples: Sequence[int]) -> float:
    return sum(map(mul, samples, samples)) / len(samples) if len(samples) else 0.0


def _decibels(samples: Sequence[int]) -> float:
    power = _power(samples)
    return 10 * math.log10(power / FULL_SCALE**2) if power else -math.inf


def _is_tone(samples: Sequence[int], cycles: float) -> bool:
    """Whether nearly all of the energy is at one frequency, given in cycles a sample. (Goertzel's algorithm.)"""
    if _decibels(samples) < SILENCE:
        return False
    mean = sum(samples) / len(samples)
    turn = 2 * math.cos(2 * math.pi * cycles)
    before, now = 0.0, 0.0
    for sample in map(sub, samples, repeat(mean)):
        before, now = now, sample + turn * now - before
    energy = now * now + before * before - turn * now * before
    return 2 * energy / len(samples) ** 2 >= TONE_SHARE * _power(samples)
