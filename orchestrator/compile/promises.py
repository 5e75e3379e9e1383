"""Calls back from a waiting queue, natively: a caller hangs up, and a stand-in waits at their place in `Queue()`.

    promise: may they be called back? written down; when they have hung up, `Originate()` makes the stand-in:
      Local/<number>@stand-in-<queue> -> ;2 waits in the queue; when a member picks up, ;1 goes on in the flow
      `callback_<queue>`, speaks to the member and dials the caller, at the cost of one of the queue's phones
    busy, nobody, failed: a new stand-in, who joins the queue in a while; at last, or when the office closes, the
      promise is marked as failed, and control makes a case of it (service.promises)

A place in a queue is a time (turns), so that of who has hung up can be kept. A promise is an entry of Asterisk's own
database, `promises/<queue>/<number>`: its ticket, tries, from when on it waits again, the box for its case, and whether
it has failed.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.compile import turns
from orchestrator.compile.asking import stopped
from orchestrator.compile.escape import DIGITS, E164, IDENTIFIER, SOUND, ZONE, fit
from orchestrator.compile.extensions import Context, Extension, Line
from orchestrator.compile.hours import NOW
from orchestrator.domain import outgoing, promises
from orchestrator.domain.directory import Directory
from orchestrator.domain.house import Promise, Recall, StandIn
from orchestrator.domain.prompts import Sounds
from orchestrator.domain.texts import HOUSE

NAME = "promises"
"""The context, the lock, and the family of Asterisk's database: queue/number -> what was promised."""
TODAY = "promised"
"""Family: number -> the day of its last promise, and how many that day had."""
WAITS, FAILED = "waits", "failed"
"""What a promise is: waited for, or for control to make a case of."""
DISPLAY = {"de": "Rückruf", "en": "Call back"}
"""Language of the town -> what stands on a member's display before the number."""
UNSERVED = 20
"""Seconds after which a stand-in tries again who found the queue full, or nobody logged in."""
DROPPED = 5
"""Seconds after which a stand-in waits again whose member has hung up before the caller was called."""
DAY = 86400
QUARTER, MINUTE = 900, 60


