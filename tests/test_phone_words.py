"""What is said between us and a telephone's program: no frame is lost, and nothing slips into an account."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orchestrator.phone.telephone import Line
from orchestrator.phone.wire import Frames, WireBroken, frame


@pytest.mark.parametrize("make", [
    lambda: Line(number="1>;auth_pass=x", exchange="h:1"),
    lambda: Line(number="1", exchange="h:1>"),
    lambda: Line(number="1", exchange="h:1", name='"Eve" <sip:110@h>'),
    lambda: Line(number="1", exchange="h:1", password="a;regint=5"),
])  # fmt: skip
def test_what_would_change_the_account_is_refused(make: Callable[[], Line]) -> None:
    with pytest.raises(ValueError, match=r"cannot|not host"):
        make()


def test_frames_in_any_pieces() -> None:
    sent = [{"event": "true", "name": "Müller, Ü:1"}, {"command": "dial"}]
    stream = b"".join(map(frame, sent))
    for cut in range(1, 9):
        frames = Frames()
        received = [message for at in range(0, len(stream), cut) for message in frames.feed(stream[at : at + cut])]
        assert received == sent


@pytest.mark.parametrize("junk", [b"HTTP/1.1 200 OK:", b"99999999999", b":{},", b"2:{}!", b"4:nope,", b"2:[],"])
def test_what_is_no_frame_is_refused(junk: bytes) -> None:
    with pytest.raises(WireBroken):
        Frames().feed(junk)
