"""Write the large parts of the example town: departments, people, ranges. Seeded: the same files every time.

Usage: python examples/generate.py. Names are drawn from lists; nobody here is real.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent / "town"
SEED = 6205

FIRST = [
    "Anna",
    "Lena",
    "Marie",
    "Sabine",
    "Petra",
    "Claudia",
    "Monika",
    "Ursula",
    "Heike",
    "Birgit",
    "Andrea",
    "Susanne",
    "Katrin",
    "Nicole",
    "Julia",
    "Sandra",
    "Melanie",
    "Tanja",
    "Silke",
    "Anja",
    "Carolin",
    "Miriam",
    "Elif",
    "Aylin",
    "Svetlana",
    "Thomas",
    "Michael",
    "Andreas",
    "Stefan",
    "Peter",
    "Klaus",
    "Wolfgang",
    "Jürgen",
    "Bernd",
    "Matthias",
    "Markus",
    "Christian",
    "Daniel",
    "Tobias",
    "Florian",
    "Jan",
    "Felix",
    "Lukas",
    "Simon",
    "Mehmet",
    "Emre",
    "Dimitri",
    "Paul",
    "Moritz",
    "Günther",
]
LAST = [
    "Müller",
    "Schmidt",
    "Schneider",
    "Fischer",
    "Weber",
    "Meyer",
    "Wagner",
    "Becker",
    "Schulz",
    "Hoffmann",
    "Schäfer",
    "Koch",
    "Bauer",
    "Richter",
    "Klein",
    "Wolf",
    "Schröder",
    "Neumann",
    "Schwarz",
    "Zimmermann",
    "Braun",
    "Krüger",
    "Hofmann",
    "Hartmann",
    "Lange",
    "Schmitt",
    "Werner",
    "Krause",
    "Meier",
    "Lehmann",
    "Schmid",
    "Schulze",
    "Maier",
    "Köhler",
    "Herrmann",
    "König",
    "Walter",
    "Mayer",
    "Huber",
    "Kaiser",
    "Fuchs",
    "Peters",
    "Lang",
    "Scholz",
    "Möller",
    "Weiß",
    "Jung",
    "Hahn",
    "Schubert",
    "Vogel",
    "Friedrich",
    "Keller",
    "Günther",
    "Frank",
    "Berger",
    "Winkler",
    "Roth",
    "Beck",
    "Lorenz",
    "Baumann",
    "Franke",
    "Albrecht",
    "Schuster",
    "Simon",
    "Ludwig",
    "Böhm",
    "Winter",
    "Kraus",
    "Martin",
    "Schumacher",
    "Krämer",
    "Vogt",
    "Stein",
    "Jäger",
    "Otto",
    "Sommer",
    "Groß",
    "Seidel",
    "Heinrich",
    "Brandt",
    "Haas",
    "Schreiber",
    "Graf",
    "Dietrich",
    "Ziegler",
    "Kuhn",
    "Kühn",
    "Pohl",
    "Engel",
    "Horn",
    "Busch",
    "Bergmann",
    "Thomas",
    "Voigt",
    "Sauer",
    "Arnold",
    "Wolff",
    "Pfeiffer",
    "Yilmaz",
    "Demir",
    "Kaya",
    "Öztürk",
    "Nowak",
    "Kowalski",
    "Petrov",
]

# id, name, parent, site, number, schedule, first extension of its people, how many people, function
OFFICES = (
    ("ob", "Oberbürgermeister", "", "rathaus", "30", "verwaltung", 2000, 5, "Büro des Oberbürgermeisters"),
    ("presse", "Pressestelle", "ob", "rathaus", "31", "verwaltung", 2010, 3, "Öffentlichkeitsarbeit"),
    ("gleichstellung", "Gleichstellungsstelle", "ob", "rathaus", "32", "verwaltung", 2015, 2, "Beratung"),
    ("fb1", "Fachbereich Zentrale Dienste", "", "rathaus", "40", "verwaltung", 2020, 4, "Leitung"),
    ("zentrale", "Telefonzentrale", "fb1", "rathaus", "10", "zentrale", 2030, 6, "Vermittlung"),
    ("hauptamt", "Hauptamt", "fb1", "rathaus", "41", "verwaltung", 2040, 12, "Organisation"),
    ("personal", "Personalamt", "fb1", "rathaus", "42", "verwaltung", 2060, 14, "Personalwesen"),
    ("it", "Informationstechnik", "fb1", "otto", "43", "verwaltung", 2080, 5, "Systembetreuung"),
    ("kasse", "Stadtkasse", "fb1", "rathaus", "44", "verwaltung", 2090, 9, "Zahlungsverkehr"),
    ("steuern", "Steueramt", "fb1", "rathaus", "45", "buerger", 2110, 10, "Grund- und Gewerbesteuer"),
    ("kaemmerei", "Kämmerei", "fb1", "rathaus", "46", "verwaltung", 2130, 9, "Haushalt"),
    ("fb2", "Fachbereich Bürgerdienste", "", "rathaus", "50", "verwaltung", 2480, 4, "Leitung"),
    ("buergerbuero", "Bürgerbüro", "fb2", "rathaus", "51", "buergerbuero", 2500, 16, "Meldewesen und Ausweise"),
    ("standesamt", "Standesamt", "fb2", "rathaus", "52", "buerger", 2530, 8, "Eheschließungen und Urkunden"),
    ("ordnungsamt", "Ordnungsamt", "fb2", "otto", "53", "buerger", 2550, 18, "Öffentliche Ordnung"),
    ("vollzug", "Gemeindevollzugsdienst", "ordnungsamt", "otto", "54", "verwaltung", 2580, 8, "Verkehrsüberwachung"),
    ("auslaender", "Ausländerbehörde", "fb2", "otto", "55", "buerger", 2600, 12, "Aufenthaltsrecht"),
    ("wahlen", "Wahlamt", "fb2", "rathaus", "56", "verwaltung", 2620, 3, "Wahlen"),
    ("feuerwehr", "Feuerwehrwesen", "fb2", "otto", "57", "verwaltung", 2630, 4, "Brandschutz"),
    ("fb3", "Fachbereich Soziales und Familie", "", "haupt", "60", "verwaltung", 2700, 4, "Leitung"),
    ("sozialamt", "Sozialamt", "fb3", "haupt", "61", "buerger", 2710, 18, "Sozialhilfe und Wohngeld"),
    ("jugend", "Kinder und Jugend", "fb3", "haupt", "62", "buerger", 2740, 14, "Kinderbetreuung"),
    ("senioren", "Seniorenbüro", "fb3", "haupt", "63", "buerger", 2770, 4, "Beratung"),
    ("integration", "Integrationsbüro", "fb3", "haupt", "64", "buerger", 2780, 5, "Integration"),
    ("schulen", "Schulverwaltung", "fb3", "haupt", "65", "verwaltung", 2790, 7, "Schulträgeraufgaben"),
    ("fb4", "Fachbereich Planen und Bauen", "", "otto", "70", "verwaltung", 2800, 4, "Leitung"),
    ("bauamt", "Bauordnungsamt", "fb4", "otto", "71", "buerger", 2810, 14, "Baugenehmigungen"),
    ("planung", "Stadtplanung", "fb4", "otto", "72", "verwaltung", 2840, 10, "Bauleitplanung"),
    ("tiefbau", "Tiefbauamt", "fb4", "otto", "73", "verwaltung", 2860, 11, "Straßen und Kanäle"),
    ("hochbau", "Gebäudewirtschaft", "fb4", "otto", "74", "verwaltung", 2880, 10, "Hochbau"),
    ("umwelt", "Umweltamt", "fb4", "otto", "75", "verwaltung", 2900, 6, "Umwelt und Klima"),
    ("bauhof", "Bauhof", "fb4", "otto", "76", "bauhof", 2920, 9, "Straßenunterhaltung"),
    ("friedhof", "Friedhofsverwaltung", "fb4", "otto", "77", "buerger", 2940, 4, "Bestattungen"),
    ("bibliothek", "Stadtbibliothek", "fb2", "bibliothek", "80", "bibliothek", 2950, 9, "Ausleihe"),
    ("stadthalle", "Stadthalle", "fb1", "stadthalle", "81", "verwaltung", 2960, 6, "Veranstaltungen"),
    ("vhs", "Volkshochschule", "fb3", "stadthalle", "82", "buerger", 2970, 6, "Kurse"),
    ("museum", "Museum und Stadtarchiv", "fb2", "bibliothek", "83", "buerger", 2980, 4, "Archiv"),
    ("grundschule", "Grundschule Mitte", "schulen", "grundschule", "901", "schule", 9110, 3, "Sekretariat"),
    ("realschule", "Realschule", "schulen", "realschule", "902", "schule", 9120, 4, "Sekretariat"),
    ("gymnasium", "Gymnasium", "schulen", "gymnasium", "903", "schule", 9130, 4, "Sekretariat"),
)  # fmt: skip


SECRETARIES = {"ob": ', secretary: ["2001", "2002"], direct: ["2010"]'}
"""Who answers for the first of an office, and who comes through besides."""


def people(random_: random.Random) -> Iterator[str]:
    """people.yaml: a line each, unique names."""
    names = [(first, last) for first in FIRST for last in LAST]
    random_.shuffle(names)
    yield "# The people of the example town, made by examples/generate.py. Nobody here is real."
    yield "people:"
    for office, _, _, _, _, _, base, count, function in OFFICES:
        for at in range(count):
            first, last = names.pop()
            mail = f"{ascii_(first)}.{ascii_(last)}@stadt.example"
            rest = f", function: {function}"
            if at == 0:
                rest += " (Leitung), box: yes"
                rest += SECRETARIES.get(office, "")
            elif at % 4 == 3:
                rest += f', box: yes, stand_in: "{base + at - 1}"'
            yield f'  "{base + at}": {{first: {first}, last: {last}, department: {office}, email: {mail}{rest}}}'


def departments() -> Iterator[str]:
    """departments.yaml: the tree of offices."""
    permissions = {"ob": "weltweit", "feuerwehr": "weltweit", "grundschule": "national", "realschule": "national"}
    stand_ins = {"buergerbuero": "zentrale", "standesamt": "buergerbuero", "presse": "ob", "kasse": "steuern"}
    queues = {"zentrale": "vermittlung", "buergerbuero": "buergerservice"}
    findable = {"gleichstellung": "department", "jugend": "department"}
    yield "# The offices of the example town, made by examples/generate.py."
    yield "departments:"
    for id_, name, parent, site, number, schedule, base, count, _ in OFFICES:
        phones = ", ".join(f'"{base + at}"' for at in range(min(count, 5)))
        more = (f", parent: {parent}" if parent else "") + (f", stand_in: {stand_ins[id_]}" if id_ in stand_ins else "")
        more += f", queue: {queues[id_]}" if id_ in queues else ""
        more += f", permission: {permissions[id_]}" if id_ in permissions else ""
        more += f", findable: {findable[id_]}" if id_ in findable else ""
        fixed = f'name: {name}, site: {site}, number: "{number}", schedule: {schedule}'
        yield f"  {id_}: {{{fixed}, phones: [{phones}]{more}}}"


def ranges() -> Iterator[str]:
    """ranges.yaml: the numbers from one office's first to the next one's, 50 at most; schools by site."""
    bases = sorted((base, id_) for id_, _, _, _, _, _, base, _, _ in OFFICES)
    schools = {id_ for id_, _, parent, *_ in OFFICES if parent == "schulen"}
    yield "# The numbers that offices and schools have for their people, made by examples/generate.py."
    yield "ranges:"
    for at, (base, id_) in enumerate(bases):
        following = bases[at + 1][0] if at + 1 < len(bases) else base + 10
        last = min(following - 1, base + 49)
        kind = "site" if id_ in schools else "department"
        yield f'  {id_}: {{from: "{base}", to: "{last}", {kind}: {id_}}}'


def ascii_(name: str) -> str:
    """A name as it stands in a mail address."""
    for umlaut, plain in {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ö": "oe"}.items():
        name = name.replace(umlaut, plain)
    return name.lower()


def main() -> None:
    """Write the three files."""
    (HERE / "people.yaml").write_text("\n".join(people(random.Random(SEED))) + "\n", encoding="utf-8")  # noqa: S311
    (HERE / "departments.yaml").write_text("\n".join(departments()) + "\n", encoding="utf-8")
    (HERE / "ranges.yaml").write_text("\n".join(ranges()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
