"""`durchwahl backup` and `restore` as an admin meets them: whole or not at all, sealed, and told what to do."""

from __future__ import annotations

import asyncio
import gzip
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyrage import x25519

from orchestrator.asterisk.archive import fetch
from orchestrator.messages.mailbox import Spool
from orchestrator.messages.pins import Pins
from orchestrator.messages.still import FOLDER
from orchestrator.service import backup as service
from orchestrator.service import restore, sealing, shelf, watching, wiring
from orchestrator.service.errors import ServiceError
from orchestrator.service.packing import NoBackup, Packer, packing, unpacking
from orchestrator.service.state import State, open_state
from tests.backed_up import BOX, PIN, Made, directory, files, furnish
from tests.postgres import PASSWORD, Server
from tests.spools import whole
from tests.test_cli import durchwahl

MOST = """
import resource
from orchestrator.cli import main
try:
    main()
except SystemExit as ended:
    assert not ended.code
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
"""A command, and how many KiB it took at most."""


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return furnish(tmp_path_factory.mktemp("b"))


@pytest.fixture
def made(furnished: Path, tmp_path: Path) -> Made:
    return Made.of(furnished, tmp_path)


def test_what_is_restored_is_what_was_backed_up(made: Made, tmp_path: Path) -> None:
    town = directory(made.state)
    before = files(made.state)
    file = made.backup()
    assert shelf.NAME.fullmatch(file.name)
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in made.folder.iterdir()] == [file.name]
    assert not (made.state.spool / FOLDER).exists()
    sound = durchwahl(tmp_path / "none", "backup", "--verify", str(file), "--identity", str(made.identity))
    assert "is sound" in sound.stdout, sound.stderr
    shutil.rmtree(made.state.root)  # the host is gone

    to = tmp_path / "new" / "state"
    done = made.restore(file, to)
    assert done.returncode == 0, done.stderr
    assert "durchwahl apply" in done.stderr
    new = open_state(to)
    assert files(new) == before
    assert (to.stat().st_mode | (to / "secrets").stat().st_mode) & 0o077 == 0
    assert {path.stat().st_mode & 0o777 for path in (to / "secrets").iterdir()} == {0o600}
    assert not (to / restore.BESIDE).exists()
    assert directory(new) == town
    assert sorted(whole(Spool(new.spool), BOX)) == ["INBOX", "Old"]
    assert Pins(Spool(new.spool), wiring.secrets(new).pin).right(BOX, PIN)
    with closing(sqlite3.connect(to / service.ASTDB)) as database:
        assert database.execute("SELECT * FROM astdb").fetchall() == [
            ("/Queue/PersistentMembers/q_a", "PJSIP/tel2500;0;0")
        ]
    applied = durchwahl(to, "apply", "--yes")
    assert applied.returncode == 0, applied.stdout + applied.stderr


@pytest.mark.parametrize("way", ["to", "from"])
def test_to_postgresql_and_from_it(made: Made, tmp_path: Path, postgres: Server, way: str) -> None:
    password = tmp_path / "password"
    password.write_text(f"{PASSWORD}\n")
    server, other = postgres.fresh(), postgres.fresh()
    named = ("--database", postgres.url(str(server.database)), "--database-password", str(password))
    first = made.backup()
    on_server = tmp_path / "on-server"
    assert made.restore(first, on_server, *named).returncode == 0
    assert directory(State(on_server)) == directory(made.state)
    assert not (on_server / "directory.db").exists()
    assert durchwahl(on_server, "closed", "2026-12-28", "--all", "--name", "Betriebsferien").returncode == 0
    if way == "to":
        told = made.restore(first, tmp_path / "again", *named)
        assert (told.returncode, "holds tables already" in told.stderr) == (2, True)
        assert not (tmp_path / "again").exists()
        (tmp_path / "password").write_text("falsch\n")
        named = ("--database", postgres.url(str(other.database)), "--database-password", str(password))
        told = made.restore(first, tmp_path / "again", *named)
        assert (told.returncode, "refuses this user" in told.stderr) == (2, True)
        assert "--database-password" in told.stderr
        assert not (tmp_path / "again").exists()
        return
    second = durchwahl(on_server, "backup")
    assert second.returncode == 0, second.stderr
    back = made.restore(Path(second.stdout.split("  ")[0]), tmp_path / "back", "--database", "sqlite")
    assert back.returncode == 0, back.stderr
    assert directory(State(tmp_path / "back")) == directory(State(on_server)) != directory(made.state)
    assert (tmp_path / "back" / "directory.db").exists()


def test_nothing_in_the_file_is_plain_and_no_log_holds_a_secret(made: Made) -> None:
    file = made.backup()
    secrets = wiring.secrets(made.state)
    known = [
        (made.state.root / "secrets" / "master").read_text().strip(),
        *("kanarie-8Zt4Wq1M", PIN, secrets.of("sip:tel2500"), secrets.of("ari"), "Anna", "Kleinstadt", "msg_id"),
        made.identity.read_text().splitlines()[-1],
    ]
    sealed = file.read_bytes().decode("latin-1")
    assert [each for each in known if each in sealed] == []
    texts = {path: path.read_text(errors="replace") for path in made.state.root.rglob("*") if path.is_file()}
    said = [text for path, text in texts.items() if {"log", "run"} & set(path.relative_to(made.state.root).parts)]
    assert [each for each in known[:4] for text in said if each in text] == []
    assert not any(known[-1] in text for text in texts.values()), "the exchange has no private key"


def test_age_itself_opens_it(made: Made, tmp_path: Path) -> None:
    """Without Durchwahl: with the programs of any Debian."""
    file = made.backup()
    plain = subprocess.run(
        [*age(), "--decrypt", "--identity", str(made.identity), str(file)], capture_output=True, check=True, timeout=60
    ).stdout
    (tmp_path / "plain.tar").write_bytes(gzip.decompress(plain))
    with tarfile.open(tmp_path / "plain.tar") as tar:
        names = tar.getnames()
        master = tar.extractfile("state/secrets/master")
        assert master
        assert master.read() == (made.state.root / "secrets" / "master").read_bytes()
    assert (names[0], names[-1]) == ("manifest.json", "sums.json")
    assert "state/secrets/tls.pem" not in names
    assert not [name for name in names if "journal" in name or "trees" in name]


def age() -> list[str]:
    """The program, by the loader that it came with."""
    root = fetch(lambda text: None, ("age",))
    loader = next((root / "usr").glob("lib*/ld-linux-*.so.*"), None)
    if loader is None:
        return [str(root / "usr/bin/age")]
    libraries = next((root / "usr/lib").glob("*-linux-gnu*"))
    return [str(loader), "--library-path", str(libraries), str(root / "usr/bin/age")]


def test_another_identity_opens_nothing(made: Made, tmp_path: Path) -> None:
    file = made.backup()
    other = tmp_path / "other"
    sealing.new_key(other)
    for words in (("backup", "--verify", str(file)), ("restore", str(file))):
        done = durchwahl(tmp_path / "new", *words, "--identity", str(other))
        assert done.returncode == 2
        assert f"this identity does not open {file}" in done.stderr
    assert not (tmp_path / "new").exists()


def test_each_of_several_keys_opens_it(made: Made, tmp_path: Path) -> None:
    second = tmp_path / "second"
    key = sealing.new_key(second)
    path = made.state.root / "settings.toml"
    path.write_text(path.read_text().replace('keys = ["', f'keys = ["{key}", "'))
    file = made.backup()
    for identity in (made.identity, second):
        assert restore.verify(file, identity).files > 10


@pytest.mark.long
def test_a_file_that_was_cut_or_changed_anywhere_is_refused(made: Made, tmp_path: Path) -> None:
    file = made.backup()
    data = file.read_bytes()
    places = [0, 10, 60, 150, 250, *range(1000, len(data), len(data) // 12), len(data) - 1]
    for at in places:
        bad = tmp_path / "bad.tar.gz.age"
        for damaged in (data[:at], data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]):
            bad.write_bytes(damaged)
            with pytest.raises(ServiceError) as refused:
                restore.verify(bad, made.identity)
            assert refused.value.todo
            with pytest.raises(ServiceError):
                asyncio.run(restore.restore(bad, made.identity, restore.Where(root=tmp_path / "new")))
            assert not (tmp_path / "new").exists(), at
    (tmp_path / "new").mkdir()
    bad.write_bytes(data[:-1])
    with pytest.raises(ServiceError):
        asyncio.run(restore.restore(bad, made.identity, restore.Where(root=tmp_path / "new")))
    assert list((tmp_path / "new").iterdir()) == []


def sealed_by_hand(made: Made, path: Path, pack: Any) -> Path:
    """A file that is sealed well; anybody who knows the public key can make one."""
    with (
        path.open("wb") as file,
        sealing.sealed(file, made.state.settings().backup.keys) as plain,
        packing(plain) as packer,
    ):
        pack(packer)
    return path


@pytest.mark.parametrize(
    "name",
    [
        "state/../../escaped",
        "/escaped",
        "state/a/../../../escaped",
        "other/escaped",
        "state//tmp/escaped",
        "state/./escaped",
    ],
)
def test_nothing_is_written_outside(made: Made, tmp_path: Path, name: str) -> None:
    def pack(packer: Packer) -> None:
        packer.manifest(service.Manifest(durchwahl="0", at=0.0, tree="", revision="0013"))
        packer.data(name, b"x")

    bad = sealed_by_hand(made, tmp_path / "bad", pack)
    with pytest.raises(NoBackup, match="does not belong into a backup"):
        asyncio.run(restore.restore(bad, made.identity, restore.Where(root=tmp_path / "in" / "new")))
    assert not list(tmp_path.rglob("escaped"))


def test_backups_of_newer_versions_are_refused(made: Made, tmp_path: Path) -> None:
    newer = service.Manifest(durchwahl="9.9", at=0.0, tree="", revision="9999")

    def pack(manifest: service.Manifest) -> Any:
        def packed(packer: Packer) -> None:
            packer.manifest(manifest)
            for name in ("state.json", "settings.toml"):
                packer.file(f"state/{name}", made.state.root / name)
            packer.data("database/00000.town.jsonl", b"")

        return packed

    for manifest, why in ((replace(newer, format=2), "newer Durchwahl (9.9, form 2)"), (newer, "newer version (9999)")):
        bad = sealed_by_hand(made, tmp_path / "bad", pack(manifest))
        done = made.restore(bad, tmp_path / "new")
        assert done.returncode == 2
        assert why in done.stderr
        assert "install that version" in done.stderr
        assert not (tmp_path / "new").exists()


def test_only_an_empty_folder_is_restored_into(made: Made, tmp_path: Path) -> None:
    file = made.backup()
    before = files(made.state)
    done = made.restore(file, made.state.root)
    assert (done.returncode, "is not empty" in done.stderr) == (2, True)
    assert files(made.state) == before
    (tmp_path / "empty").mkdir()
    assert made.restore(file, tmp_path / "empty").returncode == 0


def test_what_is_missing_is_told(made: Made, tmp_path: Path) -> None:
    path = made.state.root / "settings.toml"
    text = path.read_text()
    made.folder.rmdir()
    assert "is it mounted?" in made.refused("backup")
    assert not made.folder.exists()
    assert "is it mounted?" in "".join(asyncio.run(watching.look(made.state)).problems)
    path.write_text(text.replace("keep = 3", "keep = 0"))
    assert "keep" in made.refused("backup")
    path.write_text(text.replace("age1", "age1x"))
    assert "is no public key" in made.refused("backup")
    path.write_text(text.partition("[backup]")[0])
    assert "--new-key" in made.refused("backup")
    assert "name it: --identity" in made.refused("backup", "--verify", "x")
    assert "No such file" in made.refused("backup", "--verify", "x", "--identity", str(made.identity))
    assert "exists already" in made.refused("backup", "--new-key", str(made.identity))
    assert "AGE-SECRET-KEY" in made.refused("backup", "--verify", "x", "--identity", str(path))


@pytest.mark.crowded  # a backup lets everybody else go first: beside others it does not come to its end
def test_memory_does_not_grow_with_the_messages(made: Made, tmp_path: Path) -> None:
    """The most that a process took, with a spool of a few megabytes and with one that is far larger."""

    def most() -> int:
        argv = (sys.executable, "-c", MOST, "--state", str(made.state.root), "backup")
        done = subprocess.run(argv, capture_output=True, text=True, timeout=240, check=True)
        return int(done.stdout.splitlines()[-1]) * 1024

    little = most()
    large = Spool(made.state.spool).box(BOX).path / "INBOX"
    for number in range(900, 910):
        (large / f"msg{number:04d}.wav").write_bytes(os.urandom(20_000_000))
        (large / f"msg{number:04d}.txt").write_text(f"[message]\nmsg_id={number}.0-1\n")
    assert most() < little + 50_000_000
    file = max(made.folder.iterdir())
    assert file.stat().st_size > 190_000_000
    assert restore.verify(file, made.identity).size > 200_000_000


def test_what_is_read_is_what_was_packed(tmp_path: Path) -> None:
    """Without a seal: a change that age would find is found here as well."""
    with (tmp_path / "plain").open("wb") as file, packing(file) as packer:  # type: ignore[arg-type]
        packer.manifest(service.Manifest(durchwahl="0", at=0.0, tree="", revision=""))
        packer.data("state/a", b"content")
    text = gzip.decompress((tmp_path / "plain").read_bytes())
    (tmp_path / "bad").write_bytes(gzip.compress(text.replace(b"content", b"CONTENT")))
    for name, good in (("plain", True), ("bad", False)):
        with (tmp_path / name).open("rb") as file, unpacking(file) as backup:
            if good:
                assert [entry.file.read() for entry in backup.entries()] == [b"content"]
            else:
                with pytest.raises(NoBackup, match="not what was written"):
                    list(backup.entries())


def test_a_key_is_one_that_age_knows(tmp_path: Path) -> None:
    key = sealing.new_key(tmp_path / "identity")
    assert (tmp_path / "identity").stat().st_mode & 0o777 == 0o600
    (identity,) = sealing.identities(tmp_path / "identity")
    assert str(identity.to_public()) == key
    assert str(x25519.Recipient.from_str(key)) == key
