"""What control's account may do over AMI and attendants' over ARI, on a running town; and what neither can do."""

from __future__ import annotations

import http.client
import re
import socket
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pytest

from orchestrator.asterisk.errors import Refused
from orchestrator.service import wiring
from tests.console import console
from tests.outside_exchange import originate
from tests.running_town import Town
from tests.side_by_side import always
from tests.test_ami import connected
from tests.test_torture import CITIZEN, STRANGER, hang_up, line, pen

USED = {
    *("DBDel", "DBGetTree", "DBPut", "QueueRemove", "Reload", "ShowDialPlan", "VoicemailRefresh", "VoicemailUsersList"),
}
"""What control does; each belongs to a class that its account must have."""
WITH_THEM = {
    # `system`, for DBPut and Reload: whoever has it can load any module, so its secret is as good as Asterisk's user.
    *("AbsoluteTimeout", "ConfbridgeStartRecord", "ConfbridgeStopRecord", "DBDelTree", "DBGet", "DialplanExtensionAdd"),
    *("DialplanExtensionRemove", "Filter", "Hangup", "LocalOptimizeAway", "ModuleCheck", "ModuleLoad", "PJSIPHangup"),
    # listed with `system`, and refused without `config` all the same: the test below asks for a file
    *("GetConfig", "GetConfigJSON"),
    # `reporting`, for ShowDialPlan and VoicemailUsersList: they read
    *("ConfbridgeList", "ConfbridgeListRooms", "CoreSettings", "CoreShowChannelMap", "CoreShowChannels", "CoreStatus"),
    *("ExtensionState", "ExtensionStateList", "Getvar", "LoggerRotate", "MailboxCount", "MailboxStatus"),
    *("PresenceState", "Status", "VoicemailBoxSummary", "VoicemailUserStatus"),
    # `user`, for VoicemailRefresh
    *("UserEvent", "VoicemailForward", "VoicemailMove", "VoicemailRemove"),
    # `agent`, for QueueRemove
    *("QueueAdd", "QueueLog", "QueueMemberRingInUse", "QueuePause", "QueuePenalty"),
}
TEMPTING = (
    "SHELL(touch {0})",
    "FILE({0})",
    "DB(switched/probe)",
    "ENV(PATH)",
    "AST_CONFIG(manager.conf,control,secret)",
)


@pytest.fixture
def probe(town: Town) -> Iterator[str]:
    """A call within the house, over ARI, with variables that are worth a try."""
    (trap := town.state.run / "trap").unlink(missing_ok=True)
    tempting = {name.format(trap): "1" for name in TEMPTING}
    asked = {"endpoint": "Local/0@from-trunk/n", "context": "from-phones", "extension": "0", "formats": "alaw"}
    originate(wiring.ari(town.state), {**asked, "channelId": "probe", "variables": {"PHONE": "tel2030", **tempting}})
    time.sleep(1)
    yield "probe"
    hang_up(town)
    assert not trap.exists()


def ask(town: Town, method: str, path: str, *, password: str | None = None, **headers: str) -> tuple[int, str, str]:
    """Status, head and body of a request to ARI's port; an empty password is none."""
    address = wiring.ari(town.state)
    password = address.password if password is None else password
    proof = {"Authorization": f"Basic {b64encode(f'{address.user}:{password}'.encode()).decode()}"} if password else {}
    asked = http.client.HTTPConnection("127.0.0.1", town.settings.http_port, timeout=10)
    try:
        asked.request(method, path, headers={**proof, **headers})
        reply = asked.getresponse()
        return reply.status, str(reply.headers), reply.read().decode(errors="replace")
    finally:
        asked.close()


