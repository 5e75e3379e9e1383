"""A town whose every secret is known, with calls, wrong passwords, a database that goes away, commands that fail: then
everything that it wrote, served or showed is searched for them. They lie where docs/secrets.md says, and nowhere else.

Of PINs the one that an owner chose is looked for: six digits would be found by chance.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import threading
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from sqlalchemy import make_url

from orchestrator.asterisk.errors import AsteriskError
from orchestrator.asterisk.rest import Rest
from orchestrator.domain.flow import Menu, Step
from orchestrator.domain.town import Trunk
from orchestrator.messages.mailbox import Spool
from orchestrator.messages.pins import Pins
from orchestrator.phone.call import Call
from orchestrator.phone.errors import PhoneError
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import wiring
from orchestrator.service.state import State
from tests import databases, ports
from tests.mail_server import PASSWORD as MAIL
from tests.mail_server import USER, mail_server
from tests.mailbox_line import NUMBER, PUBLIC, directory
from tests.postgres import Server
from tests.provider import ACCOUNT, Provider
from tests.provider import PASSWORD as RIGHT
from tests.running_town import CITIZEN, Town, running_town, until, world
from tests.test_cli import durchwahl
from tests.towns import MONDAY_10

pytestmark = pytest.mark.long

BOX, PIN, WRONG_PIN = "2500", "805271936482", "290518473625"
GIVEN = {"database": "kanarie-5Dt7Qx2V", "trunk-far": "kanarie-9Kw3Zr8P", "smtp": MAIL, "ldap": "kanarie-4Hn6Yb1M"}
"""What others gave us: file in secrets/ -> what is in it."""
WHERE = re.compile(
    r"secrets/\w[\w-]*|trees/[0-9a-f]{16}(-2)?/asterisk/(ari|manager|pjsip|voicemail)\.conf"
    r"|spool/voicemail/town/\d+/secret\.conf"
)
"""The only files of the state that hold secrets (docs/secrets.md)."""
AWAY = "the outbox cannot be read"
"""What control says when its database is away."""
MAIL_TEST = "mail --test anna@stadt.example"
COMMANDS = (
    *("status", "drift", "history --json", "plan --json --all", "phone 2500 --json", "phone nobody", "export -"),
    *(MAIL_TEST, "ldap-sync --dry-run", "rollback 7", "apply 1234"),
)
"""As an admin types them; some of them fail."""


DAMAGED = {"master": "phone 2500", "database": "changes", "trunk-far": "plan", "smtp": MAIL_TEST}
"""File in secrets/ -> what fails when it does not hold what it must."""


@dataclass
class Seen:
    """What was shown, by where it was."""

    town: Town
    provider: Provider
    secrets: dict[str, str]
    texts: dict[str, str] = field(default_factory=dict)
    lines: set[str] = field(default_factory=set)
    """Command lines."""

    def found(self, text: str) -> list[str]:
        """Names of the secrets that are in `text`, plain or as HTTP encodes a login."""
        return [name for name, secret in self.secrets.items() if any(form in text for form in forms(name, secret))]


def forms(name: str, secret: str) -> Iterator[str]:
    yield secret
    user = {"ari": "attendant", "database": "kanarie", "smtp": USER}.get(name, name.partition(":")[2])
    yield b64encode(f"{user}:{secret}".encode()).decode()


def known(state: State) -> dict[str, str]:
    """Every secret of the exchange, by what it is for."""
    secrets = wiring.secrets(state)
    purposes = ("ari", "ami:control", "links", "sip:testcall", *(f"sip:tel{n}" for n in (2500, 2501)))
    master = (state.root / "secrets" / "master").read_text().strip()
    return {
        **GIVEN,
        **{each: secrets.of(each) for each in purposes},
        "PIN": PIN,
        "wrong PIN": WRONG_PIN,
        "master": master,
    }


@contextmanager
def watched(lines: set[str]) -> Iterator[None]:
    """Whatever command line any process of this machine has meanwhile, as `ps` shows it."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.2):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):
                    lines.add(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, postgres: Server) -> Iterator[Seen]:
    folder = tmp_path_factory.mktemp("s")
    provider = Provider(folder / "provider", "127.0.0.5", ports.one())
    postgres.run(f"CREATE ROLE kanarie LOGIN PASSWORD '{GIVEN['database']}'")
    url = postgres.fresh().set(username="kanarie", password=GIVEN["database"])
    postgres.run(f"ALTER DATABASE {url.database} OWNER TO kanarie")
    trunk = Trunk(id="far", host=provider.address, port=provider.port, user=ACCOUNT)

    with mail_server(tls=True, login=True) as post:

        def furnish(state: State) -> None:
            for name, secret in GIVEN.items():
                (state.root / "secrets" / name).write_text(f"{secret}\n")
                (state.root / "secrets" / name).chmod(0o600)
            databases.use(state, make_url(url))
            state.password.chmod(0o600)
            assert post.authority
            post.authority.cert_pem.write_to_path(ca := str(folder / "ca.pem"))
            mail = f'host = "127.0.0.1"\nport = {post.port}\nuser = "{USER}"\nsender = "a@b.example"\nca = "{ca}"\n'
            ldap = f'url = "ldaps://127.0.0.1:{post.port}"\nbase = "dc=a"\nuser = "cn=b"\n'
            with (state.root / "settings.toml").open("a") as file:
                file.write(f'[mail]\nsecurity = "starttls"\n{mail}[ldap]\n{ldap}')

        town_ = directory()
        flows = {
            name: replace(flow, steps={n: whole(s) for n, s in flow.steps.items()})
            for name, flow in town_.flows.items()
        }
        written = replace(town_, trunks={**town_.trunks, "far": trunk}, flows=flows)
        try:
            provider.start()
            with running_town(folder / "t", written, furnish) as town:
                found = Seen(town, provider, known(town.state))
                with watched(found.lines):
                    asyncio.run(calls(town))
                    mistakes(town)
                    commands(found)
                    failing(found, postgres)
                pages(found)
                yield found
        finally:
            provider.end()


