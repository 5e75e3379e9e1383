"""`durchwahl up`: a whole exchange on one machine. Asterisk, a shift of attendants and control, in the foreground.

Ending it ends them in the order that loses nothing: the shift hands its calls to the dialplan, control writes down
what it has read, then Asterisk goes.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import ipaddress
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from orchestrator.asterisk.package import find
from orchestrator.service import certificate
from orchestrator.service.errors import ServiceError
from orchestrator.service.keeper import Child, Keeper, left_over
from orchestrator.service.limits import EXPENDABLE, raise_files
from orchestrator.service.ports import free
from orchestrator.service.state import State

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
READY_WITHIN = 60.0
"""Seconds from the start until the exchange must take calls."""
RESOLVER = os.environ.get("RES_OPTIONS", "timeout:1 attempts:2")
"""How long Asterisk waits for DNS (resolv.conf(5)): before it is there it asks four times for its machine's name."""
HOSTS = Path("/etc/hosts")
Progress = Callable[[str], None]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Exchange:
    """The running processes, by name, in the order in which they are started."""

    keepers: dict[str, Keeper]


@asynccontextmanager
async def running(state: State, progress: Progress) -> AsyncIterator[Exchange]:
    """Run the exchange for as long as the block lasts; raises ServiceError if it does not get ready."""
    if not (state.current / "asterisk").is_dir():
        raise ServiceError(
            f"{state.root} has nothing applied yet", todo="run `durchwahl import FILE…` and `durchwahl apply`"
        )
    with _alone(state):
        state.ready.unlink(missing_ok=True)
        children = _children(state)
        if taken := list(_taken(state, children)):
            raise ServiceError(
                f"ports of this exchange are taken by another program: {', '.join(taken)}",
                todo="end it (`ss -tulpn` shows it), or change settings.toml and run `durchwahl apply`",
            )
        if told := unwritten(state.settings().bind, socket.gethostname(), HOSTS):
            progress(told)
        if told := raise_files():
            progress(told)
        for told in certificate.ready(state):
            progress(told)
        keepers = {child.name: Keeper(child) for child in children}
        tasks = {name: asyncio.create_task(keeper.run(), name=name) for name, keeper in keepers.items()}
        try:
            await _ready(state, keepers, tasks, progress)
            yield Exchange(keepers)
        finally:
            state.ready.unlink(missing_ok=True)
            await _whole(_ended(keepers, tasks))


async def _ended(keepers: dict[str, Keeper], tasks: dict[str, asyncio.Task[None]]) -> None:
    """End all, each within its own patience, the last started first."""
    for name in reversed(keepers):
        keepers[name].stop()
        await asyncio.gather(tasks[name], return_exceptions=True)


async def _whole(work: Coroutine[Any, Any, None]) -> None:
    """Do `work` to its end; who is cancelled meanwhile, as by a second Ctrl-C, is so afterwards."""
    task, cancelled = asyncio.ensure_future(work), False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancelled = True
    task.result()
    if cancelled:
        raise asyncio.CancelledError


async def until_signal(work: Coroutine[Any, Any, Result]) -> Result | None:
    """Do `work`; at Ctrl-C, SIGTERM or a closed terminal it is cancelled, ends what it started, and gives None."""
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)
    for number in SIGNALS:
        loop.add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        return None
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


def guarded(state: State) -> bool:
    """Whether an `up` watches over this exchange; False where one was killed and left its processes running."""
    try:
        os.kill(int((state.run / "up.pid").read_text()), 0)
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return True


def unwritten(bind: str, name: str, hosts: Path) -> str:
    """What to do where Asterisk would ask DNS for the machine's `name` at every call; empty where it does not."""
    try:
        lines = [line.partition("#")[0].split()[1:] for line in hosts.read_text(errors="replace").splitlines()]
    except OSError:
        lines = []
    if not ipaddress.ip_address(bind).is_unspecified or name in {known for line in lines for known in line}:
        return ""
    return (
        f"bind is {bind}, and {hosts} does not have {name}: without DNS no call would be answered in time; "
        "write the name there, or one address of this machine for `bind` in settings.toml"
    )


