"""The account of a run: what was placed against what was written, as rows with a figure and what is wrong. Pure.

Belongs here: what must hold. Not here: how it is found out (evidence), memory (growth), a table (report).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from orchestrator.journal.journeys import OUTCOMES
from orchestrator.messages.audio import SHORTEST
from orchestrator.service.history import Past
from tests.chaos.journal import Seen
from tests.chaos.plan import HABITS, KINDS, NO_KEY, Kind, Plan
from tests.chaos.town import MENU, OFFICE_BOX

CUT = "Asterisk killed"
BLOWS: tuple[Kind, ...] = ("attendant killed", "attendant hung", "shift's parent killed")
"""What callers in a menu may notice."""
PATIENCE = 12.0
"""Seconds that a citizen waits for an answer (tests/scenarios/citizen.xml)."""
DOWN = 15.0
"""Seconds after it was killed until Asterisk must take calls again."""
UNWRITTEN = 1.0
"""Seconds before it was killed of which Asterisk may not have written everything."""
DEAF = (0.3, 4.0)
"""Seconds before and after an attack on attendants in which a key may be lost: the menu is heard anew then."""
TURN = 0.25
"""Seconds before and after the end of the menu's patience in which a key may fall between two rounds."""
DEEPEST = 0.9
"""How full a queue of Asterisk may become: at its own mark Asterisk takes no new requests until it is emptier."""
HEARD = 2.0
"""Seconds after a key in which its answer must be there."""
BUFFERED = 2.5
"""Seconds of a recording that Asterisk may not have written yet: 32 KiB, and half a second for the machine."""
SURELY = SHORTEST + 0.5
"""Seconds of a recording, with a voice in it, after which it must be a message."""


@dataclass(frozen=True, kw_only=True)
class Strike:
    """An attack as it was done; `pid` 0: there was nobody to be hit."""

    at: float
    kind: Kind
    pid: int


@dataclass(frozen=True, kw_only=True)
class Queue:
    """A queue of Asterisk's: each does one task after the other, and what has to wait there is late for somebody."""

    name: str
    deepest: int
    """The most tasks that ever waited."""
    mark: int
    """The high-water mark."""

    @property
    def full(self) -> float:
        """How full it was, of its mark."""
        return self.deepest / self.mark


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Everything that is known after a run. Times are seconds since the epoch."""

    plan: Plan
    placed: Mapping[str, float]
    """Number of the caller -> when SIPp rang up."""
    answered: Mapping[str, float]
    """Number of the caller -> when SIPp heard 200."""
    seen: Mapping[str, Seen]
    journeys: Collection[Past]
    messages: Collection[tuple[str, str]]
    """Box and id of the channel, of each message."""
    cases: Collection[str]
    """Ids of channels."""
    strikes: Collection[Strike]
    left: Collection[str]
    """Channels, bridges, recordings and processes that are left over."""
    patience: float
    """Seconds after which the menu is asked once more: its prompt, and the wait for a key."""
    longest: float
    """Seconds that a caller in a menu may be without a place."""
    deepest: Queue
    """Of the Asterisk that ran last, the queue that was ever nearest to its mark."""

    @property
    def cuts(self) -> list[float]:
        """When Asterisk was killed."""
        return [strike.at for strike in self.strikes if strike.kind == CUT and strike.pid]

    def cut(self, call: str) -> bool:
        """Whether this call was up when Asterisk was killed, and so has no end in its words."""
        seen = self.seen.get(call)
        return seen is not None and not seen.over and any(seen.began <= at + UNWRITTEN for at in self.cuts)

    def end(self, seen: Seen) -> float:
        """When Asterisk was killed under a call, of which it had written the last; 0 if it was not."""
        return min((at for at in self.cuts if at + UNWRITTEN >= seen.last), default=0.0)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the report."""

    what: str
    figure: str
    wrong: tuple[str, ...] = field(default=())


def account(known: Evidence) -> list[Row]:
    """Every row that concerns calls."""
    return [*_calls(known), _outcomes(known), _failed(known), *_messages(known), _unexpected(known), _left(known),
            _silence(known), _keys(known), _queues(known), *_strikes(known)]  # fmt: skip


