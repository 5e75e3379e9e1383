"""A certificate that is renewed while people talk: the new one is shown, and nobody notices."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import ssl
from pathlib import Path

import trustme

from orchestrator.service import wiring
from tests.running_town import CITIZEN, Town, until
from tests.test_ami import connected
from tests.test_torture import hang_up, line, pen, town_up

__all__ = ["town_up"]


def shown(town: Town) -> str:
    """The fingerprint of the certificate that a telephone sees."""
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", town.settings.tls_port), 5) as wire:
        wire.settimeout(5)
        with trusting.wrap_socket(wire) as safe:
            return hashlib.sha256(safe.getpeercert(binary_form=True) or b"").hexdigest()


def renew(secrets: Path) -> None:
    made = trustme.CA().issue_cert("127.0.0.1")
    made.private_key_pem.write_to_path(str(secrets / "tls.key"))
    made.cert_chain_pems[0].write_to_path(str(secrets / "tls.crt"))


async def test_the_new_one_is_shown_and_nobody_notices(town: Town) -> None:
    before = shown(town)
    with line(town, "tls", CITIZEN) as wire, line(town, "udp", CITIZEN) as talking:
        talking.sendall(pen(town, "udp", talking).asked())
        until(lambda: "200 OK" in talking.recv(65535).decode(), 10)
        channels = {channel["id"] for channel in town.left() if "state" in channel}
        assert channels
        renew(town.state.root / "secrets")
        async with connected(wiring.ami(town.state)) as ami:
            await ami.action("Reload", Module="res_pjsip.so", within=30)
        until(lambda: shown(town) != before, 20)
        await asyncio.sleep(1)
        assert channels <= {channel["id"] for channel in town.left() if "state" in channel}
        wire.sendall(pen(town, "tls", wire).asked("OPTIONS"))  # who was connected stays so
        assert wire.recv(65535).startswith(b"SIP/2.0 ")
    hang_up(town)
