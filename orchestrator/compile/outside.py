"""The way from phones: inside numbers as they are, the outside by class, permission, budget and trunk; emergencies.

Native from end to end: Python may be down. Which number is of which class is in domain.outgoing, who may call it in
domain.callers. `phones-…` hold what is needed of each phone: EMERGENCY, TRUNKS, PERMISSION, SHOWN.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.compile import by_phone, codes, completion, hot_desks, parking, service_codes, silent
from orchestrator.compile.asking import stopped
from orchestrator.compile.escape import DIALLED, DIGITS, E164, IDENTIFIER, ZONE, fit
from orchestrator.compile.extensions import STAYS, Context, Extension, Line
from orchestrator.compile.hours import NOW
from orchestrator.domain import outgoing
from orchestrator.domain.callers import CLASSES, Caller, Callers, permissions
from orchestrator.domain.directory import Directory
from orchestrator.domain.numbers import e164
from orchestrator.domain.town import Permission

RING_OUTSIDE = 60
"""Seconds that a call to the outside may ring."""
RING_EMERGENCY = 180
"""Seconds that an emergency call may ring on one trunk: a control centre may let callers wait."""
NIGHT_BEGINS, NIGHT_ENDS = 20, 6
"""Hours of the town between which calls abroad are nightly ones."""
REFUSED = "refused"
"""The extension that says why not; what it says is in SAID."""
OUTSIDE = f"{outgoing.FLOW}.outside"
"""The place of a call to the outside."""


def contexts(directory: Directory) -> Iterator[Context]:
    """Every context that a phone's call can come through before it is inside or on a trunk."""
    yield from_phones(directory)
    yield outside_line(directory)
    yield public(directory)
    yield Context(name="may", extensions=tuple(Extension(group, tuple(_may(group))) for group in CLASSES))
    for group in CLASSES:
        yield _call(group)
    for _, permission in sorted(permissions(directory).items()):
        yield _permission(permission)
    yield _budget(directory)
    yield _caller(directory)
    yield from phones(directory)
    yield _outside(directory)
    yield _emergency()
    yield from trunks(directory)
    yield silent.context()


def from_phones(directory: Directory) -> Context:
    """Emergencies first, whatever an extension of the house may look like; then ours, then the outside."""
    extensions = []
    for dialled, number in outgoing.short(directory.town):
        onward = "emergency" if number in outgoing.EMERGENCY else "outside"
        extensions.append(Extension(fit(dialled, DIALLED), (Line(f"Goto({onward},{number},1)"),)))
    extensions.append(Extension(REFUSED, _refused(directory)))
    extensions += codes.extensions(directory)
    return Context(
        name="from-phones",
        includes=(service_codes.LAMPS, "numbers", "outside-line", "elsewhere"),
        extensions=tuple(extensions),
    )


def _refused(directory: Directory) -> tuple[Line, ...]:
    """Why not, in the language of the phone; SAID is empty where the number or the permission stands against it.

    Whom that phone has put through is told nothing of it, and comes back.
    """
    over = Line("Hangup(21)")
    return (
        Line('GotoIf($["${BLINDTRANSFER}" != ""]?put)'),
        Line("Answer(,i)"),
        Line('GotoIf($["${SAID}" = "spent"]?spent)'),
        Line('GotoIf($["${SAID}" = "closed"]?closed)'),
        *(Line("Playback(not-allowed)"), over),
        *(Line("Playback(budget-spent)", label="spent"), over),
        *(Line("Playback(outside-closed)", label="closed"), over),
        Line("Set(SAID=)", label="put"),
        Line(f"CELGenUserEvent(PLACE,{outgoing.FLOW}.{REFUSED})"),
        *_back(directory, f"{outgoing.FLOW}.{REFUSED}", directory.town.outside or "0", "failed"),
    )


