"""One folder of a mailbox as `app_voicemail` has it: `msg0000.wav` and `msg0000.txt`, numbered without a gap.

Every function here is called with the folder's lock held, but `listed`, which may be a moment behind. Killed between
any two lines, `sound` finds what is half done and ends it. Belongs here: files of one folder. Not here: which folder
a message belongs in (mailbox).
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.messages.audio import seconds
from orchestrator.messages.description import Description, read, written

FILE = re.compile(r"msg(\d{4})\.(wav|txt)")
GRAIN = 2_500_000_000
"""Nanoseconds: twice the coarsest time of change that a file system keeps, and some."""
SHIFTED = 500
"""Messages that are numbered anew so that they keep their order: about a tenth of a second."""
LOOKS = 5
"""A look at a folder that changes meanwhile may miss what is renamed: so many are taken."""
MOST = 10_000
"""Messages of one folder: its numbers have four digits."""


class FolderFull(Exception):
    """Four digits are used up."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A message where it lies now. The number changes when one before it goes; the inode never does."""

    number: int
    described: Description


@dataclass
class Folder:
    """The folder at `path`. Remembers what it has read: a text that is only renamed is not read again."""

    path: Path
    _read: dict[int, tuple[int, Description]] = field(default_factory=dict)
    """Inode of a text -> when it was written, what it says."""
    _listed: tuple[int, list[Entry]] = (0, [])
    """When the names in the folder had last changed (its mtime in ns), and what was in it then."""

    def wav(self, number: int) -> Path:
        """The audio of a number."""
        return self.path / f"msg{number:04d}.wav"

    def text(self, number: int) -> Path:
        """The text of a number."""
        return self.path / f"msg{number:04d}.txt"

    def listed(self) -> list[Entry]:
        """Its messages, the oldest number first. Looked at again only when a name in the folder has changed."""
        for _ in range(LOOKS):
            try:
                named, now = self.path.stat().st_mtime_ns, time.time_ns()
                if named == self._listed[0]:
                    return list(self._listed[1])
                entries = self._look()
                if self.path.stat().st_mtime_ns == named:
                    # One that changed just now may change again without its time being another one.
                    self._listed = (named if now - named > GRAIN else 0, entries)
                    return list(entries)
            except FileNotFoundError:
                return []
        return list(entries)  # somebody is at it all the time: a moment behind

    def _look(self) -> list[Entry]:
        wavs, texts = self._numbers()
        kept: dict[int, tuple[int, Description]] = {}
        entries = []
        for number in sorted(wavs & texts.keys()):
            try:
                entries.append(Entry(number=number, described=self._described(number, texts[number], kept)))
            except FileNotFoundError:
                continue  # moved on meanwhile
        self._read = kept
        return entries

    def _numbers(self) -> tuple[set[int], dict[int, os.DirEntry[str]]]:
        wavs: set[int] = set()
        texts: dict[int, os.DirEntry[str]] = {}
        try:
            with os.scandir(self.path) as found:
                for each in found:
                    if (named := FILE.fullmatch(each.name)) and each.is_file():
                        if named[2] == "wav":
                            wavs.add(int(named[1]))
                        else:
                            texts[int(named[1])] = each
        except FileNotFoundError:
            pass  # nothing was ever in it
        return wavs, texts

    def _described(self, number: int, text: os.DirEntry[str], kept: dict[int, tuple[int, Description]]) -> Description:
        state = text.stat()
        known = self._read.get(state.st_ino)
        if known is None or known[0] != state.st_mtime_ns:
            # Without an id of its own, a message is known by the file that holds it, which stays through renames.
            found = Path(text.path).read_text(encoding="utf-8", errors="replace")
            known = state.st_mtime_ns, read(found, otherwise=f"file-{state.st_ino}", at=state.st_mtime)
        kept[state.st_ino] = known
        return known[1]

    def add(self, audio: Path, described: Description) -> int:
        """Link `audio` in under the next number and describe it. Raises FolderFull, OSError."""
        number = self._next()
        self.wav(number).hardlink_to(audio)
        beside = self.path / f".msg{number:04d}.txt"
        with beside.open("w", encoding="utf-8") as file:
            file.write(written(described))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.text(number))
        return number

    def take(self, other: Folder, number: int) -> int:
        """Take message `number` of `other`, which then has a gap, as the next one here. Raises FolderFull."""
        to = self._next()
        os.utime(other.text(number))  # since when it lies here; numbering anew does not change that
        _move(other.wav(number), other.text(number), self.wav(to), self.text(to))
        return to

    def remove(self, number: int) -> None:
        """Remove a message, the audio first: audio without a text would be taken for one that lost it. Leaves a gap."""
        self.wav(number).unlink(missing_ok=True)
        self.text(number).unlink(missing_ok=True)

    def _next(self) -> int:
        wavs, texts = self._numbers()
        number = max({*wavs, *texts}, default=-1) + 1
        if number >= MOST:
            raise FolderFull(f"{self.path} holds {MOST} messages")
        return number

    def close_gaps(self) -> None:
        """Number the messages from 0 on again, in their order; where those are too many, the last ones fill the gaps.

        (Then `VoiceMailMain()` plays those few earlier than they came. All else goes by when a message was left.)
        """
        wavs, texts = self._numbers()
        numbers = sorted(wavs & texts.keys())
        moves = [(number, to) for to, number in enumerate(numbers) if to != number]
        if len(moves) > SHIFTED:
            free = sorted(set(range(len(numbers))) - set(numbers))
            moves = list(zip(reversed(numbers[-len(free) :]), free, strict=True))
        for number, to in moves:
            _move(self.wav(number), self.text(number), self.wav(to), self.text(to))

    def halves(self) -> tuple[list[int], list[int]]:
        """Numbers that have audio only, and such that have a text only."""
        wavs, texts = self._numbers()
        return sorted(wavs - texts.keys()), sorted(texts.keys() - wavs)

    def _put_aside(self) -> None:
        """What has the name of a file and is none (a folder, a link to nowhere) gets another: it is for an admin."""
        with os.scandir(self.path) as found:
            those = [each for each in found if FILE.fullmatch(each.name) and not each.is_file()]
        for each in those:
            os.rename(each.path, self.path / f"damaged-{time.time_ns()}-{each.name}")

    def sound(self, others: Callable[[], Iterable[int]]) -> None:
        """End what was half done by whoever was killed.

        `others` are the inodes of audio that has a place elsewhere: described in any folder, or waiting to be filed.
        """
        self._put_aside()
        for beside in self.path.glob(".msg*.txt"):
            beside.unlink()
        audio_only, text_only = self.halves()
        for number in text_only:
            self.text(number).unlink()
        elsewhere = set(others()) if audio_only else set()
        for number in audio_only:
            path = self.wav(number)
            state = path.stat()
            if state.st_ino in elsewhere:
                path.unlink()
                continue
            described = Description(
                id=f"file-{state.st_ino}", caller="", at=state.st_mtime, seconds=seconds(path), origin=""
            )
            self.text(number).write_text(written(described), encoding="utf-8")
        self.close_gaps()

    def inodes(self) -> Iterator[int]:
        """Of the audio that is described here."""
        wavs, texts = self._numbers()
        for number in wavs & texts.keys():
            try:
                yield self.wav(number).stat().st_ino
            except FileNotFoundError:
                continue


def _move(wav: Path, text: Path, to_wav: Path, to_text: Path) -> None:
    """The audio is under both names until the text has moved: whatever is described can be heard."""
    to_wav.hardlink_to(wav)
    text.replace(to_text)
    wav.unlink()
