"""SIP as nobody should write it: what RFC 4475 tortures a parser with, by its sections, and a few strains more.

The messages are our own. Belongs here: making them. Not here: how they get there, and what must be so afterwards.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass

SDP = "v=0\r\no=- 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"

USED = itertools.count()
"""No branch is ever used twice: Asterisk would send the answer to whoever had it first."""


@dataclass(frozen=True)
class Pen:
    """Writes messages from `here` (`host:port`) to `exchange`, over `transport`, each with a branch of its own."""

    here: str
    exchange: str
    transport: str

    def asked(
        self,
        method: str = "INVITE",
        uri: str = "",
        *,
        start: str = "",
        but: Mapping[str, str | None] | None = None,
        more: str = "",
        body: str | None = None,
    ) -> bytes:
        """A request; `but` are headers that are otherwise (None: missing), `more` is written behind them."""
        tag = f"{time.monotonic_ns()}x{next(USED)}"
        uri = uri or f"sip:0@{self.exchange}"
        body = SDP.format(self.here.partition(":")[0]) if body is None and method == "INVITE" else body or ""
        headers: dict[str, str | None] = {
            "Via": f"SIP/2.0/{self.transport.upper()} {self.here};branch=z9hG4bK{tag};rport",
            "From": f"<sip:caller@{self.here}>;tag={tag}",
            "To": f"<sip:0@{self.exchange}>",
            "Call-ID": f"{tag}@{self.here}",
            "CSeq": f"1 {method}",
            "Contact": f"<sip:caller@{self.here}>",
            "Max-Forwards": "70",
            "Content-Type": "application/sdp" if body else None,
            "Content-Length": str(len(body.encode())),
        }
        headers |= but or {}
        lines = [start or f"{method} {uri} SIP/2.0", *(f"{k}: {v}" for k, v in headers.items() if v is not None)]
        return ("\r\n".join(lines) + f"\r\n{more}\r\n{body}").encode(errors="surrogateescape")

    def answered(self, status: str, but: Mapping[str, str | None] | None = None) -> bytes:
        """A reply to what nobody asked."""
        return self.asked("OPTIONS", start=f"SIP/2.0 {status}", but=but)


def messages(pen: Pen) -> dict[str, bytes]:
    """All of them, by name."""
    return {**valid(pen), **invalid(pen), **syntax(pen), **transactions(pen), **applications(pen), **strains(pen)}


def valid(pen: Pen) -> dict[str, bytes]:
    """3.1.1: odd, and right."""
    folded = {
        "To": f"sip:0@{pen.exchange}\r\n ;  tag    = 1918181833n",
        "Call-ID": None,
        "From": f'"J Rosenberg \\\\\\""   <sip:caller@{pen.here}>\r\n  ;\r\n  tag = 98asjd8',
        "Max-Forwards": "0068",
        "CSeq": "0009\r\n INVITE",
        "Contact": None,
    }
    short = f'i: odd.{pen.here}\r\nm:"Quoted \\"\\"" <sip:caller@{pen.here}> ; newparam = x ;secondparam ; q = 0.33\r\n'
    part = "--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n--b\r\nContent-Type: x/y\r\n\r\n\0\1\2\r\n--b--\r\n"
    long = f"Unknown-{'long' * 20}-Name: {'long-value-' * 60}\r\n" + "Via: SIP/2.0/TCP a.b\r\n" * 20
    ways = "".join(f"Via: SIP/2.0/{transport} t1.example\r\n" for transport in ("SCTP", "TLS", "X"))
    return {
        "spread over lines": pen.asked(but=folded, more=f"{short}NewFangled:   newfangled value\r\n continued\r\n"),
        "odd method": pen.asked("!interesting-Method0123456789_*+`.%indeed'~"),
        "escaped user": pen.asked(uri=f"sip:%30%3b@{pen.exchange}", but={"To": f"<sip:%75se%72@{pen.exchange}>"}),
        "escaped nul": pen.asked("REGISTER", but={"To": f"sip:null-%00-null@{pen.exchange}"}),
        "escape in method": pen.asked("RE%47IST%45R"),
        "no space before bracket": pen.asked("OPTIONS", but={"From": f"caller<sip:caller@{pen.here}>;tag=323"}),
        "long values": pen.asked(more=long),
        "two in one": pen.asked("OPTIONS") + pen.asked(),
        "semicolon in user": pen.asked("OPTIONS", f"sip:user;par=u%40example.net@{pen.exchange}"),
        "many transports": pen.asked("OPTIONS", more=ways),
        "parts": pen.asked("MESSAGE", but={"Content-Type": "multipart/mixed;boundary=b"}, body=part),
        "strange reason": pen.answered("200 = 2**3 * 5**2 но сто девяносто девять"),
        "no reason": pen.answered("100 "),
    }


def invalid(pen: Pen) -> dict[str, bytes]:
    """3.1.2, first half: numbers, lengths and marks."""
    large, expires = str(2**32 + 5), f"Expires: 1{'0' * 60}\r\n"
    return {
        "separators": pen.asked(but={"Via": f"SIP/2.0/UDP {pen.here};;,;,,", "To": f"<sip:0@{pen.exchange}>;;;;"}),
        "longer than it is": pen.asked(but={"Content-Length": "9999"}),
        "negative length": pen.asked(but={"Content-Length": "-999"}),
        "large numbers": pen.asked("REGISTER", but={"CSeq": f"{large}0 REGISTER", "Max-Forwards": "300"}, more=expires),
        "large contact expiry": pen.asked("REGISTER", but={"Contact": f"<sip:a@{pen.here}>;expires={large}"}),
        "large numbers in a reply": pen.answered("503 Unavailable", {"CSeq": f"{'9' * 40} OPTIONS"}),
        "quotes that do not end": pen.asked(but={"To": f'"Mr. J. User <sip:j.user@{pen.exchange}>'}),
        "brackets round the address": pen.asked(uri=f"<sip:0@{pen.exchange}>"),
        "blank in the address": pen.asked(uri=f"sip:0@{pen.exchange}; lr"),
        "blanks in the first line": pen.asked(start=f"INVITE  sip:0@{pen.exchange}  SIP/2.0"),
        "blanks at its end": pen.asked("OPTIONS", start=f"OPTIONS sip:0@{pen.exchange} SIP/2.0  "),
        "headers in the address": pen.asked(uri=f"sip:0@{pen.exchange}?Route=%3Csip:example.com%3E"),
        "no such time": pen.asked(more="Date: Fri, 01 Jan 2010 16:00:00 EST\r\n"),
    }


def syntax(pen: Pen) -> dict[str, bytes]:
    """3.1.2, second half: names, versions and methods."""
    return {
        "contact without brackets": pen.asked("REGISTER", but={"Contact": f"sip:a@{pen.here}?Route=%3Csip:x%3E"}),
        "blanks in an address": pen.asked("OPTIONS", but={"To": f'"Watson, T." < sip:t.watson@{pen.exchange} >'}),
        "no token in a name": pen.asked("OPTIONS", but={"From": f"Bell, Alexander <sip:a.g.bell@{pen.here}>;tag=43"}),
        "another version": pen.asked("OPTIONS", start=f"OPTIONS sip:0@{pen.exchange} SIP/7.0"),
        "two methods": pen.asked("OPTIONS", but={"CSeq": "8 INVITE"}),
        "two methods, one unknown": pen.asked("NEWMETHOD", but={"CSeq": "34 INVITE"}),
        "overlarge status": pen.answered("4294967301 better not break the receiver"),
    }


def transactions(pen: Pen) -> dict[str, bytes]:
    """3.2."""
    via = f"SIP/2.0/{pen.transport.upper()} {pen.here};branch="
    return {
        "branch of the cookie alone": pen.asked("OPTIONS", but={"Via": f"{via}z9hG4bK"}),
        "no branch": pen.asked("OPTIONS", but={"Via": via.partition(";")[0]}),
        "cancel of nothing": pen.asked("CANCEL"),
        "ack of nothing": pen.asked("ACK"),
        "bye of nothing": pen.asked("BYE"),
    }


def applications(pen: Pen) -> dict[str, bytes]:
    """3.3 and 3.4."""
    bare = dict.fromkeys(("From", "To", "Call-ID", "CSeq", "Max-Forwards"))
    twice = f"CSeq: 59 INVITE\r\nCall-ID: other\r\nFrom: <sip:x@{pen.here}>;tag=2\r\nMax-Forwards: 5\r\n"
    unknown = "Require: nothingSupportsThis\r\nProxy-Require: noProxiesSupportThis\r\n"
    scheme = {"To": "isbn:2983792873", "From": "<http://x.example>;tag=1"}
    everybody = {"Via": "SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1, SIP/2.0/UDP 255.255.255.255"}
    old = {"Via": f"SIP/2.0/UDP {pen.here}", "Max-Forwards": None, "From": f"<sip:a@{pen.here}>"}
    route = {"Contact": f"<sip:a@{pen.here}?Route=%3Csip:sip.example.com%3E>"}
    auth = 'Authorization: NoOneKnowsThisScheme opaque-data=here, realm="x"\r\n'
    contact = {"Contact": f"<sip:a@{pen.here};unknownparam>;expires=5"}
    return {
        "nearly no header": pen.asked(but=bare),
        "unknown scheme": pen.asked("OPTIONS", "nobodyKnowsThisScheme:totallyopaquecontent"),
        "odd scheme": pen.asked("OPTIONS", "soap.beep://192.0.2.103:3002"),
        "unknown schemes in headers": pen.asked("REGISTER", but=scheme),
        "unknown extensions": pen.asked("OPTIONS", more=unknown),
        "unknown content": pen.asked(but={"Content-Type": "application/unknownformat"}, body="<audio/>"),
        "unknown authorization": pen.asked("REGISTER", more=auth),
        "twice what is there once": pen.asked(more=twice),
        "two lengths": pen.asked("OPTIONS", more="Content-Length: 5\r\n"),
        "reply for everybody": pen.answered("200 OK", everybody),
        "no hop left": pen.asked("OPTIONS", but={"Max-Forwards": "0"}),
        "unknown parameter": pen.asked("REGISTER", but=contact),
        "headers in a contact": pen.asked("REGISTER", but=route),
        "takes no sdp": pen.asked(more="Accept: text/nobodyKnowsThis\r\n"),
        "of RFC 2543": pen.asked(but=old),
    }


def strains(pen: Pen) -> dict[str, bytes]:
    """Not in the RFC."""
    count = {"Content-Type": "application/simple-message-summary"}
    lamp = f"Messages-Waiting: yes\r\nMessage-Account: sip:{'a' * 600}@{pen.exchange}\r\nVoice-Message: 1/0\r\n"
    return {
        "nothing": b"\r\n\r\n",
        "noise": bytes(range(256)) * 4,
        "nul in a header": pen.asked("OPTIONS").replace(b"caller", b"cal\0ler"),
        "no utf-8": pen.asked("OPTIONS").replace(b"caller", b"\xff\xfe\xc0\x80"),
        "bare line feeds": pen.asked("OPTIONS").replace(b"\r\n", b"\n"),
        "a line without a colon": pen.asked("OPTIONS", more="no colon here\r\n"),
        "a thousand headers": pen.asked("OPTIONS", more="".join(f"X-{n}: y\r\n" for n in range(1000))),
        "a very long address": pen.asked(uri=f"sip:{'0' * 8000}@{pen.exchange}"),
        "a lamp of a very long account": pen.asked(  # CVE-2026-57191
            "NOTIFY", but=count, more="Event: message-summary\r\nSubscription-State: active\r\n", body=lamp
        ),
    }
