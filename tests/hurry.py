"""The example town, told in a hurry: the same flows and numbers, with a few words for each text and short rings.

Only the departments that the entry flow leads to are kept, no old exchange and no queues. What derived flows say is
replaced by recorded files, as an admin would do it.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path

from orchestrator.compile import sounds, speech
from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Do, Flow, LeaveMessage, Menu, Say, Step
from orchestrator.domain.prompts import Prompt
from orchestrator.store.reading import read_files
from tests.spoken import recording

EXAMPLE = Path(__file__).parents[1] / "examples" / "town"
KEPT = ("buergerbuero", "standesamt", "bauamt", "sozialamt", "zentrale")
STAND_INS = {"standesamt": "buergerbuero"}
"""One is enough, so that calls at the same time do not meet at one telephone."""
RING = 4
"""Seconds that phones ring here."""
QUOTA = 60
WORDS = {
    "thanks": "Vielen Dank.",
    "sorry": "Bitte später.",
    "absent": "Zurzeit ist niemand im Haus.",
    "notice": "Sprechen Sie nach dem Ton.",
    "review": "Anhören mit der 1, neu mit der 2.",
    "again": "Nichts zu hören.",
    "zero": "Die 0 für die Zentrale.",
    "next_box": "Voll, also die Zentrale.",
    "opens": "Geschlossen. Wieder da",
    "find_name": "Welcher Name?",
    "find_further": "Mehr Buchstaben.",
    "find_unknown": "Niemand heißt so.",
    "find_connect": "Verbunden mit",
    "find_more": "Weitere mit neun.",
    "find_again": "Anders mit Stern.",
    "person_busy": "Hier spricht schon jemand.",
    "person_nobody": "Niemand nimmt ab.",
    "person_unreachable": "Nicht zu erreichen.",
    "person_absent": "Eine Nachricht bitte.",
}
"""What shared prompts say."""


@cache
def directory() -> Directory:
    """The hurried town, not derived."""
    found = read_files([EXAMPLE], 2026)
    assert not found.mistakes
    town = found.directory
    departments = {
        id_: replace(town.departments[id_], ring_seconds=RING, parent="", stand_in=STAND_INS.get(id_, ""), queue="")
        for id_ in KEPT
    }
    people = {id_: replace(p, ring_seconds=RING) for id_, p in town.people.items() if p.department in KEPT}
    boxes = {p.box for p in people.values()} | {d.box for d in departments.values()}
    return replace(
        town,
        sites={id_: replace(site, wave=1) for id_, site in town.sites.items()},
        waves={},
        queues={},
        trunks={id_: trunk for id_, trunk in town.trunks.items() if trunk.public},
        departments=departments,
        people=people,
        phones={phone: town.phones[phone] for person in people.values() for phone in person.phones},
        boxes={id_: replace(town.boxes[id_], quota=QUOTA, limit=20) for id_ in sorted(boxes - {""})},
        ranges={id_: each for id_, each in town.ranges.items() if each.department in ("", *KEPT)},
        flows={name: _flow(flow) for name, flow in town.flows.items()},
    )


def _flow(flow: Flow) -> Flow:
    return replace(flow, steps={name: _step(step) for name, step in flow.steps.items()})


def _step(step: Step) -> Step:
    match step:
        case Menu():
            return replace(step, prompt=_short(step.prompt), wait=1.5)
        case Say() if step.prompt.name not in ("thanks", "sorry"):
            return replace(step, prompt=_short(step.prompt))
        case LeaveMessage():
            return replace(step, greeting=_short(step.greeting), limit=20)
        case Do(intro=Prompt() as intro):
            return replace(step, intro=_short(intro))
        case _:
            return step


def _short(prompt: Prompt) -> Prompt:
    """The first words, which are enough to tell one prompt from another."""
    return replace(prompt, texts={language: " ".join(text.split()[:7]) for language, text in prompt.texts.items()})


def record_derived(town: Directory, voice: speech.Voice, recorded: Path) -> None:
    """Recorded files for everything that derived flows say."""
    written = sounds.prompts_of(town)
    for name in sounds.prompts_of(derive(town)).keys() - written.keys() | WORDS.keys():
        words = WORDS.get(name, f"Büro {name[-14:]}")
        for language in town.town.languages:
            (recorded / language).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(recording(voice, words, language), recorded / language / f"{name}.wav")
