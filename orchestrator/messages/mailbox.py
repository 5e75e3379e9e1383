"""The boxes in Asterisk's spool: messages are listed, put in, moved, copied and removed here, and nowhere else.

`VoiceMailMain()` does the same to the same files while Python is down; its lock and its numbering are kept to. Every
change ends with folders that are whole, also what somebody who was killed left half done. Blocking: call it from a
thread. Belongs here: one box. Not here: who may do it, and who is told (api).
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from orchestrator.messages.description import Description
from orchestrator.messages.folder import Entry, Folder
from orchestrator.messages.lock import locked

NEW, HEARD, DELETED, URGENT = "INBOX", "Old", "Deleted", "Urgent"
FOLDERS = (NEW, HEARD, DELETED, URGENT)
"""Asterisk's names. Deleted is where a message waits for the case that it was a mistake; Urgent is new, too, and used
by `VoiceMailMain()` alone."""
UNHEARD = frozenset({NEW, URGENT})
CONTEXT = "town"
_SAFE = re.compile(r"[^0-9A-Za-z._-]")


class NoSuchMessage(LookupError):
    """There is no message of that id in the box; it may have been deleted meanwhile."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message, and where it lies."""

    id: str
    box: str
    folder: str
    """Of `FOLDERS`, or one that an employee uses in `VoiceMailMain()` (`Work`, `Family`)."""
    caller: str
    at: float
    """When it was left, in seconds since the epoch."""
    seconds: int
    origin: str = ""
    forwarded_by: str = ""

    @property
    def new(self) -> bool:
        """Whether nobody has heard it."""
        return self.folder in UNHEARD


@dataclass
class Spool:
    """The spool of one exchange; `root` is Asterisk's spool directory. Remembers its boxes: a text is read once."""

    root: Path
    _boxes: dict[str, Mailbox] = field(default_factory=dict)

    @property
    def recordings(self) -> Path:
        """Where Asterisk records."""
        return self.root / "recording"

    @property
    def voicemail(self) -> Path:
        """The boxes, a folder each."""
        return self.root / "voicemail" / CONTEXT

    @property
    def playing(self) -> Path:
        """Audio under a name that does not change while it is heard, mailed or downloaded."""
        return self.root / "playing"

    def box(self, number: str) -> Mailbox:
        """The box of that number; whether it is anybody's is asked elsewhere. Raises ValueError for what is none."""
        if not (number.isascii() and number.isdigit()):
            raise ValueError(f"{number!r} is no box")
        return self._boxes.setdefault(number, Mailbox(self, number))

    def boxes(self) -> list[str]:
        """Every box that ever had a message."""
        with contextlib.suppress(FileNotFoundError), os.scandir(self.voicemail) as found:
            return sorted(each.name for each in found if each.name.isdigit() and each.is_dir())
        return []

    def damaged(self) -> list[str]:
        """Boxes that are no folders."""
        with contextlib.suppress(FileNotFoundError), os.scandir(self.voicemail) as found:
            return sorted(each.name for each in found if each.name.isdigit() and not each.is_dir())
        return []


