"""The staff list of a real slapd: who is new, changed, gone; TLS, pages, secrets; and what may not happen."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from orchestrator.domain.people import Person
from orchestrator.domain.staff import Employee, Synchronised, synchronise
from orchestrator.service import directory as directories
from orchestrator.service import importing, ldap
from orchestrator.service.errors import ServiceError
from orchestrator.service.settings import Ldap
from orchestrator.service.state import State
from orchestrator.store.ldif import BadLdif, entries, text
from tests.databases import new_state
from tests.slapd import ADMIN, BASE, PASSWORD, Slapd, slapd
from tests.test_cli import durchwahl
from tests.test_import import GOOD
from tests.towns import TODAY, small

PEOPLE = f"ou=people,{BASE}"
FEW = 12


def entry(uid: str, number: str = "", last: str = "Muster", **more: str) -> str:
    """One person as LDIF; `given` in base64, as umlauts are."""
    given = base64.b64encode(more.pop("given", "Jörg").encode()).decode()
    lines = [f"dn: uid={uid},{PEOPLE}", "objectClass: inetOrgPerson", "objectClass: townUser", f"uid: {uid}"]
    lines += [f"cn: {uid}", f"sn:: {base64.b64encode(last.encode()).decode()}", f"givenName:: {given}"]
    lines += [f"mail: {uid}@stadt.example"] + ([f"telephoneNumber: {number}"] if number else [])
    given_more = {"department": "Amt", **more}
    return "\n".join([*lines, *(f"{name}: {value}" for name, value in given_more.items())]) + "\n\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with slapd(tmp_path_factory.mktemp("slapd")) as running:
        yield running


@pytest.fixture
async def state(server: Slapd, tmp_path: Path) -> State:
    """The small town, and a server that has the staff of `FEW` people under 2600 to 2611."""
    made = new_state(tmp_path / "state")
    (tmp_path / "good.yaml").write_text(GOOD)
    await importing.keep(made, await importing.plan(made, [tmp_path / "good.yaml"]), why="")
    server.tool("ldapdelete", "-r", PEOPLE)
    people = "".join(entry(f"u{n}", f"06205/21-{2600 + n}") for n in range(FEW))
    server.tool("ldapadd", ldif=f"dn: {PEOPLE}\nobjectClass: organizationalUnit\nou: people\n\n{people}")
    configure(made, server.plain, server)
    return made


def configure(state: State, url: str, server: Slapd, **more: object) -> None:
    settings = state.root / "settings.toml"
    text = settings.read_text().partition("\n[ldap]")[0]
    lines = {"url": url, "base": PEOPLE, "user": ADMIN, "filter": "(objectClass=inetOrgPerson)", "key": "uid"}
    lines |= {"ca": str(server.ca), "page": 5, **more}
    told = "".join(
        f"{name} = {str(value).lower() if isinstance(value, int) else repr(value)}\n" for name, value in lines.items()
    )
    settings.write_text(f"{text}\n[ldap]\n{told}")
    (state.root / "secrets" / "ldap").write_text(PASSWORD + "\n")


async def sync(state: State) -> tuple[list[str], tuple[str, ...], importing.Planned]:
    plan, notes = await ldap.plan(state, lambda told: None)
    return [str(change) for change in plan.difference.changes], notes, plan


async def kept(state: State) -> tuple[list[str], tuple[str, ...]]:
    told, notes, plan = await sync(state)
    assert plan.problems == ()
    assert plan.refused == ()
    await importing.keep(state, plan, why="")
    return told, notes


async def test_people_come_change_and_leave(state: State, server: Slapd) -> None:
    told, notes = await kept(state)
    assert notes == ()
    assert len(told) == FEW
    assert "new      person 2600 Jörg Muster" in told
    town = await directories.plain(state)
    assert town.people["p2500"].source == ""
    new = town.people["p2611"]
    assert (new.source, new.email, new.department, new.phones) == ("ldap:u11", "u11@stadt.example", "amt", ("tel2611",))
    assert (await sync(state))[0] == []

    long = "Wolfeschlegelsteinhausenbergerdorff-" * 4  # so long that LDIF folds it
    modify = f"dn: uid=u1,{PEOPLE}\nchangetype: modify\nreplace: sn\nsn: {long}\n\n"
    modify += f"dn: uid=u2,{PEOPLE}\nchangetype: modify\nreplace: telephoneNumber\ntelephoneNumber: 2700\n\n"
    modify += f"dn: uid=u3,{PEOPLE}\nchangetype: modify\nadd: userAccountControl\nuserAccountControl: 514\n\n"
    server.tool("ldapmodify", ldif=modify)
    server.tool("ldapdelete", f"uid=u4,{PEOPLE}")
    more = entry("none") + entry("far", "2800", department="Hafen") + entry("taken", "+49 6205 21-2500")
    server.tool("ldapadd", ldif=more)
    await _give_a_box(state, "2603")
    told, notes = await kept(state)
    assert "gone     person 2603 Jörg Muster" in told
    assert "gone     person 2604 Jörg Muster" in told
    assert any(line.startswith("changed  person 2700 Jörg Muster: number: 2602 → 2700") for line in told)
    assert sorted(notes) == [
        "Jörg Muster: 2500 belongs to person p2500 already; not taken over",
        "Jörg Muster: department 'Hafen' is none of ours; not taken over",
        "entries without a number, and nobody of ours: 1; not taken over",
    ]
    town = await directories.plain(state)
    assert town.people["p2601"].last_name == long
    assert town.retired["2603"].to == "30"
    assert town.retired["2603"].until == directories.today() + timedelta(days=180)
    assert (town.retired["2602"].to, town.retired["2602"].announced) == ("2700", True)
    assert "tel2603" not in town.phones
    box = town.boxes["2603"]
    assert (box.name, box.department, box.email) == ("Amt (2603)", "amt", "")
    assert (await sync(state))[0] == []


async def _give_a_box(state: State, number: str) -> None:
    table = state.root.parent / "box.csv"
    table.write_text(f"Durchwahl;Nachname;Mailbox\n{number};Muster;ja\n")
    await importing.keep(state, await importing.plan(state, [table]), why="")


async def test_the_last_member_of_a_box_leaves(state: State, server: Slapd) -> None:
    """Nothing is taken over until somebody says who hears its messages; never is it, silently, everybody."""
    await kept(state)
    table = state.root.parent / "boxes.csv"
    table.write_text("Mailbox;Mitglieder\n30;2603\n")
    await importing.keep(state, await importing.plan(state, [table]), why="")
    server.tool("ldapdelete", f"uid=u3,{PEOPLE}")
    _, _, plan = await sync(state)
    (problem,) = plan.problems
    assert "box 30: nobody of its members is left (p2603): its messages would be heard by nobody" in problem
    assert durchwahl(state.root, "ldap-sync").returncode != 0
    assert (await directories.plain(state)).boxes["30"].members == ("p2603",)
    table.write_text("Mailbox;Mitglieder;Leitung\n30;2603;2604\n")
    await importing.keep(state, await importing.plan(state, [table]), why="")
    await kept(state)
    assert (await directories.plain(state)).boxes["30"].members == ("p2604",)


async def test_too_many_leavers_and_an_empty_answer_are_refused(state: State, server: Slapd) -> None:
    await kept(state)
    server.tool("ldapdelete", *(f"uid=u{n},{PEOPLE}" for n in range(5)))
    told, _, plan = await sync(state)
    assert told == []
    assert plan.refused == ("5 of 12 people would have left",)
    assert durchwahl(state.root, "ldap-sync").returncode == 1
    assert len((await directories.plain(state)).people) == FEW + 1
    done = durchwahl(state.root, "ldap-sync", "--force", "deletions")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len((await directories.plain(state)).people) == FEW + 1 - 5
    configure(state, server.plain, server, filter="(uid=nobody)")
    assert durchwahl(state.root, "ldap-sync", "--force", "deletions").returncode == 1
    assert (await sync(state))[2].refused[0].startswith("the answer is empty: look at `base`")


async def test_hostile_texts_are_refused_with_who_has_them(state: State, server: Slapd) -> None:
    server.tool("ldapadd", ldif=entry("evil", "2650", last="x\n[general]", given="\u202eb"))
    plan = (await sync(state))[2]
    assert any("person 2650: holds a line break" in each for each in plan.problems)
    assert any("person 2650: holds a mark that turns" in each for each in plan.problems)


async def test_tls_is_checked(state: State, server: Slapd) -> None:
    configure(state, server.tls, server)
    assert len((await sync(state))[0]) == FEW
    configure(state, server.plain, server, starttls=True)
    assert len((await sync(state))[0]) == FEW
    configure(state, server.tls, server, ca="/etc/ssl/certs/ca-certificates.crt")
    with pytest.raises(ServiceError, match="Can't contact LDAP server"):
        await sync(state)


async def test_what_cannot_be_asked_is_told(state: State, server: Slapd) -> None:
    (state.root / "secrets" / "ldap").write_text("wrong")
    with pytest.raises(ServiceError, match="Invalid credentials"):
        await sync(state)
    (state.root / "secrets" / "ldap").unlink()
    with pytest.raises(ServiceError, match="secrets/ldap"):
        await sync(state)
    configure(state, server.plain, server, base="ou=nowhere,dc=stadt,dc=example")
    with pytest.raises(ServiceError, match="No such object"):
        await sync(state)


@pytest.mark.parametrize("wrong", [
    {"url": "ldap://dc1.stadt.example"}, {"url": "ldaps://x -o y"}, {"base": "people"}, {"base": 'ou="x'},
    {"filter": "objectClass=*"}, {"filter": "(a=b))(c=d)"}, {"key": "uid)(x"}, {"page": 0}, {"colour": "red"},
])  # fmt: skip
def test_settings_that_would_go_wrong_are_refused(wrong: dict[str, object]) -> None:
    good = {"url": "ldaps://dc1.stadt.example", "base": "ou=people,dc=stadt,dc=example"}
    Ldap(**good)
    with pytest.raises(ValidationError):
        Ldap(**{**good, **wrong})


def test_ldif_is_read_as_it_is_written() -> None:
    written = b"dn: uid=a,dc=x\nsn: Gr\n un\ngivenName:: SsO2cmc=\n# a comment\nobjectGUID:: AQL/\n\n# refldap://x\n\n"
    (found,) = entries(written)
    assert (text(found, "sn"), text(found, "givenName"), text(found, "objectGUID")) == ("Grun", "Jörg", "0102ff")
    with pytest.raises(BadLdif):
        list(entries(b"dn: x\nsn:: ***\n"))


async def test_a_number_that_rests_is_not_given_anew(state: State) -> None:
    await kept(state)
    town = await directories.plain(state)
    there = [Employee(key=f"u{n}", first_name="A", last_name="B", number=str(2600 + n)) for n in range(1, FEW)]
    left = synchronise(town, there, TODAY).directory
    again = [*there, Employee(key="new", first_name="C", last_name="D", number="2600", department="amt")]
    assert synchronise(left, again, TODAY + timedelta(179)).notes == (
        "C D: 2600 rests until 2027-05-22; not taken over",
    )
    later = synchronise(left, again, TODAY + timedelta(180))
    assert later.directory.people["p2600"].last_name == "D"
    assert "2600" not in later.directory.retired
    touched = replace(later.directory.people["p2600"], source="")
    by_hand = replace(later.directory, people={**later.directory.people, "p2600": touched})
    assert synchronise(by_hand, there, TODAY).directory.people["p2600"] == touched


async def test_who_comes_back_has_what_they_had(state: State, server: Slapd) -> None:
    await kept(state)
    table = state.root.parent / "more.csv"
    table.write_text(
        "Durchwahl;Funktion;Mailbox;Vertretung;Weitere Nummern;Apparate;Nachname\n"
        "2603;Standesamt;ja;2500;2690;heim;Muster\n2604;;;2603;;;Muster\n"
    )
    await importing.keep(state, await importing.plan(state, [table]), why="")
    rung = state.root.parent / "rung.csv"
    rung.write_text("Kürzel;Name;Apparate\namt;Amt;2500 heim\n")
    await importing.keep(state, await importing.plan(state, [rung]), why="")
    before = await directories.plain(state)
    server.tool("ldapdelete", f"uid=u3,{PEOPLE}")
    await kept(state)
    left = await directories.plain(state)
    assert "p2603" not in left.people
    assert (left.retired["2603"].source, left.retired["2690"].source) == ("ldap:u3", "ldap:u3")
    server.tool("ldapadd", ldif=entry("u3", "2603"))
    told, notes = await kept(state)
    assert "new      person 2603 Jörg Muster" in told
    assert notes == ("Jörg Muster is back with what they had; set again in: department amt, person p2604",)
    town = await directories.plain(state)
    assert town.people["p2603"] == before.people["p2603"]
    assert {name: town.phones[name] for name in ("tel2603", "heim")} == {
        name: before.phones[name] for name in ("tel2603", "heim")
    }
    assert town.boxes == before.boxes
    assert town.retired == {}
    assert (await sync(state))[0] == []


async def test_who_comes_back_with_another_number_is_led_to(state: State, server: Slapd) -> None:
    await kept(state)
    server.tool("ldapdelete", f"uid=u3,{PEOPLE}")
    await kept(state)
    server.tool("ldapadd", ldif=entry("u3", "2703"))
    await kept(state)
    town = await directories.plain(state)
    assert (town.people["p2603"].extension, town.phones["tel2603"].extension) == ("2703", "2703")
    assert (town.retired["2603"].to, town.retired["2603"].announced) == ("2703", True)


async def test_numbers_are_passed_on_in_one_go(state: State, server: Slapd) -> None:
    await kept(state)

    def number(uid: str, number: str) -> str:
        change = f"dn: uid={uid},{PEOPLE}\nchangetype: modify\nreplace: telephoneNumber\n"
        return f"{change}telephoneNumber: {number}\n\n"

    await _move(state, server, number("u6", "2650"), number("u6", "2606"))
    chain = number("u1", "2602") + number("u2", "2603") + number("u3", "2703")
    swap = number("u4", "2605") + number("u5", "2604")
    server.tool("ldapmodify", ldif=chain + swap + number("u6", "2607"))
    _, notes = await kept(state)
    assert notes == ("Jörg Muster: 2607 belongs to person p2607 already; 2606 stays",)
    town = await directories.plain(state)
    now = {person.source: person.extension for person in town.people.values() if person.source}
    assert {uid: now[f"ldap:u{uid}"] for uid in range(1, 8)} == {
        1: "2602", 2: "2603", 3: "2703", 4: "2605", 5: "2604", 6: "2606", 7: "2607"
    }  # fmt: skip
    assert town.people["p2603"].extension == "2703"
    assert {number: old.to for number, old in town.retired.items()} == {"2601": "2602", "2650": "2606"}
    assert (await sync(state))[0] == []


async def _move(state: State, server: Slapd, *steps: str) -> None:
    for ldif in steps:
        server.tool("ldapmodify", ldif=ldif)
        await kept(state)


async def test_a_lost_number_is_no_leaver(state: State, server: Slapd) -> None:
    configure(state, server.plain, server, filter="(objectClass=townUser)")
    await kept(state)
    gone = "".join(f"dn: uid=u{n},{PEOPLE}\nchangetype: modify\ndelete: telephoneNumber\n\n" for n in range(1, 10))
    named = f"dn: uid=u0,{PEOPLE}\nchangetype: modify\nreplace: telephoneNumber\ntelephoneNumber: 0171 1234567\n\n"
    server.tool("ldapmodify", ldif=gone + named)
    told, notes = await kept(state)
    assert told == []
    assert len(notes) == 10
    assert "Jörg Muster: the list has no number; 2601 stays until the entry is disabled or deleted" in notes
    assert any(note.startswith("Jörg Muster: '0171 1234567' is no number of ours; 2600 stays") for note in notes)
    good = Ldap(url="ldaps://dc1.stadt.example", base="dc=stadt,dc=example")
    assert good.number not in good.filter
    configure(state, server.plain, server, filter="(&(objectClass=townUser)(telephoneNumber=*))")
    server.tool("ldapadd", ldif=entry("u90", "2690"))
    assert any("whoever loses it counts as a leaver" in note for note in (await sync(state))[1])


async def test_two_entries_of_one_key_are_told_and_neither_is_taken(state: State) -> None:
    await kept(state)
    one = Employee(key="u1", first_name="A", last_name="B", number="2601", department="amt")
    town = await directories.plain(state)
    others = [replace(one, key=f"u{n}", number=str(2600 + n)) for n in range(FEW) if n != 1]
    found = synchronise(town, [*others, one, replace(one, number="2777", last_name="C")], TODAY)
    assert found.directory.people["p2601"] == town.people["p2601"]
    (told,) = found.notes
    assert told.startswith("ldap:u1: A B, A C have the same key; neither is taken over. To do: ")


def test_wishes_that_stand_against_each_other() -> None:
    def person(number: str, *more: str) -> Person:
        extra = {"source": f"ldap:{number}", "phones": (f"tel{number}",), "numbers": more}
        names = {"first_name": "A", "last_name": number, "department": "buergerbuero", "site": "rathaus"}
        return Person(id=f"p{number}", extension=number, **names, **extra)

    town = replace(
        small(),
        numbers={"0": "town"},
        people={"p2601": person("2601", "2691"), "p2602": person("2602"), "p2603": person("2603")},
    )

    def wanted(**numbers: str) -> Synchronised:
        listed = [
            Employee(key=key[1:], first_name="A", last_name=key[1:], number=number, department="buergerbuero")
            for key, number in numbers.items()
        ]
        return synchronise(town, listed, TODAY)

    own = wanted(n2601="2691", n2602="2602", n2603="2603")
    assert own.notes == ()
    moved = own.directory.people["p2601"]
    assert (moved.extension, moved.numbers, own.directory.retired["2601"].to) == ("2691", (), "2691")
    both = wanted(n2601="2700", n2602="2700", n2603="2602")
    assert both.notes == (
        "A 2603: 2602 belongs to person p2602 already; 2603 stays",
        "A 2601: 2700 is given to 2 people; 2601 stays",
        "A 2602: 2700 is given to 2 people; 2602 stays",
    )
    assert [each.extension for each in both.directory.people.values()] == ["2601", "2602", "2603"]
    assert wanted(n2601="110", n2602="2602", n2603="2603").notes[0].startswith("A 2601: 110 is the police")


async def test_a_number_that_rests_from_before_it_was_written_whose_it_was(state: State, server: Slapd) -> None:
    await kept(state)
    server.tool("ldapdelete", f"uid=u3,{PEOPLE}")
    await kept(state)
    left = await directories.read_stored(state)
    nameless = {number: replace(old, source="") for number, old in left.directory.retired.items()}
    changed = replace(left.directory, retired=nameless)
    await directories.keep(state, changed, what="as it was", why="", since=left.revision)
    server.tool("ldapadd", ldif=entry("u3", "2603"))
    await kept(state)
    assert (await directories.plain(state)).people["p2603"].extension == "2603"
