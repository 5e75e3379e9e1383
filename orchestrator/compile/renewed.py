"""A tree that was compiled before, with the secrets of today: as compiling it now would write them, and nothing else.

A renewed password takes effect by itself this way, whatever else waits for an apply; and a way back to an older tree
brings no password back that somebody wanted to be rid of.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from orchestrator.compile.escape import password
from orchestrator.compile.secrets import Secrets
from orchestrator.compile.tree import Tree, checksum_of

ARI, AMI, PHONES, BOXES = (f"asterisk/{name}.conf" for name in ("ari", "manager", "pjsip", "voicemail"))
Find = Callable[[re.Match[str]], str]
_TREE = re.compile(r'("tree": ")[0-9a-f]*(")')


def with_secrets(tree: Tree, secrets: Secrets) -> Tree:
    """`tree` with every password and first PIN as `secrets` has it; those of trunks that it does not know stay."""
    places: Mapping[str, tuple[tuple[str, Find], ...]] = {
        ARI: ((r"^(password = )(\w+)$", lambda _: secrets.of("ari")),),
        AMI: ((r"^(secret = )(\w+)$", lambda _: secrets.of("ami:control")),),
        PHONES: (
            (r"^(\[(?P<id>[\w.-]+)\]\(phone-auth\)\nusername = .*\npassword = )(\w+)$", _telephone(secrets)),
            (
                r"^(\[trunk-(?P<id>[\w.-]+)\]\ntype = auth\nauth_type = .*\nusername = .*\npassword = )(.*)$",
                _trunk(secrets),
            ),
        ),
        BOXES: ((r"^((?P<id>\d+) => )(\d+)(?=,)", lambda hit: secrets.pin(hit["id"])),),
    }
    files = dict(tree)
    for path, found in places.items():
        for pattern, find in found:
            files[path] = _replaced(pattern, find, files.get(path, ""))
    checksum = checksum_of({path: text for path, text in files.items() if path.startswith("asterisk/")})
    files["attend.json"] = _TREE.sub(rf"\g<1>{checksum}\g<2>", files.get("attend.json", ""), count=1)
    return {path: text for path, text in files.items() if path in tree}


def _replaced(pattern: str, find: Find, text: str) -> str:
    return re.sub(pattern, lambda hit: hit[1] + find(hit), text, flags=re.MULTILINE)


def _telephone(secrets: Secrets) -> Find:
    return lambda hit: secrets.telephone(hit["id"])


def _trunk(secrets: Secrets) -> Find:
    def find(hit: re.Match[str]) -> str:
        known = secrets.trunks.get(hit["id"])
        return hit[3] if known is None else password(known)

    return find
