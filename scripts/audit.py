"""Known faults of the Python packages that are locked: asks the registry for the advisories of each version.

    python scripts/audit.py [FILE…]      default: requirements/*.txt

The registry is PyPI, whose answers have the advisories of the PyPA's database (https://docs.pypi.org/api/json/), or the
one in $DURCHWAHL_REGISTRY. Exit codes: 0, nothing is known; 1, something is, which is told with the version that mends
it; 2, not everything could be looked up, and nothing is known of the rest.

A look-up has failed when there is no answer, or none about this version. That says nothing of the package. `make audit`
ends with these codes and is for every night; `make test` tells and goes on, as no advisory is a fault of a change. What
somebody has looked at and does not concern us stands in requirements/accepted, a line each: `ADVISORY reason`.

Standard library only, so that it can judge what would be installed.
"""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
REGISTRY = os.environ.get("DURCHWAHL_REGISTRY", "https://pypi.org")
WITHIN = 10.0
"""Seconds for one answer."""
AT_ONCE = 8
ENOUGH = 5
"""So many look-ups that failed for want of an answer, and the registry is away: the rest is not waited for."""
LOCKED = re.compile(r"^([A-Za-z0-9][\w.-]*)==([\w.+!-]+)", re.MULTILINE)


class Unknown(Exception):
    """The registry said nothing of a version; says why."""


class Away(Unknown):
    """It did not answer at all."""


@dataclass(frozen=True, order=True)
class Fault:
    """One advisory for one locked version."""

    package: str
    version: str
    id: str
    names: tuple[str, ...]
    mended: tuple[str, ...]
    what: str

    def __str__(self) -> str:
        also = f" ({', '.join(self.names)})" if self.names else ""
        todo = f"lock {' or '.join(self.mended)}" if self.mended else "no version mends it yet"
        return f"{self.package} {self.version}: {self.id}{also}: {self.what}\n  to do: {todo}"


def locked(files: Sequence[Path]) -> list[tuple[str, str]]:
    """Every package with its version; raises ValueError for a file that locks nothing."""
    found: set[tuple[str, str]] = set()
    for file in files:
        if not (here := LOCKED.findall(file.read_text(encoding="utf-8"))):
            raise ValueError(f"{file} locks no package")
        found.update((name.lower(), version) for name, version in here)
    return sorted(found)


def answer(package: str, version: str) -> Mapping[str, Any]:
    """What the registry has about a version; raises Unknown, Away."""
    url = f"{REGISTRY}/pypi/{package}/{version}/json"
    try:
        with urllib.request.urlopen(url, timeout=WITHIN) as reply:  # noqa: S310 - the registry's address is ours
            found = json.load(reply)
    except urllib.error.HTTPError as bad:
        kind = Away if bad.code >= 500 else Unknown
        raise kind(f"{package} {version}: {url} says {bad.code} {bad.reason}") from bad
    except (OSError, ValueError) as bad:
        raise Away(f"{package} {version}: {url}: {bad}") from bad
    if not isinstance(found, dict) or not isinstance(found.get("vulnerabilities"), list):
        raise Unknown(f"{package} {version}: {url} says nothing of advisories")
    return found


def faults(package: str, version: str, found: Mapping[str, Any]) -> Iterator[Fault]:
    """The advisories that hold."""
    for each in found["vulnerabilities"]:
        if not each.get("withdrawn"):
            what = (each.get("summary") or each.get("details") or "").strip().splitlines()
            yield Fault(
                package=package,
                version=version,
                id=str(each["id"]),
                names=tuple(each.get("aliases") or ()),
                mended=tuple(each.get("fixed_in") or ()),
                what=what[0][:200] if what else "see the advisory",
            )


def accepted(file: Path) -> frozenset[str]:
    """Advisories that somebody has looked at and that do not concern us."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return frozenset(line.split()[0] for line in lines if line.strip() and not line.startswith("#"))


def look(packages: Sequence[tuple[str, str]]) -> tuple[list[Fault], list[str]]:
    """Advisories, and what could not be looked up."""
    known: list[Fault] = []
    unknown: list[str] = []
    away = 0

    def one(each: tuple[str, str]) -> None:
        nonlocal away
        if away >= ENOUGH:
            unknown.append(f"{each[0]} {each[1]}: not asked, as the registry does not answer")
            return
        try:
            known.extend(faults(*each, answer(*each)))
        except Unknown as bad:
            away += isinstance(bad, Away)
            unknown.append(str(bad))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(one, packages))
    return sorted(known), sorted(unknown)


def main(arguments: Sequence[str]) -> int:
    """Tell what is known."""
    files = [Path(name) for name in arguments] or sorted((ROOT / "requirements").glob("*.txt"))
    packages = locked(files)
    known, unknown = look(packages)
    passed = accepted(Path(os.environ.get("DURCHWAHL_ACCEPTED", ROOT / "requirements" / "accepted")))
    known = [each for each in known if not passed & {each.id, *each.names}]
    for fault in known:
        print(fault)
    if unknown:
        print(f"audit: {len(unknown)} of {len(packages)} packages could not be looked up, which says nothing of them:")
        print("\n".join(f"  {each}" for each in unknown[:5]))
    else:
        print(f"audit: {len(packages)} packages looked up, {len(known)} advisories")
    return 1 if known else 2 if unknown else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