def _taken(state: State, children: list[Child]) -> Iterator[str]:
    """Ports that another program has: `8080 (web_port)`. What a killed `up` left running may have its own."""
    settings = state.settings()
    needed = {
        "asterisk": {name: getattr(settings, name) for name in ("sip_port", "tls_port", "http_port", "ami_port")},
        "control": {"web_port": settings.web_port},
        "attend": {f"metrics_port + {n}": settings.metrics_port + n for n in range(settings.attendants)},
    }
    for child in children:
        if left_over(child) is None:
            for name, port in needed[child.name].items():
                if not free(settings.bind if name in ("sip_port", "tls_port") else "127.0.0.1", port):
                    yield f"{port} ({name})"


def _children(state: State) -> list[Child]:
    asterisk = find("asterisk")
    durchwahl = (sys.executable, "-m", "orchestrator.cli", "--state", str(state.root))
    conf = str(state.current / "asterisk" / "asterisk.conf")

    def child(name: str, argv: tuple[str, ...], **more: Any) -> Child:
        log, note = state.log / f"{name}.out", state.run / f"{name}.kept"
        return Child(name=name, argv=argv, log=log, note=note, mark=str(state.root), **more)

    return [
        child(
            "asterisk", (*asterisk.argv, "-f", "-C", conf), env={"RES_OPTIONS": RESOLVER, **asterisk.env}, adopt=True
        ),
        child("control", (*durchwahl, "control"), expendable=EXPENDABLE),
        child("attend", (*durchwahl, "attend"), expendable=EXPENDABLE, patience=20.0),
    ]


@contextlib.contextmanager
def _alone(state: State) -> Iterator[None]:
    """Own the state folder for as long as the block lasts; raises ServiceError if another `up` does.

    The lock goes with the process, however it ends.
    """
    state.run.mkdir(exist_ok=True)
    with (state.run / "up.pid").open("a+") as note:
        try:
            fcntl.flock(note, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            note.seek(0)
            raise ServiceError(
                f"{state.root} is already running (process {note.read().strip()})", todo="end that one first"
            ) from None
        note.truncate(0)
        note.write(f"{os.getpid()}\n")
        note.flush()
        yield


async def _ready(
    state: State, keepers: dict[str, Keeper], tasks: dict[str, asyncio.Task[None]], progress: Progress
) -> None:
    """Wait until control says that the whole takes calls, and write ready.json."""
    settings = state.settings()
    web = f"http://127.0.0.1:{settings.web_port}"
    waited_for = ""
    try:
        async with asyncio.timeout(READY_WITHIN), aiohttp.ClientSession() as session:
            while (waiting := await _waiting(session, web, keepers, tasks)) != "":
                if waiting != waited_for:
                    progress(f"waiting for {waiting}")
                    waited_for = waiting
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise ServiceError(
            f"the exchange did not get ready within {READY_WITHIN:.0f} s: waiting for {waited_for}",
            todo=f"read the logs in {state.log}",
        ) from None
    ports = range(settings.metrics_port, settings.metrics_port + settings.attendants)
    attendants = [f"http://127.0.0.1:{port}/metrics" for port in ports]
    ready = {
        "sip": f"{settings.bind}:{settings.sip_port}",
        "http": web,
        "metrics": [f"{web}/metrics", *attendants],
        "pids": {name: keeper.pid for name, keeper in keepers.items()},
    }
    beside = state.ready.with_suffix(".new")
    beside.write_text(json.dumps(ready, indent=2) + "\n")
    beside.replace(state.ready)


async def _waiting(
    session: aiohttp.ClientSession, web: str, keepers: dict[str, Keeper], tasks: dict[str, asyncio.Task[None]]
) -> str:
    """What the exchange still waits for, by the word of our own control; empty when it takes calls."""
    for name, task in tasks.items():
        if task.done():
            await task
            return name
    try:
        async with session.get(f"{web}/health/ready", timeout=aiohttp.ClientTimeout(total=2)) as reply:
            said = (await reply.text()).strip()
            if reply.status == 200:
                return "" if said == f"ready {keepers['control'].pid}" else f"control: another program answers on {web}"
            return said or "control"
    except (aiohttp.ClientError, TimeoutError):
        return "control"
