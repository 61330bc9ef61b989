"""etcd, in which Patroni's members agree on the primary: one member on each host."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from lab.network.parts.errors import PartMissing

PROGRAM: Final = "etcd"
DEBIAN_PACKAGE: Final = "etcd-server"
HEARTBEAT_MS: Final = 250
ELECTION_MS: Final = 2_500
"""Of a slow machine: a member that gets no processor for a second is not taken for dead."""
COMPACT_AFTER: Final = "5m"


def etcd_program() -> str:
    """The path of etcd. Raises `PartMissing`."""
    program = shutil.which(PROGRAM)
    if program is None:
        raise PartMissing(f"etcd is missing: install Debian's package {DEBIAN_PACKAGE}.")
    return program


def etcd_command(
    name: str, address: str, addresses: Sequence[tuple[str, str]], client_port: int, peer_port: int, data: Path
) -> list[str]:
    """The command of one member; `addresses` has the name and the address of each, this one included."""
    clients, peers = f"http://{address}:{client_port}", f"http://{address}:{peer_port}"
    everyone = ",".join(f"{each}=http://{where}:{peer_port}" for each, where in addresses)
    return [
        etcd_program(),
        f"--name={name}",
        f"--data-dir={data}",
        f"--listen-client-urls={clients}",
        f"--advertise-client-urls={clients}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster={everyone}",
        "--initial-cluster-state=new",
        "--initial-cluster-token=codepix",
        f"--heartbeat-interval={HEARTBEAT_MS}",
        f"--election-timeout={ELECTION_MS}",
        f"--auto-compaction-retention={COMPACT_AFTER}",
        "--logger=zap",
    ]
