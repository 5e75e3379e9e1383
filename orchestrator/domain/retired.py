"""Numbers that are nobody's any more: callers hear the new one, where that is wished, and are put through.

Belongs here: where a retired number leads, and what can be wrong with it. Not here: who still dials it (service).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from orchestrator.domain import texts
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Flow, Say
from orchestrator.domain.problems import Problem
from orchestrator.domain.prompts import Prompt


def lead(directory: Directory) -> Directory:
    """`directory`, which has all other flows and numbers already, with those of retired numbers."""
    flows: dict[str, Flow] = {}
    numbers: dict[str, str] = {}
    for extension, old in directory.retired.items():
        now = _now(directory, extension)
        flow = directory.flows.get(directory.numbers.get(now, ""))
        if flow is None or extension in directory.numbers:
            continue
        numbers[extension] = flow.name
        if old.announced:
            numbers[extension] = name = f"r_{extension}"
            told = Prompt(name=f"{name}.told", texts=texts.new_number(now))
            flows[name] = Flow(name=name, start="told", steps={"told": Say(prompt=told, then=flow.first)})
    return replace(directory, flows={**flows, **directory.flows}, numbers={**numbers, **directory.numbers})


def _now(directory: Directory, extension: str) -> str:
    """The number that has the calls of a retired one now, over several that were retired in turn."""
    seen = set()
    while extension in directory.retired and extension not in seen:
        seen.add(extension)
        extension = directory.retired[extension].to
    return extension


def problems(directory: Directory, today: date) -> Iterator[Problem]:
    """Retired numbers that lead nowhere or round, and those that somebody has too early."""
    owners = {number: owner for number, owner in directory.owners() if owner != f"retired {number}"}
    for extension, old in directory.retired.items():
        where = f"retired {extension}"
        if _now(directory, extension) in directory.retired and extension not in owners:
            yield Problem(
                code="retired_loop",
                where=where,
                what=f"leads to {old.to}, and that leads back",
                todo="lead one of them to a number that somebody has",
                caller=f"dials the old number {extension}",
            )
        if extension in owners and today < old.until:
            yield Problem(
                code="retired_in_use",
                where=where,
                what=f"is kept free until {old.until:%Y-%m-%d}, and {owners[extension]} has it",
                todo="give another extension, or take it out of the retired numbers",
                caller=f"dials {extension}, wants who had it before, and gets somebody else",
            )
