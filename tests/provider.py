"""A second real Asterisk as the provider: it demands registration, by UDP or TLS, and says what it was given.

Belongs here: its configuration, start and end, and placing a call into the town. Not here: what is expected.
"""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

import trustme

from orchestrator.asterisk.package import find

ACCOUNT, PASSWORD = "k4711", "a;geheim#1"
MODULES = """
res_timing_timerfd res_crypto res_sorcery_config res_sorcery_memory res_sorcery_astdb res_pjproject res_pjsip
res_pjsip_session res_pjsip_pubsub res_pjsip_authenticator_digest res_pjsip_endpoint_identifier_user
res_pjsip_endpoint_identifier_ip res_pjsip_registrar res_pjsip_sdp_rtp res_pjsip_caller_id res_pjsip_nat
res_pjsip_header_funcs res_srtp res_rtp_asterisk chan_pjsip bridge_simple codec_alaw codec_resample format_pcm
pbx_config app_dial app_playback app_verbose func_callerid func_channel res_clioriginate func_logic
"""
DIALPLAN = """
[calls]
exten => 0666666,1,Log(NOTICE,GOT ${EXTEN} FROM ${CALLERID(num)} SRTP 0)
 same => n,Hangup(34)
exten => _[0-9+].,1,Answer()
 same => n,Log(NOTICE,GOT ${EXTEN} FROM ${CALLERID(num)} SRTP ${CHANNEL(rtp,secure,audio)})
 same => n,Wait(1)
[nobody]
exten => s,1,Answer()
 same => n,Wait(8)
"""
PJSIP = """
[global]
type = global
endpoint_identifier_order = username,auth_username,ip
[transport]
type = transport
protocol = {protocol}
bind = {address}:{port}
{tls}
[{account}]
type = endpoint
context = calls
disallow = all
allow = alaw
auth = {account}
aors = {account}
direct_media = no
; As providers do for those who register: answers and calls go where the registration came from.
rewrite_contact = yes
force_rport = yes
trust_id_inbound = yes
send_pai = yes
identify_by = auth_username,username
{media}
[{account}]
type = auth
auth_type = digest
username = {account}
password = {password}
[{account}]
type = aor
max_contacts = 1
remove_existing = yes
minimum_expiration = 10
"""


class Provider:
    """One running Asterisk at `address`:`port`."""

    def __init__(self, folder: Path, address: str, port: int, authority: trustme.CA | None = None) -> None:
        self._asterisk = find("asterisk")
        self._process: subprocess.Popen[bytes] | None = None
        self.folder, self.address, self.port, self.tls = folder, address, port, authority is not None
        for part in ("etc", "lib/keys", "data/sounds/de", "spool", "run", "log"):
            (folder / part).mkdir(parents=True)
        (folder / "data/documentation").symlink_to(self._asterisk.documentation)
        own = folder / "own.pem"
        if authority:
            authority.issue_cert(address).private_key_and_cert_chain_pem.write_to_path(str(own))
        values = {
            "protocol": "tls" if authority else "udp",
            "tls": f"method = tlsv1_2\ncert_file = {own}\npriv_key_file = {own}" if authority else "",
            "media": "media_encryption = sdes" if authority else "",
        }
        secret = PASSWORD.replace(";", "\\;")
        texts = {
            "asterisk.conf": f"[directories]\nastetcdir={folder}/etc\nastmoddir={self._asterisk.modules}\n"
            f"astvarlibdir={folder}/lib\nastdbdir={folder}/lib\nastkeydir={folder}/lib\nastdatadir={folder}/data\n"
            f"astagidir={folder}/lib\nastspooldir={folder}/spool\nastrundir={folder}/run\nastlogdir={folder}/log\n"
            "[options]\nentityid=02:00:00:00:00:02\n",
            "modules.conf": "[modules]\nautoload=no\n" + "".join(f"load={name}.so\n" for name in MODULES.split()),
            "pjsip.conf": PJSIP.format(address=address, port=port, account=ACCOUNT, password=secret, **values),
            "pjproject.conf": "",
            "extensions.conf": DIALPLAN,
            "rtp.conf": "[general]\nrtpstart=17000\nrtpend=17998\n",
            "logger.conf": "[logfiles]\nmessages => notice,warning,error\n",
        }
        for name, text in texts.items():
            (folder / "etc" / name).write_text(text)

    def start(self) -> None:
        conf = str(self.folder / "etc/asterisk.conf")
        self._process = subprocess.Popen(
            [*self._asterisk.argv, "-f", "-C", conf],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 30
        while "fully booted" not in self.cli("core waitfullybooted"):
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.1)

    def end(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait(5)
            self._process = None

    def cli(self, command: str) -> str:
        """One command of its console; empty while it is not up."""
        argv = [*self._asterisk.argv, "-C", str(self.folder / "etc/asterisk.conf"), "-rx", command]
        return subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False).stdout

    def log(self) -> str:
        path = self.folder / "log/messages"
        return path.read_text(errors="replace") if path.exists() else ""

    def registered(self) -> bool:
        """Whether the town has registered its account here."""
        return f"{ACCOUNT}/sip:" in self.cli("pjsip show contacts")

    def calls(self, number: str) -> None:
        """Put a call to `number` through to the registered town."""
        self.cli(f"channel originate PJSIP/{number}@{ACCOUNT} extension s@nobody")

    def got(self) -> list[tuple[str, str, str]]:
        """(number, caller id, whether it was encrypted) of every call that came from the town."""
        return re.findall(r"GOT (\S+) FROM (\S*) SRTP (\S*)", self.log())
