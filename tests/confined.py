"""A command under what a systemd unit takes away from it, where systemd itself does not run: `python
tests/confined.py UNIT COMMAND…`.

Really in force: NoNewPrivileges, MemoryDenyWriteExecute, SystemCallFilter, RestrictAddressFamilies, LimitNOFILE, UMask;
by the same means of the kernel as systemd's. Not here: mounts, users and control groups, which need root or PID 1.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import errno
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

SET_NO_NEW_PRIVS, SET_MDWE, REFUSE_EXEC_GAIN = 38, 65, 1
"""prctl(2)."""
ALLOW, ERRNO, EQUAL = 0x7FFF0000, 0x00050000, 4
"""Actions and a comparison of seccomp.h (libseccomp)."""
POSSIBLE = bool(shutil.which("systemd-analyze") and ctypes.util.find_library("seccomp"))
"""Whether this machine has systemd's lists and the library that makes filters of them."""


class Compared(ctypes.Structure):
    """`struct scmp_arg_cmp`."""

    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


def directives(unit: Path) -> dict[str, list[str]]:
    """What the unit says, by name."""
    found = defaultdict(list)
    for name, value in re.findall(r"^(\w+)=(.*)$", unit.read_text(), re.MULTILINE):
        found[name].append(value)
    return found


def calls(group: str) -> set[str]:
    """The system calls of a group of systemd's."""
    told = subprocess.run(["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, check=True)
    found: set[str] = set()
    for word in re.findall(r"^ {4}([@\w-]+)$", told.stdout, re.MULTILINE):
        found |= calls(word) if word.startswith("@") else {word}
    return found


def filtered(allowed: set[str], families: list[str]) -> None:
    """Refuse this process, and all that come of it, every other system call, and sockets of other families."""
    library = ctypes.CDLL(ctypes.util.find_library("seccomp"), use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    made = ctypes.c_void_p(library.seccomp_init(ERRNO | errno.EPERM))
    for name in sorted(allowed - {"socket"}):
        if (number := library.seccomp_syscall_resolve_name(name.encode())) >= 0:
            assert library.seccomp_rule_add_array(made, ALLOW, number, 0, None) == 0, name
    number = library.seccomp_syscall_resolve_name(b"socket")
    for family in families:
        only = Compared(0, EQUAL, getattr(socket, family), 0)
        assert library.seccomp_rule_add_array(made, ALLOW, number, 1, ctypes.byref(only)) == 0, family
    assert library.seccomp_load(made) == 0


def main(unit: Path, command: list[str]) -> None:
    """Become `command`."""
    told = directives(unit)
    files = int(told["LimitNOFILE"][0])
    allowed = set().union(*(calls(group) for group in told["SystemCallFilter"]))
    os.umask(int(told["UMask"][0], 8))
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(files, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    kernel = ctypes.CDLL(None, use_errno=True)
    assert kernel.prctl(SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    assert kernel.prctl(SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0) == 0 or ctypes.get_errno() == errno.EINVAL  # before 6.3
    filtered(allowed, told["RestrictAddressFamilies"][0].split())
    os.execvp(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
