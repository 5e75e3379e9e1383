"""Where ARI answers and who we are there. Standard library only: the shift's parent uses it too."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Address:
    """`url` is that of ARI without a slash at its end: `http://127.0.0.1:8088/ari`."""

    url: str
    user: str
    password: str = field(repr=False)
