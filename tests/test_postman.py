"""A mail server that fails in every way: nothing is lost, nothing goes out twice that is not the same mail."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import URL

from orchestrator.messages.mail import outbox, postman
from orchestrator.messages.mail.letters import Letter, digest
from orchestrator.messages.mail.smtp import Server
from orchestrator.messages.mail.transcripts import Transcripts
from orchestrator.messages.mailbox import Spool
from tests.mail_server import (
    DROP,
    PASSWORD,
    SENDER,
    SLOW,
    TAKE_AND_DROP,
    USER,
    Post,
    Running,
    free_port,
    mail_server,
    says,
)
from tests.mail_town import NOON, Desk, desk
from tests.postgres import Server as Database

HOUR, DAY = 3600.0, 86400.0
AGAIN = "451 4.3.0 not now"


def at(port: int) -> Server:
    return Server(host="127.0.0.1", port=port, security="none", sender=SENDER, connect=2.0, command=2.0, data=2.0)


async def through(place: Desk, running: Running, rounds: int = 6) -> None:
    """Rounds of one postman, hours apart."""
    one = place.postman(running.server())
    for _ in range(rounds):
        while await one.round():
            pass
        place.ahead += 2 * HOUR
        await asyncio.sleep(0.01)


async def test_all_is_well(url: URL, tmp_path: Path) -> None:
    with mail_server() as running:
        async with desk(url, tmp_path) as place:
            await place.leave(*range(45))
            await through(place, running, 1)
            assert await place.states() == [outbox.SENT] * 45
            assert len(set(running.post.ids)) == len(running.post.ids) == 45
            assert running.post.sessions == 3  # a session for a number of mails
            assert running.post.recipients == ["anna@stadt.example"] * 45
            assert place.heard.outcomes == ["sent"] * 45
            assert not await place.postman(running.server()).round()


@pytest.mark.parametrize("how", ["refused", "black hole", "421", "no SMTP"])
async def test_a_server_that_is_down_is_asked_once_for_all(url: URL, tmp_path: Path, how: str) -> None:
    async with desk(url, tmp_path) as place:
        await place.leave(1, 2, 3)
        greeting = {"421": b"421 4.3.2 shutting down\r\n", "no SMTP": b"SSH-2.0-OpenSSH\r\n"}.get(how, b"")
        with says(greeting) as port:
            one = place.postman(at(free_port() if how == "refused" else port), server_first=100)
            assert not await one.round()
            assert not await one.round()  # it is left alone now
        rows = await outbox.listed(place.engine)
        assert [(each.state, each.attempts) for each in rows] == [("waiting", 0)] * 3
        assert all("127.0.0.1" in each.error for each in rows)
        assert place.heard.up == [False]
        with mail_server() as running:
            await through(place, running, 1)
            assert len(running.post.taken) == 3


async def test_a_server_that_is_down_for_days_costs_no_letter(url: URL, tmp_path: Path) -> None:
    async with desk(url, tmp_path) as place:
        await place.leave(1)
        one = place.postman(at(free_port()))
        place.ahead = 4 * DAY
        for _ in range(outbox.TRIES + 2):
            await one.round()
            one._closed = 0.0
        assert (await place.states()) == ["waiting"]
        assert place.heard.outcomes == []
        with mail_server() as running:
            await through(place, running, 1)
            assert len(running.post.taken) == 1


@pytest.mark.parametrize(
    ("stage", "answers", "state"),
    [
        ("rcpt", ["451 4.2.0 greylisted"], "sent"),
        ("rcpt", ["550 5.1.1 no such user"], "dead"),
        ("data", ["452 4.3.1 no room"], "sent"),
        ("data", ["552 5.2.2 mailbox full", "552 5.2.2 mailbox full"], "dead"),
        ("data", ["554 5.7.1 spam"], "dead"),
        ("data", [DROP], "sent"),
        ("rcpt", ["421 4.3.2 going down"], "sent"),
        ("data", ["421 4.3.2 going down"], "sent"),
        ("data", [SLOW], "sent"),
        ("mail", ["451 4.3.0 later"], "sent"),
        ("mail", ["550 5.7.1 not from you"], "sent"),
        ("mail", ["452 4.3.1 no room for that"], "sent"),
        ("rcpt", ["530 5.7.0 authentication required"], "sent"),
    ],
)
async def test_the_first_mail_is_refused(url: URL, tmp_path: Path, stage: str, answers: list[str], state: str) -> None:
    with mail_server(Post({stage: list(answers)})) as running:
        async with desk(url, tmp_path) as place:
            await place.leave(1, 2, 3)
            await through(place, running)
            assert await place.states() == [state, "sent", "sent"]
            assert len(set(running.post.ids)) == len(running.post.ids) == 2 + (state == "sent")
            dead = await outbox.listed(place.engine)
            assert [each.error for each in dead] == ([answers[0]] if state == "dead" else [])


async def test_a_mail_that_is_too_large_goes_without_its_recording(url: URL, tmp_path: Path) -> None:
    with mail_server(Post({"data": ["552 5.3.4 too large"]})) as running:
        async with desk(url, tmp_path) as place:
            await place.leave(1)
            await through(place, running, 1)
            (mail,) = running.post.taken
            assert list(mail.iter_attachments()) == []
            assert "zu groß für eine E-Mail" in mail.get_content()


async def test_a_mail_whose_answer_is_lost_comes_again_as_the_same(url: URL, tmp_path: Path) -> None:
    with mail_server(Post({"data": [TAKE_AND_DROP]})) as running:
        async with desk(url, tmp_path) as place:
            await place.leave(1, 2)
            await through(place, running)
            assert await place.states() == ["sent", "sent"]
            assert len(running.post.ids) == 3
            assert len(set(running.post.ids)) == 2


async def test_an_answer_that_comes_too_late(url: URL, tmp_path: Path) -> None:
    """The server has taken it, and we have hung up: the same mail again, and the others meanwhile."""
    with mail_server(Post({"data": [SLOW]})) as running:
        async with desk(url, tmp_path) as place:
            await place.leave(1, 2)
            one = place.postman(running.server(data=0.3))
            while await one.round():
                pass
            assert (await place.states())[0] == "waiting"
            await through(place, running)
            assert await place.states() == ["sent", "sent"]
            assert len(set(running.post.ids)) == 2


async def test_a_mail_that_breaks_every_connection_does_not_stop_the_others(url: URL, tmp_path: Path) -> None:
    with mail_server() as running:
        async with desk(url, tmp_path) as place:
            await place.leave(1, 2, 3)
            first = (await outbox.listed(place.engine))[0]
            running.post.answers["data"] = [DROP]
            one = place.postman(running.server())
            while await one.round():
                pass
            assert await place.states() == ["waiting", "sent", "sent"]
            assert (await outbox.listed(place.engine))[0].id == first.id


async def test_a_mail_for_which_the_sender_is_blamed_does_not_stop_the_others(url: URL, tmp_path: Path) -> None:
    with mail_server(Post({"mail": ["501 5.5.4 not like that"]})) as running:
        async with desk(url, tmp_path) as place:
            await place.leave(1, 2, 3)
            one = place.postman(running.server())
            assert not await one.round()
            await asyncio.sleep(0.01)
            while await one.round():
                pass
            assert await place.states() == ["waiting", "sent", "sent"]


async def test_three_broken_connections_are_the_servers_fault(url: URL, tmp_path: Path) -> None:
    with mail_server(Post({"data": [DROP] * 9})) as running:
        async with desk(url, tmp_path) as place:
            await place.leave(*range(9))
            one = place.postman(running.server(), server_first=100)
            while await one.round():
                pass
            assert len(running.post.began) == postman.BROKEN
            assert place.heard.up[-1] is False


async def test_tls_with_a_login(url: URL, tmp_path: Path) -> None:
    with mail_server(tls=True, login=True) as running:
        assert running.authority
        ca = tmp_path / "ca.pem"
        running.authority.cert_pem.write_to_path(str(ca))
        async with desk(url, tmp_path) as place:
            await place.leave(1)
            for changed in ({"ca": None, "password": PASSWORD}, {"ca": ca, "password": "wrong"}):
                one = place.postman(running.server("starttls", user=USER, **changed))
                assert not await one.round()
                assert await place.states() == ["waiting"]
                (row,) = await outbox.listed(place.engine)
                expected = (
                    "refuses the login of durchwahl: 535" if changed["ca"] else "certificate is not to be trusted"
                )
                assert expected in row.error
            assert running.post.taken == []
            good = place.postman(running.server("starttls", user=USER, password=PASSWORD, ca=ca))
            assert await good.round()
            assert await place.states() == ["sent"]


async def test_no_mail_without_tls_where_it_is_wanted(url: URL, tmp_path: Path) -> None:
    with mail_server() as running:
        async with desk(url, tmp_path) as place:
            await place.leave(1)
            for security in ("starttls", "tls"):
                await place.postman(running.server(security, user=USER, password=PASSWORD, connect=5.0)).round()  # type: ignore[arg-type]
                assert await place.states() == ["waiting"]
            assert running.post.taken == []


async def test_what_is_no_address_is_told_at_once(url: URL, tmp_path: Path) -> None:
    with mail_server() as running:
        async with desk(url, tmp_path) as place:
            anna = place.directory.boxes["2500"]
            for number, bad in enumerate(("anna", "a@b c", "x@y>\r\nRCPT TO:<z@z", "ännä@stadt.example")):
                changed = {**place.directory.boxes, "2500": replace(anna, email=bad)}
                place.directory = replace(place.directory, boxes=changed)
                await place.leave(number)
            await through(place, running, 1)
            assert await place.states() == ["dead"] * 4
            assert running.post.recipients == []


async def test_a_letter_that_cannot_be_written_does_not_stop_the_others(url: URL, tmp_path: Path) -> None:
    with mail_server() as running:
        async with desk(url, tmp_path) as place:
            await place.leave(1, 2)
            broken = Letter(key="b", kind="message", box="no box", recipient="a@b", created=NOON, message="1.0-1")
            async with place.engine.begin() as connection:
                await outbox.queue(connection, [broken], NOON)
            await through(place, running, 1)
            assert sorted(await place.states()) == ["sent", "sent", "waiting"]
            (row,) = await outbox.listed(place.engine)
            assert "it cannot be written" in row.error


async def test_nothing_is_sent_where_nothing_is_left_to_tell(url: URL, tmp_path: Path) -> None:
    with mail_server() as running:
        async with desk(url, tmp_path) as place:
            morning = date(2026, 11, 25)
            async with place.engine.begin() as connection:
                await outbox.queue(
                    connection, [digest(place.directory.boxes["10"], morning, "anna@stadt.example", NOON)], NOON
                )
            await through(place, running, 1)
            assert await place.states() == ["moot"]
            assert running.post.taken == []


async def test_a_letter_for_somebody_who_has_the_box_no_more(url: URL, tmp_path: Path) -> None:
    """The server was down, and meanwhile Anna has left: her successor's messages are not sent to her."""
    with mail_server() as running:
        async with desk(url, tmp_path) as place:
            await place.leave(1)
            boxes = place.directory.boxes
            given = {**boxes, "2500": replace(boxes["2500"], email="clara@stadt.example")}
            place.directory = replace(place.directory, boxes=given)
            await through(place, running, 1)
            assert await place.states() == ["moot"]
            assert running.post.began == []


