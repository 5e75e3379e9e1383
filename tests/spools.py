"""Boxes in a spool of their own, for tests that need no Asterisk: messages that are told apart by how long they are."""

from __future__ import annotations

from pathlib import Path

from orchestrator.messages.audio import judge
from orchestrator.messages.description import Description
from orchestrator.messages.mailbox import NEW, Message, Spool
from tests.test_filer import recording


def message(spool: Spool, box: str, id: str, *, at: float = 1.0, seconds: float = 2.0, folder: str = NEW) -> Message:
    """A message with a tone of `seconds` in it."""
    audio = recording(spool.root / "made.wav", seconds)
    described = Description(id=id, caller="01711234567", at=at, seconds=round(seconds), origin=box)
    made = spool.box(box).put(audio, described, folder=folder)
    audio.unlink()
    return made


def whole(spool: Spool, box: str) -> dict[str, dict[str, float]]:
    """Folder -> id -> how long its audio is. Fails if a folder has a gap, a half message or anything else in it."""
    found: dict[str, dict[str, float]] = {}
    for folder in (path for path in spool.box(box).path.iterdir() if path.is_dir()):
        names = {path.name for path in folder.iterdir()} - {"lock"}
        listed = Spool(spool.root).box(box).messages(folder.name)
        wanted = {f"msg{n:04d}.{suffix}" for n in range(len(listed)) for suffix in ("wav", "txt")}
        assert names == wanted, f"{folder}: {sorted(names ^ wanted)}"
        audio = _audio(folder)
        assert len(audio) == len(names) // 2, f"{folder}: two messages with one id"
        found[folder.name] = {each.id: judge(audio[each.id])[0] for each in listed}
    return {folder: messages for folder, messages in found.items() if messages}


def _audio(folder: Path) -> dict[str, Path]:
    """Id -> its audio, as it stands in the texts."""
    texts = ((path, path.read_text()) for path in folder.glob("msg*.txt"))
    return {text.partition("msg_id=")[2].partition("\n")[0]: path.with_suffix(".wav") for path, text in texts}
