"""What an employee switches by dialling: whose telephone it is, what is to be switched, and whether they may.

    turn: control is asked, and says what came of it -> done | refused
    sorry: nobody is there to ask -> the caller is told to try again
Belongs here: the flow, the judgement of a wish, and what is said. Not here: the codes (codes), the way into the
exchange (service.service_codes).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from orchestrator.domain import codes, hot_desks, outgoing, secretaries, switches
from orchestrator.domain.circles import operators
from orchestrator.domain.codes import DESK_OFF, DESK_ON, SWITCH, Code, find
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Do, Flow, HangUp, Say, Step
from orchestrator.domain.listening import Desks
from orchestrator.domain.people import OPEN, Department, Person, Phone
from orchestrator.domain.prompts import Prompt
from orchestrator.domain.switches import ABSENT, BUSY, CLOSED, DESK, DIRECT, FORWARD, QUIET, SINGLE, UNANSWERED
from orchestrator.domain.town import CODES

FIRST = f"{CODES}.turn"
SECONDS = 30.0
"""Of one visit: what is said is short."""
ON, OFF, TOGGLE, ASK = "on", "off", "toggle", "ask"
BEGINNINGS: Mapping[str, str] = {"forward": FORWARD, "unanswered": UNANSWERED, "busy": BUSY}
"""What the name of a code begins with -> the beginning of the switch that it turns."""
_TEXTS: Mapping[str, tuple[str, str]] = {
    "forward_on": ("Alle Ihre Anrufe gehen ab sofort an", "All your calls now go to"),
    "forward_off": ("Ihre Anrufe werden nicht mehr umgeleitet.", "Your calls are no longer forwarded."),
    "unanswered_on": ("Wenn niemand abnimmt, gehen Ihre Anrufe an", "When nobody answers, your calls go to"),
    "unanswered_off": ("Anrufe, die niemand annimmt, werden nicht mehr umgeleitet.",
                       "Calls that nobody answers are no longer forwarded."),
    "busy_on": ("Wenn besetzt ist, gehen Ihre Anrufe an", "When your line is busy, your calls go to"),
    "busy_off": ("Bei besetzt wird nicht mehr umgeleitet.", "Calls are no longer forwarded when your line is busy."),
    "quiet_on": ("Ihr Telefon klingelt nicht mehr, wenn jemand Ihre Nummer wählt.",
                 "Your telephone no longer rings when somebody dials your number."),
    "quiet_off": ("Ihr Telefon klingelt wieder.", "Your telephone rings again."),
    "absent_on": ("Sie sind ab sofort abwesend gemeldet.", "You are now reported absent."),
    "absent_off": ("Sie sind wieder da gemeldet.", "You are reported back."),
    "direct_on": ("Anrufe klingeln ab sofort direkt und nicht zuerst im Sekretariat.",
                  "Calls now ring directly, and not at the secretary's first."),
    "direct_off": ("Anrufe klingeln ab sofort zuerst im Sekretariat.", "Calls now ring at the secretary's first."),
    "single_on": ("Während Sie sprechen, ist bei Ihnen besetzt.", "While you talk, your line is busy."),
    "single_off": ("Während Sie sprechen, klingelt ein zweiter Anruf.", "While you talk, a second call rings."),
    "moment": ("Einen Moment bitte.", "One moment, please."),
    "sorry": ("Das geht gerade nicht. Bitte versuchen Sie es später noch einmal.",
              "That is not possible just now. Please try again later."),
    "nobody": ("An diesem Telefon lässt sich das nicht schalten.", "That cannot be switched at this telephone."),
    "nothing": ("Unter dieser Ziffer gibt es keinen Schalter.", "There is no switch with that digit."),
    "unknown": ("Diese Nummer hat bei uns niemand.", "Nobody here has that number."),
    "forbidden": ("Dorthin darf von diesem Telefon nicht umgeleitet werden.",
                  "This telephone may not forward calls to that number."),
    "planned_switch": ("Dafür ist schon ein späterer Zeitraum eingetragen. Bitte ändern Sie diesen.",
                       "A later time is already set for that. Please change that one."),
    "planned": ("Für Sie ist schon eine spätere Abwesenheit eingetragen. Bitte ändern Sie diese.",
                "A later absence of yours is already set. Please change that one."),
    "round": ("Diese Umleitung ginge im Kreis.", "That would send calls round in a circle."),
}  # fmt: skip
PROMPTS: Mapping[str, Prompt] = {
    name: Prompt(name=f"wish_{name}", texts={"de": german, "en": english}) for name, (german, english) in _TEXTS.items()
}
"""Everything that is said besides numbers and the switches of the town."""


def flow(directory: Directory) -> Flow:
    """The flow of the codes. Asking again is a dialogue's: it ends by itself."""
    turn = Do(
        skill="switching",
        outcomes={"done": f"{CODES}.over", "refused": f"{CODES}.over", "again": FIRST, "failed": f"{CODES}.sorry"},
        python_down=f"{CODES}.sorry",
        by_caller=frozenset({"again"}),
        seconds=SECONDS,
        says=(
            *PROMPTS.values(),
            *(hot_desks.PROMPTS.values() if directory.hot_desks else ()),
            *_named(directory),
        ),
    )
    sorry = Say(prompt=PROMPTS["sorry"], then=f"{CODES}.over")
    steps: dict[str, Step] = {"turn": turn, "sorry": sorry, "over": HangUp()}
    return Flow(name=CODES, start="turn", steps=steps)


