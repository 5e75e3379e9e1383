"""The smallest exchange that telephones can be tried on: a private Asterisk with a dozen hand-written numbers.

Belongs here: its start and end. The town's configuration comes from compile.
"""

from __future__ import annotations

import subprocess
import time
from bisect import bisect_left
from pathlib import Path

from orchestrator.asterisk.package import find
from orchestrator.phone.program import surroundings
from orchestrator.phone.sound import ALAW, RATE, Sound, read_sound
from tests import ports
from tests.leash import leashed

MODULES = """
res_timing_timerfd res_crypto res_sorcery_config res_sorcery_memory res_sorcery_astdb res_pjproject res_pjsip
res_pjsip_session res_pjsip_pubsub res_pjsip_authenticator_digest res_pjsip_endpoint_identifier_user
res_pjsip_endpoint_identifier_ip res_pjsip_registrar res_pjsip_sdp_rtp res_pjsip_caller_id res_pjsip_nat
res_rtp_asterisk chan_pjsip bridge_simple codec_alaw codec_g722 codec_resample format_wav format_pcm pbx_config
app_dial app_playback app_read app_record app_verbose app_echo func_callerid
"""

DIALPLAN = """
[numbers]
exten => 2500,1,Dial(PJSIP/tel2500,4)
 same => n,Log(NOTICE,DIAL ${DIALSTATUS})
 same => n,Hangup(${HANGUPCAUSE})
exten => echo,1,Answer(,i)
 same => n,Echo()
exten => keys,1,Answer(,i)
 same => n,Read(KEYS,,7,t(),1,5)
 same => n,Log(NOTICE,KEYS ${KEYS})
exten => prompt,1,Answer(,i)
 same => n,Playback(greeting)
exten => early,1,Progress()
 same => n,Playback(greeting,noanswer)
 same => n,Hangup(17)
exten => brief,1,Answer(,i)
 same => n,Wait(4)
exten => tone,1,Answer(,i)
 same => n,Dial(PJSIP/tel2500,8,r)
exten => record,1,Answer(,i)
 same => n,Record(%s/taken.wav,0,10,kq)
exten => _1*X.,1,Answer(,i)
 same => n,Log(NOTICE,TEST ${EXTEN} ${CALLERID(all)})
"""

PJSIP = """
[global]
type = global
endpoint_identifier_order = username,ip
[udp]
type = transport
protocol = udp
bind = 127.0.0.1:%d
[telephone](!)
type = endpoint
context = numbers
disallow = all
allow = alaw,g722
direct_media = no
rtp_symmetric = yes
[tel2500](telephone)
auth = tel2500
aors = tel2500
[tel2500]
type = auth
username = tel2500
password = secret-of-2500
[tel2500]
type = aor
max_contacts = 1
remove_existing = yes
[testcall](telephone)
auth = testcall
[testcall]
type = auth
username = testcall
password = secret-of-test
[trunk](telephone)
[trunk]
type = identify
endpoint = trunk
match = 127.0.0.2
"""


def speak(text: str, folder: Path) -> Sound:
    """German speech by espeak-ng, at telephone rate (by linear interpolation: it only has to be recognised)."""
    speech = find("espeak-ng")
    command = [*speech.argv, "-v", "de", "-w", str(folder / "speech.wav"), text]
    subprocess.run(command, check=True, timeout=20, env=surroundings(speech))
    wide = read_sound(folder / "speech.wav")
    step, source = wide.rate / RATE, wide.samples
    places = [at * step for at in range(int((len(source) - 1) / step))]
    return Sound(samples=[round(source[int(p)] + (p % 1) * (source[int(p) + 1] - source[int(p)])) for p in places])


STEPS = sorted((value, code) for code, value in enumerate(ALAW))


def compress(sample: int) -> int:
    """The a-law code next above a sample."""
    return STEPS[min(bisect_left(STEPS, (sample, 0)), 255)][1]


class Exchange:
    """One running Asterisk in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        program = find("asterisk")
        self._asterisk = program.argv
        self._configure(program.modules, program.share)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            leashed([*self._asterisk, "-f", "-C", self._conf]), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)  # fmt: skip
        deadline = time.monotonic() + 15
        while "Asterisk Ready" not in self.log():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Asterisk did not start:\n{self.log()}")
            time.sleep(0.05)

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(5)

    def log(self) -> str:
        path = self.folder / "log/messages"
        return path.read_text(errors="replace") if path.exists() else ""

    def channels(self) -> int:
        """Channels that exist now."""
        said = subprocess.run([*self._asterisk, "-C", self._conf, "-rx", "core show channels count"],
                              capture_output=True, text=True, timeout=5, check=True).stdout  # fmt: skip
        return int(said.split(" active channel")[0].split()[-1])

    def _configure(self, modules: Path, share: Path) -> None:
        at = self.folder
        for part in ("etc", "lib", "data/sounds/de", "spool", "run", "log"):
            (at / part).mkdir(parents=True)
        # Asterisk refuses to start without the documentation of its own types.
        (at / "data/documentation").symlink_to(share / "documentation")
        self._conf = str(at / "etc/asterisk.conf")
        port, rtp = ports.one(), ports.rtp()
        self.address = f"127.0.0.1:{port}"
        texts = {
            "asterisk.conf": f"[directories]\nastetcdir={at}/etc\nastmoddir={modules}\n"
            f"astvarlibdir={at}/lib\nastdbdir={at}/lib\nastkeydir={at}/lib\nastdatadir={at}/data\n"
            f"astagidir={at}/lib\nastspooldir={at}/spool\nastrundir={at}/run\nastlogdir={at}/log\n"
            "[options]\ndefaultlanguage=de\nentityid=02:00:00:00:00:01\n",
            "modules.conf": "[modules]\nautoload=no\n" + "".join(f"load={name}.so\n" for name in MODULES.split()),
            "pjsip.conf": PJSIP % port,
            "pjproject.conf": "",
            "extensions.conf": DIALPLAN % at,
            "rtp.conf": f"[general]\nrtpstart={rtp}\nrtpend={rtp + ports.RTP_PORTS - 1}\n",
            "logger.conf": "[logfiles]\nmessages => notice,warning,error,dtmf,verbose\n",
            # Without a description the whole country is left out, and callers hear nothing.
            "indications.conf": "[general]\ncountry=de\n[de]\ndescription=Deutschland\nring=425/1000,0/4000\n",
        }
        for name, text in texts.items():
            (at / "etc" / name).write_text(text)
