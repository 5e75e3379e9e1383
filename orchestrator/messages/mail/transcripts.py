"""What was said in the messages that are about to be mailed: heard once each, one after the other, and remembered.

Belongs here: which message is heard when, and that it is heard only once. Not here: the hearing (transcription), and
what waits for it (postman).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from orchestrator.messages.mail.transcription import Untranscribed, transcribe
from orchestrator.messages.mailbox import NoSuchMessage, Spool

log = structlog.get_logger()

KEPT = 1000
"""Texts that are remembered for letters that are tried again: some megabytes at most."""


@dataclass(frozen=True, kw_only=True)
class Transcripts:
    """What was said, by box and message. A restart forgets it."""

    model: Path
    """A folder with a model (transcription)."""
    spool: Spool
    hear: Callable[[Path, Path, str], Awaitable[str]] = transcribe
    _texts: dict[tuple[str, str], str] = field(default_factory=dict)
    _one: asyncio.Lock = field(default_factory=asyncio.Lock)

    def missing(self, box: str, message: str) -> bool:
        """Whether nobody has listened to it yet."""
        return (box, message) not in self._texts

    def text(self, box: str, message: str) -> str:
        """What was said; empty where nobody listened, or nothing was understood."""
        return self._texts.get((box, message), "")

    async def listen(self, box: str, message: str, language: str) -> None:
        """Have a message heard: minutes at most, after those that were asked for before. A failure is not repeated."""
        async with self._one:
            if not self.missing(box, message):
                return
            said = ""
            try:
                wav = await asyncio.to_thread(self.spool.box(box).audio, message)
                said = await self.hear(self.model, wav, language)
            except NoSuchMessage:
                pass
            except Untranscribed as bad:
                log.warning("a mail goes out without a transcript", message=message, why=str(bad))
            except Exception:  # asked again it would fail again, and the letter would wait for ever
                log.exception("a mail goes out without a transcript", message=message)
            while len(self._texts) >= KEPT:
                del self._texts[next(iter(self._texts))]
            self._texts[box, message] = said
