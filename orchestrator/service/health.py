"""Whether a process of this exchange answers at its health page, for whom watches it: exit code 0 or 1.

    python -m orchestrator.service.health control|attend [--live]

Without `--live`: whether it does its work now (control: that the exchange takes calls). Standard library only: it
begins anew every few seconds.
"""

from __future__ import annotations

import http.client
import os
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

WITHIN = 3.0
"""Seconds for one answer."""


def main(argv: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """Ask until one answers well (any attendant will do), and say what the last one answered."""
    page = "/health/live" if "--live" in argv[1:] else "/health/ready"
    told = ""
    for port in _ports(argv[0], environment):
        good, told = _asked(port, page)
        if good:
            break
    print(told)
    return 0 if good else 1


def _asked(port: int, page: str) -> tuple[bool, str]:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=WITHIN)
    try:
        line.request("GET", page)
        reply = line.getresponse()
        return reply.status == http.client.OK, reply.read(1000).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as bad:
        return False, f"port {port} does not answer: {bad}"
    finally:
        line.close()


def _ports(name: str, environment: Mapping[str, str]) -> Iterator[int]:
    """Where the process `name` has its page: by the environment, as settings.py has it, else by the file."""
    path = Path(environment.get("DURCHWAHL_STATE", "state")) / "settings.toml"
    settings = {"metrics_port": 9151, "attendants": 2, **tomllib.loads(path.read_text(encoding="utf-8"))}

    def number(key: str) -> int:
        return int(environment.get(f"DURCHWAHL_{key.upper()}") or settings[key])

    if name == "control":
        yield number("web_port")
    else:
        yield from range(number("metrics_port"), number("metrics_port") + number("attendants"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