def whole(step: Step) -> Step:
    """As an export can write it: the waits of the tests' menus have fractions."""
    return replace(step, wait=2.0) if isinstance(step, Menu) else step


async def calls(town: Town) -> None:
    """Who calls, with right and wrong passwords and PINs: to control's dialogue, then to Asterisk's own."""
    Pins(Spool(town.state.spool), wiring.secrets(town.state).pin).change(BOX, PIN)
    await town.test_call(world(MONDAY_10))
    for password in (wiring.secrets(town.state).of("sip:tel2500"), wiring.secrets(town.state).of("sip:tel2501")):
        line = Line(number="tel2500", exchange=town.exchange, password=password, registers=True)
        with suppress(PhoneError):
            async with Telephone(wiring.program("baresip"), line) as telephone:
                call = await telephone.dial(NUMBER)
                await call.answered(within=10)
                await call.stays(1)
                await call.hang_up()
    citizen = Line(number="+491719900001", exchange=town.exchange)
    async with Telephone(wiring.program("baresip"), citizen, address=CITIZEN) as telephone:
        await typed(await telephone.dial(PUBLIC), WRONG_PIN, PIN)
    town.end("attend")
    password = wiring.secrets(town.state).of("sip:tel2501")  # whose owner has no box there, and is asked for one
    async with Telephone(
        wiring.program("baresip"), Line(number="tel2501", exchange=town.exchange, password=password)
    ) as telephone:
        await typed(await telephone.dial(NUMBER), WRONG_PIN)
        await typed(await telephone.dial(NUMBER), PIN)
    town.begin("attend")


async def typed(call: Call, *pins: str) -> None:
    """Types the box and each PIN, and hangs up."""
    await call.answered(within=10)
    for pin in pins:
        for keys in (f"{BOX}#", f"{pin}#"):
            await call.stays(2)
            await call.press(keys)
    await call.stays(2)
    await call.hang_up()


def mistakes(town: Town) -> None:
    """Who logs in to ARI, AMI and the dialogue with what is not meant for it."""
    secrets = wiring.secrets(town.state)
    with suppress(AsteriskError):
        Rest(replace(wiring.ari(town.state), conf=None, password=secrets.of("links"))).ask("GET", "channels")
    with socket.create_connection(("127.0.0.1", town.settings.ami_port), 5) as wire:
        wire.sendall(f"Action: Login\r\nUsername: control\r\nSecret: {secrets.of('ari')}\r\n\r\n".encode())
        wire.settimeout(5)
        while wire.recv(4096):
            pass
    for path in ("/dialogue", f"/message/{secrets.of('links')}", "/nowhere"):
        asked = urllib.request.Request(f"http://127.0.0.1:{town.settings.web_port}{path}", data=b"{}")
        asked.add_header("Authorization", f"Bearer {secrets.of('links')}")
        with suppress(urllib.error.HTTPError):
            urllib.request.urlopen(asked, timeout=5).close()  # noqa: S310


def commands(found: Seen, note: str = "") -> None:
    for command in COMMANDS:
        done = durchwahl(found.town.state.root, *command.split())
        found.texts[f"durchwahl {command}{note}"] = done.stdout + done.stderr


