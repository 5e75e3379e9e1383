"""The settings of a box over the telephone: its PIN, and its greetings by state.

Belongs here: decisions, pure. Not here: messages (menus), files (greetings, pins).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date

from orchestrator.domain.mailbox_texts import prompt
from orchestrator.messages.greetings import GREETINGS
from orchestrator.messages.telephone.dialogue import Heard
from orchestrator.messages.telephone.session import (
    At,
    Came,
    ChangePin,
    Drop,
    Enter,
    Facts,
    Keep,
    Remove,
    Session,
    Until,
)

ATTEMPTS = 3
"""At a new PIN, or at something that must be entered or spoken, after which the caller is back where they were."""


def _settings(session: Session, what: str, facts: Facts) -> Came:
    match what:
        case "greetings":
            return session.go("greetings"), None
        case "pin":
            # Anybody may come by at the desk of a guest, and log in everywhere with a PIN that they chose.
            return replace(session.go("old_pin" if session.caller.guest else "new_pin"), tries=0), None
        case _:
            return session.go("main"), None


# PIN


def _old_pin(session: Session, heard: Heard, facts: Facts) -> Came:
    """The present PIN comes before a new one."""
    if heard.keys == "*":
        return session.go("settings"), None
    if not heard.keys.isdecimal():
        return _attempt(session, "still_there" if not heard.keys else "weak_digits", "old_pin"), None
    return replace(session, silent=0), Enter(box=session.box, pin=heard.keys)


def known(session: Session, answer: str) -> Session:
    """What came of the present PIN: wrong ones are counted as those of who comes in."""
    match answer:
        case "right" | "change":
            return replace(session.go("new_pin"), tries=0)
        case "wrong":
            return _attempt(session, "wrong", "old_pin")
        case _:
            return session.go("over" if answer == "locked" else "settings", prompt(answer))


def _new_pin(session: Session, heard: Heard, facts: Facts) -> Came:
    if heard.keys == "*" and not session.forced:
        return session.go("settings"), None
    if not heard.keys.isdecimal():
        return _attempt(session, "still_there" if not heard.keys else "weak_digits"), None
    return replace(session.go("pin_again"), typed=heard.keys, silent=0), None


def _pin_again(session: Session, heard: Heard, facts: Facts) -> Came:
    if heard.keys != session.typed:
        return _attempt(session, "differ"), None
    return replace(session, typed="", silent=0), ChangePin(pin=heard.keys)


def _attempt(session: Session, why: str, at: At = "new_pin") -> Session:
    """Another attempt at a PIN, or none any more; whoever has to choose one does not come in without."""
    tries = session.tries + 1
    if tries < ATTEMPTS:
        return replace(session.go(at, prompt(why)), tries=tries, typed="")
    return replace(session.go("over" if session.forced else "settings", prompt(why)), tries=0, typed="")


# Greetings


def _greetings(session: Session, what: str, facts: Facts) -> Came:
    for greeting in GREETINGS:
        if greeting == what:
            return replace(session.go("greeting"), greeting=greeting), None
    return session.go("settings"), None


def _greeting(session: Session, what: str, facts: Facts) -> Came:
    there = facts.greetings.get(session.greeting)
    match what:
        case "listen":
            return session.go("greeting", *((f"file:{there}",) if there else ())), None
        case "record":
            return replace(session.go("greet"), typed=""), None
        case "delete":
            return session, Remove(greeting=session.greeting)
        case "until":
            return session.go("until" if there else "greeting"), None
        case _:
            return session.go("greetings"), None


def _greet(session: Session, heard: Heard, facts: Facts) -> Came:
    if not heard.recorded:
        silent = session.silent + 1
        at: At = "greeting" if silent < ATTEMPTS else "over"
        return replace(session.go(at, prompt("nothing_recorded")), silent=silent), None
    return replace(session.go("recording", prompt("recorded")), recorded=heard.recorded, silent=0), None


def recording(session: Session, what: str) -> Came:
    """A greeting was recorded: use it, record it again, hear it, drop it."""
    dropped = Drop(recorded=session.recorded)
    match what:
        case "keep":
            return replace(session, recorded=""), Keep(greeting=session.greeting, recorded=session.recorded)
        case "again":
            return replace(session.go("greet"), recorded=""), dropped
        case "listen":
            return session.go("recording", f"file:{session.recorded.removesuffix('.wav')}"), None
        case _:
            return replace(session.go("greeting"), recorded=""), dropped


def _until(session: Session, heard: Heard, facts: Facts) -> Came:
    """The last day as four digits, day and month; nothing: it has no end."""
    if heard.keys == "*":
        return session.go("greeting"), None
    if not heard.keys:
        return session, Until(greeting=session.greeting, day=None)
    day = day_named(heard.keys, facts.now.date())
    if day is None:
        silent = session.silent + 1
        at: At = "until" if silent < ATTEMPTS else "greeting"
        return replace(session.go(at, prompt("no_day")), silent=silent if at == "until" else 0), None
    return replace(session, silent=0), Until(greeting=session.greeting, day=day)


def day_named(keys: str, today: date) -> date | None:
    """The day that `TTMM` names: this year, or the next where it is past; None for one that there is not."""
    if len(keys) != 4 or not keys.isdecimal():
        return None
    for year in (today.year, today.year + 1):
        try:
            day = date(year, int(keys[2:]), int(keys[:2]))
        except ValueError:  # also 29 February, in most years
            continue
        if day >= today:
            return day
    return None


def answered(session: Session, action: ChangePin | Keep | Remove | Until, answer: str) -> Session:
    """What came of a setting."""
    match action:
        case ChangePin():
            if answer != "done":
                return _attempt(session, f"weak_{answer}")
            changed = replace(session, tries=0, forced=False)
            return changed.go("main" if session.forced else "settings", prompt("pin_changed"))
        case Keep():
            return session.go("until" if action.greeting == "temp" else "greeting", prompt("in_use"))
        case Remove():
            return session.go("greeting", prompt("greeting_gone"))
        case Until():
            return session.go("greeting", *(() if action.day else (prompt("no_end"),)))


ENTERED: Mapping[At, Callable[[Session, Heard, Facts], Came]] = {
    "old_pin": _old_pin,
    "new_pin": _new_pin,
    "pin_again": _pin_again,
    "greet": _greet,
    "until": _until,
}
"""Where something is entered or spoken."""
MENUS: Mapping[At, Callable[[Session, str, Facts], Came]] = {
    "settings": _settings,
    "greetings": _greetings,
    "greeting": _greeting,
}
"""Where a key is pressed."""