def add(directory: Directory) -> Directory:
    """A derived directory with this flow, which must know every switch, unless somebody wrote one of its name."""
    return replace(directory, flows={CODES: flow(directory), **directory.flows})


def _named(directory: Directory) -> Iterator[Prompt]:
    """For each switch that has a digit: that it is on, and that it is off."""
    for name in sorted(set(directory.switch_codes.values())):
        home = directory.departments.get(name.removeprefix(CLOSED))
        what = directory.switches.get(name) or (home.name if home else name)
        on = ("ist geschlossen.", "is closed.") if home else ("ist ein.", "is on.")
        off = ("ist nicht mehr geschlossen.", "is no longer closed.") if home else ("ist aus.", "is off.")
        for to, (german, english) in ((ON, on), (OFF, off)):
            yield Prompt(name=f"wish_{name}_{to}", texts={"de": f"{what} {german}", "en": f"{what} {english}"})


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is to be switched, by whom."""

    who: str
    """Whose telephone it is, for the record: `2500 Anna Grün`."""
    name: str
    """Of the switch."""
    to: str
    """`on`, `off`, `toggle`, or `ask`: only what it is."""
    target: str = ""
    """Where calls are to ring: an extension, or E.164 with `+`."""
    dialled: str = ""
    """The code, for the record; the number behind it is in the switch."""


class Refused(Exception):
    """It is not to be switched; `str()` names the prompt that says why."""


class Judge:
    """Judges what desks dial. Whose telephones they are is looked up once for a directory."""

    def __init__(self, directory: Directory) -> None:
        self._directory, self._desks = directory, Desks(directory)
        self._operators = operators(directory)

    def wish(self, phone: Phone, code: Code, given: str, guest: Person | None = None) -> Wish:
        """What `code` (of codes.SWITCHING) with the digits `given` means at `phone`; raises Refused.

        `guest`: who has logged in there.
        """
        owner = guest or self._desks.whose(phone)
        if code is SWITCH:
            return self._town(phone, owner, code.head, given, guest)
        if code in (DESK_ON, DESK_OFF):
            return self._desk(phone, owner, code)
        if code is codes.DIRECT:
            return self._direct(phone, code, given)
        if code in codes.CALL_WAITING:
            return self._waiting(phone, code)
        if owner is None:
            raise Refused("nobody")
        who, (what, _, to) = f"{owner.extension} {owner.name}", code.name.partition("_")
        match what:
            case "absent" if isinstance(owner, Person):
                return Wish(who=who, name=ABSENT + owner.extension, to=TOGGLE, dialled=code.head)
            case "quiet" if isinstance(owner, Person):
                return Wish(who=who, name=QUIET + owner.extension, to=to, dialled=code.head)
            case "unanswered" | "busy" if to == ON and isinstance(owner, Department) and self._waits(owner):
                raise Refused("nobody")
            case "forward" | "unanswered" | "busy":
                target = self._target(phone, owner, given, guest) if to == ON else ""
                return Wish(who=who, name=BEGINNINGS[what] + owner.extension, to=to, target=target, dialled=code.head)
            case _:
                raise Refused("nobody")

    def _direct(self, phone: Phone, code: Code, given: str) -> Wish:
        """Whether calls to the boss `given` ring at the secretary's first: turned at the phones of both."""
        if phone.kind in OPEN or given not in secretaries.turns(self._directory, phone.id):
            raise Refused("nobody")
        who = f"{phone.extension} {phone.label}"
        return Wish(who=who, name=DIRECT + given, to=TOGGLE, dialled=code.head + given)

    def _waiting(self, phone: Phone, code: Code) -> Wish:
        """Call waiting, of this telephone alone; the directory may say that it never has a second call."""
        if phone.kind in OPEN or not phone.call_waiting:
            raise Refused("nobody")
        who, to = f"{phone.extension} {phone.label}", code.name.removeprefix(SINGLE)
        return Wish(who=who, name=SINGLE + phone.id, to=to, dialled=code.head)

    def _waits(self, office: Department) -> bool:
        """Whether its callers wait in a queue, which is all that happens when nobody is free."""
        return office.queue in self._directory.queues

    def _desk(self, phone: Phone, owner: Person | Department | None, code: Code) -> Wish:
        """Logging in, of which it is not known yet who will; logging out, also from the own telephone."""
        if code is DESK_ON and phone.hot_desk:
            return Wish(who=f"{phone.extension} {phone.label}", name=DESK, to=ON, dialled=code.head)
        if code is DESK_OFF and isinstance(owner, Person):
            who = f"{owner.extension} {owner.name}"
            return Wish(who=who, name=DESK + owner.extension, to=OFF, dialled=code.head)
        raise Refused("nobody")

    def _town(
        self, phone: Phone, owner: Person | Department | None, code: str, digit: str, guest: Person | None
    ) -> Wish:
        """A switch of the town: for operators; one that closes a department also for who belongs to it."""
        if not (name := self._directory.switch_codes.get(digit, "")):
            raise Refused("nothing")
        home = owner.id if isinstance(owner, Department) else owner.department if owner else ""
        anybody = phone.kind in OPEN and not guest
        if anybody or (phone.id not in self._operators and (not home or name != CLOSED + home)):
            raise Refused("nobody")
        who = f"{owner.extension} {owner.name}" if owner else f"{phone.extension} {phone.label}"
        return Wish(who=who, name=name, to=TOGGLE, dialled=code + digit)

    def _target(self, phone: Phone, owner: Person | Department, given: str, guest: Person | None) -> str:
        """Where `given` would be put through to if `phone` dialled it."""
        directory = self._directory
        way = outgoing.route(directory, phone, given, guest=guest)
        if way.kind == "inside":
            if not (phones := switches.rung(directory, way.number)):
                raise Refused("forbidden" if way.number in directory.numbers else "unknown")
            if set(phones) == set(owner.phones):
                raise Refused("round")
            return way.number
        shared = guest and phone.kind in OPEN  # whoever comes by: it would stay when the guest has logged out
        if shared or way.kind != "outside" or not (number := public(directory, way.number)):
            raise Refused("forbidden")
        return number


def public(directory: Directory, number: str) -> str:
    """A canonical public number as E.164; empty for those that have none, as 115."""
    town = directory.town
    if number.startswith("00"):
        return f"+{number[2:]}"
    if number.startswith("0"):
        return f"+{town.country}{number[1:]}"
    return f"+{town.country}{town.area}{number}" if outgoing.classify(town, number) == "town" else ""


def predicted(directory: Directory, phone: Phone, dialled: str, guest: Person | None = None) -> str:
    """The answer that the skill gives to what `phone` dials while Python is up, as far as the directory says it."""
    found = find(directory.town, dialled)
    try:
        if found:
            Judge(directory).wish(phone, found.code, found.given, guest)
    except Refused:
        return "refused"
    return "done"


def told(place: str, answer: str) -> bool:
    """Whether somebody was told there why nothing was switched."""
    return place.startswith(f"{CODES}.") and answer in ("refused", "said")
