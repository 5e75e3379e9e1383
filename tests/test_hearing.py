"""Judging sound, on sounds made by arithmetic; real speech over a real exchange is in test_phone.py."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest

from orchestrator.phone.hearing import level, recognise, tone_bursts, tone_seconds
from orchestrator.phone.sound import ALAW, NotSound, Sound, read_sound, wav_is_complete, write_wav


def tone(hertz: float, seconds: float, volume: int = 3000, rate: int = 8000) -> list[int]:
    return [round(volume * math.sin(2 * math.pi * hertz * at / rate)) for at in range(round(seconds * rate))]


def babble(seconds: float, seed: int) -> list[int]:
    """Something like speech: syllables of different pitch, loudness and length, with pauses."""
    chance, samples = random.Random(seed), []
    while len(samples) < seconds * 8000:
        pitch, length = chance.uniform(100, 250), chance.uniform(0.08, 0.25)
        parts = [tone(pitch * n, length, round(chance.uniform(200, 3000) / n)) for n in range(1, 6)]
        samples += [sum(voices) for voices in zip(*parts, strict=True)]
        samples += [0] * round(chance.uniform(0, 0.1) * 8000)
    return samples[: round(seconds * 8000)]


def test_level_in_decibels() -> None:
    assert level(Sound(samples=[16384, -16384] * 100)) == pytest.approx(-6.02, abs=0.01)
    assert level(Sound()) == level(Sound(samples=[0] * 100)) == -math.inf


@pytest.mark.parametrize("rate", [8000, 16000])
def test_tone_is_measured(rate: int) -> None:
    ringing = Sound(rate=rate, samples=tone(425, 1, rate=rate) + [0] * 4 * rate + tone(425, 1, rate=rate))
    assert tone_bursts(ringing) == [(0.0, 1.0), (5.0, 6.0)]
    assert tone_seconds(ringing, 500.0) == 0


def test_tone_with_lost_packets_is_one_tone_but_congestion_is_many() -> None:
    lost = tone(425, 0.4) + [0] * 960 + tone(425, 0.48)
    assert tone_bursts(Sound(samples=lost)) == [(0.0, 1.0)]
    congestion = (tone(425, 0.24) + [0] * 1920) * 3
    assert len(tone_bursts(Sound(samples=congestion))) == 3


def test_neither_speech_nor_noise_nor_a_whisper_is_a_tone() -> None:
    chance = random.Random(1)
    noise = [chance.randint(-3000, 3000) for _ in range(16000)]
    for samples in (noise, babble(2, 1), tone(425, 2, volume=20), tone(470, 2)):
        assert tone_seconds(Sound(samples=samples)) < 0.1


def test_prompt_is_recognised_wherever_it_lies_and_however_loud() -> None:
    prompt = babble(4, 1)
    heard = Sound(samples=[0] * 12345 + [sample // 3 for sample in prompt] + [0] * 4000)
    match = recognise(heard, Sound(samples=prompt))
    assert match.recognised
    assert match.at == pytest.approx(12345 / 8000, abs=0.001)
    assert not recognise(heard, Sound(samples=babble(4, 2))).recognised


def test_prompt_is_recognised_over_a_lost_frame() -> None:
    prompt = babble(4, 3)
    heard = prompt[:16000] + prompt[16160:]
    assert recognise(Sound(samples=heard), Sound(samples=prompt)).recognised


@pytest.mark.parametrize("pause", [485, 800, 4000])
def test_prompt_is_recognised_over_a_pause_of_the_machine(pause: int) -> None:
    prompt = babble(4, 3)
    one, two = (next(at for at in range(first, 32000) if abs(prompt[at]) > 900) for first in (15000, 25000))
    heard = Sound(samples=prompt[:one] + [0] * pause + prompt[one:two] + [0] * pause + prompt[two:])
    assert recognise(heard, Sound(samples=prompt)).recognised


def test_prompt_is_recognised_behind_others_that_open_with_the_same_words() -> None:
    """With a pause of the machine in its opening, which thus looks less like it than theirs do."""
    prompt = babble(1.6, 3)
    others = [sample for seed in range(3) for sample in [*prompt[:8200], *babble(1.2, 10 + seed), *[0] * 4000]]
    at = next(at for at in range(8200, len(prompt)) if abs(prompt[at]) > 900)
    heard = Sound(samples=[*others, *prompt[:at], *[0] * 736, *prompt[at:], *[0] * 800])
    match = recognise(heard, Sound(samples=prompt))
    assert match.recognised
    assert match.at == pytest.approx(len(others) / 8000, abs=0.001)


def test_a_word_more_is_no_pause() -> None:
    prompt, word = babble(4, 3), babble(0.3, 9)
    heard = Sound(samples=prompt[:15000] + word + prompt[15000:])
    assert recognise(heard, Sound(samples=prompt)).share < 0.6


def test_interrupted_prompt_says_how_far_it_got() -> None:
    prompt = babble(6, 4)
    match = recognise(Sound(samples=[0] * 800 + prompt[:24000] + [0] * 8000), Sound(samples=prompt))
    assert not match.recognised
    assert match.seconds == pytest.approx(3.0, abs=0.25)


def test_nothing_is_recognised_in_nothing() -> None:
    something = Sound(samples=babble(2, 5))
    for heard, prompt in ((Sound(), something), (something, Sound()), (Sound(samples=[0] * 9000), something)):
        assert recognise(heard, prompt).share == 0


def test_alaw_as_in_the_standard() -> None:
    # G.711: the smallest and largest steps, with the even bits inverted; silence is sent as D5.
    assert [ALAW[code] for code in (0xD5, 0x55, 0xAA, 0x2A)] == [8, -8, 32256, -32256]
    assert len(set(ALAW)) == 256


def test_wav_with_silence_behind_it(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_wav(path, Sound(samples=[1, -2, 3]), silence=0.5)
    assert list(read_sound(path).samples) == [1, -2, 3] + [0] * 4000
    assert wav_is_complete(path)


def test_wav_that_is_still_being_written(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_wav(path, Sound(samples=[1, -2, 3]))
    data = bytearray(path.read_bytes())
    data[40:44] = bytes(4)
    path.write_bytes(data)
    assert not wav_is_complete(path)
    assert list(read_sound(path).samples) == [1, -2, 3]


def test_what_is_no_sound_is_refused(tmp_path: Path) -> None:
    for name, content in (("a.wav", b"hello, this is a text and no sound at all"), ("a.mp3", b"ID3")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(NotSound, match=name):
            read_sound(tmp_path / name)
