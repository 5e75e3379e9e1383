"""Where one exchange listens and keeps its files: what the configuration needs to know besides the directory."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """Ports and folders (absolute, without a trailing slash) of the instance that a tree is compiled for."""

    bind: str = "127.0.0.1"
    """Address for SIP and RTP. ARI and AMI always listen on 127.0.0.1 only."""
    external: str = ""
    """Address that those outside of `inside` are told instead; empty: everybody is told `bind`."""
    inside: tuple[str, ...] = ()
    """Networks, as 10.0.0.0/8."""
    sip_port: int
    http_port: int
    ami_port: int
    rtp_start: int
    rtp_end: int
    state: str
    """The state folder."""
    modules: str
    """Asterisk's folder of modules."""
    trunks: Mapping[str, str] = field(default_factory=dict)
    """Trunk id -> `host:port`, where it differs from the directory."""
    per_caller: int = 0
    """Calls that one number may have in the exchange at once, by public trunks; 0: as many as it likes."""
    tls_port: int = 0
    """Port of SIP over TLS; 0: not offered."""
    certificate: str = ""
    """The exchange's own certificate with its key (a PEM file), shown to those who call it; empty: none."""
    authorities: str = ""
    """PEM file of the authorities that the other side's certificate must be of."""

    @property
    def audio(self) -> str:
        """Address that audio is taken at; empty where that is every address of the machine."""
        return "" if ipaddress.ip_address(self.bind).is_unspecified else self.bind
