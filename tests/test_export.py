"""What is exported is imported as the same directory, and reads like what an admin wrote."""

from __future__ import annotations

import tempfile
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given, settings

from orchestrator.domain.directory import Directory
from orchestrator.store.reading import Read, read_files
from orchestrator.store.writing import FILES, files, sections
from tests.random_directories import directories

EXAMPLE = Path(__file__).parents[1] / "examples" / "town"


def again(directory: Directory) -> Read:
    """`directory` written and read."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files(sections(directory)).items():
            (Path(folder) / name).write_text(text)
        return read_files([Path(folder)], 2026)


@settings(max_examples=60, deadline=None)
@given(directories())
@pytest.mark.long
def test_a_directory_that_is_written_is_read_as_the_same(directory: Directory) -> None:
    read = again(directory)
    assert [str(mistake) for mistake in read.mistakes] == []
    for field in fields(Directory):
        assert getattr(read.directory, field.name) == getattr(directory, field.name), field.name


def test_the_example_town_comes_back_and_reads_as_it_was_written() -> None:
    town = read_files([EXAMPLE], 2026).directory
    assert again(town).directory == town
    written = files(sections(town))
    assert list(written) == list(FILES)
    people = (EXAMPLE / "people.yaml").read_text().splitlines()
    assert set(people[1:]) == set(written["people.yaml"].splitlines())
    assert '  zentrale: {name: Telefonzentrale, site: rathaus, number: "10", ' in written["departments.yaml"]
    assert "      door: {when: zentrale, open: welcome, closed: later, holiday: holiday}\n" in written["flows.yaml"]
    assert max(map(len, written["flows.yaml"].splitlines())) <= 140
