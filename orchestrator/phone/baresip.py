"""One baresip process: its generated folder, its start, its end.

Belongs here: the program and its configuration. What is done with it (dial, answer) is in telephone.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from orchestrator.phone.control import Control
from orchestrator.phone.errors import NotStarted
from orchestrator.phone.events import Event
from orchestrator.phone.program import Baresip, surroundings

START_LIMIT = 5.0
"""Seconds; measured 20 to 45 ms."""
END_LIMIT = 0.5
"""Seconds for an orderly end (it takes its registration back: 3 ms), then it is killed."""
RTP_PORTS = "28000-32700"
"""Below the kernel's ephemeral ports; the program tries others when one is taken."""

# The long audio buffer costs a tenth of a second of delay; with the usual one a busy machine tears holes into what is
# heard. On loopback no packet overtakes another, so there is nothing for a jitter buffer to do.
CONFIG = """\
poll_method epoll
sip_listen {address}:0
net_interface {address}
call_local_timeout 600
call_max_calls 1
audio_player aufile,{folder}/heard.wav
audio_source aufile,{folder}/says.wav
audio_alert aufile,{folder}/alert.wav
audio_path {folder}
ausrc_srate 8000
auplay_srate 8000
ausrc_format s16
auplay_format s16
rtp_ports {rtp_ports}
audio_buffer 100-2000
jitter_buffer_type off
module_path {modules}
module g711.so
module g722.so
module aufile.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{port}
statmode_default off
ringback_disabled yes
ring_aufile none
callwaiting_aufile none
busy_aufile none
error_aufile none
notfound_aufile none
"""


class Handset:
    """The process in its folder. Clean-up never awaits: `end` returns with the process gone and the folder removed."""

    def __init__(self, baresip: Baresip, *, address: str, lifetime: float, trace: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="telephone-"))
        self.control: Control | None = None
        self._baresip = baresip
        self._address = address
        self._lifetime = lifetime
        self._trace = ("-s",) if trace else ()
        self._process: subprocess.Popen[bytes] | None = None
        # Bound and never listening, for the telephone's whole life: so the kernel gives the port to nobody else. Else
        # a second baresip would listen on the same port without an error, and a command reach either of the two.
        self._reservation = socket.socket()
        for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            self._reservation.setsockopt(socket.SOL_SOCKET, option, 1)

    async def start(self, on_event: Callable[[Event], None], on_lost: Callable[[str], None]) -> None:
        """Raises NotStarted with the end of the program's log; then `end` must still be called."""
        self._reservation.bind(("127.0.0.1", 0))
        port = self._reservation.getsockname()[1]
        self._spawn(port)
        loop = asyncio.get_running_loop()
        deadline, pause = loop.time() + START_LIMIT, 0.005
        while True:
            with contextlib.suppress(OSError):
                _, self.control = await loop.create_connection(lambda: Control(on_event, on_lost), "127.0.0.1", port)
                return
            if self._process is None or self._process.poll() is not None or loop.time() > deadline:
                raise NotStarted(f"baresip did not start; its log ends with:\n{self.log()[-2000:]}")
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.2)

    def log(self) -> str:
        """Everything the program wrote so far, without colours; with `trace` each SIP message too."""
        with contextlib.suppress(OSError):
            return re.sub(r"\x1b\[[\d;]*m", "", (self.folder / "log").read_text(errors="replace"))
        return ""

    def end(self) -> None:
        """End the process group that was started here, and remove its folder. May be called twice."""
        if self.control is not None:
            self.control.close()
        if self._process is not None and self._process.poll() is None:
            for signum in (signal.SIGTERM, signal.SIGKILL):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signum)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(END_LIMIT)
                    break
        self._reservation.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _spawn(self, port: int) -> None:
        config = CONFIG.format(address=self._address, folder=self.folder, rtp_ports=RTP_PORTS, port=port,
                               modules=self._baresip.modules)  # fmt: skip
        (self.folder / "config").write_text(config)
        # If we are killed and cannot end it: it gets a signal then (Linux), and ends by itself when its time is over.
        leash = ("setpriv", "--pdeathsig", "TERM", "--") if shutil.which("setpriv") else ()
        options = ("-f", str(self.folder), "-t", str(max(1, round(self._lifetime))), *self._trace)
        command = (*leash, *self._baresip.argv, *options)
        with (self.folder / "log").open("wb") as log:
            try:
                # Whatever the limits say, it has a core written when it crashes: into its own folder, which goes.
                self._process = subprocess.Popen(
                    command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                    env=surroundings(self._baresip), start_new_session=True)  # fmt: skip
            except OSError as error:
                raise NotStarted(f"{self._baresip.argv[0]} cannot be started: {error}") from error