def _back(directory: Directory, place: str, number: str, answer: str) -> Iterator[Line]:
    """Who was put through to the outside, to `number`, and does not talk there: back to who did it, else inside."""
    if directory.town.back:
        yield Line(f"Gosub({parking.BACK},ring,1({place},{number},{answer}))")
        answer = "${GOSUB_RETVAL}"
    yield Line(f"CELGenUserEvent(ANSWER,{place}={answer})")
    yield Line("Goto(elsewhere,0,1)")


def outside_line(directory: Directory) -> Context:
    """What is dialled outside must be digits and nothing else: Dial() would take `&` and `,` for its own."""
    digit = directory.town.outside
    first = fit(digit, DIGITS) if digit else "X"
    patterns = {f"_{first}X.": len(digit), "_+X.": 0, **({f"_{digit}+X.": len(digit)} if digit else {})}
    extensions = []
    for pattern, skip in patterns.items():
        plus = "+" if "+" in pattern else ""
        line = digits_or(f"from-phones,{REFUSED}", skip + len(plus), f"public,{plus}")
        extensions.append(Extension(pattern, (line,)))
    return Context(name="outside-line", extensions=tuple(extensions))


def public(directory: Directory) -> Context:
    """A public number in any form: ours is inside, every other has the class of its longest beginning."""
    refused = Line(f"Goto(from-phones,{REFUSED},1)")
    extensions = []
    for beginning, extension in dict(outgoing.own(directory)).items():
        written = fit(beginning, DIGITS)
        if extension:
            extensions.append(Extension(written, (Line(f"Goto(numbers,{fit(extension, DIGITS)},1)"),)))
        else:
            extensions.append(Extension(written, (Line("Goto(numbers,0,1)"),)))
            extensions.append(Extension(f"_{written}X!", (Line(f"Goto(numbers,${{EXTEN:{len(written)}}},1)"),)))
    for abroad in ("+49", "0049"):
        extensions.append(Extension(f"_{abroad}[1-9]!", (Line(f"Goto(public,0${{EXTEN:{len(abroad)}}},1)"),)))
    extensions.append(Extension("_+[1-9]!", (Line("Goto(public,00${EXTEN:1},1)"),)))
    for beginning, group in sorted(outgoing.rules_of(directory.town).items()):
        context = "outside" if group == outgoing.SERVICE else f"call-{group}"
        onward = refused if group == outgoing.NONE else Line(f"Goto({context},${{EXTEN}},1)")
        extensions.append(Extension(f"_{fit(beginning, DIGITS)}!", (onward,)))
    extensions.append(Extension("_[0-9+]!", (refused,)))
    return Context(name="public", extensions=tuple(extensions))


def _call(group: str) -> Context:
    """A number of `group`, if this phone may call one now."""
    lines = (
        Line(f"Gosub(may,{group},1)"),
        Line('GotoIf($["${GOSUB_RETVAL}" = "yes"]?outside,${EXTEN},1)'),
        Line("Set(SAID=${GOSUB_RETVAL})"),
        Line(f"Goto(from-phones,{REFUSED},1)"),
    )
    return Context(name=f"call-{group}", extensions=(Extension("_X!", lines),))


def _may(group: str) -> Iterator[Line]:
    """May this phone call a number of `group` now? GOSUB_RETVAL is `yes`, else what `refused` says; a budget is
    spent by asking.
    """
    yield Line("Gosub(caller,who,1)")
    yield stopped()
    for said, classes in sorted(outgoing.STOPPED.items()):
        if group in classes:
            yield Line(f'GotoIf($["${{GOSUB_RETVAL}}" = "{said}"]?closed)')
    yield Line(f"GotoIf(${{DIALPLAN_EXISTS(permission-${{PERMISSION}},{group},1)}}?may)")
    yield Line("Return(forbidden)")
    yield Line("NoOp()", label="may")
    if group in outgoing.BUDGETED:
        yield Line(f"Gosub(permission-${{PERMISSION}},{group},1)")
        yield Line("Gosub(budget,spend,1)")
        yield Line('GotoIf($["${GOSUB_RETVAL}" = "spent"]?spent)')
    yield Line("Return(yes)")
    yield Line("Return(closed)", label="closed")
    if group in outgoing.BUDGETED:
        yield Line("Return(spent)", label="spent")


