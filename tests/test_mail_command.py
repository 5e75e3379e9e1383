"""Mail as an admin meets it: settings, `durchwahl mail`, the figures; and all of it together as control runs it."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import time as clock
from pathlib import Path

import pytest

from orchestrator.messages.mail import outbox
from orchestrator.metrics.control import Metrics
from orchestrator.service import mail as service
from orchestrator.service import settings
from orchestrator.service.errors import ServiceError
from orchestrator.service.state import State, create
from orchestrator.store.database import migrate, open_database
from tests.mail_server import PASSWORD, USER, Post, free_port, mail_server
from tests.mail_town import left, message, town
from tests.test_cli import durchwahl


@pytest.fixture
def state(tmp_path: Path) -> State:
    return create(tmp_path / "s")


def mail(state: State, *lines: str, port: int = 25) -> None:
    """Write [mail] as an admin does."""
    given = {"host": '"127.0.0.1"', "port": str(port), "sender": '"telefon@stadt.example"', "security": '"none"'}
    given |= dict(line.split(" = ", 1) for line in lines)
    with (state.root / "settings.toml").open("a") as file:
        file.write("\n".join(["", "[mail]", *(f"{name} = {value}" for name, value in given.items()), ""]))


def test_mail_is_off_by_default(state: State) -> None:
    assert state.settings().mail.host == ""
    done = durchwahl(state.root, "mail", "--test", "anna@stadt.example")
    assert done.returncode == 2
    assert "mail is off" in done.stderr


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('sender = "telefon"', "sender 'telefon' is no mail address"),
        ('host = "smtp://mail"', "host 'smtp://mail' is no name of a server"),
        ('host = "mail.example"\nuser = "x"', "password would go in the clear"),
        ('web = "telefon.example"', "web 'telefon.example' is no address"),
        ('security = "ssl"', "security"),
        ('digest = "7 Uhr"', "digest: '7 Uhr' is no time of day"),
        ("digest = 7", "digest: 7 is no time of day"),
        ('digest = "29:00"', "digest"),
        ('digest = "07:00Z"', "digest"),
        ("megabytes = 0", "megabytes"),
        ("sended = 1", "sended"),
    ],
)
def test_a_wrong_setting_is_named(state: State, line: str, said: str) -> None:
    mail(state, *line.split("\n"))
    with pytest.raises(ServiceError, match=r"settings\.toml: ") as bad:
        settings.load(state.root / "settings.toml")
    assert said in str(bad.value)


@pytest.mark.parametrize("given", ['"7:30"', '"07:30"', "07:30:00"])
def test_a_time_of_day(state: State, given: str) -> None:
    mail(state, f"digest = {given}")
    assert settings.load(state.root / "settings.toml").mail.digest == clock(7, 30)


def test_a_test_mail_says_what_happened(state: State) -> None:
    with mail_server() as running:
        mail(state, port=running.port)
        done = durchwahl(state.root, "mail", "--test", "anna@stadt.example")
        assert done.returncode == 0, done.stderr
        assert f"127.0.0.1:{running.port} took the mail to anna@stadt.example (no encryption)" in done.stdout
        assert [str(each["Subject"]) for each in running.post.taken] == ["Testnachricht der Telefonanlage"]
        running.post.answers["rcpt"] = ["550 5.1.1 no such user"]
        done = durchwahl(state.root, "mail", "--test", "anna@stadt.example")
        assert done.returncode == 2
        assert "did not take a mail to anna@stadt.example: 550 5.1.1 no such user" in done.stderr
        assert durchwahl(state.root, "mail", "--test", "anna").returncode == 2


def test_a_test_mail_with_tls_and_a_login(state: State, tmp_path: Path) -> None:
    with mail_server(tls=True, login=True) as running:
        assert running.authority
        running.authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        ca = f'ca = "{tmp_path}/ca.pem"'
        mail(state, 'security = "starttls"', f'user = "{USER}"', ca, port=running.port)
        asked = ("mail", "--test", "anna@stadt.example")
        done = durchwahl(state.root, *asked)
        assert done.returncode == 2
        assert "to do: write the password of durchwahl at 127.0.0.1 into it" in done.stderr
        secret = state.root / "secrets" / "smtp"
        for password, said in (("wrong", "it refuses the login of durchwahl: 535"), (PASSWORD, "")):
            secret.write_text(password + "\n")
            done = durchwahl(state.root, *asked)
            assert said in done.stderr
        assert done.returncode == 0
        assert f"(STARTTLS, logged in as {USER})" in done.stdout


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "it cannot be reached"),
        ('host = "there-is-no-such-host.invalid"', "this name is not known"),
    ],
)
def test_a_server_that_is_not_there(state: State, line: str, said: str) -> None:
    mail(state, *([line] if line else []), port=free_port())
    done = durchwahl(state.root, "mail", "--test", "anna@stadt.example")
    assert done.returncode == 2
    assert said in done.stderr
    assert "to do: " in done.stderr


async def test_as_control_runs_it(state: State) -> None:
    """A message is filed, told, refused, listed, retried; one is dropped; and the figures say so."""
    with mail_server(Post({"rcpt": ["550 no", "550 no"]})) as running:
        mail(state, port=running.port)
        await migrate(state.database)
        engine, metrics = open_database(state.database), Metrics()
        try:
            at_work = service.mailing(state, engine, town, metrics.mail, menu=lambda directory: "99")
            assert at_work
            task = asyncio.create_task(at_work.run())
            now = time.time()
            for number in range(3):
                told = message(number, left=now - 5)
                left(state.spool, told)
                async with engine.begin() as connection:
                    await outbox.queue(connection, at_work.letters(told))
                at_work.wake()
            await until(lambda: len(running.post.taken) == 1)
            await at_work.look()
            figures = metrics.text().decode()
            for line in ('mails_total{outcome="dead"} 2.0', 'mails_total{outcome="sent"} 1.0', "mail_dead 2.0"):
                assert f"durchwahl_{line}" in figures
            assert "durchwahl_mail_server_up 1.0" in figures
            assert "durchwahl_mail_delay_seconds_count 1.0" in figures
            listed = await asyncio.to_thread(durchwahl, state.root, "mail", "--json")
            assert listed.returncode == 1
            first, second = json.loads(listed.stdout)
            assert (first["state"], first["error"]) == ("dead", "550 no")
            assert "0 waiting, 2 dead" in (await asyncio.to_thread(durchwahl, state.root, "mail")).stdout
            for option, which, code in (("--drop", first, 0), ("--drop", first, 2), ("--retry", second, 0)):
                done = await asyncio.to_thread(durchwahl, state.root, "mail", option, str(which["id"]))
                assert done.returncode == code, done.stderr
            await until(lambda: len(running.post.taken) == 2)
            assert "99 wählen" in running.post.taken[0].get_body().get_content()  # type: ignore[union-attr]
            task.cancel()
            await asyncio.wait([task])
        finally:
            await engine.dispose()
    done = await asyncio.to_thread(durchwahl, state.root, "mail")
    assert (done.returncode, done.stdout) == (0, "0 waiting, 0 dead\n")


async def until(found: object, limit: float = 60.0) -> None:
    end = time.monotonic() + limit
    while not found():  # type: ignore[operator]
        assert time.monotonic() < end
        await asyncio.sleep(0.05)


async def test_without_its_password_control_runs_and_letters_wait(
    state: State, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(service, "LOOK_AGAIN", 0.1)
    with mail_server() as running:
        mail(state, f'user = "{USER}"', port=running.port)
        await migrate(state.database)
        engine, metrics = open_database(state.database), Metrics()
        try:
            at_work = service.mailing(state, engine, town, metrics.mail)
            assert at_work
            task = asyncio.create_task(at_work.run())
            told = message(1, left=time.time())
            left(state.spool, told)
            async with engine.begin() as connection:
                assert await outbox.queue(connection, at_work.letters(told)) == 1
            at_work.wake()
            await until(lambda: "durchwahl_mail_misconfigured 1.0" in metrics.text().decode())
            await at_work.look()
            assert "durchwahl_mail_waiting 1.0" in metrics.text().decode()
            secret = state.root / "secrets" / "smtp"
            assert [each.getMessage().count(str(secret)) > 0 for each in caplog.records] == [True], "told once"
            secret.parent.mkdir(exist_ok=True)
            secret.write_text(PASSWORD + "\n")
            await until(lambda: "durchwahl_mail_misconfigured 0.0" in metrics.text().decode())
            assert not task.done()
            task.cancel()
            await asyncio.wait([task], timeout=20)
            assert task.cancelled()
        finally:
            await engine.dispose()


async def test_another_password_is_taken_up_without_a_restart(state: State, tmp_path: Path) -> None:
    with mail_server(tls=True, login=True) as running:
        assert running.authority
        running.authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        mail(state, 'security = "starttls"', f'user = "{USER}"', f'ca = "{tmp_path}/ca.pem"', port=running.port)
        secret = state.root / "secrets" / "smtp"
        secret.write_text("of last year\n")
        await migrate(state.database)
        engine, metrics = open_database(state.database), Metrics()
        try:
            at_work = service.mailing(state, engine, town, metrics.mail)
            assert at_work
            task = asyncio.create_task(at_work.run())
            told = message(1, left=time.time())
            left(state.spool, told)
            async with engine.begin() as connection:
                await outbox.queue(connection, at_work.letters(told))
            at_work.wake()
            await until(lambda: "durchwahl_mail_server_up 0.0" in metrics.text().decode())
            assert not running.post.taken
            secret.write_text(PASSWORD + "\n")
            await until(lambda: len(running.post.taken) == 1)
            task.cancel()
            await asyncio.wait([task], timeout=20)
        finally:
            await engine.dispose()


def test_where_mail_is_off_nothing_is_queued(state: State) -> None:
    assert service.mailing(state, open_database(state.database), town, Metrics().mail) is None


def test_ports_are_the_usual_ones(state: State) -> None:
    for security, port in (("starttls", 587), ("tls", 465), ("none", 25)):
        given = settings.Mail(host="mail.example", sender="a@b", security=security, port=0, megabytes=10)  # type: ignore[arg-type]
        assert service.server(state, given).port == port
