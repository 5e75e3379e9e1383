"""What a caller and a step that asks for a name say to each other, key by key: as the dialplan does it natively.

    ask -> typed: nobody -> ask again; too many -> ask for more; one -> put through; several -> choose
Of both, this is the one that `explain` and test calls read; compile.by_name is written after it, and a test calls both.
"""

from __future__ import annotations

from orchestrator.domain.directory import Directory
from orchestrator.domain.findable import LONGEST, Names
from orchestrator.domain.finding_texts import CHOICES, FIND, ONWARD
from orchestrator.domain.flow import Answer, FindByName, Place
from orchestrator.domain.prompts import Prompt

PAUSE = 4.0
"""Seconds without a key after which a name that was begun is taken as it is."""
CONFIRM = 1.5
"""Seconds in which the only one who was found can be refused, after the name was said."""
ROUNDS = 40
"""How often a caller is asked something in one visit, at most; only one who presses keys for ever gets there."""
TYPED = "23456789"
"""The keys with letters; 0 leads to a human if the flow says so, else it is like 1, which says nothing."""


class Finding:
    """One visit of a step. `said` is what the caller hears now, `answer` what came of the visit, once it is known."""

    def __init__(self, step: FindByName, names: Names) -> None:
        self._step, self._names = step, names
        self._failed = self._rounds = 0
        self.answer: Answer = ""
        self.extension = ""
        self.said: list[Prompt] = []
        self.wait = step.wait
        """Seconds to press a key after what is said."""
        self._ask(step.prompt)

    def wants(self, entry: str) -> bool:
        """Whether a caller has anything to press now that is for this step: who is being put through need not."""
        return not self._alone or entry.startswith(("*", "0") if self._step.human else "*")

    def take(self, entry: str) -> None:
        """Take what a caller presses in one go; nothing is silence. A name that `#` does not end, a pause ends."""
        for key in entry:
            if not self.answer:
                self.key(key)
        if not self.answer and (self.pausing or not entry):
            self.key("")

    @property
    def pausing(self) -> bool:
        """Whether the caller is in the middle of a name."""
        return self._typing and self._begun

    def key(self, key: str) -> None:
        """Take one key; empty for none within the time."""
        if key == "*":
            self._ask(self._step.prompt)
        elif key == "0" and self._step.human:
            self.answer = "human"
        elif self._typing:
            self._type(key)
        elif self._alone:
            self._put_through(self._offered[0])
        else:
            self._choose(key)

    def _round(self, *said: Prompt) -> None:
        self._rounds += 1
        self.said, self.wait = list(said), self._step.wait
        if self._rounds > ROUNDS:
            self.answer = "gave_up"

    def _ask(self, *said: Prompt) -> None:
        self._typed = ""
        self._listen(*said)

    def _listen(self, *said: Prompt) -> None:
        self._typing, self._alone, self._begun, self._had = True, False, False, len(self._typed)
        self._round(*said)

    def _type(self, key: str) -> None:
        if key and key != "#":
            self._begun = True
            self._typed += key if key in TYPED else ""
            self.said, self.wait = [], PAUSE
            if len(self._typed) < LONGEST:
                return
        if not self._typed or (len(self._typed) == self._had and key != "#"):
            if not self._fails("gave_up"):
                self._ask(self._step.prompt)
            return
        self._look_up(ended=key == "#")

    def _look_up(self, ended: bool) -> None:
        found = self._names.found(self._typed, ended)
        if found is None:
            self._listen(FIND["find_further"])
        elif not found:
            if not self._fails("nobody"):
                self._ask(FIND["find_unknown"], self._step.prompt)
        else:
            self._offered, self._typing, self._alone = found, False, len(found) == 1
            if self._alone:
                self.said, self.wait = [FIND["find_connect"], self._names.prompts[found[0]]], CONFIRM
            else:
                self._page(0)

    def _page(self, first: int) -> None:
        self._first, shown = first, self._offered[first : first + CHOICES]
        said = [each for at, extension in enumerate(shown, 1) for each in self._choice(at, extension)]
        more = [FIND["find_more"]] if first + CHOICES < len(self._offered) else []
        self._round(*said, *more, FIND["find_again"])

    def _choice(self, at: int, extension: str) -> tuple[Prompt, Prompt]:
        return self._names.prompts[extension], FIND[f"find_{at}"]

    def _choose(self, key: str) -> None:
        at = self._first + (int(key) if key.isdigit() and int(key) <= CHOICES else 0)
        if key == ONWARD and self._first + CHOICES < len(self._offered):
            self._page(self._first + CHOICES)
        elif self._first < at <= len(self._offered):
            self._put_through(self._offered[at - 1])
        elif not self._fails("gave_up"):
            self._page(self._first)

    def _put_through(self, extension: str) -> None:
        self.answer, self.extension = "found", extension

    def _fails(self, answer: Answer) -> bool:
        self._failed += 1
        if self._failed >= self._step.tries:
            self.answer = answer
        return bool(self.answer)


def converse(directory: Directory, step: FindByName, keys: list[str]) -> tuple[Answer, Place]:
    """What comes of a visit, and where it leads. Takes what it uses from the front of `keys`; then comes silence."""
    if not keys:
        return "gave_up", step.gave_up
    names = Names(directory)
    visit = Finding(step, names)
    while not visit.answer:
        if keys and visit.wants(keys[0]):
            visit.take(keys.pop(0))
        else:
            visit.key("")
    onward = names.place(visit.extension) if visit.answer == "found" else step.exits[visit.answer]
    return visit.answer, onward
