"""Every prompt of a directory as files that Asterisk plays, made before they are needed.

A sound is named by what is in it (voice, text, or the recorded file), so making it twice is not making it, an old
tree keeps its sounds, and a per-user cache serves every exchange of the machine. Blocking: call it from a thread.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from orchestrator.compile import speech
from orchestrator.domain.directory import Directory
from orchestrator.domain.findable import Names, finders
from orchestrator.domain.flow import prompts
from orchestrator.domain.problems import Problem
from orchestrator.domain.prompts import Prompt, Sound, Sounds, Spoken

Progress = Callable[[int, int], None]
ALAW = ".alaw"
RATES = {ALAW: 8000, ".sln16": 16000}
LOUD, SOFT = -14.0, -27.0
"""dBFS (RMS over the whole prompt) between which a prompt is easy to hear on a telephone."""
SLOW, FAST = 0.16, 0.04
"""Seconds per character between which a text was said, rather than cut off or dragged."""


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """Where sounds are made and kept."""

    voice: speech.Voice
    root: Path
    """Asterisk's sound root; sounds go to `root/<language>/town/`."""
    recorded: Path
    """`recorded/<language>/<prompt>.wav` replaces what the voice would say."""
    cache: Path


@dataclass(frozen=True, kw_only=True)
class Made:
    """Every sound, and what an ear would object to."""

    sounds: Sounds
    problems: tuple[Problem, ...]


def prompts_of(directory: Directory) -> Mapping[str, Prompt]:
    """Every prompt of a derived directory, by name; the names of people only if callers can ask for them."""
    found = {prompt.name: prompt for step in directory.graph.values() for prompt in prompts(step)}
    names = Names(directory).prompts.values() if finders(directory) else ()
    return {**found, **{prompt.name: prompt for prompt in names}}


def make(wanted: Mapping[str, Prompt], workshop: Workshop, progress: Progress = lambda done, total: None) -> Made:
    """Make every sound that is not there; raises speech.Unspoken for a text or a recorded file that cannot be used."""
    shelf = Shelf(workshop, {language for prompt in wanted.values() for language in prompt.texts})
    sounds = {name: shelf.sound(prompt) for name, prompt in wanted.items()}
    missing = [prompt for name, prompt in wanted.items() if sounds[name] is None]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        made = pool.map(lambda prompt: _make(prompt, shelf), missing)
        for done, (prompt, sound) in enumerate(zip(missing, made, strict=True), 1 + len(wanted) - len(missing)):
            sounds[prompt.name] = sound
            progress(done, len(wanted))
    found = {name: sound for name, sound in sounds.items() if sound}
    problems = [problem for name, sound in found.items() for problem in _judge(wanted[name], sound.seconds)]
    return Made(sounds=found, problems=tuple(problems))


class Shelf:
    """The sounds of a workshop, listed once: of tens of thousands nearly all are there, and the disk is not asked."""

    def __init__(self, workshop: Workshop, languages: Iterable[str]) -> None:
        self.workshop = workshop
        self._made = {language: _listed(workshop.root / language / "town") for language in languages}
        self._recorded = {language: _listed(workshop.recorded / language) for language in languages}

    def sound(self, prompt: Prompt) -> Sound | None:
        """`prompt`, if it is there in every language. Its name is the same in each, and another when any of them
        changes."""
        name = self.name(prompt)
        seconds = {}
        for language in prompt.texts:
            sizes = self._made[language]
            if not all(sizes.get(name + suffix) for suffix in RATES):
                return None
            seconds[language] = _seconds(sizes[name + ALAW])
        return Sound(file=f"town/{name}", seconds=seconds)

    def name(self, prompt: Prompt) -> str:
        """What the files of `prompt` are called."""
        parts = " ".join(f"{language}:{self.identity(prompt, language)}" for language in sorted(prompt.texts))
        return hashlib.sha256(parts.encode()).hexdigest()[:16]

    def identity(self, prompt: Prompt, language: str) -> str:
        """What one language of a prompt is made of, as a file name."""
        recorded = self.recorded(prompt, language)
        language = _spoken_in(prompt, language)
        voice = self.workshop.voice.name
        made_of = recorded.read_bytes() if recorded else f"{voice}\0{language}\0{prompt.texts[language]}".encode()
        return hashlib.sha256(made_of).hexdigest()[:24]

    def recorded(self, prompt: Prompt, language: str) -> Path | None:
        """The file that replaces what the voice would say, if there is one."""
        file, language = f"{prompt.name}.wav", _spoken_in(prompt, language)
        return self.workshop.recorded / language / file if file in self._recorded[language] else None


def _spoken_in(prompt: Prompt, language: str) -> str:
    """The language whose voice speaks `prompt` to callers who hear `language`; one recorded file serves all of them."""
    return prompt.voice if isinstance(prompt, Spoken) else language


def _listed(folder: Path) -> Mapping[str, int]:
    """Files and their bytes; none if there is no such folder."""
    try:
        with os.scandir(folder) as found:
            return {file.name: file.stat().st_size for file in found}
    except FileNotFoundError:
        return {}


def _seconds(size: int) -> float:
    return round(size / RATES[ALAW], 2)


def _make(prompt: Prompt, shelf: Shelf) -> Sound:
    """Make one prompt in every language."""
    name = shelf.name(prompt)
    seconds = {language: _one(prompt, language, name, shelf) for language in prompt.texts}
    return Sound(file=f"town/{name}", seconds=seconds)


def _one(prompt: Prompt, language: str, name: str, shelf: Shelf) -> float:
    """Make one prompt in one language; seconds."""
    workshop = shelf.workshop
    cached = workshop.cache / shelf.identity(prompt, language)
    if not all(_size(cached.with_suffix(suffix)) for suffix in RATES):
        recorded = shelf.recorded(prompt, language)
        text, voice = prompt.texts[language], _spoken_in(prompt, language)
        store(*(speech.read(recorded) if recorded else speech.speak(workshop.voice, text, voice)), cached)
    for suffix in RATES:
        place(cached.with_suffix(suffix), workshop.root / language / "town" / f"{name}{suffix}")
    return _seconds(_size(cached.with_suffix(ALAW)))


def _size(path: Path) -> int:
    """Bytes of a sound, 0 if it is not there; a power cut may have left an empty file under its name."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def store(samples: speech.Samples, rate: int, beside: Path) -> None:
    """Write `samples` in every format that Asterisk gets, as `beside` with each suffix."""
    fitted = speech.fit(samples)
    for suffix, wanted in RATES.items():
        audio = speech.resample(fitted, rate, wanted)
        write(beside.with_suffix(suffix), speech.alaw(audio) if suffix == ALAW else speech.linear(audio))


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def place(source: Path, target: Path) -> None:
    """Have `source` at `target` too: linked, or copied where the file system cannot."""
    if _size(target):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        beside.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, beside)
    beside.replace(target)


def _judge(prompt: Prompt, seconds: Mapping[str, float]) -> Iterator[Problem]:
    for language, length in seconds.items():
        each = (length - 2 * speech.PAUSE) / max(len(prompt.texts[language]), 1)
        if not FAST <= each <= SLOW:
            yield Problem(
                code="odd_prompt",
                where=f"prompt {prompt.name}",
                what=f"lasts {length:.1f} s in {language} for {len(prompt.texts[language])} characters",
                todo="listen to it, or record it",
            )


def level(samples: Iterable[float]) -> float:
    """RMS level in dBFS."""
    values = np.asarray(samples, np.float32)
    return float(20 * np.log10(max(float(np.sqrt(np.mean(values**2))), 1e-9)))
