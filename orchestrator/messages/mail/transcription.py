"""What was said in a message, in writing: by a model on this machine, off unless the admin has put one there.

The library (faster-whisper, the optional extra `transcription`) and its model take a gigabyte and seconds of computing:
they live in a process of their own, which is the last in line for the processor, has a limit, and may die. Belongs
here: that process, both sides of it. Not here: where the text goes (composing).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

LIMIT = 600.0
"""Seconds that one message may take; it lasts ten minutes at most."""
LONGEST = 5000
"""Characters that are kept of what was said."""
NICE = 19
INSTALL = "pip install 'durchwahl[transcription]'"


class Untranscribed(Exception):
    """There is no text; why is for the admin."""


async def transcribe(model: Path, wav: Path, language: str) -> str:
    """What is said in `wav`, as well as `model` (a folder of CTranslate2's) hears it. Raises Untranscribed."""
    argv = (sys.executable, "-m", __name__, "--model", str(model), "--language", language, str(wav))
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},  # no message leaves the house, and no model comes by itself
    )
    try:
        async with asyncio.timeout(LIMIT):
            out, err = await process.communicate()
    except TimeoutError as late:
        raise Untranscribed(f"it took longer than {LIMIT:.0f} s") from late
    finally:
        with suppress(ProcessLookupError):
            if process.returncode is None:
                process.kill()
                await process.wait()
    if process.returncode:
        said = err.decode(errors="replace").strip().splitlines()
        raise Untranscribed(said[-1] if said else f"the process ended with {process.returncode}")
    return str(json.loads(out)["text"])[:LONGEST]


def main(argv: Sequence[str] | None = None) -> int:
    """The process: one recording, its text as JSON on stdout; 1 with one line on stderr if there is none."""
    parser = argparse.ArgumentParser(prog="transcription", description="What is said in a recording, as JSON.")
    parser.add_argument("--model", type=Path, required=True, help="a folder with a Whisper model for CTranslate2")
    parser.add_argument("--language", required=True)
    parser.add_argument("wav", type=Path)
    given = parser.parse_args(argv)
    os.nice(NICE)
    try:
        print(json.dumps({"text": heard(given.model, given.wav, given.language)}))
    except Untranscribed as bad:
        print(bad, file=sys.stderr)
        return 1
    return 0


def heard(model: Path, wav: Path, language: str) -> str:
    """Load the model and listen. Raises Untranscribed."""
    if not (model / "model.bin").is_file():
        raise Untranscribed(f"{model} is no model: it has no model.bin")
    try:
        from faster_whisper import WhisperModel
    except ImportError as missing:
        raise Untranscribed(f"{missing}: {INSTALL}") from missing
    try:
        loaded = WhisperModel(str(model), device="cpu", compute_type="int8", local_files_only=True)
        parts, _ = loaded.transcribe(str(wav), language=language, vad_filter=True, condition_on_previous_text=False)
        return " ".join(part.text.strip() for part in parts).strip()
    except Exception as bad:  # whatever a library of this size can raise: the mail goes out without a text
        raise Untranscribed(f"{type(bad).__name__}: {bad}") from bad


if __name__ == "__main__":
    sys.exit(main())
