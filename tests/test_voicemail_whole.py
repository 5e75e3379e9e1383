"""The whole way of a message: spoken into the exchange, a lamp, a mail with it, a link, and the lamp is off."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from email.message import EmailMessage
from pathlib import Path

import aiohttp
import pytest

from orchestrator.messages.mailbox import HEARD, Spool
from orchestrator.phone.hearing import recognise
from orchestrator.phone.sound import read_sound
from orchestrator.service.state import State
from tests import mail_town
from tests.mail_server import Post, mail_server
from tests.running_town import Town, running_town, until, world
from tests.sip_line import lamp
from tests.towns import MONDAY_10

SOON = 30.0
"""Seconds that a busy machine may take for what takes a second."""


@dataclass
class Exchange:
    """A town with mail, and its mail server."""

    town: Town
    post: Post

    def mail(self, number: int) -> EmailMessage:
        """The mail of that number, once it has come."""
        until(lambda: len(self.post.taken) >= number, SOON)
        return self.post.taken[number - 1]


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    with mail_server() as server:

        def furnish(state: State) -> None:
            with (state.root / "settings.toml").open("a") as file:
                file.write(
                    f'\n[mail]\nhost = "127.0.0.1"\nport = {server.port}\nsecurity = "none"\n'
                    f'sender = "telefon@stadt.example"\nweb = "http://127.0.0.1:{state.settings().web_port}"\n'
                )

        with running_town(tmp_path_factory.mktemp("w"), mail_town.town(), furnish) as town:
            yield Exchange(town, server.post)


async def test_a_message_is_lit_mailed_heard_and_the_lamp_goes_out(exchange: Exchange, tmp_path: Path) -> None:
    town = exchange.town
    with lamp(town, "tel2500") as light:
        until(lambda: light.shows == (0, 0), SOON)
        # Its telephone is registered, by hand, and does not answer calls: it is as if nobody were there.
        journey, different = await town.test_call(world(MONDAY_10, phones={"tel2500": "nobody"}), number="2500")
        assert (different, journey.outcome) == ("", "message")
        until(lambda: light.shows == (1, 0), SOON)
        mail = exchange.mail(1)
        assert str(mail["To"]) == "anna@stadt.example"
        (attached,) = mail.iter_attachments()
        (tmp_path / "mailed.wav").write_bytes(attached.get_content())
        match = recognise(read_sound(tmp_path / "mailed.wav"), read_sound(town.words))
        assert match.recognised, f"what was said is what was mailed: {match}"
        (link,) = re.findall(r"http://\S+/nachricht/\S+", mail.get_body().get_content())  # type: ignore[union-attr]
        async with aiohttp.ClientSession() as http:
            async with http.get(link) as page:
                assert "neu" in await page.text()
            async with http.get(f"{link}/audio") as audio:
                assert await audio.read() == (tmp_path / "mailed.wav").read_bytes()
            assert light.shows == (1, 0)
            async with http.post(link, data={"do": "heard"}) as pressed:
                assert "gehört" in await pressed.text()
        until(lambda: light.shows == (0, 1), SOON)
        (message,) = Spool(town.state.spool).box("2500").messages()
        assert message.folder == HEARD
    assert len(exchange.post.taken) == 1


@pytest.mark.long
async def test_what_came_while_python_was_down_is_filed_lit_and_mailed_once(exchange: Exchange) -> None:
    """And a mail server that is away, too, keeps nobody's message."""
    town, before = exchange.town, len(exchange.post.taken)
    town.end("attend")
    town.end("control")
    try:
        for _ in range(2):
            journey, different = await town.test_call(
                replace(world(MONDAY_10, phones={"tel2500": "unreachable"}), python=False), number="2500"
            )
            assert (different, journey.outcome) == ("", "message")
        assert len(list((town.state.spool / "recording").glob("2500-*.wav"))) == 2
    finally:
        town.begin("control")
        town.begin("attend")
    with lamp(town, "tel2500") as light:
        until(lambda: light.shows is not None and light.shows[0] == 2, SOON)
    exchange.mail(before + 2)
    assert len({str(mail["Message-ID"]) for mail in exchange.post.taken}) == len(exchange.post.taken) == before + 2
