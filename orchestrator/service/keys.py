"""`durchwahl renew`: another password where one may be known to somebody, while calls go on.

A renewed secret has a key of its own in `secrets/renewed`, which does not follow from the master. First the keys are on
disk, then the tree that runs is applied once more with the new passwords in it, and nothing else that waits for an
apply; then Asterisk is asked whether it knows them. Attendants, the shift and control read theirs in that tree.

Belongs here: which secrets are meant, the order. Not here: what a secret is (compile.secrets), how it gets into a tree
(compile.renewed), how a line to Asterisk gets over it (asterisk.connection, rest, ami).
"""

from __future__ import annotations

import asyncio
import secrets as random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from orchestrator.asterisk.ami import Account, Ami
from orchestrator.asterisk.errors import AsteriskError
from orchestrator.asterisk.rest import Rest
from orchestrator.compile.renewed import with_secrets
from orchestrator.compile.tree import checksum_of
from orchestrator.domain import telephones
from orchestrator.domain.directory import Directory
from orchestrator.domain.people import Phone
from orchestrator.rollout import apply as rolling
from orchestrator.rollout.trees import Trees
from orchestrator.service import directory as directories
from orchestrator.service import rollout, wiring
from orchestrator.service.errors import ServiceError
from orchestrator.service.rollout import Applied
from orchestrator.service.running import CONNECT_WITHIN, connected
from orchestrator.service.state import MASTER_BYTES, State, write_whole

MASTER = "master"
PURPOSES = {"ari": "ari", "ami": "ami:control", "testcall": "sip:testcall", "links": "links"}
"""What an admin says -> the purpose of that secret."""


