"""What a key means: where the caller goes, and what is to be done for it.

    press(session, heard, facts) -> (session, action)      answered(session, action, answer) -> session

Every way through these functions ends: what is not understood is counted in `silent`, and so are attempts. Belongs
here: decisions, pure. Not here: words (saying), doing (by_telephone), PINs and greetings (settings).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from orchestrator.domain.mailbox_keys import does
from orchestrator.domain.mailbox_texts import prompt
from orchestrator.messages.api import owner
from orchestrator.messages.telephone import session as words
from orchestrator.messages.telephone import settings
from orchestrator.messages.telephone.dialogue import Heard
from orchestrator.messages.telephone.session import (
    At,
    Came,
    Deal,
    Delete,
    Drop,
    Enter,
    Facts,
    Forward,
    Mark,
    Restore,
    Session,
)

TRIES = 3
"""Wrong PINs of one call, and turns in a row in which nothing came, after which it is over."""
NUMBER = 12
"""Digits of a number at most."""


def press(session: Session, heard: Heard, facts: Facts) -> Came:
    """What came of a turn."""
    if session.at == "message" and not heard.keys:
        return replace(session, at="options", said=()), Mark(id=session.message) if session.played else None
    if session.at == "deleted" and not heard.keys:
        return _step(session, 1), None
    do = _ENTERED.get(session.at) or settings.ENTERED.get(session.at)
    if do:
        return do(session, heard, facts)
    menu = words.MENUS.get(session.at)
    what = does(menu, facts.needs(session), heard.keys) if menu and heard.keys else ""
    if what == "help":
        return replace(session, at=_still(session.at), help=True, said=(), silent=0), None
    if not what:
        return misunderstood(session, heard), None
    known = {**_MENUS, **settings.MENUS}
    return known[session.at](replace(session, silent=0, said=(), help=False), what, facts)


def misunderstood(session: Session, heard: Heard) -> Session:
    """Nothing came, or nothing that means anything here: said again, then with all keys, then goodbye."""
    silent = session.silent + 1
    if silent >= TRIES:
        return session.go("over")
    said = prompt("not_understood" if heard.keys else "still_there")
    return replace(session, at=_still(session.at), said=(said,), silent=silent, help=silent > 1)


def answered(session: Session, action: words.Action, answer: str) -> Session:
    """What came of an action."""
    if answer in ("gone", "full", "busy"):
        return _failed(session, action, answer)
    match action:
        case Enter() if session.at == "old_pin":
            return settings.known(session, answer)
        case Enter():
            return _entered(session, action, answer)
        case Mark() | Drop():
            return session
        case Delete():
            return session.go("deleted", prompt("deleted"))
        case Restore():
            return session.go("options", prompt("undone"))
        case Forward():
            return replace(session.go("options", prompt("sent")), recorded="", typed="")
        case Deal():
            return session.go("call") if action.call else session.go("options", prompt("noted"))
        case words.ChangePin() | words.Keep() | words.Remove() | words.Until():
            return settings.answered(session, action, answer)


def _failed(session: Session, action: words.Action, answer: str) -> Session:
    """It could not be done: said, and the caller is where they can do something else."""
    match action:
        case Enter() if session.at == "old_pin":
            return settings.known(session, answer)
        case Enter():
            return session.go("box", prompt(answer))
        case Mark() | Drop():
            return replace(session, said=tuple(each for each in session.said if each != prompt("kept")))
        case Forward() if answer == "busy" and action.comment:
            return session.go("recording", prompt("busy"))
        case Delete() | Restore() | Deal() | Forward():
            ended = replace(session, typed="", recorded="")
            return _step(ended, 1, prompt("gone")) if answer == "gone" else ended.go("options", prompt(answer))
        case words.ChangePin():
            return replace(session.go("new_pin", prompt("busy")), tries=session.tries + 1)
        case words.Keep() | words.Remove() | words.Until():
            return session.go("greeting", prompt(answer))


# Coming in


def _box(session: Session, heard: Heard, facts: Facts) -> Came:
    if not heard.keys.isdecimal():
        return misunderstood(session, heard), None
    return replace(session.go("pin"), typed=heard.keys[:NUMBER], silent=0), None


def _pin(session: Session, heard: Heard, facts: Facts) -> Came:
    if not heard.keys.isdecimal():
        return misunderstood(session, heard), None
    box = words.box_at(facts.directory, session.typed) or session.typed
    return replace(session, silent=0), Enter(box=box, pin=heard.keys)


def _entered(session: Session, action: Enter, answer: str) -> Session:
    if answer in ("right", "change"):
        inside = replace(session, asker=owner(action.box), box=action.box, typed="", tries=0)
        return (
            replace(inside.go("new_pin", prompt("must_change")), forced=True)
            if answer == "change"
            else inside.go("main")
        )
    tries = session.tries + 1
    ended = answer == "locked" or tries >= TRIES
    return replace(session.go("over" if ended else "box", prompt(answer)), tries=tries, typed="")


# Messages


def _main(session: Session, what: str, facts: Facts) -> Came:
    match what:
        case "listen" | "saved":
            return _queue(session, facts, new=what == "listen"), None
        case "next_box":
            boxes = facts.boxes(session)
            after = boxes.index(session.box) + 1 if session.box in boxes else 0
            return replace(session.go("main"), box=boxes[after % len(boxes)], queue=(), place=0), None
        case "settings":
            return session.go("settings"), None
        case _:
            return session.go("over"), None


def _queue(session: Session, facts: Facts, *, new: bool) -> Session:
    """Go through the messages: the new ones first, each kind from the oldest on."""
    fresh = tuple(each.id for each in facts.messages if each.new) if new else ()
    queue = fresh + tuple(each.id for each in facts.messages if not each.new)
    if not queue:
        return session.go("main")
    return replace(session.go("message"), queue=queue, place=0)


def _message(session: Session, what: str, facts: Facts) -> Came:
    id_ = session.message
    match what:
        case "keep":
            return _step(session, 1, prompt("kept")), Mark(id=id_)
        case "delete":
            current = facts.current(session)
            return replace(session, was_new=bool(current and current.new)), Delete(id=id_)
        case "next" | "previous":
            return _step(session, 1 if what == "next" else -1), None
        case "replay":
            return replace(session.go("message"), brief=True), None
        case "call":
            return _call(session, facts), None
        case "case":
            return session.go("case"), None
        case "forward":
            return session.go("to"), None
        case _:
            return session.go("main"), None


def _step(session: Session, by: int, *said: str) -> Session:
    """To the next or the previous message, or to the menu after the last."""
    place = session.place + by
    if session.at == "deleted":  # it is not gone through again
        queue = tuple(each for each in session.queue if each != session.message)
        session, place = replace(session, queue=queue), session.place + min(by, 0)
    if place >= len(session.queue) or not session.queue:
        return session.go("main", *said, prompt("last"))
    if place < 0:
        return replace(session.go("message", *said, prompt("first")), place=0)
    return replace(session.go("message", *said), place=place)


def _call(session: Session, facts: Facts) -> Session:
    """Call back; only from a telephone of ours, and only where there is a number."""
    current = facts.current(session)
    number = words.callable_number(facts.directory, current.caller) if current else ""
    if not session.caller.phone or not number:
        return session.go("options", prompt("no_number"))
    return session.go("call")


def _deleted(session: Session, what: str, facts: Facts) -> Came:
    match what:
        case "undo" | "undo_too":
            return session, Restore(id=session.message, heard=not session.was_new)
        case "next" | "previous":
            return _step(session, 1 if what == "next" else -1), None
        case _:
            return session.go("main"), None


def _case(session: Session, what: str, facts: Facts) -> Came:
    match what:
        case "call":
            ready = _call(session, facts)
            return (
                (session, Deal(id=session.message, state="taken", call=True)) if ready.at == "call" else (ready, None)
            )
        case "take":
            return session, Deal(id=session.message, state="taken")
        case "called_back" | "done" | "open":
            return session, Deal(id=session.message, state=what)
        case _:
            return session.go("options"), None


def _to(session: Session, heard: Heard, facts: Facts) -> Came:
    if heard.keys == "*":
        return session.go("options"), None
    box = words.box_at(facts.directory, heard.keys) if heard.keys.isdecimal() else ""
    if not heard.keys.isdecimal():
        return misunderstood(session, heard), None
    if not box or box == session.box:
        wrong = misunderstood(session, heard)
        return (wrong if wrong.at == "over" else replace(wrong, said=(prompt("no_such_box"),))), None
    return replace(session.go("forward"), typed=box, silent=0), None


def _forward(session: Session, what: str, facts: Facts) -> Came:
    match what:
        case "send":
            return session, Forward(id=session.message, to=session.typed, comment="")
        case "comment":
            return session.go("comment"), None
        case _:
            return replace(session.go("options"), typed=""), None


def _comment(session: Session, heard: Heard, facts: Facts) -> Came:
    if not heard.recorded:
        again = misunderstood(replace(session, at="forward"), heard)
        return (again if again.at == "over" else again.go("forward", prompt("nothing_recorded"))), None
    return replace(session.go("recording", prompt("recorded")), recorded=heard.recorded, silent=0), None


def _recording(session: Session, what: str, facts: Facts) -> Came:
    """A comment or a greeting was recorded."""
    if not session.typed:
        return settings.recording(session, what)
    match what:
        case "keep":
            return session, Forward(id=session.message, to=session.typed, comment=session.recorded)
        case "again":
            return replace(session.go("comment"), recorded=""), Drop(recorded=session.recorded)
        case "listen":
            return session.go("recording", f"file:{session.recorded.removesuffix('.wav')}"), None
        case _:
            return replace(session.go("forward"), recorded=""), Drop(recorded=session.recorded)


def _over(session: Session, heard: Heard, facts: Facts) -> Came:
    return session, None


def _after_call(session: Session, heard: Heard, facts: Facts) -> Came:
    return session.go("options"), None


def _still(at: At) -> At:
    """Where a caller is who is told the keys: not in the middle of the message any more."""
    return "options" if at == "message" else at


_ENTERED: Mapping[At, Callable[[Session, Heard, Facts], Came]] = {
    "box": _box,
    "pin": _pin,
    "to": _to,
    "comment": _comment,
    "call": _after_call,
    "over": _over,
}
"""Where something is entered or spoken, and what is made of it."""
_MENUS: Mapping[At, Callable[[Session, str, Facts], Came]] = {
    "main": _main,
    "message": _message,
    "options": _message,
    "deleted": _deleted,
    "case": _case,
    "forward": _forward,
    "recording": _recording,
}
"""Where a key is pressed, and what is made of it."""


def gone_on(session: Session, facts: Facts) -> Session:
    """The same caller, where what they are at is still there: a message may have been deleted by somebody else."""
    at_message = session.at in ("message", "options", "case", "to", "forward", "comment", "call")
    if session.asker and session.box not in facts.directory.boxes:
        return session.go("over")
    if not at_message or facts.current(session):
        return session
    session = replace(session, typed="")
    there = {each.id for each in facts.messages}
    place = next((n for n in range(session.place, len(session.queue)) if session.queue[n] in there), None)
    said = session.said if prompt("gone") in session.said else (*session.said, prompt("gone"))
    if place is None:
        return session.go("main", *said, prompt("last"))
    return replace(session.go("message", *said), place=place)
