"""A boss whose calls come to the secretary first.

    screened: may this caller come through, does the boss take the own calls just now? -> diverted, as for anybody else
    front: the phones of the secretaries who are not absent -> together: the boss's along with them, if that is wished
    deputy: those of their stand-ins -> diverted: then it rings at the boss, as if there were no secretary

So no call ends because nobody is in the front office. Belongs here: the steps, who comes through. Not here: who answers
for whom (bosses), how it is written (compile.secretaries), whose lamps are seen (circles).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from orchestrator.domain.bosses import bosses, phones_of, secretaries, team
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Place, Ring, Step
from orchestrator.domain.house import Screen
from orchestrator.domain.people import Person
from orchestrator.domain.problems import Problem
from orchestrator.domain.switches import ABSENT, DIRECT, QUIET

SCREENED, FRONT, TOGETHER, DEPUTY = "screened", "front", "together", "deputy"


def switches(directory: Directory) -> tuple[str, ...]:
    """The switches by which bosses take their own calls."""
    return tuple(DIRECT + boss.extension for boss in bosses(directory))


def turns(directory: Directory, phone: str) -> frozenset[str]:
    """The numbers of the bosses whose switch may be turned at `phone`: their own, and those that it answers for."""
    return frozenset(boss.extension for boss in bosses(directory) if phone in team(directory, boss))


def steps(directory: Directory, boss: Person, after: Place) -> Mapping[str, Step]:
    """What comes before `after` in the flow of `boss`, the first step first; nothing where there is no secretary."""
    if not (front := secretaries(directory, boss)):
        return {}
    deputies = [each for each in _deputies(directory, front) if each not in (boss, *front) and each.phones]
    onward = f"{boss.flow}.{DEPUTY}" if deputies else after
    together = f"{boss.flow}.{TOGETHER}" if boss.joins and boss.phones else onward
    found: dict[str, Step] = {
        SCREENED: Screen(
            number=boss.extension,
            on=f"{boss.flow}.{FRONT}",
            off=after,
            through=after,
            direct=phones_of((boss, *front, *_named(directory, boss.direct))),
            inside=boss.direct_inside,
        ),
        FRONT: _ring(boss, front, boss.joins or boss.ring_seconds, onward, nobody=together),
    }
    if together != onward:
        found[TOGETHER] = _ring(boss, (*front, boss), boss.ring_seconds, onward)
    if deputies:
        found[DEPUTY] = _ring(boss, deputies, boss.ring_seconds, after)
    return found


def _ring(boss: Person, people: Iterable[Person], seconds: int, after: Place, nobody: Place = "") -> Ring:
    """The phones of `people`, of whom nobody is rung who is away; the boss not either who is not to be disturbed."""
    away: dict[str, tuple[str, ...]] = {}
    for person in people:
        asked = (ABSENT + person.extension, *((QUIET + person.extension,) if person is boss else ()))
        away |= {phone: away.get(phone, asked) for phone in person.phones}
    return Ring(
        phones=tuple(away),
        busy=after,
        nobody=nobody or after,
        unreachable=after,
        seconds=seconds,
        away=away,
    )


def _deputies(directory: Directory, front: Iterable[Person]) -> Iterator[Person]:
    """The stand-ins of the secretaries."""
    return _named(directory, dict.fromkeys(person.stand_in for person in front))


def _named(directory: Directory, ids: Iterable[str]) -> Iterator[Person]:
    return (directory.people[id_] for id_ in ids if id_ in directory.people)


def problems(directory: Directory) -> Iterator[Problem]:
    """Bosses who are their own secretary, or whose secretaries have no phone."""
    for boss in directory.people.values():
        if boss.id in boss.secretary:
            yield Problem(
                code="own_secretary",
                where=f"person {boss.id}",
                what="is their own secretary",
                todo="name somebody else, or take `secretary` away",
                caller=f"calls {boss.extension}, where the same phones ring twice",
            )
