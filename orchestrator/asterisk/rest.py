"""ARI by plain HTTP, one request after the other: for whoever must work without an event loop.

Standard library only. Belongs here: one kept-open connection with a time limit. Not here: what is asked (apps.rescue).
"""

from __future__ import annotations

import http.client
import json
from base64 import b64encode
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from orchestrator.asterisk.address import Address
from orchestrator.asterisk.errors import UNAUTHORIZED, NotConnected, refusal

LIMIT = 1.0
"""Seconds that connecting or one answer may take, where a caller waits for it."""


class Rest:
    """Plain requests to Asterisk."""

    def __init__(self, address: Address, within: float = LIMIT) -> None:
        """`within`: seconds that connecting or one answer may take."""
        parts = urlsplit(address.url)
        self._path = parts.path
        self._line = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port or 80, timeout=within)
        self._address = address
        self._password = address.passwords()[0]

    def ask(self, method: str, *path: str, **query: str) -> Any:
        """One request; `path` in parts, which are escaped. Gives the body. Raises NotConnected, Refused."""
        target = "/".join([self._path, *(quote(part, safe="") for part in path)])
        if query:
            target += "?" + urlencode(query)
        status, reason, body = self._known(method, target)
        if not 200 <= status < 300:
            raise refusal(status=status, reason=reason, asked=f"{method} {target}")
        try:
            return json.loads(body) if body else None
        except ValueError as error:
            raise NotConnected(f"{method} {target}: the reply cannot be read: {error}") from error

    def _known(self, method: str, target: str) -> tuple[int, str, bytes]:
        """One request with the password that counted last, else with one that may count now."""
        reply = self._exchange(method, target)
        if reply[0] == UNAUTHORIZED:
            for password in self._address.passwords():
                self._password = password
                if (reply := self._exchange(method, target))[0] != UNAUTHORIZED:
                    break
        return reply

    def _exchange(self, method: str, target: str) -> tuple[int, str, bytes]:
        kept_open = self._line.sock is not None
        token = b64encode(f"{self._address.user}:{self._password}".encode()).decode()
        try:
            self._line.request(method, target, headers={"Authorization": f"Basic {token}"})
            reply = self._line.getresponse()
            return reply.status, reply.reason, reply.read()
        except (OSError, http.client.HTTPException) as error:
            self._line.close()
            if kept_open and not isinstance(error, TimeoutError):
                return self._exchange(method, target)  # closed for idleness, or by a restart: once more, from anew
            raise NotConnected(f"{method} {target}: no answer from Asterisk: {error!r}") from error
