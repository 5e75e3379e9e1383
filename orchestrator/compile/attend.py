"""attend.json: what the attendants perform at each place, and nothing else of the directory."""

from __future__ import annotations

import json
from typing import Any

from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import KEYS, Do, Menu, Step
from orchestrator.domain.prompts import Sounds
from orchestrator.domain.schedule import Schedule


def places(directory: Directory, sounds: Sounds) -> dict[str, dict[str, Any]]:
    """Place -> step, for every step that Python performs first."""
    written = ((place, _step(directory, sounds, step)) for place, step in sorted(directory.graph.items()))
    return {place: step for place, step in written if step}


def text(directory: Directory, sounds: Sounds, tree: str) -> str:
    """The file, with the checksum of the tree that it belongs to. Schedules stand there once: every office has one."""
    found = places(directory, sounds)
    asked = {step["arguments"]["schedule"] for step in found.values() if "schedule" in step.get("arguments", {})}
    written = {name: hours(directory.schedules[name]) for name in sorted(asked & directory.schedules.keys())}
    return json.dumps({"tree": tree, "hours": written, "places": found}, ensure_ascii=False, indent=1) + "\n"


def _step(directory: Directory, sounds: Sounds, step: Step) -> dict[str, Any]:
    match step:
        case Menu():
            sound = sounds[step.prompt.name]
            return {
                "step": "menu",
                "prompt": sound.file,
                "keys": [KEYS[key].removeprefix("key_") for key in step.keys],
                "wait": step.wait,
                "seconds": dict(sound.seconds),
            }
        case Do():
            return {
                "step": "do",
                "skill": step.skill,
                "arguments": {
                    **step.arguments,
                    **({"intro": sounds[step.intro.name].file} if step.intro else {}),
                },
                "exits": list(step.outcomes),
                "seconds": step.seconds,
            }
        case _:
            return {}


def hours(schedule: Schedule) -> dict[str, Any]:
    """A schedule as a skill reads it: attendants have no directory."""
    return {
        "timezone": schedule.timezone,
        "week": {day: [_block(block) for block in blocks] for day, blocks in schedule.week.items()},
        "special": {
            date.isoformat(): [_block(block) for block in special.blocks]
            for date, special in sorted(schedule.dated.items())
        },
        "known_until": schedule.known_until.isoformat(),
    }


def _block(block: Any) -> list[str]:
    return [f"{block.start:%H:%M}", f"{block.end:%H:%M}"]
