"""The codes that desks dial, as extensions of `from-phones`: made of the table in domain.codes, with and without `#`.

Each leads to `s` in the context `code-<name>`, which belongs to the module of its feature, with what was dialled behind
it in GIVEN. Belongs here: which code it is, and what is none. Not here: what a code does.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.compile import completion, lamps, listening, parking, queues, service_codes, taking
from orchestrator.compile.escape import CODE, IDENTIFIER, fit
from orchestrator.compile.extensions import Context, Extension, Line
from orchestrator.compile.sentence import sentence
from orchestrator.domain.codes import FIRST, Code, codes
from orchestrator.domain.directory import Directory

UNKNOWN = "code-unknown"
"""The context that says that there is no such code; the sentence has its name too."""
NONE = Line(f"Goto({UNKNOWN},s,1)")


def extensions(directory: Directory) -> Iterator[Extension]:
    """Every code of the town, and whatever else begins like one."""
    for code in codes(directory.town):
        yield from dialled(code)
    yield Extension(f"_[{''.join(FIRST)}]!", (NONE,))


def dialled(code: Code) -> Iterator[Extension]:
    """The extensions of one code: what `Code.pattern` takes, and nothing else."""
    head, onward = fit(code.head, CODE), Line(f"Goto(code-{fit(code.name, IDENTIFIER)},s,1)")
    match code.takes:
        case "NUMBER":
            yield Extension(f"_{head}XX!", (*_number(len(head)), onward))
        case "DIGIT":
            lines = (Line(f"Set(GIVEN=${{EXTEN:{len(head)}:1}})"), onward)
            yield from (Extension(f"_{head}X{end}", lines) for end in ("", "#"))
        case _:
            yield from (Extension(head + end, (Line("Set(GIVEN=)"), onward)) for end in ("", "#"))


def _number(head: int) -> Iterator[Line]:
    """Digits to the end, or to one `#`; compared by length, so that no quote in what was dialled can break it."""
    behind, last = f"${{EXTEN:{head}}}", "${LEN(${FILTER(#,${EXTEN:-1})})}"
    yield Line(f"Set(GIVEN=${{FILTER(0-9,{behind})}})")
    yield Line(f"GotoIf($[${{LEN({behind})}} = ${{LEN(${{GIVEN}})}} + {last}]?digits:{UNKNOWN},s,1)")
    yield Line("NoOp()", label="digits")


def contexts(directory: Directory) -> Iterator[Context]:
    """What each code does, and the sentence for what is none."""
    yield from listening.code(directory)
    yield from lamps.codes()
    yield from queues.codes()
    yield from taking.codes()
    yield from completion.codes()
    yield from parking.codes(directory)
    yield from service_codes.codes()
    yield service_codes.lamps(directory, parking.lamps(directory))
    yield Context(name=UNKNOWN, extensions=(Extension("s", sentence(UNKNOWN)),))