async def test_no_server_and_no_letter_waits_for_a_recording_to_be_heard(url: URL, tmp_path: Path) -> None:
    """Two messages are heard once each; other mail goes out meanwhile, and a mail that is put off keeps its text."""
    heard, go_on = [], asyncio.Event()

    async def hear(model: Path, wav: Path, language: str) -> str:
        heard.append(wav)
        await go_on.wait()
        return "Meine Tonne"

    with mail_server(Post({"data": [AGAIN]})) as running:
        async with desk(url, tmp_path) as place:
            boxes = place.directory.boxes
            link = {**boxes, "3501": replace(boxes["3501"], mail="link")}
            place.directory = replace(place.directory, boxes=link)
            place.transcripts = Transcripts(model=tmp_path, spool=Spool(place.spool), hear=hear)
            await place.leave(1, 2)
            one = place.postman(running.server())
            assert await one.round()
            assert not await one.round()
            assert running.post.began == [], "no session is open meanwhile"
            await place.leave(3, box="3501")
            running.post.answers["data"] = []
            assert await one.round()
            assert len(running.post.taken) == 1
            await until(lambda: len(heard) == 1)
            go_on.set()
            await until(lambda: not one._slow)
            running.post.answers["data"] = [AGAIN]
            assert await one.round()
            place.ahead = HOUR
            assert await one.round()
            assert await place.states() == ["sent"] * 3
            said = [mail.get_body().get_content() for mail in running.post.taken]  # type: ignore[union-attr]
            assert ["Meine Tonne" in each for each in said] == [False, True, True]
            assert len(heard) == 2, "once each, however often a mail is tried"


