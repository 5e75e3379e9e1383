"""Keys and names: every way to type a name finds it, whatever signs it is written with."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.keypad import LETTERS, digits, first_names, last_names, ways

ALPHABET = "abcdefghijklmnopqrstuvwxyzäöüß"


def test_each_letter_is_on_the_key_of_the_standard() -> None:
    assert "".join(LETTERS.values()) == "abcdefghijklmnopqrstuvwxyz"
    assert (digits("Weber"), digits("PQRS wxyz"), digits("é ñ ž-1")) == ("93237", "77779999", "369")


@pytest.mark.parametrize(("name", "typed"), [
    ("Bäcker", ("baecker", "backer")),
    ("Mueller", ("mueller", "muller")),
    ("Müller", ("mueller", "muller")),
    ("Groß", ("gross",)),
    ("Bauer", ("bauer",)),
    ("von der Leyen", ("vonderleyen", "leyen")),
    ("Meyer-Landrut", ("meyerlandrut", "meyer", "landrut")),
    ("Meyer - Landrut", ("meyerlandrut", "meyer", "landrut")),
    ("Jäger–Öz", ("jaegeroez", "jageroz", "jaegeroz", "jaeger", "jager", "oez", "oz")),
    ("O'Neill", ("oneill",)),
    ("Dr. med. Weber", ("weber",)),
    ("Le", ("le",)),
    ("Ng", ("ng",)),
    ("İnci", ("inci",)),
    ("Wałęsa", ("walesa",)),
    ("Şahin Çelik", ("sahincelik", "sahin", "celik")),
    ("Zu Guttenberg", ("zuguttenberg", "guttenberg")),
    ("Иванов", ()),
])  # fmt: skip
def test_a_name_is_found_by_each_usual_way_to_type_it(name: str, typed: tuple[str, ...]) -> None:
    found = last_names(name)
    assert {digits(each) for each in typed} <= set(found)
    if not typed:
        assert found == ()


@given(st.text(ALPHABET, min_size=1, max_size=20))
def test_umlauts_are_typed_as_written_out_or_as_they_look(name: str) -> None:
    out = name.translate({ord("ä"): "ae", ord("ö"): "oe", ord("ü"): "ue", ord("ß"): "ss"})
    looks = name.translate({ord("ä"): "a", ord("ö"): "o", ord("ü"): "u", ord("ß"): "ss"})
    assert digits(out) in ways(name)
    if not any(written in name for written in ("ae", "oe", "ue")):
        assert digits(looks) in ways(name)


@given(st.text(max_size=40))
def test_any_text_gives_keys_with_letters_only_and_few_ways(name: str) -> None:
    for found in (last_names(name), first_names(name)):
        assert all(set(row) <= set("23456789") for row in found)
        assert len(found) <= 8 * (2 + len(name))
        assert len(set(found)) == len(found)


@given(st.text(ALPHABET + " -'.", max_size=30))
def test_how_a_name_is_composed_and_spaced_makes_no_difference(name: str) -> None:
    assert last_names(unicodedata.normalize("NFD", name)) == last_names(name)
    assert last_names(name.upper().replace("SS", "ß")) == last_names(name.replace("ss", "ß"))
    assert last_names(f"  {name.replace('-', ' - ')} ") == last_names(name)
