"""Public hosts that a participant may be sent to by others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pix.runtime.addresses import check_host

ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """Those that may be reached beside loopback and private addresses.

    A name, `*.name` for all below it, or `*` for all.
    """

    names: frozenset[str] = frozenset()

    def __contains__(self, host: str) -> bool:
        if ANY in self.names or host in self.names:
            return True
        labels = host.split(".")
        return any(f"*.{'.'.join(labels[place:])}" in self.names for place in range(1, len(labels)))


def parse_allowed_hosts(text: str) -> AllowedHosts:
    """Of a list with commas. Raises ValueError."""
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    for name in names:
        if name != ANY:
            check_host(name.removeprefix("*."))
    return AllowedHosts(frozenset(names))
