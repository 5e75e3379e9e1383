"""Asterisk's own database over AMI: the entries of one family. Not here: what they mean (domain.switches)."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.asterisk.ami import Ami
from orchestrator.asterisk.errors import Refused


async def entries(ami: Ami, family: str) -> dict[str, str]:
    """Key -> value of `family`; raises AsteriskError."""
    rows = await ami.rows("DBGetTree", Family=family)
    return {row["key"].removeprefix(f"/{family}/"): row.get("val", "") for row in rows if "key" in row}


async def put(ami: Ami, family: str, key: str, value: str) -> None:
    """Write one entry; raises AsteriskError, Unsayable for a value of more than one line."""
    await ami.action("DBPut", Family=family, Key=key, Val=value)


async def remove(ami: Ami, family: str, key: str) -> None:
    """Take one entry out, if it is there; raises AsteriskError."""
    try:
        await ami.action("DBDel", Family=family, Key=key)
    except Refused:
        if key in await entries(ami, family):
            raise


async def correct(ami: Ami, family: str, found: Mapping[str, str], wanted: Mapping[str, str]) -> int:
    """Have `family`, which holds `found`, hold `wanted`; how many entries were otherwise. Raises AsteriskError."""
    wrong = [key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key)]
    for key in wrong:
        if key in wanted:
            await put(ami, family, key, wanted[key])
        else:
            await remove(ami, family, key)
    return len(wrong)
