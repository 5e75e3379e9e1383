"""Names as they are typed with the letters on the keys of a telephone (ITU-T E.161): each way that shall find one.

Umlauts are typed as they are written out or as they look (`ae` or `a`), of double names any part will do, `von` and
titles may be left out, hyphens and blanks have no key. Not here: whose name it is (findable).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import product

LETTERS: Mapping[str, str] = dict(
    zip("23456789", ("abc", "def", "ghi", "jkl", "mno", "pqrs", "tuv", "wxyz"), strict=True)
)
"""Key -> the letters on it."""
_KEY = {letter: key for key, letters in LETTERS.items() for letter in letters}
_WAYS: Mapping[str, tuple[str, ...]] = {
    **{umlaut: (written, written[0]) for umlaut, written in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"))},
    **{written: (written, written[0]) for written in ("ae", "oe", "ue")},
    **{letter: (written, written[0]) for letter, written in (("æ", "ae"), ("œ", "oe"), ("ø", "oe"), ("å", "aa"))},
    **{letter: (written,) for letter, written in (("ß", "ss"), ("þ", "th"), *zip("łđðı", "lddi", strict=True))},
}
"""What is typed in one way or another -> the ways. `ue` is an umlaut written out, where no vowel or q is before it."""
_SPOT = re.compile("([äöüæœøåßłđðþı]|(?<![aeiouyqäöü])[aou]e)")
MOST_SPOTS = 3
"""Umlauts in one name that are typed each in its own way; if there are more, all are typed in the same."""
PARTICLES = frozenset(
    (
        *("von", "vom", "van", "der", "den", "dem", "des", "de", "del", "della", "di", "da", "do", "dos", "du"),
        *("la", "le", "les", "ten", "ter", "zu", "zum", "zur", "und", "y", "e", "af", "av", "el", "al"),
    )
)
TITLES = frozenset(("dr", "prof", "dipl", "ing", "med", "phil", "rer", "nat", "jur", "mag"))
_BETWEEN = re.compile(r"[\s.,/\-\u2010-\u2015]+")


def digits(text: str) -> str:
    """The keys of the letters in `text`; what has no key is left out."""
    plain = unicodedata.normalize("NFKD", text.lower())
    return "".join(_KEY.get(sign, "") for sign in plain)


@lru_cache(maxsize=4096)
def ways(word: str) -> tuple[str, ...]:
    """Each row of keys that means `word`, which is written as one; first umlauts written out, then as they look."""
    parts = _SPOT.split(unicodedata.normalize("NFC", word.lower()))
    choices = [[digits(way) for way in _WAYS.get(part, (part,))] for part in parts]
    if sum(len(each) > 1 for each in choices) > MOST_SPOTS:
        rows = ["".join(each[0] for each in choices), "".join(each[-1] for each in choices)]
    else:
        rows = ["".join(row) for row in product(*choices)]
    return tuple(row for row in dict.fromkeys(rows) if row)


@lru_cache(maxsize=4096)
def last_names(name: str) -> tuple[str, ...]:
    """What is typed for a last name: all of it, the same without `von`, and each part of a double name."""
    words = _words(name)
    core = [word for word in words if word not in PARTICLES] or words
    forms = ["".join(words), "".join(core), *(word for word in core if len(digits(word)) > 1)]
    return tuple(dict.fromkeys(row for form in forms for row in ways(form)))


@lru_cache(maxsize=4096)
def first_names(name: str) -> tuple[str, ...]:
    """What is typed for a first name behind the last; nothing where it has no letter."""
    return ways("".join(_words(name))) or ("",)


def _words(name: str) -> list[str]:
    """The words of a name in small letters, without titles before it."""
    words = [word for word in _BETWEEN.split(unicodedata.normalize("NFC", name).lower()) if digits(word)]
    return list(_untitled(words))


def _untitled(words: list[str]) -> Iterator[str]:
    begun = False
    for at, word in enumerate(words):
        begun = begun or word not in TITLES or at == len(words) - 1
        if begun:
            yield word