@dataclass(frozen=True, kw_only=True)
class Renewal:
    """What is to be renewed, and which telephones must be given their new password."""

    purposes: tuple[str, ...]
    master: bool
    phones: tuple[Phone, ...]
    trunks: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Trunk id -> the password that its provider gave: it is not made, but read and taken over."""

    def lines(self) -> Iterator[str]:
        """What it means, for a person."""
        said = {purpose: name for name, purpose in PURPOSES.items()}
        if named := [said[each] for each in self.purposes if each in said]:
            yield f"renewed: {', '.join(named)}; attendants and control take it up by themselves"
        for trunk in self.trunks:
            yield f"trunk {trunk} registers with what is in secrets/trunk-{trunk} now"
        if "links" in self.purposes or self.master:
            yield "links to messages in mails that were sent so far no longer open"
        if self.master:
            yield "the master, and whatever has no key of its own; first PINs of mailboxes that nobody has changed, too"
        if self.phones:
            yield f"{len(self.phones)} telephones are refused until they have their new password, which"
            yield "`durchwahl phone NAME --secret` shows; calls go on, and they ring for at most two minutes more:"
            yield from (f"  {phone.id}  {phone.label}".rstrip() for phone in self.phones)


async def look(state: State, names: Sequence[str]) -> Renewal:
    """What `names` mean: words of `PURPOSES`, `master`, trunks, telephones as for `phone`. Raises ServiceError."""
    directory = await directories.read(state)
    purposes, phones = [PURPOSES[name] for name in names if name in PURPOSES], list[Phone]()
    trunks = {id_: wiring.password(state, directory.trunks[id_]) for id_ in names if id_ in directory.trunks}
    for name in names:
        if name in (*PURPOSES, MASTER, *trunks):
            continue
        if not (found := telephones.meant(directory, name)):
            words = ", ".join((*PURPOSES, MASTER))
            raise ServiceError(
                f"{name!r} is no secret that can be renewed", todo=f"name a telephone, a trunk, or {words}"
            )
        phones += found
    purposes += [_of(phone) for phone in phones]
    if MASTER in names:
        phones += await _derived(state, directory)
    return Renewal(
        purposes=tuple(dict.fromkeys(purposes)),
        master=MASTER in names,
        phones=tuple(dict.fromkeys(phones)),
        trunks=trunks,
    )


def _of(phone: Phone) -> str:
    return f"sip:{phone.id}"


async def _derived(state: State, directory: Directory) -> list[Phone]:
    """The telephones whose password follows from the master, as they are stored and as they run."""
    applied = await directories.running(state) if wiring.trees(state).name() else directory
    known = {**applied.phones, **directory.phones}
    return [phone for id_, phone in sorted(known.items()) if _of(phone) not in state.renewed]


async def renew(state: State, renewal: Renewal, why: str = "") -> Applied:
    """Renew them, whole or not at all. Raises ServiceError where it cannot be begun."""
    directories.demand(state, why)
    with rollout.alone(wiring.trees(state)) as trees:
        before = trees.running()
        if trees.damage(trees.name(), before) if before else False:
            raise ServiceError(
                "a file of the tree that runs was changed by hand", todo="see `durchwahl plan`, and apply; then renew"
            )
        named = (*renewal.purposes, *([MASTER] if renewal.master else []), *(f"trunk {id_}" for id_ in renewal.trunks))
        what = f"renewed {', '.join(named)}"
        if before:
            rollout.room(trees, before, "renewed")
        kept, runs = _kept(state), trees.name()
        try:
            _write(state, renewal)
            if not before:
                return Applied(done=True, told=(what, "nothing was applied yet"))
            outcome = await _apply(state, trees, renewal.trunks, what, why)
        except BaseException:
            if trees.name() == runs:  # else Asterisk was told, or will be by the next apply
                _restore(kept)
            raise
        if not outcome.done:
            _restore(kept)
            return outcome
        return replace(outcome, told=(*outcome.told, *await rollout.record(state, f"renew: {what}", why)))


def _kept(state: State) -> Mapping[Path, str | None]:
    """The keys as they are, by file."""
    files = (state.root / "secrets" / name for name in ("renewed", MASTER))
    return {path: path.read_text() if path.exists() else None for path in files}


def _write(state: State, renewal: Renewal) -> None:
    """Put the new keys on disk."""
    folder = state.root / "secrets"
    write_whole(folder / "renewed", _written(state, renewal))
    if renewal.master:
        write_whole(folder / MASTER, random.token_hex(MASTER_BYTES) + "\n")


def _written(state: State, renewal: Renewal) -> str:
    keys = {purpose: key.hex() for purpose, key in state.renewed.items()}
    keys |= {purpose: random.token_hex(MASTER_BYTES) for purpose in renewal.purposes}
    return "".join(f"{purpose} {key}\n" for purpose, key in sorted(keys.items()))


def _restore(kept: Mapping[Path, str | None]) -> None:
    for path, text in kept.items():
        if text is None:
            path.unlink(missing_ok=True)
        else:
            write_whole(path, text)


async def _apply(state: State, trees: Trees, trunks: Mapping[str, str], what: str, why: str) -> Applied:
    """Apply the tree that runs with the secrets of now, and ask Asterisk for them."""
    before = trees.running()
    tree = with_secrets(before, replace(wiring.secrets(state), trunks=trunks))
    if tree == before:
        return Applied(done=True, told=(what, "nothing that Asterisk has changes by it"))
    note = {"did": "renew", "who": directories.who(), "why": why, "what": what}
    async with connected(state) as running:
        outcome = await rolling.apply(trees, tree, checksum_of(tree), running, note)
    if not outcome.done:
        undone = [f"and that did not help: {each}" for each in outcome.remaining] or ["undone: nothing was renewed"]
        return Applied(done=False, told=(*outcome.differences, *undone))
    if not running:
        return Applied(done=True, told=(what, "Asterisk is not running and will start with it"))
    untaken = await _untaken(state)
    return Applied(done=True, told=(what, *untaken) if untaken else (what, "Asterisk knows it"))


async def _untaken(state: State) -> list[str]:
    """What Asterisk does not let in by the passwords of today alone."""
    known, told = wiring.secrets(state), list[str]()
    alone = replace(wiring.ari(state), conf=None, password=known.of("ari"))
    try:
        await asyncio.to_thread(Rest(alone, within=CONNECT_WITHIN).ask, "GET", "asterisk", "ping")
    except AsteriskError as bad:
        told.append(f"ARI does not know its new password: {bad}; restart Asterisk")
    if not await _lets_in(replace(wiring.ami(state), conf=None, secret=known.of("ami:control"))):
        told.append("AMI does not know its new password; restart Asterisk")
    return told


async def _lets_in(account: Account) -> bool:
    ami = Ami(account)
    owner = asyncio.create_task(ami.run())
    try:
        return await ami.ready(CONNECT_WITHIN)
    finally:
        owner.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(owner, return_exceptions=True)
