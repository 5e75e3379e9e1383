"""Where ARI answers and who we are there. Standard library only: the shift's parent uses it too."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

_GIVEN = re.compile(r"^(?:password|secret) = (\S+)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Address:
    """`url` is that of ARI without a slash at its end: `http://127.0.0.1:8088/ari`."""

    url: str
    user: str
    password: str = field(default="", repr=False)
    conf: Path | None = None
    """The ari.conf that Asterisk was given, where the password is read whenever one is needed: it may be a new one."""

    def passwords(self) -> tuple[str, ...]:
        """Those that may count now, the likeliest first."""
        return likely(self.conf, self.password)


def likely(conf: Path | None, otherwise: str) -> tuple[str, ...]:
    """The password in a configuration of Asterisk, then `otherwise`: Asterisk may not have read the file yet."""
    try:
        given = _GIVEN.findall(conf.read_text(encoding="utf-8"))[:1] if conf else []
    except OSError:
        given = []
    return tuple(dict.fromkeys((*given, *([otherwise] if otherwise or not given else []))))
