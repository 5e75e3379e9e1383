"""Compiling: the same directory gives the same files, and no text of it ever becomes more than text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.compile.escape import Unfit
from orchestrator.compile.exchange import Exchange
from orchestrator.compile.secrets import Secrets
from orchestrator.compile.sounds import prompts_of
from orchestrator.compile.stubs import flows_in
from orchestrator.compile.tree import compile_tree, modules
from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Directory
from orchestrator.domain.people import Group
from orchestrator.domain.prompts import Sound, Sounds
from orchestrator.rollout.plan import things
from tests.towns import small

GOLDEN = Path(__file__).parent / "golden"
EXCHANGE = Exchange(
    sip_port=5060, http_port=8088, ami_port=5038, rtp_start=10000, rtp_end=10999, state="/state", modules="/modules"
)
WRITTEN = ("extensions.conf", "pjsip.conf", "voicemail.conf", "asterisk.conf", "manager.conf")


def sounds(directory: Directory) -> Sounds:
    return {
        name: Sound(file=f"town/{name.replace('.', '_')}", seconds={"de": 2.0, "en": 1.5})
        for name in prompts_of(directory)
    }


def compiled(directory: Directory, former: tuple[str, ...] = ()) -> Mapping[str, str]:
    trunks = {trunk.id: "secret" for trunk in directory.trunks.values() if trunk.user}
    return compile_tree(directory, sounds(directory), Secrets(b"golden", trunks=trunks), EXCHANGE, former)


@pytest.mark.parametrize("name", WRITTEN)
def test_golden_files(name: str, request: pytest.FixtureRequest) -> None:
    """`pytest --update-golden` writes them anew; read the difference before you commit it."""
    text = compiled(small())[f"asterisk/{name}"]
    if request.config.getoption("--update-golden"):
        GOLDEN.mkdir(exist_ok=True)
        (GOLDEN / name).write_text(text)
    assert text == (GOLDEN / name).read_text()


def test_the_attendants_get_what_they_perform_and_nothing_of_people() -> None:
    text = compiled(small())["attend.json"]
    assert '"town.welcome"' in text
    assert '"town.later"' in text
    assert "Anna" not in text
    assert '"town.desk"' not in text


def test_who_is_outside_is_told_the_external_address() -> None:
    """What it does is shown behind the published ports of a container (tests/stack)."""
    outside = replace(EXCHANGE, external="192.0.2.9", inside=("127.0.0.0/8", "10.0.0.0/8"))
    text = compile_tree(small(), sounds(small()), Secrets(b"golden"), outside, ())["asterisk/pjsip.conf"]
    template = text.partition("[translated](!)\n")[2].partition("\n\n")[0]
    assert template.splitlines() == [
        "external_media_address = 192.0.2.9",
        "external_signaling_address = 192.0.2.9",
        "local_net = 127.0.0.0/8",
        "local_net = 10.0.0.0/8",
    ]
    assert text.count("(translated)\ntype = transport") == 2
    assert "translated" not in compiled(small())["asterisk/pjsip.conf"]


def test_compiling_twice_is_the_same() -> None:
    assert compiled(small()) == compiled(small())


def test_a_flow_that_is_gone_stays_as_a_stub_for_one_apply() -> None:
    before = compiled(small())["asterisk/extensions.conf"]
    assert "n_3501" in flows_in(before)
    town = small()
    fewer = derive(
        replace(town, people={"p2500": town.people["p2500"]}, flows={"town": town.flows["town"]}, numbers={})
    )
    text = compiled(fewer, tuple(flows_in(before)))["asterisk/extensions.conf"]
    stub = text.partition("[flow-n_3501]")[2].partition("\n[")[0]
    assert "exten => =start,1,Goto(flow-town,door,1)" in stub
    assert "n_3501" not in flows_in(text)


TEXT = st.text(max_size=30) | st.sampled_from([
    "a;b", "${SHELL(touch /tmp/x)}", "$[1+1]", "#include /etc/passwd", "x\n[general]\nexten => s,1,System(x)", "a\r\nb",
    'quote " and \' and >', "a\0b", "2500 => 0000,x", "Jörg|maxmsg=0,x", "[x](!)", "=> ,|&<>", "x\u2028[y]",
])  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(TEXT)
def test_no_text_of_the_directory_becomes_configuration(text: str) -> None:
    harmless, hostile = _named("harmless"), _named(text)
    plain, written = compiled(harmless), compiled(hostile)
    assert plain.keys() == written.keys()
    assert dict(things(plain)).keys() == dict(things(written)).keys()
    for path, content in written.items():
        if path.endswith(".conf"):
            assert len(content.splitlines()) == len(plain[path].splitlines()), path
            assert re.findall(r"^#.*", content, re.MULTILINE) == re.findall(r"^#.*", plain[path], re.MULTILINE)
            assert (
                not re.search(r"^(?!;).*(SHELL|System)\(", content, re.MULTILINE) or path != "asterisk/extensions.conf"
            )
    for line, other in zip(
        written["asterisk/voicemail.conf"].splitlines(), plain["asterisk/voicemail.conf"].splitlines(), strict=True
    ):
        assert line.count(",") == other.count(",")
        assert line.count("|") == other.count("|")


def _named(text: str) -> Directory:
    """The small town with `text` wherever the directory takes free text."""
    town = small()
    return replace(
        town,
        town=replace(town.town, name=text),
        people={id_: replace(p, first_name=text, last_name=text, function=text) for id_, p in town.people.items()},
        departments={id_: replace(d, name=text) for id_, d in town.departments.items()},
        phones={id_: replace(p, label=text) for id_, p in town.phones.items()},
        boxes={id_: replace(b, name=text, email=text) for id_, b in town.boxes.items()},
        sites={id_: replace(s, name=text, address=text) for id_, s in town.sites.items()},
    )


@pytest.mark.parametrize("bad", ["a b", "A1", "x;y", "${X}", "a\nb", "", "a,b", "x)"])
def test_an_identifier_that_does_not_fit_is_refused(bad: str) -> None:
    town = small()
    phones = {**town.phones, "tel2500": replace(town.phones["tel2500"], id=bad)}
    with pytest.raises(Unfit):
        compiled(replace(town, phones=phones))


def test_secrets_differ_by_purpose_and_pins_are_no_extensions() -> None:
    secrets = Secrets(b"x" * 32)
    assert len({secrets.of(purpose) for purpose in ("ari", "ami:control", "sip:a", "sip:b")}) == 4
    pins = [secrets.pin(str(box)) for box in range(1000, 1400)]
    assert all(re.fullmatch(r"\d{6}", pin) for pin in pins)
    assert len(set(pins)) > 395
    assert "x" * 8 not in repr(secrets)


def test_every_module_that_the_dialplan_needs_is_listed() -> None:
    listed = modules(compiled(small()))
    assert len(listed) == len(set(listed))
    # Asterisk does not live dangerously, and what would be dangerous is not there either.
    assert "\nlive_dangerously = no\n" in compiled(small())["asterisk/asterisk.conf"]
    dangerous = ("func_shell", "func_env", "func_curl", "func_config", "func_realtime", "app_system", "app_mixmonitor")
    assert not {f"{name}.so" for name in (*dangerous, "app_externalivr", "app_agi", "res_agi")} & set(listed)
    for needed in ("app_stasis_broadcast.so", "res_stasis_snoop.so", "res_cdrel_custom.so", "app_voicemail.so"):
        assert needed in listed


def test_only_phones_that_are_rung_by_idleness_are_timed() -> None:
    """A town that rings all at once compiles to what it was."""
    group = Group(id="g", name="G", extension="40", phones=("tel2501", "tel10"), department="buergerbuero")
    text = compiled(small(groups={"g": group}))["asterisk/extensions.conf"]
    rings = 'free,1(%s)))\n same => n,GotoIf($["${FREE}" = ""]?rung)\n same => n,Dial(${FREE},%s)'
    assert rings % ("PJSIP/tel2501&PJSIP/tel10", "20,i${SHOWS}${UNTOLD}") in text
    assert "idle" not in text
    text = compiled(small(groups={"g": replace(group, order="in_turn")}))["asterisk/extensions.conf"]
    assert "Set(TURNS=tel2501,tel10)" in text
    assert "idle" not in text
    text = compiled(small(groups={"g": replace(group, order="longest_idle")}))["asterisk/extensions.conf"]
    assert "[idle]" in text
    # The department's own phones too: 2501 talks there.
    assert rings % ("PJSIP/tel2500&PJSIP/tel2501", "5,iU(idle)${SHOWS}${UNTOLD}") in text
    assert rings % ("PJSIP/tel2500", "5,i${SHOWS}${UNTOLD}") in text


def test_what_a_phone_writes_behind_a_number_is_no_part_of_it_and_who_sent_its_call_on_is_not_told() -> None:
    text = compiled(small())["asterisk/pjsip.conf"]
    assert "ignore_uri_user_options = yes" in text.partition("[udp]")[0]
    assert "send_diversion = no" in text.partition("[trunk](!)")[2].partition("[trunk-")[0]
