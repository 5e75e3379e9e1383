"""What is left of Asterisk's documentation: enough for every module to start as it does with all of it."""

from __future__ import annotations

import re
import subprocess
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orchestrator.asterisk import package
from orchestrator.asterisk.documentation import FOLDER, NAME, shortened, types
from orchestrator.asterisk.package import find
from tests.console import console
from tests.running_town import Town, until

ROOT = Path(__file__).parents[1]
ASTERISK = find("asterisk")
WHOLE = ASTERISK.share / "documentation"
if ASTERISK.root == Path("/"):
    pytest.skip("the system's own Asterisk: its documentation is as its package has it", allow_module_level=True)


def kinds(document: bytes) -> set[str]:
    return {each.tag for each in ET.fromstring(document)}  # noqa: S314  of the package itself


def test_types_of_configuration_are_left_whole() -> None:
    whole = (WHOLE / NAME).read_bytes()
    assert {"application", "managerEvent", "configInfo"} < kinds(whole)
    left = types(whole)
    assert kinds(left) == {"configInfo"}
    assert left.count(b"<configOption ") == whole.count(b"<configOption ")


@pytest.mark.parametrize("document", [b"", b"<docs >\n</docs>\n", b"<configInfo name='a'>\n</configInfo>\n"])
def test_what_is_no_documentation_is_refused(document: bytes) -> None:
    with pytest.raises(ValueError, match="no type"):
        types(document)


def test_several_make_it_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: (shortened(WHOLE, tmp_path) / NAME).read_bytes(), range(8)))
    assert set(made) == {types((WHOLE / NAME).read_bytes())}
    assert [path.name for path in tmp_path.iterdir()] == [FOLDER]


@pytest.mark.parametrize("content", [b"", b"<docs >\n<configInfo"])
def test_one_that_is_not_whole_is_made_anew(tmp_path: Path, content: bytes) -> None:
    file = shortened(WHOLE, tmp_path) / NAME
    file.write_bytes(content)
    assert shortened(WHOLE, tmp_path) == file.parent
    assert file.read_bytes() == types((WHOLE / NAME).read_bytes())


def test_it_is_there_as_soon_as_asterisk_is_found(tmp_path: Path) -> None:
    """A tree links to it: it must be there for the next start also where what was fetched had gone."""
    (tmp_path / "usr").symlink_to(ASTERISK.root / "usr")
    found = package._extracted("asterisk", tmp_path)
    assert (tmp_path / FOLDER / NAME).is_file()
    assert found.documentation == tmp_path / FOLDER


def test_where_nothing_can_be_made_there_is_all_of_it(tmp_path: Path) -> None:
    assert shortened(WHOLE, tmp_path / "missing") == WHOLE
    (tmp_path / NAME).write_text("<docs >\n</docs>\n")
    assert shortened(tmp_path, tmp_path) == tmp_path


def test_the_image_has_the_same() -> None:
    dockerfile = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")
    (script,) = re.findall(r"sed -i -n '(.*)' /usr/share/asterisk/documentation/", dockerfile)
    done = subprocess.run(["sed", "-n", script, WHOLE / NAME], capture_output=True, timeout=20, check=True)
    assert done.stdout == types((WHOLE / NAME).read_bytes())


def test_asterisk_starts_as_with_all_of_it(town: Town, tmp_path: Path) -> None:
    def loaded() -> set[str]:
        return set(re.findall(r"^(\S+\.so) .* Running ", console(town, "module show"), re.MULTILINE))

    link = town.state.root / "data" / "documentation"
    was, seen = link.resolve(), []
    assert was == ASTERISK.documentation != WHOLE
    for folder in (WHOLE, shortened(WHOLE, tmp_path), was):
        town.end("asterisk")
        link.unlink()
        link.symlink_to(folder)
        town.begin("asterisk")
        console(town, "core waitfullybooted")
        seen.append((loaded(), console(town, "config show help res_pjsip endpoint")))
    until(town.ready, 30)
    assert seen[0] == seen[1]
    assert len(seen[0][0]) > 50
    assert "direct_media" in seen[0][1]