def _permission(permission: Permission) -> Context:
    """An extension for each class that is allowed; those with a budget say how large it is."""
    limits = (
        Line(f"Set(AT_ONCE={int(permission.at_once)})"),
        Line(f"Set(PER_HOUR={int(permission.per_hour)})"),
        Line(f"Set(NIGHTLY={int(permission.nightly)})"),
    )
    extensions = tuple(
        Extension(fit(group, IDENTIFIER), (*(limits if group in outgoing.BUDGETED else ()), Line("Return()")))
        for group in permission.classes
    )
    return Context(name=f"permission-{fit(permission.id, IDENTIFIER)}", extensions=extensions)


def _budget(directory: Directory) -> Context:
    """Spend one call abroad of PHONE within AT_ONCE, PER_HOUR and NIGHTLY: GOSUB_RETVAL is `spent` where none is left.

    How many there are at once is counted by Asterisk as the calls that are: who calls (`abroad`), and who was called
    (`called`), whom the phone may have put through to somebody else since. How many there were is one key for each
    phone and kind, `outside/<phone>/hour` and `…/night`, that holds the window and its calls, and is written over when
    the next window begins. The lock keeps calls of one instant from counting as one.
    """
    zone = fit(directory.town.timezone, ZONE)
    shifted = f"$[{NOW} - {NIGHT_ENDS * 3600}]"  # so that a night has one date, and is from 14:00 on
    lines = (
        Line("Set(GROUP(abroad)=${PHONE})"),
        Line("Set(OUTBOUND_GROUP=${PHONE}@called)"),
        Line("GotoIf($[${AT_ONCE} > 0 & ${GROUP_COUNT(${PHONE}@abroad)} > ${AT_ONCE}]?spent)"),
        Line("GotoIf($[${AT_ONCE} > 0 & ${GROUP_COUNT(${PHONE}@called)} >= ${AT_ONCE}]?spent)"),
        Line("GotoIf($[${PER_HOUR} = 0 & ${NIGHTLY} = 0]?done)"),
        Line('GotoIf($["${LOCK(budget)}" != "1"]?spent)'),
        Line(f"Set(HOUR=${{STRFTIME({NOW},UTC,%Y%m%d%H)}})"),
        Line(f"Set(NIGHT=${{STRFTIME({shifted},{zone},%Y%m%d)}})"),
        Line(f"Set(DARK=$[${{STRFTIME({shifted},{zone},%H)}} >= {NIGHT_BEGINS - NIGHT_ENDS}])"),
        *_used("hour", "HOUR"),
        Line("GotoIf($[${PER_HOUR} > 0 & ${USED_HOUR} >= ${PER_HOUR}]?full)"),
        *_used("night", "NIGHT"),
        Line("GotoIf($[${DARK} & ${NIGHTLY} > 0 & ${USED_NIGHT} >= ${NIGHTLY}]?full)"),
        Line("Set(DB(outside/${PHONE}/hour)=${HOUR}:$[${USED_HOUR} + 1])"),
        Line("ExecIf($[${DARK}]?Set(DB(outside/${PHONE}/night)=${NIGHT}:$[${USED_NIGHT} + 1]))"),
        Line("Set(FREED=${UNLOCK(budget)})"),
        Line("Return()", label="done"),
        Line("Set(FREED=${UNLOCK(budget)})", label="full"),
        Line("Set(GROUP(abroad)=)", label="spent"),  # the call may go on elsewhere, and is none abroad
        Line("Set(OUTBOUND_GROUP=)"),
        Line("Return(spent)"),
    )
    return Context(name="budget", extensions=(Extension("spend", lines),))


def _used(key: str, window: str) -> tuple[Line, ...]:
    """How many calls of this window are counted already."""
    return (
        Line(f"Set(KEPT=${{DB(outside/${{PHONE}}/{key})}})"),
        Line(f'Set(USED_{window}=${{IF($["${{CUT(KEPT,:,1)}}" = "${{{window}}}"]?${{CUT(KEPT,:,2)}}:0)}})'),
    )


