"""AMI: against a real Asterisk, and against a peer with the worst manners."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest

from orchestrator.asterisk import ami as module
from orchestrator.asterisk.ami import Account, Ami, Unsayable, WrongPassword
from orchestrator.asterisk.errors import NoReply, NotConnected, Refused
from orchestrator.service import wiring
from tests.pickup_town import citizen
from tests.running_town import Town, until

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def connected(account: Account) -> AsyncIterator[Ami]:
    ami = Ami(account)
    owner = asyncio.create_task(ami.run())
    try:
        assert await ami.ready(5)
        yield ami
    finally:
        owner.cancel()
        await asyncio.gather(owner, return_exceptions=True)


@asynccontextmanager
async def rude(talk: Talk) -> AsyncIterator[Account]:
    """A peer that logs anybody in, and then does as `talk` says."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        try:
            await answer(reader, writer)
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield Account(port=server.sockets[0].getsockname()[1], user="control", secret="x")
    finally:
        server.close()


async def read(reader: asyncio.StreamReader) -> dict[str, str]:
    message = (await reader.readuntil(b"\r\n\r\n")).decode()
    return dict(line.split(": ", 1) for line in message.split("\r\n") if ": " in line)


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, more: str = "") -> None:
    asked = await read(reader)
    writer.write(f"Response: Success\r\nActionID: {asked['ActionID']}\r\nMessage: ok\r\n{more}\r\n".encode())


async def test_a_real_asterisk_answers(town: Town) -> None:
    async with connected(wiring.ami(town.state)) as ami:
        assert (await ami.action("Ping"))["Ping" if "Ping" in await ami.action("Ping") else "ping"] == "Pong"
        endpoints = await ami.rows("PJSIPShowEndpoints")
        assert len(endpoints) == len(town.directory.phones) + 2
        with pytest.raises(Refused):
            await ami.action("Originate", Channel="Local/210@from-trunk", Application="Wait")
        with pytest.raises(Refused):
            await ami.action("Command", Command="core stop now")
        with pytest.raises(Refused):
            await asyncio.wait_for(ami.rows("PJSIPShowContacts"), 3)  # nobody is registered: no list, and no wait


async def test_a_wrong_password_is_not_tried_for_ever(town: Town) -> None:
    ami = Ami(replace(wiring.ami(town.state), conf=None, secret="wrong"))
    with pytest.raises(WrongPassword):
        await asyncio.wait_for(ami.run(), 10)
    assert not ami.up


def said_to_a_stranger(town: Town) -> str:
    """What AMI answers to somebody who has not logged in."""
    account = wiring.ami(town.state)
    with socket.create_connection((account.host, account.port), 5) as line:
        line.sendall(b"Action: Ping\r\n\r\n")
        said = b""
        while b"Message: " not in said:
            said += line.recv(4096)
    return said.decode()


async def test_an_asterisk_that_waits_for_calls_to_end_has_not_refused_us(town: Town) -> None:
    """It answers again when it has changed its mind, or has started anew."""
    asterisk, conf = wiring.program("asterisk"), town.state.current / "asterisk" / "asterisk.conf"
    console = (*asterisk.argv, "-C", str(conf), "-rx")
    ami = Ami(wiring.ami(town.state))
    async with citizen(town) as telephone:
        call = await telephone.dial("+49620521210")
        await call.answered(within=10)
        ending = subprocess.Popen((*console, "core stop gracefully"), stdout=subprocess.DEVNULL)  # until it has ended
        await asyncio.to_thread(until, lambda: "shutting down" in said_to_a_stranger(town), 20)
        owner = asyncio.create_task(ami.run())
        try:
            assert not await ami.ready(8)
            assert not owner.done()
        finally:
            await asyncio.to_thread(subprocess.run, (*console, "core abort shutdown"), timeout=10, check=True)
            ending.kill()
            ending.wait(10)
        try:
            assert await ami.ready(15)
        finally:
            owner.cancel()
            await asyncio.gather(owner, return_exceptions=True)
        await call.hang_up()


