"""A flood of REGISTER from one address: `python -m tests.flood HOST PORT ADDRESS RATE USER`, until it is ended.

A process of its own: who calls meanwhile must not wait for it. Says at SIGTERM what was answered, as JSON.
"""

from __future__ import annotations

import json
import signal
import socket
import sys
import time
from collections import Counter
from contextlib import suppress

from tests.sip_line import REGISTER


def main(host: str, port: str, address: str, rate: str, user: str) -> None:
    """`{}` in `user` is the number of the request."""
    ended = False

    def end(*_: object) -> None:
        nonlocal ended
        ended = True

    signal.signal(signal.SIGTERM, end)
    sent, answers, began = 0, Counter[str](), time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind((address, 0))
        line.connect((host, int(port)))
        line.setblocking(False)
        own = ":".join(map(str, line.getsockname()))
        while not ended:
            asked = {"exchange": f"{host}:{port}", "address": own, "tag": f"f{sent}x{time.monotonic_ns()}"}
            text = REGISTER.format(number=1, proof="", expires=60, phone=user.format(sent), **asked)
            with suppress(BlockingIOError):
                line.send(text.replace("\n", "\r\n").encode())
            sent += 1
            with suppress(BlockingIOError, ConnectionRefusedError):
                while True:
                    answers[line.recv(4096)[8:11].decode()] += 1
            time.sleep(max(0.0, began + sent / float(rate) - time.monotonic()))
    print(json.dumps({"sent": sent, "seconds": time.monotonic() - began, "answers": answers}))


if __name__ == "__main__":
    main(*sys.argv[1:])
