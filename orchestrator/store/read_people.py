"""People, departments, groups, phones and mailboxes as an admin writes them; they name each other, so they are one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from orchestrator.domain.directory import Directory
from orchestrator.domain.people import (
    BY_NAME,
    FINDABLE,
    KEEP_DAYS,
    MAILS,
    SHARED_KINDS,
    Box,
    Department,
    Group,
    Person,
    Phone,
)
from orchestrator.domain.references import NAME_OTHERS, NOBODY_LEFT, RESERVED_PHONES
from orchestrator.store.marked import Marked, suggest
from orchestrator.store.read_flows import order, phones_in

PERSON = (
    *("first", "last", "department", "site", "email", "language", "function", "box", "stand_in", "ring"),
    *("numbers", "phones", "desk", "wave", "permission", "findable", "id", "source"),
    *("secretary", "direct", "direct_inside", "joins"),
)
LISTS = ("numbers", "phones", "secretary", "direct")
DEPARTMENT = (
    *("name", "site", "number", "schedule", "phones", "box", "parent", "stand_in", "ring"),
    *("order", "queue", "numbers", "answer_within", "permission", "short", "findable"),
)
GROUP = ("name", "number", "phones", "department", "order", "ring")
BOX = (
    *("name", "language", "email", "limit", "quota", "department"),
    *("mail", "members", "head", "overdue", "keep"),
)
LONGEST_OVERDUE = 24 * 14
"""Hours."""
PHONE = ("site", "label", "number", "kind", "permission", "owner", "call_waiting", "hot_desk")
BOX_NUMBERS = (("limit", 10, 600), ("quota", 1, 9999), ("overdue", 0, LONGEST_OVERDUE), ("keep", 1, KEEP_DAYS))
Thing = TypeVar("Thing")
Each = Callable[[str, Callable[[str, Marked], Thing]], dict[str, Thing]]
"""Reads one section: name -> thing."""


@dataclass
class People:
    """Reads the sections about people of one import. `found` has sites, schedules and the town already."""

    found: Directory
    sections: Mapping[str, list[Marked]]
    permissions: tuple[str, ...]
    each: Each  # type: ignore[type-arg]

    def directory(self) -> Directory:
        """`found` with people, departments, groups, phones and boxes."""
        read = self.each("people", self._person)
        people = {person.id: person for person in read.values()}
        self._own_phones_once(read)
        own = {phone: own_phone(person, phone) for person in people.values() for phone in person.phones}
        self.found = replace(self.found, people=people)
        named = self.each("phones", lambda name, marked: self._phone(name, marked, own))
        self.found = replace(self.found, phones={**own, **named})
        departments = self.each("departments", self._department)
        self.found = replace(self.found, departments=departments)
        groups = self.each("groups", self._group)
        self._stand_ins()
        return replace(self.found, groups=groups, boxes=self._boxes())

    def _names(self, section: str) -> list[str]:
        return [key.text() for marked in self.sections[section] for key, _ in marked.items()]

    def _sites(self) -> dict[str, str]:
        """Department -> site, before departments are read."""
        return {
            key.text(): fields["site"].text()
            for section in self.sections["departments"]
            for key, value in section.items()
            if "site" in (fields := {name.text(): field for name, field in value.items()})
        }

    def _person(self, number: str, marked: Marked) -> Person:
        fields = marked.fields(PERSON, required=("first", "last", "department"))
        text = {key: value.text() for key, value in fields.items() if key not in LISTS}
        desk = (f"tel{number}",) if "desk" not in fields or fields["desk"].yes() else ()
        department = fields["department"].one_of(self._departments, "department") if "department" in fields else ""
        site = (
            fields["site"].one_of(self.found.sites, "site")
            if "site" in fields
            else self._site_of_department.get(department, "")
        )
        language = fields["language"].one_of(self.found.town.languages, "language") if "language" in fields else "de"
        return Person(
            id=self._ids[number],
            first_name=text.get("first", ""),
            last_name=text.get("last", ""),
            department=department,
            site=site,
            extension=number,
            phones=(*desk, *_texts(fields, "phones")),
            box=_box_of(number, fields),
            email=text.get("email", ""),
            language=language,
            function=text.get("function", ""),
            stand_in=self._ids.get(text["stand_in"], text["stand_in"]) if "stand_in" in text else "",
            ring_seconds=_ring(fields),
            numbers=_texts(fields, "numbers"),
            wave=fields["wave"].number(1, 99) if "wave" in fields else 0,
            permission=self._permission(fields),
            source=text.get("source", ""),
            findable=_findable(fields, ""),
            **self._front(fields),
        )

    def _front(self, fields: Mapping[str, Marked]) -> dict[str, Any]:
        """What is said of a secretary and of who comes through."""
        given: dict[str, Any] = {
            key: tuple(self._id(number) for number in fields[key].values())
            for key in ("secretary", "direct")
            if key in fields
        }
        given |= {"direct_inside": fields["direct_inside"].yes()} if "direct_inside" in fields else {}
        return given | ({"joins": fields["joins"].number(5, 60)} if "joins" in fields else {})

    def __post_init__(self) -> None:
        self._ids = dict(self._each_id())
        self._departments = dict.fromkeys(self._names("departments"))
        self._site_of_department = self._sites()

    def _permission(self, fields: Mapping[str, Marked]) -> str:
        return fields["permission"].one_of(self.permissions, "permission") if "permission" in fields else ""

    def _each_id(self) -> Iterator[tuple[str, str]]:
        """Number -> id of each person: `p` and the number, unless it had another number when it was made."""
        taken: dict[str, str] = {}
        for section in self.sections["people"]:
            for key, value in section.items():
                given = next((each for name, each in value.items() if name.text() == "id"), None)
                id_ = given.text() if given else f"p{key.text()}"
                if taken.setdefault(id_, key.text()) != key.text():
                    (given or key).wrong(f"id {id_!r} is that of {taken[id_]} already", "give one of the two another")
                yield key.text(), id_

    def _own_phones_once(self, people: Mapping[str, Person]) -> None:
        """A phone has one owner: two people who name the same one would share its password."""
        owner: dict[str, str] = {}
        for marked in self.sections["people"]:
            for key, _ in marked.items():
                person = people.get(key.text())
                for phone in person.phones if person else ():
                    if owner.setdefault(phone, key.text()) != key.text():
                        key.wrong(f"phone {phone!r} is that of {owner[phone]} already", "give it another name")

    def _phone(self, name: str, marked: Marked, own: Mapping[str, Phone]) -> Phone:
        """A shared phone; or, with an owner, what is different about a phone of a person."""
        if marked.is_mapping and any(key.text() == "owner" for key, _ in marked.items()):
            return self._owned(name, marked, own)
        return self._shared(name, marked, own)

    def _owned(self, name: str, marked: Marked, own: Mapping[str, Phone]) -> Phone:
        fields = marked.fields(PHONE, required=("owner",))
        owner = fields["owner"].text()
        person = next((each for each in self.found.people.values() if each.extension == owner), None)
        if person is None or name not in person.phones:
            fields["owner"].wrong(f"{owner!r} has no phone {name!r}", f"add it to the phones of person {owner}")
            return Phone(id=name, site="", label=name, extension=owner)
        given: dict[str, Any] = {"permission": self._permission(fields)} if "permission" in fields else {}
        given |= {"label": fields["label"].text()} if "label" in fields else {}
        given |= {"extension": fields["number"].text()} if "number" in fields else {}
        given |= {"kind": fields["kind"].one_of(SHARED_KINDS, "kind of phone")} if "kind" in fields else {}
        given |= {"site": fields["site"].one_of(self.found.sites, "site")} if "site" in fields else {}
        given |= {"call_waiting": fields["call_waiting"].yes()} if "call_waiting" in fields else {}
        given |= {"hot_desk": fields["hot_desk"].yes()} if "hot_desk" in fields else {}
        return replace(own[name], **given)

    def _shared(self, name: str, marked: Marked, own: Mapping[str, Phone]) -> Phone:
        if name in RESERVED_PHONES or name in own:
            marked.wrong(f"{name!r} is a phone already, of a person or of the exchange itself", "rename this one")
        fields = marked.fields(PHONE, required=("site", "number"))
        return Phone(
            id=name,
            site=fields["site"].one_of(self.found.sites, "site") if "site" in fields else "",
            label=fields["label"].text() if "label" in fields else name,
            extension=fields["number"].text() if "number" in fields else "0",
            kind=fields["kind"].one_of(SHARED_KINDS, "kind of phone") if "kind" in fields else "other",
            permission=self._permission(fields),
            call_waiting=fields["call_waiting"].yes() if "call_waiting" in fields else True,
            hot_desk=fields["hot_desk"].yes() if "hot_desk" in fields else False,
        )

    def _department(self, name: str, marked: Marked) -> Department:
        fields = marked.fields(DEPARTMENT, required=("name", "site", "number", "schedule", "phones"))
        number = fields["number"].text() if "number" in fields else "0"
        return Department(
            id=name,
            name=fields["name"].text() if "name" in fields else name,
            site=fields["site"].one_of(self.found.sites, "site") if "site" in fields else "",
            extension=number,
            schedule=fields["schedule"].one_of(self.found.schedules, "schedule") if "schedule" in fields else "",
            box=fields["box"].text() if "box" in fields else number,
            phones=phones_in(self.found, fields),
            parent=fields["parent"].one_of(self._departments, "department") if "parent" in fields else "",
            stand_in=fields["stand_in"].one_of(self._departments, "department") if "stand_in" in fields else "",
            ring_seconds=_ring(fields),
            order=order(fields),
            queue=fields["queue"].one_of(self._names("queues"), "queue") if "queue" in fields else "",
            numbers=_texts(fields, "numbers"),
            answer_within=fields["answer_within"].number(5, 300) if "answer_within" in fields else 30,
            permission=self._permission(fields),
            short=fields["short"].text() if "short" in fields else "",
            findable=_findable(fields, BY_NAME),
        )

    def _group(self, name: str, marked: Marked) -> Group:
        fields = marked.fields(GROUP, required=("name", "number", "phones", "department"))
        return Group(
            id=name,
            name=fields["name"].text() if "name" in fields else name,
            extension=fields["number"].text() if "number" in fields else "0",
            phones=phones_in(self.found, fields),
            department=fields["department"].one_of(self._departments, "department") if "department" in fields else "",
            order=order(fields),
            ring_seconds=_ring(fields),
        )

    def _boxes(self) -> dict[str, Box]:
        """One for each department and for each person who has one, with what `boxes:` says of it."""
        departments, people = self.found.departments.values(), self.found.people.values()
        boxes = implied_boxes(departments, people)
        return {**boxes, **self.each("boxes", lambda number, marked: self._box(number, marked, boxes))}

    def _box(self, number: str, marked: Marked, boxes: Mapping[str, Box]) -> Box:
        fields = marked.fields(BOX)
        if number not in boxes and "department" not in fields:
            marked.wrong(
                f"nobody has box {number!r}",
                suggest(number, boxes) or "give it to a person, or say which `department:` keeps it",
            )
        given: dict[str, object] = {key: fields[key].text() for key in ("name", "email") if key in fields}
        if "department" in fields:
            given["department"] = fields["department"].one_of(self._departments, "department")
        if "language" in fields:
            given["language"] = fields["language"].one_of(self.found.town.languages, "language")
        if "mail" in fields:
            given["mail"] = fields["mail"].one_of(MAILS, "way to mail")
        if "members" in fields:
            given["members"] = self._members(fields["members"])
        if "head" in fields:
            given["head"] = self._id(fields["head"])
        for key, least, most in BOX_NUMBERS:
            if key in fields:
                given[key] = fields[key].number(least, most)
        return replace(boxes.get(number, Box(id=number, name=number)), **given)  # type: ignore[arg-type]

    def _members(self, named: Marked) -> tuple[str, ...]:
        numbers = [each.text() for each in named.values()]
        if not numbers or not self._ids.keys().isdisjoint(numbers):
            return tuple(self._id(member) for member in named.values())
        named.wrong(NOBODY_LEFT.format(", ".join(numbers)), NAME_OTHERS)
        return ()

    def _id(self, number: Marked) -> str:
        return self._ids.get(number.one_of(self._ids, "person with number"), "")

    def _stand_ins(self) -> None:
        known = {person.extension for person in self.found.people.values()}
        for section in self.sections["people"]:
            for _, value in section.items():
                for key, stand_in in value.items():
                    if key.text() == "stand_in":
                        stand_in.one_of(known, "person with number")


def own_phone(person: Person, phone: str) -> Phone:
    """A person's phone as it is unless the section `phones` says more of it."""
    return Phone(id=phone, site=person.site, label=person.name, extension=person.extension)


def implied_boxes(departments: Iterable[Department], people: Iterable[Person]) -> dict[str, Box]:
    """The boxes that departments and people have, as they are unless the section `boxes` says more of them."""
    own = {each.box: Box(id=each.box, name=each.name, email=each.email) for each in people if each.box}
    return {**own, **{each.box: Box(id=each.box, name=each.name) for each in departments}}


def _box_of(number: str, fields: Mapping[str, Marked]) -> str:
    """`yes`: a box under the own number; a number: that box; `no` or nothing: the department's."""
    if "box" not in fields:
        return ""
    if fields["box"].text().isdigit():
        return fields["box"].text()
    return number if fields["box"].yes() else ""


def _ring(fields: Mapping[str, Marked]) -> int:
    return fields["ring"].number(5, 60) if "ring" in fields else 20


def _findable(fields: Mapping[str, Marked], usual: str) -> str:
    return fields["findable"].one_of(FINDABLE, "way to be found") if "findable" in fields else usual


def _texts(fields: Mapping[str, Marked], key: str) -> tuple[str, ...]:
    return tuple(value.text() for value in fields[key].values()) if key in fields else ()
