"""A town of names: short ones and long ones, umlauts, doubles, people who are hidden, and many Müllers.

Belongs here: the directory, and the dialplan's way to look somebody up, done by hand. Not here: what is expected.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from orchestrator.compile.by_name import MANY, NAMES
from orchestrator.compile.extensions import Context
from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import FindByName, Flow, HangUp, Say
from orchestrator.domain.people import Box, Department, Person, Phone
from tests.towns import prompt, small

NUMBER = "60"
"""The number under which names are asked for."""
PEOPLE = {
    "4001": ("Anna", "Mai"),
    "4002": ("Bernd", "Maier"),
    "4003": ("Eva", "Schulz"),
    "4004": ("Eva", "Schulz"),
    "4005": ("Jörg", "Bäcker"),
    "4006": ("Dr. Ute", "Groß"),
    "4007": ("Richard", "von Weizsäcker"),
    "4008": ("Lena", "Meyer-Landrut"),
    "4009": ("Greta", "Heimlich"),
    "4010": ("Hugo", "Keinesfalls"),
    "4012": ("Li", "Li"),
}
"""Number -> first and last name. Every one of `MUELLERS` besides."""
MUELLERS = tuple(f"50{n:02d}" for n in range(30))
AMT = ("4004", "4009", *MUELLERS)
"""Who works in the second department."""


def person(number: str, first: str, last: str, **more: object) -> Person:
    """Somebody with a telephone of their own."""
    given = {"phones": (f"tel{number}",), "department": "amt" if number in AMT else "buergerbuero", **more}
    return Person(
        id=f"p{number}", first_name=first, last_name=last, site="rathaus", extension=number, ring_seconds=3, **given
    )  # type: ignore[arg-type]


def finder(**more: object) -> Flow:
    """A flow that asks for a name."""
    step = FindByName(
        **{
            "prompt": prompt("who.find", "Wen möchten Sie sprechen?", "Whom would you like to speak to?"),
            "nobody": "who.none",
            "gave_up": "who.silent",
            "human": "town.desk",
            "tries": 2,
            "wait": 2.0,
            **more,
        }  # type: ignore[arg-type]
    )
    return Flow(
        name="who",
        start="find",
        steps={
            "find": step,
            "none": Say(prompt=prompt("who.none", "Niemand heißt so.", "Nobody has that name."), then="who.bye"),
            "silent": Say(prompt=prompt("who.silent", "Auf Wiederhören.", "Goodbye."), then="who.bye"),
            "bye": HangUp(),
        },
    )


def town(people: Iterable[Person] | None = None, **more: object) -> Directory:
    """The town of names, not derived."""
    found = small()
    first = ["Anna", "Beate", "Carla", "Dora", "Emma", "Frieda", "Gerda", "Hanna", "Inge", "Jana"]
    everybody = people or (
        *(person(number, *name, **EXTRA.get(number, {})) for number, name in PEOPLE.items()),
        *(person(number, f"{first[n // 3]} {'ADG'[n % 3]}", "Müller") for n, number in enumerate(MUELLERS)),
    )
    amt = replace(found.departments["buergerbuero"], id="amt", name="Standesamt", extension="31", box="11")
    kept = {"town": found.flows["town"], "who": finder(**more)}
    named = {each.id: each for each in everybody}
    phones = {
        phone: Phone(id=phone, site="rathaus", label=each.name, extension=each.extension)
        for each in named.values()
        for phone in each.phones
    }
    departments: Mapping[str, Department] = {**found.departments, "amt": replace(amt, phones=("tel10",))}
    return replace(
        found,
        flows=kept,
        numbers={"0": "town", NUMBER: "who"},
        people={**found.people, **named},
        phones={**found.phones, **phones},
        departments=departments,
        boxes={
            **{id_: replace(box, quota=500) for id_, box in found.boxes.items()},
            "11": Box(id="11", name="Standesamt", quota=500),
        },
    )


EXTRA: Mapping[str, Mapping[str, object]] = {
    "4003": {"function": "Leitung"},
    "4009": {"findable": "department"},
    "4010": {"findable": "no"},
}


def looked_up(contexts: Iterable[Context], typed: str, ended: bool) -> list[str] | None:
    """Whom the dialplan offers for `typed`, None for `many`: done by hand as Asterisk does it."""
    known = {context.name: {each.name: each for each in context.extensions} for context in contexts}
    names = known.get(f"{NAMES}-{typed[:2]}" if len(typed) > 1 else NAMES, {})
    matching = [name for name in names if name == typed or (name[0] == "_" and typed.startswith(name[1:-1]))]
    if not matching:
        return []
    assert len(matching) == 1, f"{typed}: {matching}"
    lines = [line.application for line in names[matching[0]].lines]
    if lines == [f"Return({MANY})"]:
        if not ended or f"{typed}=whole" not in names:
            return None
        lines = [line.application for line in names[f"{typed}=whole"].lines]
    found = [re.fullmatch(r"Gosub\(by-name,is,1\((\d+),(\d+),[^)]+\)\)", line) for line in lines[:-1]]
    offered = [each[2] for each in found if each and each[1].startswith(typed)]
    return list(dict.fromkeys(offered))


def derived(**more: object) -> Directory:
    return derive(town(**more))  # type: ignore[arg-type]
