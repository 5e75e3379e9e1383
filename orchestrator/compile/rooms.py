"""Conference rooms: the PIN at the door, and Asterisk's own conference behind it.

Native from end to end. Wrong PINs are counted for each room in Asterisk's own database, `room/<id>`, within a clock
hour, whoever dialled them: so nobody guesses on by calling again, nor by showing other numbers. Phones of the house are
asked for none, so nobody can lock them out; but for those in a hall, a lift or at a gate.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.compile import by_phone
from orchestrator.compile.escape import DIGITS, IDENTIFIER, SOUND, fit
from orchestrator.compile.extensions import Context, Extension, Line
from orchestrator.compile.hours import NOW
from orchestrator.domain.directory import Directory
from orchestrator.domain.house import AskPin, Meet
from orchestrator.domain.prompts import Sounds
from orchestrator.domain.texts import HOUSE

NAME = "room"
"""The context, and the family of Asterisk's database."""
MOST_WRONG = 20
"""Wrong PINs of a room within an hour after which nobody is asked any more. A PIN of six digits lasts for years."""
LONGEST_PIN = 12
LONGEST = 12 * 3600
"""Seconds that anybody can be in a conference: a receiver that lies beside its telephone must not keep it open."""
USER, MENU = "who-is-in", "keys"
"""Sections of confbridge.conf besides `in_<room>`: what all hear who are in a room, and the keys that they have."""


def asked(name: str, step: AskPin) -> Iterator[Line]:
    """Lets phones of the house in; others must dial the PIN, and who stands at one in a hall, too."""
    yield from by_phone.calling("DESK", "ask")
    yield Line(f"GotoIf({by_phone.known(by_phone.SHARED, 'DESK')}?ask)")
    yield Line(f"GotoIf({by_phone.known(by_phone.PHONES, 'DESK')}?{name}=right,1)")
    if not step.pin:
        yield Line(f"Goto({name}=wrong,1)", label="ask")
        return
    pin, room = fit(step.pin, DIGITS), fit(step.room, IDENTIFIER)
    yield Line(f"Gosub({NAME},ask,1({room},{pin},{int(step.tries)},{step.wait:g}))", label="ask")
    yield Line(f"Goto({name}=${{GOSUB_RETVAL}},1)")


def lines(name: str, step: Meet) -> Iterator[Line]:
    """Into the conference, if there is room; `landing` writes down who hangs up in it."""
    room = fit(step.room, IDENTIFIER)
    yield Line(f"GotoIf($[0${{CONFBRIDGE_INFO(parties,{room})}} >= {int(step.most)}]?{name}=full,1)")
    yield Line(f"Set(MEETING={name})")
    yield Line(f"ConfBridge({room},in_{room},{USER},{MENU})")
    yield Line("Set(MEETING=)")
    yield Line(f"Goto({name}=met,1)")


def contexts(directory: Directory, sounds: Sounds) -> Iterator[Context]:
    """The context `room`; none where there is no room."""
    if directory.rooms:
        asked, wrong = (fit(sounds[said.name].file, SOUND) for said in HOUSE["AskPin"])
        extensions = (Extension("ask", tuple(_ask(asked, wrong))), Extension("count", tuple(_count())))
        yield Context(name=NAME, extensions=extensions)


def _ask(asked: str, wrong: str) -> Iterator[Line]:
    """Asks for the PIN ARG2 of the room ARG1 up to ARG3 times: GOSUB_RETVAL is `right`, `wrong` or `locked`."""
    yield Line("Set(GUESSES=0)")
    yield Line(f"Gosub({NAME},count,1(${{ARG1}},0))", label="again")
    yield Line(f"GotoIf($[${{GOSUB_RETVAL}} >= {MOST_WRONG}]?locked)")
    yield Line(f"Read(PIN,{asked},{LONGEST_PIN},,1,${{ARG4}})")
    yield Line('GotoIf($["x${PIN}" = "x${ARG2}"]?right)')
    yield Line("Set(GUESSES=$[${GUESSES} + 1])")
    yield Line(f'ExecIf($["${{PIN}}" != ""]?Gosub({NAME},count,1(${{ARG1}},1)))')
    yield Line(f'ExecIf($["${{PIN}}" != ""]?Playback({wrong}))')
    yield Line("GotoIf($[${GUESSES} < ${ARG3}]?again)")
    yield Line("Return(wrong)")
    yield Line("Return(right)", label="right")
    yield Line("Return(locked)", label="locked")


def _count() -> Iterator[Line]:
    """Wrong PINs of the room ARG1 in this hour, and ARG2 more. Who cannot count lets nobody guess."""
    yield Line(f'GotoIf($["${{LOCK({NAME})}}" != "1"]?unsure)')
    yield Line(f"Set(HOUR=${{STRFTIME({NOW},UTC,%Y%m%d%H)}})")
    yield Line(f"Set(KEPT=${{DB({NAME}/${{ARG1}})}})")
    yield Line('Set(WRONG=${IF($["${CUT(KEPT,:,1)}" = "${HOUR}"]?0${FILTER(0-9,${CUT(KEPT,:,2)})}:0)})')
    yield Line("Set(WRONG=$[${WRONG} + ${ARG2}])")
    yield Line(f"ExecIf($[${{ARG2}} > 0]?Set(DB({NAME}/${{ARG1}})=${{HOUR}}:${{WRONG}}))")
    yield Line(f"Set(FREED=${{UNLOCK({NAME})}})")
    yield Line("Return(${WRONG})")
    yield Line(f"Return({MOST_WRONG})", label="unsure")


def configuration(directory: Directory) -> str:
    """confbridge.conf: what is heard in every room, and how many each holds."""
    language = fit(directory.town.languages[0], IDENTIFIER)
    profiles = "".join(
        f"\n[in_{fit(room.id, IDENTIFIER)}]\ntype = bridge\nmax_members = {int(room.most)}\n"
        f"language = {language}\nsound_join = beep\nsound_leave = beeperr\nrecord_conference = no\n"
        for room in sorted(directory.rooms.values(), key=lambda room: room.id)
    )
    return (
        "; Conference rooms. PINs are asked for in the dialplan, which counts the wrong ones.\n"
        f"[general]\n\n[{USER}]\ntype = user\nmusic_on_hold_when_empty = yes\nmusic_on_hold_class = default\n"
        f"announce_user_count = yes\ndsp_drop_silence = yes\ntimeout = {LONGEST}\n"
        f"\n[{MENU}]\ntype = menu\n* = toggle_mute\n0 = leave_conference\n{profiles}"
    )