def _caller(directory: Directory) -> Context:
    """Who calls: the phone that has put somebody through, and else the phone that dials.

    So nobody is made to call abroad on his own permission by whom he called. In an emergency (`own`) it is the other
    way round: help is sent to who is on the line. A call of nobody known gets no further than an emergency call, by
    every trunk, with the head number.
    """
    head = e164(directory.town, "0")
    by, phone = by_phone.named("BY", "BLINDTRANSFER"), by_phone.at(by_phone.PHONES, "PHONE")
    put_through = Line(f"GotoIf({by_phone.known(by_phone.PHONES, 'BY')}?by)")
    as_by = (Line("Set(PHONE=${BY})", label="by"), Line(f"Goto({phone})"))
    own = (
        Line('ExecIf($["${CHANNEL(channeltype)}" = "PJSIP"]?Set(PHONE=${CHANNEL(endpoint)}))'),
        Line(f"GotoIf({by_phone.known(by_phone.PHONES, 'PHONE')}?{phone})"),
        *by,
        put_through,
        Line(f"Set(EMERGENCY={head})"),
        Line("Set(TRUNKS=trunks)"),
        Line("Set(PERMISSION=)"),
        Line(f"Set(SHOWN={head})"),
        Line("Return()"),
        *as_by,
    )
    who: tuple[Line, ...] = (*by, put_through, Line("Goto(own,1)"), *as_by)
    if directory.hot_desks:  # then who has logged in there, but for emergencies: those stay the place's
        guest = Line(f"Goto({hot_desks.AS_GUEST})")
        who = (*by, put_through, Line("Gosub(caller,own,1)"), guest, as_by[0], Line(f"Gosub({phone})"), guest)
    return Context(name="caller", extensions=(Extension("who", who), Extension("own", own)))


def phones(directory: Directory) -> Iterator[Context]:
    """What a call of each phone needs."""
    callers = Callers(directory)
    everywhere = callers.everywhere

    def needs(caller: Caller) -> tuple[Line, ...]:
        return (
            Line(f"Set(EMERGENCY={fit(caller.emergency, E164)})"),
            Line(f"Set(TRUNKS={_order(caller.trunks, everywhere)})"),
            Line(f"Set(PERMISSION={fit(caller.permission, IDENTIFIER)})"),
            Line(f"Set(SHOWN={fit(caller.shown, E164)})"),
            Line("Return()"),
        )

    return by_phone.contexts(by_phone.PHONES, ((caller.phone.id, needs(caller)) for caller in callers))


def _outside(directory: Directory) -> Context:
    """A call that is allowed: written down, with an own number (TKG § 120), by the first trunk that takes it."""
    said = "failed"
    for status, answer in (("NOANSWER", "nobody"), ("BUSY", "busy"), ("ANSWER", "talked")):
        said = f'${{IF($["${{DIALSTATUS}}" = "{status}"]?{answer}:{said})}}'
    lines = (
        completion.TALKED,
        Line("Gosub(caller,who,1)"),
        Line("Set(CAME_AS=${CALLERID(num)})"),
        Line("Set(CALLERID(num)=${SHOWN})"),
        Line(f"CELGenUserEvent(PLACE,{OUTSIDE})"),
        Line("Gosub(${TRUNKS},${EXTEN},1)"),
        Line(f'GotoIf($["{parking.DID}" != "" & "${{DIALSTATUS}}" != "ANSWER"]?put)'),
        Line(f"CELGenUserEvent(ANSWER,{OUTSIDE}={said})"),
        Line('GotoIf($["${DIALSTATUS}" = "NOANSWER" | "${DIALSTATUS}" = "BUSY"]?over)'),
        Line("Congestion(10)"),
        Line("Hangup(${HANGUPCAUSE})", label="over"),
        Line('ExecIf($["${BLINDTRANSFER}" != ""]?Set(CALLERID(num)=${CAME_AS}))', label="put"),
        Line("Set(GROUP(abroad)=)"),
        Line("Set(OUTBOUND_GROUP=)"),
        *_back(directory, OUTSIDE, "${EXTEN}", said),
    )
    return Context(name="outside", extensions=(Extension("_X!", lines),))


