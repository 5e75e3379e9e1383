"""What a caller in the mailbox hears where they are, and how long they are listened to.

    speak(session, facts) -> turn

Saying it again changes nothing, so whoever takes over a call says the same. Belongs here: the words and their order,
pure. Not here: what a key does (menus), the texts (domain.mailbox_texts).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime

from orchestrator.domain.mailbox_keys import KEYS, keys
from orchestrator.domain.mailbox_texts import prompt
from orchestrator.messages.mailbox import Message
from orchestrator.messages.pins import LONGEST
from orchestrator.messages.telephone import session as words
from orchestrator.messages.telephone.dialogue import Turn
from orchestrator.messages.telephone.session import At, Facts, Session

AFTER_A_MESSAGE = 0.5
"""Seconds to press a key before the message counts as heard to its end; then the keys are offered."""
AFTER_A_DELETION = 2.5
"""Seconds to take it back before the next message begins."""
COMMENT, GREETING = 120, 90
"""Seconds that a comment and a greeting may last."""
NUMBER, DAY = 12, 4
"""Digits of a box or an extension at most, and of a day."""


def speak(session: Session, facts: Facts) -> Turn:
    """The turn of where the caller is."""
    number = session.turn
    play = (*session.said, *_PLAYED[session.at](session, facts))
    match session.at:
        case "box" | "pin" | "to" | "old_pin" | "new_pin" | "pin_again" | "until":
            most = {"until": DAY, "new_pin": LONGEST, "pin_again": LONGEST}.get(session.at, NUMBER)
            return Turn(play=play, most=most, turn=number)
        case "comment" | "greet":
            return Turn(play=play, then="record", limit=COMMENT if session.at == "comment" else GREETING, turn=number)
        case "message":
            during = {each.key: each.playing for each in KEYS if each.menu == "message" and each.playing}
            return Turn(play=play, wait=AFTER_A_MESSAGE, during=during, turn=number)
        case "deleted":
            return Turn(play=play, wait=AFTER_A_DELETION, turn=number)
        case "call":
            current = facts.current(session)
            to = words.callable_number(facts.directory, current.caller) if current else ""
            return Turn(play=play, then="call", number=to, turn=number)
        case "over":
            return Turn(play=play, then="done", turn=number)
        case _:
            return Turn(play=play, turn=number)


def _offered(session: Session, facts: Facts) -> tuple[str, ...]:
    """The keys of the menu, all of them if somebody asked for help."""
    short = not session.help
    return tuple(
        f"prompt:{each.prompt.name}" for each in keys(words.MENUS[session.at], facts.needs(session), short=short)
    )


def _main(session: Session, facts: Facts) -> tuple[str, ...]:
    return (*_whose(session, facts), *_counted(facts.messages), *_offered(session, facts))


def _whose(session: Session, facts: Facts) -> tuple[str, ...]:
    """Which box it is, for whoever works with several."""
    if len(facts.boxes(session)) < 2:
        return ()
    if facts.shared(session.box):
        return (prompt("shared_box"), f"digits:{session.box}")
    return (prompt("own_box"),)


def _counted(messages: tuple[Message, ...]) -> tuple[str, ...]:
    new = sum(message.new for message in messages)
    saved = len(messages) - new
    if not messages:
        return (prompt("nothing"),)
    said: tuple[str, ...] = (prompt("you_have"),)
    if new:
        many, one = ("new_and", "one_new_and") if saved else ("new_messages", "one_new")
        said += _many(new, many, one)
    return said + (_many(saved, "saved_messages", "one_saved") if saved else ())


def _many(count: int, many: str, one: str) -> tuple[str, ...]:
    return (prompt(one),) if count == 1 else (f"number:{count}", prompt(many))


def _message(session: Session, facts: Facts) -> tuple[str, ...]:
    current = facts.current(session)
    if current is None or not facts.audio:
        return (prompt("busy"),)
    envelope = () if session.brief else _envelope(current, facts)
    return (*envelope, f"file:{facts.audio}")


def _envelope(message: Message, facts: Facts) -> tuple[str, ...]:
    left = datetime.fromtimestamp(message.at, facts.now.tzinfo)
    return (
        prompt("new" if message.new else "saved"),
        *moment(left, facts.now),
        *((prompt("from"), f"digits:{_shown(message, facts)}") if message.caller else (prompt("from_unknown"),)),
        *_forwarded(message, facts),
        *_dealt_with(facts),
    )


def moment(left: datetime, now: datetime) -> tuple[str, ...]:
    """When it was, as one says it: `heute um 14 Uhr 10`, `am Montag, dem dreiundzwanzigsten November, um 9 Uhr`.

    Both in the time zone of the town. Without the year: nothing is kept so long.
    """
    days = (now.date() - left.date()).days
    near = {0: "today_at", 1: "yesterday_at"}.get(days)
    hour = (prompt("one_oclock"),) if left.hour == 1 else (f"number:{left.hour}", "sound:digits/oclock")
    minute = (f"number:{left.minute}",) if left.minute else ()
    return ((prompt(near),) if near else (*day(left), prompt("at"))) + hour + minute


def day(when: date) -> tuple[str, ...]:
    """A day of the year as one says it, with its weekday."""
    return (prompt(f"weekday_{when.weekday()}"), prompt(f"day_{when.day}"), f"sound:digits/mon-{when.month - 1}")


def _shown(message: Message, facts: Facts) -> str:
    """The caller's number as it is said: with 0 for the country that we are in."""
    number = message.caller.removeprefix(f"+{facts.directory.town.country}")
    return (number if number == message.caller else f"0{number}").replace("+", "00")


