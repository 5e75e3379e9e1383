"""Which version of Durchwahl this is."""

from __future__ import annotations

from importlib import metadata


def version(package: str = "durchwahl") -> str:
    """The version of `package` that is installed; empty if it is not."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