def _calls(known: Evidence) -> Iterator[Row]:
    written = Counter(past.caller for past in known.journeys)
    planned = [caller.shown for caller in known.plan.callers]
    unplaced = [f"{shown} was never placed" for shown in planned if shown not in known.placed]
    yield Row(what="calls placed by SIPp", figure=f"{len(known.placed):,}", wrong=tuple(unplaced))
    absent = [shown for shown in known.placed if not written[shown]]
    refused = [shown for shown in absent if shown not in known.answered]
    unexplained = [f"{shown} found nobody while Asterisk ran" for shown in refused if not _down(known, shown)]
    yield Row(what="of these, not taken: Asterisk was down", figure=f"{len(refused):,}", wrong=tuple(unexplained))
    lost = [shown for shown in absent if shown in known.answered]
    wrong = [f"{shown} was answered and has no journey" for shown in lost if not _unwritten(known, shown)]
    yield Row(what="of these, cut before Asterisk had written a word", figure=f"{len(lost):,}", wrong=tuple(wrong))
    yield Row(
        what="journeys written", figure=f"{len(known.journeys):,}", wrong=tuple(_not_exactly_once(known, written))
    )


def _not_exactly_once(known: Evidence, written: Counter[str]) -> Iterator[str]:
    """Calls that reached a flow have one journey; a caller has two only if SIP sent the call anew to a new Asterisk."""
    ids = Counter(past.id for past in known.journeys)
    yield from (f"call {id_} has {count} journeys" for id_, count in ids.items() if count > 1)
    reached = {id_: seen for id_, seen in known.seen.items() if seen.reached}
    yield from (
        f"call {id_} of {seen.caller} reached a flow and has no journey"
        for id_, seen in reached.items()
        if id_ not in ids
    )
    yield from (f"call {id_} is in no journal of Asterisk" for id_ in ids if id_ not in reached)
    for shown, count in written.items():
        cut = sum(past.caller == shown and known.cut(past.id) for past in known.journeys) if count > 1 else 0
        if shown not in known.placed or count - cut > 1:
            yield f"{shown} has {count} journeys, of which {cut} were cut"


def _down(known: Evidence, shown: str) -> bool:
    """Whether Asterisk was not there for a caller from when they rang up until they gave up."""
    placed = known.placed[shown]
    return any(at - PATIENCE <= placed <= at + DOWN for at in known.cuts)


def _unwritten(known: Evidence, shown: str) -> bool:
    return any(abs(at - known.answered[shown]) < UNWRITTEN for at in known.cuts)


def _outcomes(known: Evidence) -> Row:
    counted = Counter(past.outcome for past in known.journeys)
    figure = ", ".join(f"{outcome} {counted[outcome]:,}" for outcome in OUTCOMES if counted[outcome])
    unknown = sum(count for outcome, count in counted.items() if outcome not in OUTCOMES)
    wrong = (f"{unknown} journeys have an unknown outcome",) if unknown else ()
    return Row(what="outcomes", figure=f"{figure}; unknown {unknown}", wrong=wrong)


def _failed(known: Evidence) -> Row:
    failed = [past for past in known.journeys if past.outcome == "failed"]
    wrong = [_told(past, "failed, and Asterisk was not killed") for past in failed if not known.cut(past.id)]
    return Row(what="failed (only calls that were up when Asterisk was killed)", figure=f"{len(failed):,}",
               wrong=tuple(wrong))  # fmt: skip


def _messages(known: Evidence) -> Iterator[Row]:
    voices = {caller.shown for caller in known.plan.callers if caller.voice}
    spoke = {
        id_ for id_, seen in known.seen.items() if seen.caller in voices and max(seen.recorded, default=0.0) >= SURELY
    }
    there = Counter(id_ for _, id_ in known.messages)
    journeys = {past.id for past in known.journeys if past.outcome == "message"}
    wrong = [
        f"{id_} spoke for {max(known.seen[id_].recorded):.1f} s and left no message" for id_ in spoke - there.keys()
    ]
    wrong += [f"the message of {id_} is there {count} times" for id_, count in there.items() if count > 1]
    wrong += [f"{id_} is a message without such a journey" for id_ in there.keys() - journeys]
    wrong += [f"{id_} has a journey of a message, and there is none" for id_ in journeys - there.keys()]
    yield Row(what="callers who spoke long enough", figure=f"{len(spoke):,}")
    figure = f"{there.total():,} (with {len(there.keys() - spoke):,} short or cut ones)"
    yield Row(what="messages in the boxes", figure=figure, wrong=tuple(wrong))
    yield _cut_short(known, voices, there.keys())
    office = {id_ for box, id_ in known.messages if box == OFFICE_BOX}
    cases = Counter(known.cases)
    wrong = [f"the message {id_} of the office has no case" for id_ in office - cases.keys()]
    wrong += [f"{id_} has {count} cases" for id_, count in cases.items() if count > 1 or id_ not in office]
    yield Row(what="cases, one for each message of the office", figure=f"{cases.total():,}", wrong=tuple(wrong))


