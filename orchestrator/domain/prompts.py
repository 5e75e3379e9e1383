"""What a caller hears: texts per language, and the sounds that were made of them.

Belongs here: the text, its name and how long it takes to say. Not here: speech, files, formats (compile.sounds).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Language = str
"""A spoken language as Asterisk names its sound folders: `de`, `en`."""

SECONDS_PER_CHARACTER = 0.1
"""An estimate for a text that no one has spoken yet; speech at 60-140 ms per character is understood."""


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """A sentence in every language of the town, under a name that a recorded file can replace."""

    name: str
    texts: Mapping[Language, str]


@dataclass(frozen=True, kw_only=True)
class Spoken(Prompt):
    """A prompt that the voice of one language speaks for callers of every language: the name of a person."""

    voice: Language


@dataclass(frozen=True, kw_only=True)
class Sound:
    """A prompt made audible: the name that Asterisk plays, and its length in seconds per language."""

    file: str
    seconds: Mapping[Language, float]


Sounds = Mapping[str, Sound]
"""Prompt name -> sound."""


def audible(text: str) -> bool:
    """Whether there is anything in `text` that a voice can speak."""
    return any(character.isalnum() for character in text)


def length(prompt: Prompt, sounds: Sounds) -> float:
    """The longest that `prompt` takes in any language, in seconds; estimated where it was never spoken."""
    if sound := sounds.get(prompt.name):
        return max(sound.seconds.values())
    return max((len(text) for text in prompt.texts.values()), default=0) * SECONDS_PER_CHARACTER
