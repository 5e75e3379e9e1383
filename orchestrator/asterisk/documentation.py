"""Of the documentation in Asterisk's package: what its modules do not start without, the types of their configuration.

Asterisk parses all that is there whenever it starts, 1.6 MB of what each application, function and event says of itself
on its command line: three quarters of the processor until it answers, and 18 MiB for good (docs/decisions/0045).
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

NAME = "core-en_US.xml"
"""The file, in the language of asterisk.conf's `documentation_language`."""
DEFINITION = "appdocsxml.dtd"
FOLDER = "documentation-1"
"""The number is of the form: another one is made anew."""
END = b"</docs>\n"
HEAD = re.compile(rb".*?^<docs [^>]*>\n", re.MULTILINE | re.DOTALL)
TYPES = re.compile(rb"^[ \t]*<configInfo .*?^[ \t]*</configInfo>\n", re.MULTILINE | re.DOTALL)


def types(whole: bytes) -> bytes:
    """Nothing but the types of configuration. Raises ValueError where there are none."""
    found, head = TYPES.findall(whole), HEAD.match(whole)
    if not found or not head:
        raise ValueError("the documentation of Asterisk tells no type of its configuration")
    return b"".join((head[0], *found, END))


def shortened(source: Path, beside: Path) -> Path:
    """A folder in `beside` with the types of `source`, another such folder; made if it is not there whole.

    Where it cannot be made, it is `source`: then Asterisk starts as it does with its package.
    """
    folder = beside / FOLDER
    with suppress(OSError, ValueError):
        if not _whole(folder):
            _make(source, folder)
        return folder
    return source


def _whole(folder: Path) -> bool:
    """Whether all of it is there: a host may have lost its power, and a copy its permissions."""
    try:
        return (folder / NAME).read_bytes().endswith(END) and os.access(folder / DEFINITION, os.R_OK)
    except OSError:
        return False


def _make(source: Path, folder: Path) -> None:
    """Readable for everybody, as what it is made of: who fetches it need not be who starts Asterisk."""
    made = Path(tempfile.mkdtemp(dir=folder.parent, prefix="part-"))
    try:
        for name, content in {
            NAME: types((source / NAME).read_bytes()),
            DEFINITION: (source / DEFINITION).read_bytes(),
        }.items():
            with (made / name).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            (made / name).chmod(0o644)
        made.chmod(0o755)
        if folder.exists() and not _whole(folder):
            shutil.rmtree(folder)
        if not folder.exists():
            made.rename(folder)
    except OSError:
        if not _whole(folder):  # another process was faster
            raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
