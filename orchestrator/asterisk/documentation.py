"""Of the documentation in Asterisk's package: what its modules do not start without, the types of their configuration.

Asterisk parses all that is there whenever it starts, 1.6 MB of what each application, function and event says of itself
on its command line: three quarters of the processor until it answers, and 18 MiB for good (docs/decisions/0045).
"""

from __future__ import annotations

import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

NAME = "core-en_US.xml"
"""The file, in the language of asterisk.conf's `documentation_language`."""
DEFINITION = "appdocsxml.dtd"
HEAD = re.compile(rb".*?^<docs [^>]*>\n", re.MULTILINE | re.DOTALL)
TYPES = re.compile(rb"^[ \t]*<configInfo .*?^[ \t]*</configInfo>\n", re.MULTILINE | re.DOTALL)


def types(whole: bytes) -> bytes:
    """Nothing but the types of configuration. Raises ValueError where there are none."""
    found, head = TYPES.findall(whole), HEAD.match(whole)
    if not found or not head:
        raise ValueError("the documentation of Asterisk tells no type of its configuration")
    return b"".join((head[0], *found, b"</docs>\n"))


def shortened(source: Path, folder: Path) -> Path:
    """`folder`, with the types of `source`, another such folder; made if it is not there yet.

    Where it cannot be made, it is `source`: then Asterisk starts as it does with its package.
    """
    with suppress(OSError, ValueError):
        if not folder.is_dir():
            _make(source, folder)
    return folder if folder.is_dir() else source


def _make(source: Path, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="part-") as part:
        made = Path(part) / "documentation"
        made.mkdir()
        (made / NAME).write_bytes(types((source / NAME).read_bytes()))
        shutil.copy(source / DEFINITION, made)
        made.rename(folder)  # fails where another process was faster