async def test_control_may_what_it_does_and_what_comes_with_that(town: Town) -> None:
    async with connected(wiring.ami(town.state)) as ami:
        listed = await ami.action("ListCommands")
        classed = {name for name, text in listed.items() if (priv := re.search(r"Priv: ([^)<]+)\)", text)) and priv[1]}
        reading = {name for name in classed if name.startswith("PJSIP") and name != "PJSIPHangup"}
        assert classed - reading == USED | WITH_THEM
        assert {"Ping", "QueueStatus", "QueueSummary"} <= listed.keys()  # these belong to no class


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("Command", {"Command": "core show version"}),
        ("Originate", {"Channel": "Local/0@from-trunk", "Application": "System", "Data": "touch {0}"}),
        ("Originate", {"Channel": "Local/0@from-trunk", "Exten": "0", "Context": "from-phones", "Priority": "1"}),
        ("UpdateConfig", {"SrcFilename": "manager.conf", "DstFilename": "manager.conf"}),
        ("CreateConfig", {"Filename": "more.conf"}),
        ("GetConfig", {"Filename": "manager.conf"}),
        ("GetConfigJSON", {"Filename": "../../../secrets/master"}),
        ("Setvar", {"Variable": "SHELL(touch {0})", "Value": "1"}),
        ("Setvar", {"Variable": "FILE({0})", "Value": "1"}),
        ("Setvar", {"Variable": "DB(switched/outside)", "Value": "stopped"}),
        ("Redirect", {"Channel": "x", "Exten": "0", "Context": "from-phones", "Priority": "1"}),
        ("MixMonitor", {"Channel": "x", "File": "{0}", "Command": "touch {0}"}),
        ("PlayDTMF", {"Channel": "x", "Digit": "1"}),
        ("AGI", {"Channel": "x", "Command": "exec System touch", "CommandID": "1"}),
    ],
)
async def test_control_may_not(town: Town, action: str, fields: dict[str, str]) -> None:
    trap = town.state.run / "trap"
    async with connected(wiring.ami(town.state)) as ami:
        with pytest.raises(Refused):
            await ami.action(action, **{key: value.format(trap) for key, value in fields.items()})
    assert not trap.exists()


@pytest.mark.parametrize("name", always(TEMPTING, 3))
async def test_no_function_reaches_files_or_the_shell_or_switches(town: Town, probe: str, name: str) -> None:
    """Not over AMI, and not over ARI, with a call or without one."""
    trap, tried = town.state.run / "trap", name.format(town.state.run / "trap")
    async with connected(wiring.ami(town.state)) as ami:
        await ami.action("DBPut", Family="switched", Key="probe", Val="hidden")
        for channel in ({}, {"Channel": "probe"}):
            with suppress(Refused):
                assert (await ami.action("Getvar", Variable=tried, **channel)).get("Value", "") == ""
    for path in ("/ari/asterisk/variable", f"/ari/channels/{probe}/variable"):
        _, _, body = ask(town, "GET", f"{path}?variable={quote(tried)}")
        assert body in ('{"value":""}', '{"message":"Unable to read provided function"}')
        ask(town, "POST", f"{path}?variable={quote(tried)}&value=changed")
    assert "changed" not in console(town, "database show switched")
    assert "hidden" in console(town, "database show switched")
    console(town, "database del switched probe")
    assert not trap.exists()


def test_ari_wants_the_password_and_is_on_this_machine_only(town: Town) -> None:
    for password in ("", "wrong"):
        for method, path in (
            ("GET", "/ari/channels"),
            ("POST", "/ari/channels?endpoint=Local/0@from-trunk"),
            ("GET", "/ari/x"),
        ):
            assert ask(town, method, path, password=password)[0] == 401
    upgrade = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "eA==",
        "Sec-WebSocket-Version": "13",
    }
    assert ask(town, "GET", "/ari/events?app=x&api_key=attendant:wrong", password="", **upgrade)[0] == 401
    for port in (town.settings.http_port, town.settings.ami_port):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((CITIZEN, port), 5)