def promised(directory: Directory, name: str, step: Promise) -> Iterator[Line]:
    """At the place where a caller is promised to be called back."""
    queue = directory.queues[step.queue]
    department = directory.departments[queue.department]
    allowed = fit(promises.permission(directory, queue).id, IDENTIFIER)
    most = -(-int(queue.most) // promises.MOST)
    given = (
        fit(queue.id, IDENTIFIER),
        fit(department.schedule, IDENTIFIER),
        fit(department.box, DIGITS),
        allowed,
        str(most),
    )
    yield Line(f"Set(AGAIN={fit(queue.flow, IDENTIFIER)})")
    yield Line(f"Gosub({NAME},make,1({','.join(given)}))")
    yield Line(f"Goto({name}=${{GOSUB_RETVAL}},1)")


def stands_in(directory: Directory, name: str, step: StandIn, answered: str) -> Iterator[Line]:
    """Where a stand-in waits, until a member picks up or the office closes; `answered` is for members (queues).

    What comes of it when a member picked up is with the other end of the channel.
    """
    queue = directory.queues[step.queue]
    id_, flow = fit(queue.id, IDENTIFIER), fit(queue.flow, IDENTIFIER)
    schedule = fit(directory.departments[queue.department].schedule, IDENTIFIER)
    yield Line(f"Gosub({NAME},open,1({schedule}))", label="again")
    yield Line("Set(OPEN=${GOSUB_RETVAL})")
    yield Line(f"Set(LEFT=$[${{TICKET:0:-3}} + {promises.KEPT} - ${{EPOCH}}])")
    yield Line("ExecIf($[${LEFT} < ${OPEN}]?Set(OPEN=${LEFT}))")
    yield Line("GotoIf($[${OPEN} <= 0]?closed)")
    yield turns.position(queue.flow)
    yield Line(f"Queue({flow},ciC,,,${{OPEN}},,{answered},,${{GOSUB_RETVAL}})")
    yield Line('GotoIf($["${QUEUESTATUS}" = "CONTINUE"]?over)')
    yield Line(f'ExecIf($["${{QUEUESTATUS}}" != "TIMEOUT"]?Wait({UNSERVED}))')
    yield Line("Goto(again)")
    yield Line(f"Set(DB({NAME}/{id_}/${{TO}})=${{TICKET}}:0:0:${{BOX}}:{FAILED})", label="closed")
    yield Line(f"Goto({name}=unserved,1)")
    yield Line("Hangup()", label="over")


def recalled(name: str, step: Recall, sounds: Sounds) -> Iterator[Line]:
    """A member has picked up: say why, and dial the caller by the rules of calls to the outside.

    Who hangs up while the two talk, or before, ends the call in whatever context it is: `over` is told.
    """
    (now,) = (fit(sounds[said.name].file, SOUND) for said in HOUSE["Recall"])
    queue = fit(step.queue, IDENTIFIER)
    yield Line("Set(TO=${CUT(CHANNEL,@,1)})")
    yield Line("Set(TO=${FILTER(0-9,${CUT(TO,/,2)})})")
    yield Line("Set(DIALSTATUS=)")
    yield Line("Set(CALLING=1)")
    yield Line(f"Set(CHANNEL(hangup_handler_push)={NAME},over,1({queue},${{TO}}))")
    yield Line(f"Playback({now})")
    yield Line("Gosub(recallable,${TO},1)")
    yield Line("Set(CLASS=${GOSUB_RETVAL})")
    yield Line(f"Set(PHONE={fit(step.payer, IDENTIFIER)})")
    yield Line("GotoIf(${DIALPLAN_EXISTS(may,${CLASS},1)}?:failed)")
    yield Line("Gosub(may,${CLASS},1)")
    yield Line('GotoIf($["${GOSUB_RETVAL}" = "yes"]?:failed)')
    yield Line(f"Set(CALLERID(num)={fit(step.shown, E164)})")
    yield Line("Set(CALLERID(name)=)")
    yield Line("Gosub(${TRUNKS},${TO},1)")
    for status, answer in (("BUSY", "busy"), ("NOANSWER", "nobody")):
        yield Line(f'ExecIf($["${{DIALSTATUS}}" = "{status}"]?Set(FOUND={answer}))')
    yield Line('GotoIf($["${FOUND}" != ""]?found)')
    yield Line("Set(FOUND=failed)", label="failed")
    yield Line("Set(CALLING=)", label="found")
    yield Line(f"Gosub({NAME},missed,1({queue},${{TO}},{promises.AGAIN}))")
    yield Line(f"Goto({name}=${{FOUND}},1)")


def contexts(directory: Directory) -> Iterator[Context]:
    """`promises`, `recallable`, and a context for the stand-ins of each queue that calls back."""
    queues = [queue for _, queue in sorted(directory.queues.items()) if queue.calls_back]
    if not queues:
        return
    display = directory.town.word(DISPLAY)
    zone = fit(directory.town.timezone, ZONE)
    extensions = {
        "make": _make(zone),
        "begin": _begin(),
        "open": _open(),
        "missed": _missed(),
        "over": _over(),
    }
    yield Context(name=NAME, extensions=tuple(Extension(name, tuple(lines)) for name, lines in extensions.items()))
    yield _recallable(directory)
    for queue in queues:
        id_ = fit(queue.id, IDENTIFIER)
        lines = tuple(_stand_in(id_, display))
        yield Context(name=f"{promises.STANDS_IN}{id_}", extensions=(Extension("_0X!", lines),))


def _make(zone: str) -> Iterator[Line]:
    """ARG1 queue, ARG2 schedule, ARG3 box, ARG4 permission, ARG5 promises at once -> `promised` or `refused`."""
    refused = "refused"
    yield Line(f'GotoIf($["${{CALLERID(num-pres):0:7}}" = "allowed"]?:{refused})')
    yield Line("Set(TO=${FILTER(0-9+,${CALLERID(num)})})")
    yield Line(f"GotoIf($[${{LEN(${{TO}})}} >= {promises.SHORTEST}]?:{refused})")
    yield Line(f"GotoIf(${{DIALPLAN_EXISTS(recallable,${{TO}},1)}}?:{refused})")
    yield Line("Gosub(recallable,${TO},1)")
    yield Line("Set(CLASS=${GOSUB_RETVAL})")
    yield Line(f'GotoIf($["${{CLASS}}" = ""]?{refused})')
    yield Line(f"GotoIf(${{DIALPLAN_EXISTS(permission-${{ARG4}},${{CLASS}},1)}}?:{refused})")
    yield stopped()
    for said, classes in sorted(outgoing.STOPPED.items()):
        for group in promises.CLASSES:
            if group in classes:
                yield Line(f'GotoIf($["${{GOSUB_RETVAL}}:${{CLASS}}" = "{said}:{group}"]?{refused})')
    yield Line(f"Gosub({NAME},open,1(${{ARG2}}))")
    yield Line(f"GotoIf($[${{GOSUB_RETVAL}} <= 0]?{refused})")
    yield Line(f'GotoIf($["${{LOCK({NAME})}}" = "1"]?:{refused})')
    yield Line(f'GotoIf($["${{DB({NAME}/${{ARG1}}/${{TO}})}}" != ""]?known)')  # who calls again is not called twice
    yield Line(f"Set(TODAY=${{STRFTIME({NOW},{zone},%Y%m%d)}})")
    yield Line(f"Set(COUNTED=${{DB({TODAY}/${{TO}})}})")
    yield Line('Set(COUNTED=${IF($["${CUT(COUNTED,:,1)}" = "${TODAY}"]?${CUT(COUNTED,:,2)}:0)})')
    yield Line(f"GotoIf($[${{COUNTED}} >= {promises.A_DAY}]?many)")
    yield Line(f"GotoIf($[${{GROUP_COUNT(${{ARG1}}@{NAME})}} >= ${{ARG5}}]?many)")
    yield Line(f"Set(CHANNEL(hangup_handler_push)={NAME},begin,1(${{ARG1}},${{TO}}))")
    yield Line(f"Set(DB({TODAY}/${{TO}})=${{TODAY}}:$[${{COUNTED}} + 1])")
    yield Line(f"Set(DB({NAME}/${{ARG1}}/${{TO}})=${{TICKET}}:0:0:${{ARG3}}:{WAITS})")
    yield Line(f"Set(FREED=${{UNLOCK({NAME})}})", label="known")
    yield Line("Return(promised)")
    yield Line(f"Set(FREED=${{UNLOCK({NAME})}})", label="many")
    yield Line("Return(refused)", label=refused)


def _begin() -> Iterator[Line]:
    """Make the stand-in of the number ARG2 in the queue ARG1.

    Its sound is linear: with a-law, a member's telephone that had begun with G.722 was sent another codec in mid-call.
    """
    to = f"flow-{promises.FLOW}${{ARG1}},{promises.TURN}=served"
    yield Line(f"Originate(Local/${{ARG2}}@{promises.STANDS_IN}${{ARG1}}/n,exten,{to},1,{DAY},ac(${{ARG2}}))")
    yield Line("Return()")


def _stand_in(queue: str, display: str) -> Iterator[Line]:
    """A stand-in: waits until it is time, looks whether there is another one, and joins the queue."""
    yield Line("Set(TO=${EXTEN})")
    yield Line(f"Set(KEPT=${{DB({NAME}/{queue}/${{TO}})}})")
    yield Line("Set(DUE=$[0${FILTER(0-9,${CUT(KEPT,:,3)})} - ${EPOCH}])")
    yield Line("ExecIf($[${DUE} > 0]?Wait(${DUE}))")
    yield Line(f'GotoIf($["${{LOCK({NAME})}}" = "1"]?:over)')
    yield Line(f"Set(OTHERS=${{GROUP_COUNT({queue}_${{TO}}@stand_in)}})")
    yield Line(f"ExecIf($[${{OTHERS}} = 0]?Set(GROUP(stand_in)={queue}_${{TO}}))")
    yield Line(f"ExecIf($[${{OTHERS}} = 0]?Set(GROUP({NAME})={queue}))")
    yield Line(f"Set(KEPT=${{DB({NAME}/{queue}/${{TO}})}})")
    yield Line(f"Set(FREED=${{UNLOCK({NAME})}})")
    yield Line(f'GotoIf($[${{OTHERS}} > 0 | "${{CUT(KEPT,:,5)}}" != "{WAITS}"]?over)')
    yield Line("Set(SHARED(TICKET)=${FILTER(0-9,${CUT(KEPT,:,1)})})")
    yield Line("Set(TICKET=${SHARED(TICKET)})")
    yield Line("Set(BOX=${CUT(KEPT,:,4)})")
    yield Line("Set(CALLERID(num)=${TO})")
    yield Line(f"Set(CALLERID(name)={display})")
    yield Line(f"Goto(flow-{promises.FLOW}{queue},{promises.TURN},1)")
    yield Line("Hangup()", label="over")


def _open() -> Iterator[Line]:
    """For how many seconds the schedule ARG1 is open from now on, by the minute; at most as long as a promise counts.

    Its own context is asked at each quarter of an hour to come, and then at each minute of the one in which it closes.
    """
    asked = Line("Gosub(hours-${ARG1},state,1)")
    still = '"${GOSUB_RETVAL}" = "open"'
    yield Line(f"Set(LOCAL(BEGAN)={NOW})")
    yield Line("Set(LOCAL(TESTTIME)=${BEGAN})")
    yield asked
    yield Line(f"GotoIf($[{still}]?:closed)")
    yield Line(f"Set(TESTTIME=$[${{BEGAN}} - ${{BEGAN}} % {QUARTER}])")
    yield Line(f"Set(TESTTIME=$[${{TESTTIME}} + {QUARTER}])", label="quarter")
    yield Line(f"GotoIf($[${{TESTTIME}} > ${{BEGAN}} + {promises.KEPT}]?found)")
    yield asked
    yield Line(f"GotoIf($[{still}]?quarter)")
    yield Line(f"Set(TESTTIME=$[${{TESTTIME}} - {QUARTER}])")
    yield Line(f"Set(TESTTIME=$[${{TESTTIME}} + {MINUTE}])", label="minute")
    yield asked
    yield Line(f"GotoIf($[{still} | ${{TESTTIME}} <= ${{BEGAN}}]?minute)")
    yield Line("Return($[${TESTTIME} - ${BEGAN}])", label="found")
    yield Line("Return(0)", label="closed")


def _missed() -> Iterator[Line]:
    """The number ARG2 of the queue ARG1 was called in vain: once more in ARG3 seconds, or not any more."""
    entry = f"{NAME}/${{ARG1}}/${{ARG2}}"
    yield Line(f"Set(LOCAL(KEPT)=${{DB({entry})}})")
    yield Line('GotoIf($["${KEPT}" = ""]?over)')
    yield Line("Set(LOCAL(TRIES)=$[0${CUT(KEPT,:,2)} + 1])")
    yield Line(f"Set(LOCAL(IS)=${{IF($[${{TRIES}} >= {promises.TRIES}]?{FAILED}:{WAITS})}})")
    due = "$[${EPOCH} + ${ARG3}]"
    yield Line(f"Set(DB({entry})=${{CUT(KEPT,:,1)}}:${{TRIES}}:{due}:${{CUT(KEPT,:,4)}}:${{IS}})")
    yield Line(f'GotoIf($["${{IS}}" = "{FAILED}"]?over)')
    yield Line(f"Gosub({NAME},begin,1(${{ARG1}},${{ARG2}}))")
    yield Line("Return()", label="over")


def _over() -> Iterator[Line]:
    """A call back to ARG2 of the queue ARG1 has ended: the promise is kept, or the member hung up too early."""
    call = f"{promises.FLOW}${{ARG1}}.{promises.CALL}"
    yield Line('GotoIf($["${CALLING}" = "1"]?:over)')
    yield Line('GotoIf($["${DIALSTATUS}" = "ANSWER"]?kept)')
    yield Line(f"CELGenUserEvent(ANSWER,{call}=dropped)")
    yield Line(f"Gosub({NAME},missed,1(${{ARG1}},${{ARG2}},{DROPPED}))")
    yield Line("Return()")
    yield Line(f"CELGenUserEvent(ANSWER,{call}=talked)", label="kept")
    yield Line(f"Set(KEPT=${{DB_DELETE({NAME}/${{ARG1}}/${{ARG2}})}})")
    yield Line("Return()", label="over")


def _recallable(directory: Directory) -> Context:
    """The class of a number that may be called back, with TO as it is dialled in Germany; empty for any other.

    The same as domain.promises.number, but for what the queue's phones may call.
    """
    none = Line("Return()")
    extensions = []
    for beginning, extension in dict(outgoing.own(directory)).items():
        if beginning.startswith("0"):
            written = fit(beginning, DIGITS)
            extensions += [Extension(each, (none,)) for each in (written, *(() if extension else (f"_{written}X!",)))]
    for abroad in ("+49", "0049"):
        extensions.append(Extension(f"_{abroad}[1-9]!", (Line(f"Goto(recallable,0${{EXTEN:{len(abroad)}}},1)"),)))
    extensions.append(Extension("_+[1-9]!", (Line("Goto(recallable,00${EXTEN:1},1)"),)))
    for beginning, group in sorted({**outgoing.rules_of(directory.town), **dict.fromkeys(promises.NEVER, "")}.items()):
        if beginning.startswith("0"):
            lines = tuple(_classed(fit(group, IDENTIFIER))) if group in promises.CLASSES else (none,)
            extensions.append(Extension(f"_{fit(beginning, DIGITS)}!", lines))
    extensions.append(Extension("_[0-9+]!", (none,)))
    return Context(name="recallable", extensions=tuple(extensions))


def _classed(group: str) -> Iterator[Line]:
    """Digits alone, as many as a number has; compared by length, so that nothing in it can break the comparison."""
    long = f"${{LEN(${{EXTEN}})}} >= {promises.SHORTEST} & ${{LEN(${{EXTEN}})}} <= {promises.LONGEST}"
    yield Line("Set(TO=${FILTER(0-9,${EXTEN})})")
    yield Line(f"GotoIf($[${{LEN(${{TO}})}} = ${{LEN(${{EXTEN}})}} & {long}]?:none)")
    yield Line(f"Return({group})")
    yield Line("Return()", label="none")