def _forwarded(message: Message, facts: Facts) -> tuple[str, ...]:
    if not message.forwarded_by:
        return ()
    by = words.digits(facts.directory, message.forwarded_by)
    return (prompt("forwarded_by"), f"digits:{by}") if by else (prompt("forwarded"),)


def _dealt_with(facts: Facts) -> tuple[str, ...]:
    """Where the case of a message is; who has it, only those hear who work with that box."""
    if facts.case is None:
        return ()
    by = words.digits(facts.directory, facts.case.who)
    if facts.case.state == "taken" and by:
        return (prompt("case_taken_by"), f"digits:{by}")
    return (prompt(f"case_{facts.case.state}"),)


def _case(session: Session, facts: Facts) -> tuple[str, ...]:
    return (*_dealt_with(facts), *_offered(session, facts))


def _forward(session: Session, facts: Facts) -> tuple[str, ...]:
    return (prompt("to"), f"digits:{session.typed}", *_offered(session, facts))


def _greeting(session: Session, facts: Facts) -> tuple[str, ...]:
    name = "busy_line" if session.greeting == "busy" else session.greeting
    there = session.greeting in facts.greetings
    until = (prompt("counts_until"), *day(facts.until)) if there and facts.until else ()
    state = prompt("own_greeting" if there else "no_greeting")
    return (prompt(name), state, *until, *_offered(session, facts))


def _text(name: str) -> Callable[[Session, Facts], tuple[str, ...]]:
    return lambda session, facts: (prompt(name),)


_PLAYED: Mapping[At, Callable[[Session, Facts], tuple[str, ...]]] = {
    "box": _text("ask_box"),
    "pin": _text("ask_pin"),
    "main": _main,
    "message": _message,
    "options": _offered,
    "deleted": _offered,
    "case": _case,
    "to": _text("ask_to"),
    "forward": _forward,
    "comment": _text("say_comment"),
    "settings": _offered,
    "greetings": _offered,
    "greeting": _greeting,
    "greet": _text("say_greeting"),
    "recording": _offered,
    "until": _text("ask_until"),
    "old_pin": _text("ask_pin"),
    "new_pin": _text("ask_new_pin"),
    "pin_again": _text("again"),
    "call": _text("connecting"),
    "over": _text("goodbye"),
}
"""Where the caller is -> what is played there."""
