"""A private Asterisk for one test run: own folder, own ports, a few lines of hand-written configuration.

Belongs here: starting it, ending it, and asking what is left in it. Not here: what the tests expect (the tests), the
configuration that the town runs (compile).
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
import urllib.request
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

from orchestrator.asterisk.address import Address
from orchestrator.asterisk.package import find
from orchestrator.compile.templates import static
from tests import ports
from tests.leash import leashed

USER, PASSWORD = "attendant", "only-for-tests"
BOOT_LIMIT = 15.0
"""Seconds until it must answer: a start computes for about one, and several may start at the same time."""

MODULES = [
    "res_sorcery_config",
    "res_sorcery_memory",
    "res_timing_timerfd",
    "pbx_config",
    "func_global",
    "func_timeout",
    "func_logic",
    "func_channel",
    "func_strings",
    "func_callerid",
    "func_dialplan",
    "app_dial",
    "app_stack",
    "app_playback",
    "app_read",
    "app_record",
    "app_senddtmf",
    "app_stasis",
    "app_stasis_broadcast",
    "app_celgenuserevent",
    "bridge_simple",
    "bridge_softmix",
    "bridge_builtin_features",
    "bridge_holding",
    "codec_ulaw",
    "codec_alaw",
    "codec_gsm",
    "codec_resample",
    "format_wav",
    "format_gsm",
    "format_pcm",
    "format_sln",
    "res_stasis",
    "res_stasis_answer",
    "res_stasis_broadcast",
    "res_stasis_playback",
    "res_stasis_recording",
    "res_stasis_snoop",
    "res_ari",
    "res_ari_model",
    "res_ari_applications",
    "res_ari_asterisk",
    "res_ari_bridges",
    "res_ari_channels",
    "res_ari_events",
    "res_ari_playbacks",
    "res_ari_recordings",
    "res_http_websocket",
    "res_websocket_client",
    "res_cdrel_custom",
    "cel_custom",
]


class Instance:
    """One running Asterisk. `folder` holds all that it reads and writes."""

    def __init__(self, folder: Path, dialplan: str, sounds: Mapping[str, Path]) -> None:
        self._program = find("asterisk")
        self.folder, self.port = folder, ports.one()
        self.url = f"http://127.0.0.1:{self.port}/ari"
        self.address = Address(url=self.url, user=USER, password=PASSWORD)
        for part in ("etc", "lib", "data/sounds/de", "spool/recording", "run", "log/cel-custom", "agi"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        # Without its documentation Asterisk refuses to start: types are described there.
        (folder / "data/documentation").symlink_to(self._program.documentation)
        for name, source in sounds.items():
            shutil.copy(source, folder / "data/sounds/de" / name)
        for name, text in self._configuration(dialplan).items():
            (folder / "etc" / name).write_text(text)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def journal(self) -> Path:
        return self.folder / "log/cel-custom/journal.csv"

    def _configuration(self, dialplan: str) -> Mapping[str, str]:
        at = self.folder
        return {
            "asterisk.conf": (
                f"[directories]\nastetcdir = {at}/etc\nastmoddir = {self._program.modules}\nastvarlibdir = {at}/lib\n"
                f"astdbdir = {at}/lib\nastkeydir = {at}/lib\nastdatadir = {at}/data\nastagidir = {at}/agi\n"
                f"astspooldir = {at}/spool\nastrundir = {at}/run\nastlogdir = {at}/log\n"
                "[options]\ndefaultlanguage = de\nentityid = 02:00:00:00:00:01\ninternal_timing = yes\n"
            ),
            "modules.conf": "[modules]\nautoload = no\n" + "".join(f"load = {name}.so\n" for name in MODULES),
            "http.conf": (
                f"[general]\nenabled = yes\nbindaddr = 127.0.0.1\nbindport = {self.port}\n"
                "sessionlimit = 500\nsession_keep_alive = 60000\n"
            ),
            "ari.conf": f"[general]\nenabled = yes\n[{USER}]\ntype = user\npassword = {PASSWORD}\n",
            "cel.conf": "[general]\nenable = yes\napps = all\nevents = ALL\n",
            "cel_custom.conf": static()["cel_custom.conf"],
            "logger.conf": "[general]\n[logfiles]\nfull => notice,warning,error\n",
            "indications.conf": (
                "[general]\ncountry=de\n[de]\ndescription=Deutschland\nringcadence=1000,4000\n"
                "dial=425\nbusy=425/480,0/480\n"
            ),
            "extensions.conf": dialplan,
        }

    def start(self) -> None:
        self._process = subprocess.Popen(
            leashed([*self._program.argv, "-f", "-C", str(self.folder / "etc/asterisk.conf")]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + BOOT_LIMIT
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                self.kill()
                raise RuntimeError(f"Asterisk did not start: {self.log()}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            return bool(self.get("asterisk/ping"))
        except OSError:
            return False

    def log(self) -> str:
        path = self.folder / "log/full"
        return path.read_text(errors="replace") if path.exists() else "(no log)"

    def kill(self) -> None:
        """End it at once."""
        if self._process:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(5)
            self._process = None

    def left_over(self) -> list[str]:
        """Channels, bridges and recordings in progress that are still there."""
        found: list[str] = []
        for kind in ("channels", "bridges"):
            listed = self.get(kind)
            assert isinstance(listed, list)
            found += [f"{kind}: {each['id']}" for each in listed]
        return found

    def assert_empty(self, within: float = 2.0) -> None:
        """Nothing is left; hanging up takes Asterisk a moment."""
        deadline = time.monotonic() + within
        while left := self.left_over():
            assert time.monotonic() < deadline, left
            time.sleep(0.05)

    def get(self, path: str, method: str = "GET") -> object:
        """One plain request; raises OSError."""
        token = b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        asked = urllib.request.Request(  # noqa: S310
            f"{self.url}/{path}", method=method, headers={"Authorization": f"Basic {token}"}
        )
        with urllib.request.urlopen(asked, timeout=2) as reply:  # noqa: S310
            body = reply.read()
            return json.loads(body) if body else None
