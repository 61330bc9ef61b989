"""Hosts of a cluster without network namespaces: loopback addresses of this machine, as this user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.network.cluster.hosts import Process
from lab.network.cluster.patroni import DatabasePorts
from lab.network.parts.ports import free_port


class LocalHost:
    """A loopback address that is a name for this machine."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.address = address

    def start(
        self, name: str, command: Sequence[str], *, env: Mapping[str, str], log: Path, user: str | None = None
    ) -> Process:
        process = Process(f"{name} on {self.name}", user=user)
        process.start(command, env, log)
        return process


def local_hosts(count: int) -> list[LocalHost]:
    return [LocalHost(f"h{number}", f"127.0.0.{number + 1}") for number in range(1, count + 1)]


def free_ports() -> DatabasePorts:
    """Of all local hosts, which another run on this machine has not."""
    return DatabasePorts(*(free_port() for _ in range(4)))
