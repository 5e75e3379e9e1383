"""A real slapd on a loopback port with a small staff list, from Debian's package, without root."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from orchestrator.asterisk.package import Program, find
from tests import ports

BASE = "dc=stadt,dc=example"
ADMIN, PASSWORD = f"cn=admin,{BASE}", 'se cret"$(id)'
SCHEMA = """\
attributetype ( 1.2.840.113556.1.4.8 NAME 'userAccountControl' EQUALITY integerMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.2.141 NAME 'department' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
objectclass ( 1.2.840.113556.1.5.9 NAME 'townUser' SUP top AUXILIARY MAY ( userAccountControl $ department ) )
"""
CONFIGURATION = """\
include {root}/etc/ldap/schema/core.schema
include {root}/etc/ldap/schema/cosine.schema
include {root}/etc/ldap/schema/inetorgperson.schema
include {at}/town.schema
modulepath {root}/usr/lib/ldap
moduleload back_mdb
pidfile {at}/slapd.pid
TLSCACertificateFile {at}/ca.pem
TLSCertificateFile {at}/server.pem
TLSCertificateKeyFile {at}/server.key
database mdb
suffix "{base}"
rootdn "{admin}"
rootpw "{password}"
directory {at}/data
"""


@dataclass(frozen=True, kw_only=True)
class Slapd:
    """A server that runs."""

    at: Path
    program: Program
    plain: str
    tls: str

    @property
    def ca(self) -> Path:
        return self.at / "ca.pem"

    def tool(self, name: str, *arguments: str, ldif: str = "") -> None:
        """One of OpenLDAP's own tools against this server."""
        argv = [*self.program.argv[:-1], str(self.program.root / "usr/bin" / name)]
        argv += ["-x", "-H", self.plain, "-D", ADMIN, "-w", PASSWORD, *arguments]
        done = subprocess.run(argv, input=ldif, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr


@contextmanager
def slapd(at: Path) -> Iterator[Slapd]:
    """A slapd that runs inside the block, with an empty `ou=people`."""
    program, client = find("slapd"), find("ldapsearch")
    authority = trustme.CA()
    server = authority.issue_cert("localhost", "127.0.0.1")
    authority.cert_pem.write_to_path(str(at / "ca.pem"))
    server.private_key_pem.write_to_path(str(at / "server.key"))
    for part in server.cert_chain_pems:
        part.write_to_path(str(at / "server.pem"), append=True)
    (at / "data").mkdir()
    (at / "town.schema").write_text(SCHEMA)
    names = {"root": program.root, "at": at, "base": BASE, "admin": ADMIN, "password": PASSWORD.replace('"', '\\"')}
    (at / "slapd.conf").write_text(CONFIGURATION.format(**names))
    plain, tls = (f"{scheme}://127.0.0.1:{ports.one()}" for scheme in ("ldap", "ldaps"))
    with (at / "log").open("w") as log:
        argv = [*program.argv, "-d", "0", "-f", str(at / "slapd.conf"), "-h", f"{plain} {tls}"]
        process = subprocess.Popen(argv, stdout=log, stderr=log)
    try:
        started = Slapd(at=at, program=client, plain=plain, tls=tls)
        _wait(started, process)
        yield started
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait(server: Slapd, process: subprocess.Popen[bytes]) -> None:
    tree = f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: Stadt\ndc: stadt\n\n"
    tree += f"dn: ou=people,{BASE}\nobjectClass: organizationalUnit\nou: people\n"
    for _ in range(100):
        assert process.poll() is None, (server.at / "log").read_text()
        try:
            server.tool("ldapadd", ldif=tree)
        except AssertionError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError((server.at / "log").read_text())
