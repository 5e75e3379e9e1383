"""The codes that desks dial, as extensions of `from-phones`: those of domain.codes, each with and without `#`.

Each leads to `s` in the context `code-<name>`, which belongs to the module of its feature, with what was dialled behind
it in GIVEN. Belongs here: which code it is, and what is none. Not here: what a code does.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.compile import listening, wishes
from orchestrator.compile.escape import CODE, IDENTIFIER, fit
from orchestrator.compile.extensions import Context, Extension, Line
from orchestrator.domain.codes import DIGIT, NUMBER, Code, codes
from orchestrator.domain.directory import Directory

NONE = "numbers,i,1"
"""Where a caller is led who dialled no code of ours."""


def extensions(directory: Directory) -> Iterator[Extension]:
    """Every code of the town."""
    for code in codes(directory.town):
        yield from dialled(code)


def dialled(code: Code) -> Iterator[Extension]:
    """The extensions of one code: what `Code.pattern` takes, and nothing else."""
    head, onward = fit(code.head, CODE), Line(f"Goto(code-{fit(code.name, IDENTIFIER)},s,1)")
    if code.takes == NUMBER:
        yield Extension(f"_{head}XX!", (*_number(len(head)), onward))
    elif code.takes == DIGIT:
        lines = (Line(f"Set(GIVEN=${{EXTEN:{len(head)}:1}})"), onward)
        yield from (Extension(f"_{head}X{end}", lines) for end in ("", "#"))
    else:
        yield from (Extension(head + end, (Line("Set(GIVEN=)"), onward)) for end in ("", "#"))


def _number(head: int) -> Iterator[Line]:
    """Digits to the end, or to one `#`; compared by length, so that no quote in what was dialled can break it."""
    behind, last = f"${{EXTEN:{head}}}", "${LEN(${FILTER(#,${EXTEN:-1})})}"
    yield Line(f"Set(GIVEN=${{FILTER(0-9,{behind})}})")
    yield Line(f"GotoIf($[${{LEN({behind})}} = ${{LEN(${{GIVEN}})}} + {last}]?digits:{NONE})")
    yield Line("NoOp()", label="digits")


def contexts(directory: Directory) -> Iterator[Context]:
    """What each code does."""
    yield from listening.code(directory)
    yield from wishes.codes()
    yield wishes.lamps(directory)