@pytest.mark.parametrize("bad", ["a\r\nAction: Originate", "a\nb", "a\rb", "a\0b"])
async def test_nothing_is_ever_more_than_a_value(town: Town, bad: str) -> None:
    async with connected(wiring.ami(town.state)) as ami:
        with pytest.raises(Unsayable):
            await ami.action("MailboxCount", Mailbox=bad)
        with pytest.raises(Unsayable):
            await ami.action("MailboxCount", **{bad: "x"})
        with pytest.raises(Unsayable):
            await ami.action(bad)
        assert ami.up


async def test_umlauts_survive_being_split_at_every_byte() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await read(reader)
        for byte in f"Response: Success\r\nActionID: {asked['ActionID']}\r\nName: Jörg Größe €\r\n\r\n".encode():
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        await reader.read()

    async with rude(talk) as account, connected(account) as ami:
        said = await ami.action("Ask")
        assert "Jörg Größe €" in said.values()


async def test_an_action_that_is_not_answered_fails_in_time_and_is_not_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LIMIT", 0.3)
    monkeypatch.setattr(module, "PING_EVERY", 30.0)
    heard: list[str] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            heard.append((await read(reader))["Action"])

    async with rude(talk) as account, connected(account) as ami:
        with pytest.raises(NoReply):
            await ami.action("Slow")
    assert heard == ["Slow"]


@pytest.fixture
def mute(monkeypatch: pytest.MonkeyPatch) -> tuple[list[None], Talk]:
    """A peer that answers nothing after the login, for who is soon out of patience and does not ping; its logins."""
    monkeypatch.setattr(module, "LIMIT", 0.3)
    monkeypatch.setattr(module, "PING_EVERY", 30.0)
    logins: list[None] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        logins.append(None)
        await reader.read()

    return logins, talk


async def test_a_line_on_which_actions_alone_are_not_answered_is_dialled_again(mute: tuple[list[None], Talk]) -> None:
    """Else who asks again and again would keep the ping from finding it dead; a reload may take its time."""
    logins, talk = mute
    async with rude(talk) as account, connected(account) as ami:
        reload = asyncio.create_task(ami.action("Reload", within=1.5))
        with pytest.raises(NoReply):
            await ami.action("Behind")
        assert not reload.done()
        assert len(logins) == 1
        with pytest.raises(NoReply):
            await reload
        assert ami.up, "Asterisk may still be reloading"
        with pytest.raises(NoReply):
            await ami.action("Alone")
        async with asyncio.timeout(5):
            while len(logins) < 2 or not ami.up:
                await asyncio.sleep(0.01)


async def test_who_ask_by_turns_do_not_keep_a_dead_line(mute: tuple[list[None], Talk]) -> None:
    """There is always one who has begun to wait just now."""
    logins, talk = mute

    async def asks(ami: Ami, after: float) -> None:
        await asyncio.sleep(after)
        while len(logins) < 2:
            with suppress(NoReply, NotConnected):
                await ami.action("Again")
            await asyncio.sleep(0.01)  # not connected is told at once

    async with rude(talk) as account, connected(account) as ami, asyncio.timeout(5):
        await asyncio.gather(asks(ami, 0.0), asks(ami, 0.1), asks(ami, 0.2))


async def test_a_line_that_died_without_a_word_is_noticed_and_dialled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIMIT", 0.3)
    monkeypatch.setattr(module, "PING_EVERY", 0.1)
    logins = asyncio.Semaphore(0)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        logins.release()
        await reader.read()  # hears pings, never answers

    async with rude(talk) as account, connected(account):
        for _ in range(3):
            await asyncio.wait_for(logins.acquire(), 5)


async def test_a_connection_cut_in_mid_action_fails_it_at_once() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read(reader)

    async with rude(talk) as account, connected(account) as ami:
        with pytest.raises(NotConnected):
            await asyncio.wait_for(ami.action("Cut"), 2)


async def test_a_message_without_end_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_MESSAGE", 100_000)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read(reader)
        for _ in range(100):
            writer.write(b"x" * 10_000)
            await writer.drain()
        await reader.read()

    async with rude(talk) as account, connected(account) as ami:
        with pytest.raises(NotConnected):
            await asyncio.wait_for(ami.action("Ask"), 3)