def _emergency() -> Context:
    """An emergency call: no permission, budget or switch is asked, and its caller is never hidden (TKG § 164).

    When no trunk gets through, the caller is told to take a mobile phone, twice; who has none stays on the line, and
    each trunk is tried once more, for as long as it takes.
    """
    place = f"{outgoing.FLOW}.emergency"
    lines = (
        Line("Gosub(caller,own,1)"),
        Line("Set(CALLERID(num)=${EMERGENCY})"),
        Line("Set(CALLERID(num-pres)=allowed)"),
        Line(f"CELGenUserEvent(PLACE,{place})"),
        Line("Gosub(${TRUNKS},${EXTEN},1)"),
        Line("Answer(,i)"),
        Line("Playback(use-a-mobile&silence/1&use-a-mobile)"),
        Line("Gosub(${TRUNKS},again,1(${EXTEN}))"),
        Line(f"CELGenUserEvent(ANSWER,{place}=failed)"),
        Line("Hangup(34)"),
    )
    return Context(name="emergency", extensions=tuple(Extension(number, lines) for number in outgoing.EMERGENCY))


def trunks(directory: Directory) -> Iterator[Context]:
    """Each order in which public trunks are tried: `trunks`, and `trunks-<id>` for sites that have one of their own."""
    callers = Callers(directory)
    yield _trunks("trunks", callers.everywhere)
    for order in sorted({callers.order(site) for site in directory.sites.values()} - {callers.everywhere}):
        yield _trunks(_order(order, callers.everywhere), order)


def _order(order: tuple[str, ...], everywhere: tuple[str, ...]) -> str:
    return "trunks" if order == everywhere else f"trunks-{fit(order[0], IDENTIFIER)}"


def _trunks(name: str, order: tuple[str, ...]) -> Context:
    """The next trunk only where nothing has rung yet; for an emergency, wherever nobody has answered.

    `again` is the second try of an emergency call to ARG1, in which a silent trunk is waited for: there is no other.
    """
    taken = '"${DIALSTATUS}" != "CHANUNAVAIL" & "${DIALSTATUS}" != "CONGESTION"'
    answered = '"${DIALSTATUS}" = "ANSWER"'

    def each(number: str, seconds: int, enough: str, option: str) -> tuple[Line, ...]:
        lines = []
        for trunk in order:
            called = f"PJSIP/{number}@trunk-{fit(trunk, IDENTIFIER)}"
            lines.append(Line(f"Dial({called},{seconds},{STAYS}{option})"))
            lines.append(Line(f"GotoIf($[{enough}]?over)"))
        return (*lines, Line("Return()", label="over"))

    emergency = each("${EXTEN}", RING_EMERGENCY, answered, silent.OPTION)
    extensions = [Extension(number, emergency) for number in outgoing.EMERGENCY]
    extensions.append(Extension("again", each("${ARG1}", RING_EMERGENCY, answered, "r")))
    extensions.append(Extension("_X!", each("${EXTEN}", RING_OUTSIDE, taken, silent.OPTION)))
    return Context(name=name, extensions=tuple(extensions))


def digits_or(otherwise: str, skip: int, onward: str) -> Line:
    """Go on to `onward`, followed by what was dialled behind the first `skip` characters, if that is digits alone.

    Compared by length, and led on with the digits of it, so that nothing that was dialled can break the line.
    """
    dialled = f"${{EXTEN:{skip}}}" if skip else "${EXTEN}"
    digits = f"${{FILTER(0-9,{dialled})}}"
    return Line(f"GotoIf($[${{LEN({digits})}} = ${{LEN({dialled})}}]?{onward}{digits},1:{otherwise},1)")
