"""Speech by the real voice, and a sound root in which nothing that the native paths say is missing."""

from __future__ import annotations

import re
import wave
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from orchestrator.apps.skills import spoken
from orchestrator.asterisk.package import find
from orchestrator.compile import soundroot, sounds, speech
from orchestrator.domain.prompts import Prompt
from tests.spoken import write_wav
from tests.test_compile import compiled
from tests.towns import small

OTHERS = re.compile(
    r"digits/(1-a|1z|2-ie|ett|jednu|un)|silencethreshold|vm-(gam|have|meddel|minute-t|new|nonew|nov|nuov)"
)
"""Names in app_voicemail that only other languages use: Polish, Swedish, Czech, Italian, Hebrew, …"""
FOREIGN = {"vm-ny", "vm-nya", "vm-nye", "vm-nytt", "vm-number", "vm-shtei", "vm-tong", "vm-you", "vm-youhaveno"}
CONFERENCE = (
    *("conf-onlyperson", "conf-onlyone", "conf-thereare", "conf-otherinparty", "conf-muted", "conf-unmuted"),
    *("conf-locked", "conf-kicked", "conf-placeintoconf", "beep", "beeperr", "pbx-invalidpark"),
)
"""What app_confbridge says by itself in rooms as they are set up, and res_parking where a caller was just fetched."""
FOREIGN_STARTS = ("vm-old", "vm-star", "vm-vecchi", "vm-zprav")


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> sounds.Workshop:
    at = tmp_path_factory.mktemp("sounds")
    espeak = find("espeak-ng")
    voice = speech.espeak(espeak.argv, espeak.env, espeak.version)
    return sounds.Workshop(voice=voice, root=at / "root", recorded=at / "recorded", cache=at / "cache")


def prompt(name: str, de: str) -> Prompt:
    return Prompt(name=name, texts={"de": de, "en": "Good morning."})


@pytest.mark.parametrize("text", [
    "Guten Tag, hier ist die Stadtverwaltung.",
    "-v en -w /etc/passwd",
    'Größe "über" \'alles\' <b>&amp;</b> 12,50 €',
])  # fmt: skip
def test_a_text_becomes_sound_of_the_right_level(workshop: sounds.Workshop, text: str) -> None:
    made = sounds.make({"t.x": prompt("t.x", text)}, workshop)
    sound = made.sounds["t.x"]
    wide = np.fromfile(workshop.root / "de" / f"{sound.file}.sln16", "<i2") / 32768
    assert abs(20 * np.log10(np.abs(wide).max()) + 3) < 0.3, "not normalised to -3 dBFS"
    assert sounds.SOFT < sounds.level(wide) < sounds.LOUD
    assert len(wide) / 16000 == pytest.approx(sound.seconds["de"], abs=0.05)
    assert (workshop.root / "de" / f"{sound.file}.alaw").stat().st_size / 8000 == pytest.approx(
        sound.seconds["de"], abs=0.01
    )


def test_what_was_made_is_not_made_again(workshop: sounds.Workshop) -> None:
    def files() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in workshop.cache.iterdir()}

    wanted = {"t.again": prompt("t.again", "Einmal genügt.")}
    first = sounds.make(wanted, workshop)
    before = files()
    assert sounds.make(wanted, workshop) == first
    assert files() == before


@pytest.mark.parametrize(("rate", "channels", "width"), [(8000, 1, 2), (44100, 2, 2), (48000, 1, 3), (16000, 1, 1)])
def test_a_recorded_file_replaces_the_text(workshop: sounds.Workshop, rate: int, channels: int, width: int) -> None:
    name = f"t.rec{rate}{channels}{width}"
    spoken = sounds.make({name: prompt(name, "Text.")}, workshop).sounds[name]
    path = workshop.recorded / "de" / f"{name}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = rate * 2
    tone = (np.sin(np.arange(frames) * 2 * np.pi * 440 / rate) * 0.5).repeat(channels)
    data = (tone * 100 + 128).astype(np.uint8) if width == 1 else (tone * 32767).astype("<i2")
    raw = data.tobytes() if width != 3 else b"".join(b"\0" + sample.tobytes() for sample in data)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(raw)
    recorded = sounds.make({name: prompt(name, "Text.")}, workshop).sounds[name]
    assert recorded.file != spoken.file
    assert recorded.seconds["de"] == pytest.approx(2 + 2 * speech.PAUSE, abs=0.1)


def test_a_file_that_is_no_wav_is_refused_by_name(workshop: sounds.Workshop) -> None:
    path = workshop.recorded / "de" / "t.mp3.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"ID3 not a wav")
    with pytest.raises(speech.Unspoken, match=r"t\.mp3\.wav: not a WAV file of 16-bit PCM"):
        sounds.make({"t.mp3": prompt("t.mp3", "Text.")}, workshop)
    path.unlink()


def used() -> Iterator[str]:
    """Every sound that our dialplan or app_voicemail names, but the prompts of the town."""
    dialplan = compiled(small())["asterisk/extensions.conf"]
    given = re.findall(r"Playback\(([^)$]+)\)", dialplan)  # those in a variable are named where it is set
    played = (name for names in given for name in names.split("&"))
    yield from (name for name in played if not name.startswith("town/"))
    program = (find("asterisk").modules / "app_voicemail.so").read_bytes()
    for name in re.findall(rb"(?<=\0)((?:vm-|auth-|digits/)[a-z0-9/-]+)(?=\0)", program):
        text = name.decode()
        if not (OTHERS.match(text) or text in FOREIGN or text.startswith(FOREIGN_STARTS)):
            yield text
    yield from CONFERENCE
    for day in range(366):  # what attendants say by themselves
        media = spoken(datetime(2028, 1, 1, 8, 30) + timedelta(days=day))  # noqa: DTZ001
        yield from (name.removeprefix("sound:") for name in media if name.startswith("sound:"))


@pytest.mark.parametrize("language", ["de", "en"])
def test_every_sound_in_use_exists(workshop: sounds.Workshop, language: str) -> None:
    soundroot.build(find("asterisk").share, workshop)
    there = soundroot.names(workshop.root, language)
    wanted = set(used())
    assert {"beep", "not-allowed", "budget-spent", "outside-closed", "use-a-mobile", "vm-opts-full"} <= wanted
    missing = sorted(name for name in wanted if name not in there and not name.endswith(("/", "-")))
    assert missing == []


def test_alaw_is_that_of_the_standard(tmp_path: Path) -> None:
    """Against the telephones' own decoder, which is written the other way round."""
    from orchestrator.phone.sound import read_sound

    samples = np.linspace(-1, 1, 4001).astype(np.float32)
    (tmp_path / "x.alaw").write_bytes(speech.alaw(samples))
    decoded = np.array(read_sound(tmp_path / "x.alaw").samples) / 32768
    assert np.abs(decoded - samples).max() < 0.035
    write_wav(tmp_path / "x.wav", samples, 8000)
    assert speech.read(tmp_path / "x.wav")[1] == 8000