def failing(found: Seen, postgres: Server) -> None:
    """The database goes away, files hold what they must not; then all is well again, and applied."""
    town = found.town
    postgres.stop()
    try:
        for command in ("status", "plan", "export -"):
            done = durchwahl(town.state.root, *command.split())
            found.texts[f"durchwahl {command}, without a database"] = done.stdout + done.stderr
            assert done.returncode != 0 or command == "status"
        until(lambda: AWAY in (town.state.log / "control.out").read_text(), 30)
        pages(found, ", without a database")
    finally:
        postgres.start()
    for name, command in DAMAGED.items():
        path = town.state.root / "secrets" / name
        whole = path.read_text()
        path.write_text(f"{whole.strip()} {whole.strip()}\n")
        done = durchwahl(town.state.root, *command.split())
        assert done.returncode == 2, done.stdout
        found.texts[f"durchwahl {command}, with two words in {name}"] = done.stdout + done.stderr
        path.write_text(whole)
    done = durchwahl(town.state.root, "apply", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    found.texts["durchwahl apply --yes"] = done.stdout + done.stderr


def pages(found: Seen, note: str = "") -> None:
    """Whatever control and the attendants serve, errors too."""
    settings = found.town.settings
    served = [
        (settings.web_port, path) for path in ("/", "/metrics", "/health/live", "/health/ready", "/x", "/dialogue")
    ]
    for port, path in [*served, *((settings.metrics_port + n, "/metrics") for n in range(settings.attendants))]:
        try:
            text = found.town.page(path, port)
        except urllib.error.HTTPError as bad:
            text = f"{bad.headers}{bad.read().decode()}"
        assert text
        found.texts[f"http://127.0.0.1:{port}{path}{note}"] = text


def files(root: Path) -> Iterator[tuple[str, Path]]:
    for at, _, names in os.walk(root):
        for name in names:
            if (path := Path(at, name)).is_file() and not path.is_symlink():
                yield str(path.relative_to(root)), path


def test_nothing_that_is_shown_holds_a_secret(seen: Seen) -> None:
    assert len(seen.texts) > 25
    assert {where: told for where, text in seen.texts.items() if (told := seen.found(text))} == {}


def test_no_command_line_holds_a_secret(seen: Seen) -> None:
    assert any("orchestrator.service.attendant" in line for line in seen.lines)
    assert [(line, told) for line in seen.lines if (told := seen.found(line))] == []


def test_secrets_lie_in_private_files_of_the_documented_names_only(seen: Seen) -> None:
    root = seen.town.state.root
    found = {where: told for where, path in files(root) if (told := seen.found(path.read_bytes().decode("latin-1")))}
    assert [f"{where} holds {told}" for where, told in found.items() if not WHERE.fullmatch(where)] == []
    assert [where for where in found if (root / where).stat().st_mode & 0o077] == []
    assert (root.stat().st_mode | (root / "secrets").stat().st_mode) & 0o077 == 0
    logged = {where for where, _ in files(root) if where.startswith("log/")}
    assert {"log/full", "log/security", "log/control.out", "log/attend.out", "log/cel-custom/journal.csv"} <= logged


def test_the_failures_were_real(seen: Seen) -> None:
    """What must have been logged for the search to mean something."""
    log = seen.town.state.log
    full, security, control = ((log / name).read_text() for name in ("full", "security", "control.out"))
    assert "Failed to authenticate" in full
    assert "InvalidPassword" in security or "ChallengeResponseFailed" in security
    assert AWAY in control
    assert "it refuses the login" in seen.texts[f"durchwahl {MAIL_TEST}, with two words in smtp"]
    assert "took the mail" in seen.texts[f"durchwahl {MAIL_TEST}"]


def test_the_database_holds_no_secret(seen: Seen, postgres: Server) -> None:
    name = seen.town.state.database.database or ""
    tables = [row[0] for row in postgres.run("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", name)]
    rows = {table: postgres.run(f'SELECT t::text FROM "{table}" t', name) for table in tables}  # noqa: S608
    assert any(rows["journeys"]), sorted(rows)
    assert {table: told for table, kept in rows.items() if (told := seen.found(str(kept)))} == {}


def test_what_is_searched_for_would_be_found(seen: Seen) -> None:
    """Every secret of the exchange is found where it must be."""
    root = seen.town.state.root
    everything = "".join(path.read_bytes().decode("latin-1") for where, path in files(root) if WHERE.fullmatch(where))
    elsewhere = {"links", "wrong PIN"}  # derived when they are needed; and nobody's
    assert set(seen.found(everything)) == set(seen.secrets) - elsewhere
    assert seen.found(b64encode(f"attendant:{seen.secrets['ari']}".encode()).decode()) == ["ari"]


def test_the_password_that_a_provider_gives_anew_is_taken_up_without_a_restart(seen: Seen) -> None:
    """The last test: from now on another secret is in that file."""
    assert not seen.provider.registered()
    (seen.town.state.root / "secrets" / "trunk-far").write_text(f"{RIGHT}\n")
    done = durchwahl(seen.town.state.root, "renew", "far", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "renewed trunk far" in done.stdout
    began = time.monotonic()
    until(seen.provider.registered, 60)
    print(f"registered after {time.monotonic() - began:.1f} s")