@dataclass
class Mailbox:
    """One box."""

    spool: Spool
    number: str
    _folders: dict[str, Folder] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """Its folder in the spool."""
        return self.spool.voicemail / self.number

    def messages(self, *folders: str) -> list[Message]:
        """What is in `folders` (in all of them), the oldest first."""
        found = [
            self._message(folder, entry)
            for folder in folders or self._there()
            for entry in self._folder(folder).listed()
        ]
        return sorted(found, key=lambda message: (message.at, message.id))

    def find(self, id: str) -> Message:
        """The message of that id. Raises NoSuchMessage."""
        folder, entry = self._find(id)
        return self._message(folder, entry)

    def gone(self, ids: Collection[str]) -> set[str]:
        """Those of `ids` that are in no folder, while nothing can be moved. Raises Busy, OSError."""
        with self._whole(*self._there()):
            return set(ids) - {message.id for message in self.messages()}

    def lying(self, folder: str) -> Mapping[str, float]:
        """Message id -> since when it lies in `folder`, in seconds since the epoch."""
        found = {}
        for entry in self._folder(folder).listed():
            with contextlib.suppress(FileNotFoundError):  # it has gone on
                found[entry.described.id] = self._folder(folder).text(entry.number).stat().st_mtime
        return found

    def put(self, audio: Path, described: Description, *, folder: str = NEW) -> Message:
        """Link `audio` into the box, once: a message of that id that is there already is left where it is.

        Raises FolderFull, Busy, OSError.
        """
        with self._whole(*dict.fromkeys((folder, *self._there()))):
            with contextlib.suppress(NoSuchMessage):
                return self.find(described.id)
            self._folder(folder).add(audio, described)
        return self.find(described.id)

    def move(self, id: str, to: str) -> Message:
        """Put a message into another folder; where it is there already, nothing happens.

        Raises NoSuchMessage, FolderFull, Busy, OSError.
        """
        with self._whole(*dict.fromkeys((to, *self._there()))):
            folder, entry = self._find(id)
            if folder != to:
                self._folder(to).take(self._folder(folder), entry.number)
        return self.find(id)

    def remove(self, id: str) -> Message:
        """Remove a message for good. Raises NoSuchMessage, Busy, OSError."""
        with self._whole(*self._there()):
            folder, entry = self._find(id)
            self._folder(folder).remove(entry.number)
            self._audio(id).unlink(missing_ok=True)
        return self._message(folder, entry)

    def audio(self, id: str) -> Path:
        """Its audio (8 kHz, 16 bit, mono WAV) under a name that stays while the box changes: until `forget_playing`.

        Raises NoSuchMessage, Busy, OSError.
        """
        path = self._audio(id)
        with self._whole(*self._there()):
            folder, entry = self._find(id)
            wav = self._folder(folder).wav(entry.number)
            if not (path.exists() and path.samefile(wav)):
                path.parent.mkdir(mode=0o700, exist_ok=True)
                path.unlink(missing_ok=True)
                path.hardlink_to(wav)
        path.touch()
        return path

    def copy(self, id: str, to: Mailbox, *, as_id: str, by: str, audio: Path | None = None) -> Message:
        """Put a copy of a message into another box, under an id of its own; `audio` where it has a comment before it.

        Raises NoSuchMessage, FolderFull, Busy, OSError.
        """
        message = self.find(id)
        described = Description(
            id=as_id,
            caller=message.caller,
            at=message.at,
            seconds=message.seconds,
            origin=message.origin or self.number,
            forwarded_by=by,
        )
        self.spool.playing.mkdir(mode=0o700, exist_ok=True)
        whole = self.spool.playing / f"{_SAFE.sub('_', as_id)}-{to.number}.copy"  # a file of its own: it is not shared
        try:
            shutil.copyfile(audio or self.audio(id), whole)
            return to.put(whole, described)
        finally:
            whole.unlink(missing_ok=True)

    def _audio(self, id: str) -> Path:
        return self.spool.playing / f"{self.number}-{_SAFE.sub('_', id)}.wav"

    def _folder(self, name: str) -> Folder:
        return self._folders.setdefault(name, Folder(self.path / name))

    def _there(self) -> list[str]:
        """The folders that the box has; greetings are files."""
        with contextlib.suppress(FileNotFoundError):
            known = {name for each in self.path.iterdir() if each.is_dir() and (name := each.name) != "tmp"}
            return [*(name for name in FOLDERS if name in known), *sorted(known - set(FOLDERS))]
        return []

    def _find(self, id: str) -> tuple[str, Entry]:
        for folder in self._there():
            for entry in self._folder(folder).listed():
                if entry.described.id == id:
                    return folder, entry
        raise NoSuchMessage(f"box {self.number} has no message {id}")

    @contextlib.contextmanager
    def _whole(self, *names: str) -> Iterator[None]:
        """Hold the locks of folders, which are whole at the beginning and without gaps at the end."""
        folders = [self._folder(name) for name in names]
        with locked(*(folder.path for folder in folders)):
            for folder in folders:
                folder.sound(lambda: self._elsewhere(folders))
            try:
                yield
            finally:
                for folder in folders:
                    folder.close_gaps()

    def _elsewhere(self, folders: list[Folder]) -> Iterator[int]:
        for folder in folders:
            yield from folder.inodes()
        waiting = self.spool.recordings.glob(f"{self.number}-*.wav"), self.spool.playing.glob(f"*-{self.number}.copy")
        for path in chain(*waiting):
            with contextlib.suppress(FileNotFoundError):
                yield path.stat().st_ino

    def _message(self, folder: str, entry: Entry) -> Message:
        said = entry.described
        return Message(
            id=said.id,
            box=self.number,
            folder=folder,
            caller=said.caller,
            at=said.at,
            seconds=said.seconds,
            origin=said.origin,
            forwarded_by=said.forwarded_by,
        )