def test_no_foreign_page_reads_what_ari_says(town: Town) -> None:
    """A browser asks first, or throws the answer away, unless it is told that the page's origin may have it."""
    page = {"Origin": "https://evil.example"}
    _, head, _ = ask(town, "GET", "/ari/asterisk/ping", **page)
    assert "access-control" not in head.lower()
    wish = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    _, head, _ = ask(town, "OPTIONS", "/ari/channels", **page, **wish)
    assert "access-control" not in head.lower()


@pytest.mark.parametrize("name", ["../../../run/out", "..", "/{0}/run/out", "x/../../../run/out"])
def test_a_recording_stays_in_its_folder(town: Town, probe: str, name: str) -> None:
    def found() -> set[Path]:
        everywhere = {*town.state.root.rglob("*.wav"), *town.state.root.parent.glob("*.wav")}
        return everywhere - set((town.state.root / "spool" / "recording").rglob("*"))

    before, name = found(), quote(name.format(town.state.root), safe="")
    ask(town, "POST", f"/ari/channels/{probe}/record?format=wav&maxDurationSeconds=1&name={name}")
    for way in ("", "/file"):
        status, _, _ = ask(town, "GET", f"/ari/recordings/stored/{name}{way}")
        assert status in (404, 500)
    assert ask(town, "DELETE", f"/ari/recordings/stored/{name}")[0] in (404, 500)
    hang_up(town)
    assert found() == before


@pytest.mark.parametrize(
    "path", ["static/../settings.toml", "static/..%2f..%2fsettings.toml", "ari/api-docs/..%2fsettings.toml"]
)
def test_no_file_is_served(town: Town, path: str) -> None:
    status, _, body = ask(town, "GET", f"/{path}")
    assert status in (404, 500)
    assert "bind" not in body


def told(town: Town, method: str, address: str, user: str) -> str:
    """All that one request is answered with, without what is new each time."""
    with line(town, "udp", address) as wire:
        who = f"<sip:{user}@{town.exchange}>"
        asked = pen(town, "udp", wire).asked(method, but={"From": f"{who};tag=1", "To": who, "Contact": who})
        wire.sendall(asked)
        said = wire.recv(65535).decode()
    said = re.sub(r'(nonce|opaque)="[^"]*"', r'\1=""', said.replace(user, "USER"))
    return re.sub(r"(Via|Call-ID|To): .*?\r\n|;tag=\S+", "", said)


@pytest.mark.parametrize("method", ["OPTIONS", "REGISTER", "INVITE", "SUBSCRIBE", "MESSAGE"])
def test_a_stranger_does_not_learn_which_telephones_there_are(town: Town, method: str) -> None:
    known, unknown = (told(town, method, STRANGER, user) for user in ("tel2030", "tel9999"))
    assert known == unknown
    assert known.startswith("SIP/2.0 401 ")


def test_nobody_learns_what_it_is_and_which_version(town: Town) -> None:
    version = wiring.program("asterisk").version.partition("+")[0].partition("~")[0].removeprefix("Asterisk ")
    assert re.match(r"22\.\d", version)
    said = [told(town, "OPTIONS", STRANGER, "x"), told(town, "OPTIONS", CITIZEN, "x")]
    with line(town, "udp", CITIZEN) as wire:
        wire.sendall(pen(town, "udp", wire).asked())
        while "m=audio" not in said[-1]:
            said.append(wire.recv(65535).decode())
    hang_up(town)
    for text in said:
        assert "Server: Durchwahl" in text
        assert "asterisk" not in text.lower()
    for password in ("", "wrong"):
        said.append("".join(map(str, ask(town, "GET", "/ari/asterisk/info", password=password))))
    said.append("".join(map(str, ask(town, "GET", "/httpstatus", password=""))))
    with socket.create_connection(("127.0.0.1", town.settings.ami_port), 5) as wire:
        said.append(wire.recv(4096).decode())
    assert not [text for text in said if version in text]
