"""The page behind a link in a mail: heard and dealt with by whoever has the link, and changed by no robot."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from orchestrator.messages.api import Messages, asker
from orchestrator.messages.mail.links import BadLink, Link, Links
from orchestrator.messages.mailbox import DELETED, HEARD, NEW, Spool
from orchestrator.service.reading import Reader
from orchestrator.web.message import Gone
from orchestrator.web.server import Sources, application
from tests import ports
from tests.databases import current, database
from tests.mail_town import town
from tests.spools import message

TOWN = town()
LINKS = Links(lambda: b"a key for the tests")


@dataclass(frozen=True, kw_only=True)
class Site:
    """A running server, and what it serves."""

    url: str
    http: aiohttp.ClientSession
    messages: Messages
    reader: Reader

    async def page(self, token: str) -> tuple[int, str]:
        async with self.http.get(f"{self.url}/nachricht/{token}") as reply:
            assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
            assert reply.headers["Referrer-Policy"] == "no-referrer", "the link is the permission"
            return reply.status, await reply.text()

    async def press(self, token: str, action: str) -> tuple[int, str]:
        async with self.http.post(f"{self.url}/nachricht/{token}", data={"do": action}) as reply:
            return reply.status, await reply.text()

    def folder(self, box: str) -> list[str]:
        return [each.folder for each in self.messages.spool.box(box).messages()]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async def light(box: str) -> None:
        pass

    async def status() -> None:
        raise NotImplementedError

    async with database(current(tmp_path)) as engine, aiohttp.ClientSession() as http:
        messages = Messages(spool=Spool(tmp_path / "spool"), engine=engine, directory=lambda: TOWN, light=light)
        reader = Reader(messages=messages, links=LINKS, directory=lambda: TOWN)
        sources = Sources(metrics=lambda: b"", waiting=lambda: "", status=status, reading=reader)  # type: ignore[arg-type]
        runner = web.AppRunner(application(sources), access_log=None)
        await runner.setup()
        port = ports.one()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield Site(url=f"http://127.0.0.1:{port}", http=http, messages=messages, reader=reader)
        await runner.cleanup()


def buttons(page: str) -> list[str]:
    return re.findall(r'name="do" value="(\w+)"', page)


async def test_a_personal_message_is_heard_deleted_and_taken_back(site: Site) -> None:
    at = time.time()
    left = message(site.messages.spool, "3501", "1.1-1", at=at, seconds=3.0)
    token = site.reader.link("3501", "1.1-1", at, "beate@stadt.example")
    status, page = await site.page(token)
    assert (status, buttons(page)) == (200, ["heard", "delete"])
    for said in ("0171 1234567", "0:03 Minuten", "neu"):
        assert said in page
    async with site.http.get(f"{site.url}/nachricht/{token}/audio") as reply:
        assert (reply.status, reply.headers["Content-Type"]) == (200, "audio/wav")
        assert await reply.read() == (await site.messages.hear(asker(TOWN, "p3501"), "3501", left.id)).read_bytes()
    async with site.http.get(f"{site.url}/nachricht/{token}/audio", headers={"Range": "bytes=44-143"}) as reply:
        assert (reply.status, len(await reply.read())) == (206, 100), "browsers ask for parts"
    assert site.folder("3501") == [NEW], "looking and listening changes nothing: robots look at mails, too"
    for action, folder in (("heard", HEARD), ("new", NEW), ("delete", DELETED), ("restore", HEARD)):
        status, page = await site.press(token, action)
        assert (status, site.folder("3501")) == (200, [folder])
    assert (await site.press(token, "restore"))[0] == 404, "a button that the page does not have"


async def test_a_departments_message_is_a_case(site: Site) -> None:
    at = time.time()
    await site.messages.received(message(site.messages.spool, "10", "1.1-1", at=at))
    token = site.reader.link("10", "1.1-1", at, "anna@stadt.example")
    assert "offen" in (await site.page(token))[1]
    for action, said in (("take", "wird bearbeitet"), ("called_back", "zurückgerufen"), ("done", "erledigt")):
        assert said in (await site.press(token, action))[1]
    (case,) = await site.messages.cases(asker(TOWN, "p2500"))
    assert (case.state, case.who) == ("done", "p2500"), "the person of that address"
    assert buttons((await site.page(token))[1]) == ["take", "called_back", "give_back", "delete"]


async def test_a_link_opens_one_message_for_a_time(site: Site) -> None:
    at = time.time()
    message(site.messages.spool, "3501", "1.1-1", at=at)
    message(site.messages.spool, "10", "1.2-1", at=at)
    good = site.reader.link("3501", "1.1-1", at, "beate@stadt.example")
    over = LINKS.token(Link(box="3501", message="1.1-1", reader="beate@stadt.example", until=int(at) - 1))
    foreign = Links(lambda: b"another key").token(
        Link(box="3501", message="1.1-1", reader="beate@stadt.example", until=int(at) + 99)
    )
    gone = site.reader.link("3501", "9.9-1", at, "beate@stadt.example")
    elsewhere = site.reader.link("3501", "1.2-1", at, "beate@stadt.example")
    for token in (over, foreign, gone, elsewhere, "", "x", good[:-2], good + "A" * 3000, "é", "%00"):
        for way in (f"nachricht/{token}", f"nachricht/{token}/audio"):
            async with site.http.get(f"{site.url}/{way}") as reply:
                assert reply.status in (400, 404, 414), way
                assert "0171" not in await reply.text()
    assert (await site.page(good))[0] == 200
    await site.messages.erase(asker(TOWN, "p3501"), "3501", "1.1-1")
    assert "nicht mehr da" in (await site.page(good))[1]


async def test_a_link_holds_while_its_reader_works_with_the_box(site: Site) -> None:
    """The box may be somebody else's by now, and a shared address is nobody's name."""
    at = time.time()
    for box in ("3501", "10"):
        await site.messages.received(message(site.messages.spool, box, f"{box}.1-1", at=at))
    mine = site.reader.link("3501", "3501.1-1", at, "beate@stadt.example")
    theirs = site.reader.link("10", "10.1-1", at, "Beate@stadt.example")
    shared = site.reader.link("10", "10.1-1", at, "amt@stadt.example")
    assert [(await site.page(each))[0] for each in (mine, theirs, shared)] == [200, 404, 404]
    boxes = TOWN.boxes
    changed = {"3501": replace(boxes["3501"], email="clara@stadt.example")}
    changed["10"] = replace(boxes["10"], email="amt@stadt.example")
    later = replace(site.reader, directory=lambda: replace(TOWN, boxes={**boxes, **changed}))
    for token in (mine, theirs):
        for way in (later.shown(token), later.audio(token), later.do(token, "delete")):
            with pytest.raises(Gone):
                await way
    assert (await later.shown(shared)).state == "offen"
    await later.do(shared, "take")
    (case,) = await site.messages.cases(asker(TOWN, "p2500"))
    assert case.who == "amt@stadt.example"


def test_no_link_where_there_can_be_none(tmp_path: Path) -> None:
    """The box was taken out of the directory while its letter waited: the mail goes out without a link."""
    reader = Reader(messages=None, links=LINKS, directory=town)  # type: ignore[arg-type]
    assert reader.link("404", "1.1-1", 0.0, "anna@stadt.example") == ""
    assert reader.link("10", "a|b", 0.0, "anna@stadt.example") == ""


async def test_a_large_press_is_none(site: Site) -> None:
    at = time.time()
    message(site.messages.spool, "3501", "1.1-1", at=at)
    token = site.reader.link("3501", "1.1-1", at, "beate@stadt.example")
    assert (await site.press(token, "x" * 5000))[0] == 413

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"do=heard&x=" + b"x" * 1000

    async with site.http.post(f"{site.url}/nachricht/{token}", data=parts()) as reply:  # its length is not told
        assert reply.status == 413


@pytest.mark.parametrize(
    "form",
    [
        "application/x-www-form-urlencoded; charset=nothing",
        "multipart/form-data",
        "multipart/form-data; boundary=a",
        "application/json",
    ],
)
async def test_a_press_that_no_browser_makes_is_none(site: Site, form: str) -> None:
    at = time.time()
    message(site.messages.spool, "3501", "1.1-1", at=at)
    address = f"{site.url}/nachricht/{site.reader.link('3501', '1.1-1', at, 'x')}"
    async with site.http.post(address, data=b"\xff\xfe%ff", headers={"Content-Type": form}) as reply:
        assert reply.status == 404
    assert site.folder("3501") == [NEW]


@pytest.mark.parametrize("part", ["a|b", "a\nb", "", "x" * 300])
def test_what_cannot_be_in_a_link(part: str) -> None:
    with pytest.raises(ValueError, match="cannot be a link"):
        LINKS.token(Link(box="1", message=part, reader="x", until=1))


def test_a_link_is_read_back_and_any_other_is_none() -> None:
    link = Link(box="1", message="1.1-1", reader="änna@stadt.example", until=100)
    token = LINKS.token(link)
    assert LINKS.read(token, lambda: 99.0) == link
    for at in range(0, len(token), 3):
        other = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        with pytest.raises(BadLink):
            LINKS.read(other, lambda: 99.0)


@pytest.mark.parametrize("more", ["=", "==", "===x", "==\r\nA: b", '=="><script>', "!", "\n", "."])
def test_nothing_hangs_on_to_a_link(more: str) -> None:
    """Decoding Base64 skips it, and the page says the token again."""
    token = LINKS.token(Link(box="1", message="1.1-1", reader="x", until=100))
    for other in (token + more, more + token, token[:30] + more + token[30:]):
        with pytest.raises(BadLink):
            LINKS.read(other, lambda: 99.0)
