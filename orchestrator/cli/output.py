"""How every command speaks: results on stdout (text or JSON), errors and progress on stderr."""

from __future__ import annotations

import csv
import errno
import gc
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy.exc import SQLAlchemyError

from orchestrator.domain.problems import Problem
from orchestrator.service.errors import ServiceError
from orchestrator.service.state import State, open_state

ROOM = "make room on the disk of the state folder, then do it once more"
FOUND_PROBLEMS, COULD_NOT_RUN = 1, 2

Json = typer.Option(False, "--json", help="Print JSON for a program to read.")
errors = Console(stderr=True, highlight=False, soft_wrap=True)


def state_of(context: typer.Context) -> State:
    """The state folder that `--state` names, opened; raises ServiceError if there is none."""
    return open_state(Path(context.obj))


def short_lived() -> None:
    """A directory has no cycles and the command is soon over: looking for some takes up to half of its time."""
    gc.disable()


def say(text: str = "") -> None:
    """One line of the result."""
    typer.echo(text)


def dump(value: Any) -> None:
    """The whole result as JSON."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def table(rows: Sequence[Any]) -> None:
    """Flat dataclasses as CSV with headings; semicolons, as a German spreadsheet wants them.

    A value that a spreadsheet would take for a formula is text there: it gets an apostrophe in front.
    """
    written = csv.writer(sys.stdout, delimiter=";", lineterminator="\n")
    for at, row in enumerate(rows):
        fields = asdict(row)
        if at == 0:
            written.writerow(fields)
        written.writerow(f"'{value}" if str(value)[:1] in ("=", "+", "-", "@") else value for value in fields.values())


def note(text: str) -> None:
    """Something worth knowing that is not the result."""
    errors.print(text, markup=False)


@contextmanager
def failures() -> Iterator[None]:
    """Turn errors into a sentence for the admin and exit code 2; 1 is only for problems that were looked for."""
    try:
        yield
    except ServiceError as bad:
        errors.print(f"durchwahl: {bad}", markup=False)
        if bad.todo:
            errors.print(f"  to do: {bad.todo}", markup=False)
        raise typer.Exit(COULD_NOT_RUN) from bad
    except SQLAlchemyError as bad:
        errors.print(f"durchwahl: the database: {str(bad).splitlines()[0]}", markup=False)
        errors.print(
            "  to do: is the database readable, writable and whole? `durchwahl check` looks at it", markup=False
        )
        raise typer.Exit(COULD_NOT_RUN) from bad
    except BrokenPipeError:  # whoever read us has seen enough: `durchwahl changes | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None
    except OSError as bad:
        full = bad.errno in (errno.ENOSPC, errno.EDQUOT)
        todo = ROOM if full else "look at the state folder: its owner, its disk, what is missing in it"
        errors.print(f"durchwahl: {'the disk is full: ' if full else ''}{bad}", markup=False)
        errors.print(f"  to do: {todo}", markup=False)
        raise typer.Exit(COULD_NOT_RUN) from bad
    except typer.Exit:
        raise
    except Exception as bug:
        errors.print_exception()
        errors.print("durchwahl: this is a mistake in the program: please report it with the lines above", markup=False)
        raise typer.Exit(COULD_NOT_RUN) from bug


def problems(found: Iterable[Problem]) -> None:
    """Print problems, most important part first."""
    for problem in found:
        say(str(problem))


def as_data(problem: Problem) -> dict[str, Any]:
    """A problem for `--json`."""
    return asdict(problem)


@contextmanager
def progress(title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, nothing anywhere else. The value is a callback of (done, total)."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
