"""The whole tree of one directory: every file that Asterisk and the attendants read, by path."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from orchestrator.compile import (
    attend,
    by_name,
    by_phone,
    codes,
    completion,
    display,
    entries,
    hot_desks,
    hours,
    lamps,
    listening,
    message,
    outside,
    parking,
    pjsip,
    places,
    promises,
    queues,
    ringing,
    rooms,
    secretaries,
    switched,
    taking,
    templates,
    turns,
    waiting,
)
from orchestrator.compile.escape import DIGITS, conf, fit, voicemail
from orchestrator.compile.exchange import Exchange
from orchestrator.compile.extensions import Context
from orchestrator.compile.secrets import Secrets
from orchestrator.compile.stubs import stubs
from orchestrator.domain.directory import Directory
from orchestrator.domain.display import Signs
from orchestrator.domain.prompts import Sounds

Tree = Mapping[str, str]
"""Path below the tree -> text."""
PART = 1 << 20
"""Characters of a part."""


def compile_tree(
    directory: Directory, sounds: Sounds, secrets: Secrets, exchange: Exchange, former: Iterable[str] = ()
) -> Tree:
    """Compile a derived and proved directory; raises escape.Unfit for a name that was not proved.

    `former` names the flows that run now: those that are gone stay as stubs.
    """
    contexts = chain(dialplan(directory, sounds, f"{exchange.state}/spool"), stubs(directory, former))
    rendered = {
        "asterisk.conf": templates.render("asterisk.conf.j2", exchange=exchange, language=directory.town.languages[0]),
        "acl.conf": templates.render("acl.conf.j2", exchange=exchange),
        "http.conf": templates.render("http.conf.j2", exchange=exchange),
        "rtp.conf": templates.render("rtp.conf.j2", exchange=exchange),
        "ari.conf": templates.render("ari.conf.j2", password=secrets.of("ari")),
        "manager.conf": templates.render("manager.conf.j2", exchange=exchange, secret=secrets.of("ami:control")),
        "voicemail.conf": templates.render(
            "voicemail.conf.j2", boxes=boxes(directory, secrets), zone=directory.town.timezone
        ),
        "queues.conf": templates.render("queues.conf.j2", queues=tuple(queues.sections(directory, sounds))),
        "pjsip.conf": templates.render(
            "pjsip.conf.j2",
            exchange=exchange,
            codecs=",".join(pjsip.CODECS),
            desks=tuple(pjsip.desks(directory, secrets)),
            lines=tuple(pjsip.lines(directory, secrets, exchange)),
            testcall=secrets.of("sip:testcall"),
            language=directory.town.languages[0],
        ),
        "res_parking.conf": parking.configuration(directory),
        "confbridge.conf": rooms.configuration(directory),
        "extensions.conf": templates.render(
            "extensions.conf.j2",
            contexts=contexts,
            town=conf(directory.town.name),
            variables=lamps.variables(directory),
        ),
    }
    files = {f"asterisk/{name}": text for name, text in {**templates.static(), **rendered}.items()}
    checksum = checksum_of(files)
    return {**files, "attend.json": attend.text(directory, sounds, checksum)}


def checksum_of(files: Tree) -> str:
    """SHA-256 over paths and texts, short enough to read aloud. No second copy of a long text is made."""
    digest = hashlib.sha256()
    for path, text in sorted(files.items()):
        digest.update(f"{path}\0{len(text)}\0".encode())
        for part in encoded(text):
            digest.update(part)
    return digest.hexdigest()[:16]


def encoded(text: str) -> Iterator[bytes]:
    """`text` in UTF-8, a part at a time."""
    return (text[start : start + PART].encode() for start in range(0, len(text), PART))


def dialplan(directory: Directory, sounds: Sounds, spool: str) -> Iterator[Context]:
    """Every context: entries, what all flows share, schedules, flows."""
    yield from entries.contexts(directory)
    yield from outside.contexts(directory)
    yield from listening.contexts(directory)
    yield from codes.contexts(directory)
    yield from lamps.contexts(directory)
    yield places.landing(directory)
    yield switched.context(directory)
    yield from message.contexts(directory, sounds, spool)
    yield from by_name.contexts(directory, sounds)
    for _, schedule in sorted(directory.schedules.items()):  # in any order of the directory the same text
        yield hours.context(schedule)
    yield from queues.contexts(directory)
    if directory.queues:
        yield turns.context()
    yield from taking.contexts(directory)
    yield from promises.contexts(directory)
    yield from ringing.contexts(directory)
    yield from waiting.contexts(directory)
    yield from completion.contexts(directory)
    yield from parking.contexts(directory, sounds)
    yield from by_phone.shared(directory)
    yield from rooms.contexts(directory, sounds)
    yield from secretaries.contexts(directory)
    yield from display.contexts()
    yield from hot_desks.contexts(directory)
    timed, numbers, signs = ringing.timed(directory), parking.numbers(directory), Signs(directory)
    landed = places.landed_at(directory)
    for name, flow in sorted(directory.flows.items()):
        yield places.context(directory, sounds, flow, spool, timed, landed, signs, numbers.get(name, ""))


def boxes(directory: Directory, secrets: Secrets) -> list[str]:
    """The mailbox lines. No e-mail address: mail is sent by Durchwahl, after the message is filed."""
    return [
        f"{fit(box.id, DIGITS)} => {secrets.pin(box.id)},{voicemail(box.name)},,,"
        f"language={voicemail(box.language)}|maxmsg={int(box.quota)}|maxsecs={int(box.limit)}"
        for box in sorted(directory.boxes.values(), key=lambda box: box.id)
    ]


def modules(tree: Tree) -> tuple[str, ...]:
    """The modules that an Asterisk with `tree` must have, as its modules.conf lists them."""
    lines = tree.get("asterisk/modules.conf", "").splitlines()
    return tuple(line.partition("=")[2].strip() for line in lines if line.startswith("load ="))
