"""What Asterisk's own voicemail must be told of a box that others change too.

Belongs here: its words. Not here: the spool (messages).
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from orchestrator.asterisk.ami import Ami

MODULE = "app_voicemail.so"


async def refresh(ami: Ami, box: str) -> None:
    """Have the lamps of a box show what is in it (RFC 3842). Raises AsteriskError."""
    await ami.action("VoicemailRefresh", Context="town", Mailbox=box)


async def pins_changed(ami: Ami, conf: Path) -> None:
    """Have `VoiceMailMain()` read the PINs in the spool again. Raises AsteriskError, OSError.

    It reads them together with `conf`, its voicemail.conf, and that only if it is newer than it was.
    """
    await asyncio.to_thread(os.utime, conf)
    await ami.action("Reload", Module=MODULE)