async def test_a_digest_of_yesterday_is_not_sent_today(url: URL, tmp_path: Path) -> None:
    with mail_server() as running:
        async with desk(url, tmp_path) as place:
            await place.leave(1, box="10")
            box, late = place.directory.boxes["10"], [date(2026, 11, 24), date(2026, 11, 25)]
            made = [digest(box, day, "anna@stadt.example", NOON - DAY * (1 - n)) for n, day in enumerate(late)]
            async with place.engine.begin() as connection:
                await outbox.queue(connection, made, NOON)
            await through(place, running, 1)
            assert sorted(await place.states()) == ["moot", "sent"]


async def test_it_wakes_for_a_new_letter(url: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postman, "LOOK_EVERY", 1000.0)
    with mail_server() as running:
        async with desk(url, tmp_path) as place:
            one = place.postman(running.server())
            task = asyncio.create_task(one.run())
            await asyncio.sleep(0.2)
            await place.leave(1)
            one.wake()
            await until(lambda: running.post.taken)
            task.cancel()
            await asyncio.wait([task])


async def test_the_database_is_restarted_meanwhile(postgres: Database, tmp_path: Path) -> None:
    """A mail that was taken while the database is away is written down later, and not sent again."""
    with mail_server(Post({"data": [SLOW]})) as running:
        async with desk(postgres.current(), tmp_path) as place:
            await place.leave(1, 2, 3)
            task = asyncio.create_task(place.postman(running.server()).run())
            await until(lambda: running.post.began)
            await asyncio.to_thread(postgres.stop)
            try:
                await until(lambda: running.post.taken)
                await asyncio.sleep(1)
                assert len(running.post.taken) == 1
            finally:
                await asyncio.to_thread(postgres.start)
            await until(lambda: len(running.post.taken) == 3)
            await asyncio.sleep(0.5)
            task.cancel()
            await asyncio.wait([task])
            assert await place.states() == ["sent"] * 3
            assert len(running.post.ids) == 3


async def test_a_clock_that_was_wrong_holds_nothing_up(url: URL, tmp_path: Path) -> None:
    with mail_server() as running:
        async with desk(url, tmp_path) as place:
            await place.leave(1)
            place.ahead = -30 * DAY  # it was filed by a clock that was a month ahead
            assert await place.postman(running.server()).round()
            assert await place.states() == ["sent"]


async def until(found: object, limit: float = 60.0) -> None:
    end = time.monotonic() + limit
    while not found():  # type: ignore[operator]
        assert time.monotonic() < end
        await asyncio.sleep(0.02)