def _cut_short(known: Evidence, voices: Collection[str], there: Collection[str]) -> Row:
    """Who was cut by Asterisk's end while they spoke: what had been said long enough before must have been saved."""
    speaking = {
        seen.id
        for seen in known.seen.values()
        if seen.recording and seen.caller in voices and known.cut(seen.id)
        if seen.recording + SHORTEST + BUFFERED <= known.end(seen)
    }
    wrong = [f"{id_} spoke until Asterisk was killed, and nothing was saved" for id_ in speaking - set(there)]
    return Row(what="callers cut by Asterisk's end while they spoke, after four seconds: messages saved",
               figure=f"{len(speaking) - len(wrong):,} of {len(speaking):,}", wrong=tuple(wrong))  # fmt: skip


def _unexpected(known: Evidence) -> Row:
    wrong = [_told(past, past.unexpected) for past in known.journeys if past.unexpected]
    return Row(what="journeys that `explain` does not allow", figure=f"{len(wrong):,}", wrong=tuple(wrong))


def _left(known: Evidence) -> Row:
    return Row(what="channels, bridges, recordings, processes left", figure=str(len(known.left)),
               wrong=tuple(f"left over: {each}" for each in known.left))  # fmt: skip


def _silence(known: Evidence) -> Row:
    """From an attack until who was in the menu was there again."""
    found = sorted((waited, seen.id) for seen in known.seen.values() for waited in silences(seen, known.strikes))
    if not found:
        return Row(what="longest from an attack until a caller was in the menu again", figure="none was sent back")
    longest, call = found[-1]
    wrong = (f"{call} waited {longest:.2f} s for the menu",) if longest > known.longest else ()
    middle = found[len(found) // 2][0]
    figure = f"{longest:.2f} s (median {middle:.2f} s, {len(found):,} callers)"
    return Row(what="longest from an attack until a caller was in the menu again", figure=figure, wrong=wrong)


def silences(seen: Seen, strikes: Iterable[Strike]) -> Iterator[float]:
    """How long one caller waited in the menu, each time that they were sent back to it, or went on natively."""
    there = 0.0
    for at, kind, what in seen.marks:
        if there and (kind == "NOTE" or (kind, what) == ("PLACE", MENU)):
            hits = [hit.at for hit in strikes if hit.pid and hit.kind in BLOWS and there <= hit.at <= at]
            if hits:
                yield at - max(hits)
        if kind == "PLACE":
            there = at if what == MENU else 0.0
        elif kind == "ANSWER":
            there = 0.0


def _keys(known: Evidence) -> Row:
    """Callers in the menu whose key led nowhere: only in an attack, and they were still in the menu."""
    keys = {caller.shown: caller for caller in known.plan.callers if caller.key != NO_KEY}
    lost, told = 0, []
    for seen in known.seen.values():
        if seen.over and seen.caller in keys and seen.caller in known.answered:
            caller = keys[seen.caller]
            at = known.answered[seen.caller] + caller.before
            if (
                abs(caller.before - known.patience) < TURN
                or seen.last - at < HEARD
                or any(what == f"{MENU}=key_{caller.key}" for _, _, what in seen.marks)
            ):
                continue
            lost += 1
            if not any(hit.kind in BLOWS and hit.at - DEAF[0] <= at <= hit.at + DEAF[1] for hit in known.strikes):
                told.append(f"{seen.id} of {seen.caller}: key {caller.key} was lost, and nobody was attacked")
    return Row(what="keys lost in an attack (the menu was heard anew)", figure=f"{lost:,}", wrong=tuple(told))


def _queues(known: Evidence) -> Row:
    queue = known.deepest
    told = f"{queue.deepest:,} of {queue.mark:,}"
    wrong = (f"{told} tasks waited in Asterisk's {queue.name}",) if queue.full >= DEEPEST else ()
    return Row(what="most tasks that waited in one queue of Asterisk", figure=f"{told} ({queue.name})", wrong=wrong)


def _strikes(known: Evidence) -> Iterator[Row]:
    for kind in KINDS:
        done = sum(strike.kind == kind and strike.pid > 0 for strike in known.strikes)
        missed = sum(strike.kind == kind and strike.pid == 0 for strike in known.strikes)
        figure = f"{done} times" + (f", {missed} more met nobody" if missed else "")
        planned = any(attack.kind == kind for attack in known.plan.attacks)
        yield Row(what=kind, figure=figure, wrong=(f"{kind}: never",) if planned and not done else ())


def _told(past: Past, why: str) -> str:
    return f"call {past.id} of {past.caller}: {why} ({past.way})"


def by_habit(known: Evidence) -> dict[str, Counter[str]]:
    """Habit -> outcome -> how many."""
    habit = {caller.shown: caller.habit for caller in known.plan.callers}
    found: dict[str, Counter[str]] = {each: Counter() for each in HABITS}
    for past in known.journeys:
        if past.caller in habit:
            found[habit[past.caller]][past.outcome] += 1
    return found
