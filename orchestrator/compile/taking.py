"""Taking a caller who waits: `*44` the next one of the own queues, `*44NUMBER` of the queue at that number.

Native from end to end. Under a lock the caller is chosen who has waited longest, of the queues of the highest priority,
and whom nobody is taking already; and is sent to the label `taken` of the place where they wait. From there they fetch
the telephone that waits for them. So it is the caller's dialplan that goes on, whatever happens to that telephone:
where it is gone, they wait on, as the first. TAKER, shared with the caller's channel, is the telephone's channel, and
empty when nobody takes them.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.compile import by_phone
from orchestrator.compile.escape import DIGITS, IDENTIFIER, fit
from orchestrator.compile.extensions import Context, Extension, Line
from orchestrator.compile.lamps import CIRCLE_OF
from orchestrator.compile.sentence import sentence
from orchestrator.domain import codes as table
from orchestrator.domain import taking
from orchestrator.domain.directory import Directory
from orchestrator.domain.promises import STANDS_IN
from orchestrator.domain.queues import QUEUED, STEP

NAME, TAKES, AT = "take", "takes", "take-at"
"""Contexts: how it is done; the queues of each member; the queue of each number."""
LABEL = "taken"
"""Where the place of a queue goes on with a caller who is taken; `WAITS`: where they wait again."""
WAITS = "waits"
FIRST = 10
"""Priority of a caller whom somebody took and then was gone: the next one."""
HIGHEST, AGES = 9, 10**10
"""The highest priority of a queue; more seconds than Asterisk counts since 1970."""
FETCHED = 5
"""Seconds that a telephone waits for the caller, who is there within milliseconds or has hung up."""
TRIES = 3
"""How often another caller is looked for when one has hung up at that instant."""
EMPTY, REFUSED, NO_MEMBER = "waiting-empty", "waiting-refused", "waiting-no-member"


def turn(priority: int) -> Line:
    """When a caller begins to wait: the smallest number is that of whose turn it is, in all queues together."""
    return Line(f"Set(WAITS_SINCE=$[${{EPOCH}} + {HIGHEST - priority} * {AGES}])")


def lines(name: str) -> Iterator[Line]:
    """The rest of the place `name` of a queue, for callers who are taken. `h` knows by TAKEN that they talked."""
    yield Line("CELGenUserEvent(PLACE,${CONTEXT:5}.${EXTEN})", label=LABEL)  # they may just have been led on
    yield Line("Set(PLACE=${EXTEN})")
    yield Line("Set(BRIDGERESULT=)")
    yield Line(f"Set(TAKEN={name})")
    yield Line("Bridge(${SHARED(TAKER)},x)")
    yield Line(f'GotoIf($["${{BRIDGERESULT}}" = "SUCCESS"]?{name}=talked,1)')
    yield Line("Set(TAKEN=)")
    yield Line("Set(SHARED(TAKER)=)")
    yield Line(f"Set(QUEUE_PRIO={FIRST})")
    yield Line(f"Goto({WAITS})")


def contexts(directory: Directory) -> Iterator[Context]:
    """Which queues there are for whom, and at which number; how a caller is taken."""
    own = taking.own(directory)
    found = ((phone, (Line(f"Set(MEMBER_OF={_joined(own[phone])})"), Line("Return()"))) for phone in sorted(own))
    yield from by_phone.contexts(TAKES, found)
    known = sorted(taking.numbers(directory).items())
    numbers = (Extension(fit(n, DIGITS), (Line(f"Set(QUEUES={_joined((q,))})"), Line("Return()"))) for n, q in known)
    yield Context(name=AT, extensions=tuple(numbers))
    yield Context(name=NAME, extensions=(Extension("next", tuple(_next())), Extension("first", tuple(_first()))))


def _joined(queues: tuple[str, ...]) -> str:
    return "&".join(fit(QUEUED + queue, IDENTIFIER) for queue in queues)


def codes() -> Iterator[Context]:
    """The two codes: which queues are asked, and whether that is allowed."""
    member = (
        Line("Set(PHONE=)"),
        Line("Set(MEMBER_OF=)"),
        *by_phone.calling("PHONE", "asked"),
        Line(f"GotoIf({by_phone.known(TAKES, 'PHONE')}?:asked)"),
        Line(f"Gosub({by_phone.at(TAKES, 'PHONE')})"),
        Line("NoOp()", label="asked"),
    )
    goes = Line(f"Goto({NAME},next,1)", label="goes")
    mine = (
        *member,
        Line("Set(QUEUES=${MEMBER_OF})"),
        Line('GotoIf($["${QUEUES}" != ""]?goes)'),
        *sentence(NO_MEMBER),
        goes,
    )
    circle = f"{CIRCLE_OF}${{CIRCLE}},${{GIVEN}},1"
    named = (
        *member,
        Line(f"GotoIf(${{DIALPLAN_EXISTS({AT},${{GIVEN}},1)}}?:refused)"),
        Line(f"Gosub({AT},${{GIVEN}},1)"),
        Line("GotoIf($[0${FIELDNUM(MEMBER_OF,&,${QUEUES})} > 0]?goes)"),
        Line("Set(NEAR=${CHANNEL(namedpickupgroup)})"),
        Line('GotoIf($["${NEAR}" = ""]?refused)', label="near"),
        Line("Set(CIRCLE=${FILTER(a-z0-9_,${SHIFT(NEAR)})})"),
        Line(f"GotoIf(${{DIALPLAN_EXISTS({circle})}}?goes:near)"),
        goes,
        *sentence(REFUSED, label="refused"),
    )
    for code, done in ((table.TAKE, mine), (table.TAKE_AT, named)):
        yield Context(name=f"code-{code.name}", extensions=(Extension("s", done),))


def _next() -> Iterator[Line]:
    """Takes the caller whose turn it is in any of QUEUES."""
    yield Line("Set(TRIES=0)")
    yield Line("Set(TRIES=$[${TRIES} + 1])", label="try")
    yield Line(f"GotoIf($[${{TRIES}} > {TRIES}]?none)")
    yield Line("Set(LEFT=${QUEUES})")
    yield Line("Set(BEST=)")
    yield Line(f'GotoIf($["${{LOCK({NAME})}}" != "1"]?none)')
    yield Line("Set(EACH=${SHIFT(LEFT,&)})", label="each")
    yield Line(f"Gosub({NAME},first,1(${{EACH}}))")
    yield Line("Set(FOUND=${GOSUB_RETVAL})")
    yield Line('GotoIf($["${FOUND}" = ""]?again)')
    yield Line("Set(TURN=0${FILTER(0-9,${IMPORT(${FOUND},WAITS_SINCE)})})")
    yield Line('GotoIf($["${BEST}" != "" & ${TURN} >= ${BEST_TURN}]?again)')
    yield Line("Set(BEST=${FOUND})")
    yield Line("Set(BEST_TURN=${TURN})")
    yield Line("Set(BEST_OF=${EACH})")
    yield Line('GotoIf($["${LEFT}" != ""]?each)', label="again")
    yield Line('ExecIf($["${BEST}" != ""]?Set(SHARED(TAKER,${BEST})=${CHANNEL}))')
    yield Line(f"Set(FREED=${{UNLOCK({NAME})}})")
    yield Line('GotoIf($["${BEST}" = ""]?none)')
    yield Line(f"ChannelRedirect(${{BEST}},flow-${{BEST_OF}},{STEP},{LABEL})")
    yield Line('GotoIf($["${CHANNELREDIRECT_STATUS}" != "SUCCESS"]?try)')
    yield Line(f"Wait({FETCHED})")
    yield from sentence(EMPTY, label="none")


def _first() -> Iterator[Line]:
    """The channel of the first one in the queue ARG1 whom nobody is taking; empty: there is none.

    Who stands in for a caller to be called back is no caller yet, and only a member's telephone goes on with it.
    """
    yield Line("Set(LOCAL(AT)=0)")
    yield Line("Set(AT=$[${AT} + 1])", label="next")
    yield Line("GotoIf($[${AT} > 0${QUEUE_WAITING_COUNT(${ARG1})}]?none)")
    yield Line("Set(LOCAL(HEAD)=${QUEUE_GET_CHANNEL(${ARG1},${AT})})")
    yield Line('GotoIf($["${HEAD}" = ""]?none)')
    yield Line(f'GotoIf($["${{CUT(HEAD,@,2):0:{len(STANDS_IN)}}}" = "{STANDS_IN}"]?next)')
    yield Line('GotoIf($["${SHARED(TAKER,${HEAD})}" != ""]?next)')
    yield Line("Return(${HEAD})")
    yield Line("Return()", label="none")
