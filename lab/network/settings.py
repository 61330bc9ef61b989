"""The settings of a network: its banks, its broker, and what its services are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from lab.network.parts.postgres import DatabaseServer

SETTLEMENT_FUNDS_CENTAVOS_DEFAULT: Final = 10_000_000_00
"""R$ 10 million: no bank of a demo runs out of it by accident."""
HUB_DATABASE: Final = "hub"


class KafkaKind(StrEnum):
    EMBEDDED = "embedded"
    """librdkafka's own: nothing to install, in memory only."""
    APACHE = "apache"
    """Apache Kafka: needs Java and Maven."""


@dataclass(frozen=True, slots=True)
class BankSpec:
    """A bank to start. `port` None: a free one."""

    code: str
    name: str
    color: str
    port: int | None = None
    settlement_funds_centavos: int = SETTLEMENT_FUNDS_CENTAVOS_DEFAULT
    is_guest: bool = False
    """The hub knows it, and its process is started by someone else."""
    small: Sequence[str] | None = None
    """Arguments of `python -m lab.broken_banks`, where that bank is started in place of ours."""


DEMO_BANKS: Final = (
    BankSpec("001", "Banco Aurora", "#5b2a86"),
    BankSpec("002", "Banco Ipê", "#c98a00"),
    BankSpec("003", "Banco Maré", "#00798c"),
)
MORE_BANKS: Final = {
    "Serra": "#2f7d4f",
    "Cerrado": "#a4343a",
    "Garoa": "#2b6cb0",
    "Jatobá": "#8a5a2b",
    "Pantanal": "#0b7285",
    "Manacá": "#a61e6e",
    "Buriti": "#5c7a00",
    "Orvalho": "#3d5a80",
    "Caatinga": "#b34700",
    "Araucária": "#1b5e20",
    "Sabiá": "#7a3e2b",
    "Farol": "#8c6d00",
    "Jacarandá": "#6b4e9b",
    "Ribeira": "#00695c",
    "Vereda": "#4a6741",
    "Mirante": "#37474f",
    "Lume": "#c0392b",
}
"""The names of the banks 004 to 020, with their colours."""
BANKS_MAX: Final = len(DEMO_BANKS) + len(MORE_BANKS)


def bank_specs(count: int) -> tuple[BankSpec, ...]:
    """The demo's three banks, and further ones. Raises ValueError unless `count` is 1 to `BANKS_MAX`."""
    if not 1 <= count <= BANKS_MAX:
        raise ValueError(f"a network has 1 to {BANKS_MAX} banks")
    more = (
        BankSpec(f"{code:03d}", f"Banco {name}", color)
        for code, (name, color) in enumerate(MORE_BANKS.items(), len(DEMO_BANKS) + 1)
    )
    return (*DEMO_BANKS, *more)[:count]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSettings:
    """The settings of a network. A port that is None is a free one."""

    folder: Path
    """Keeps the data, the secrets and the logs from one start to the next."""
    banks: Sequence[BankSpec] = DEMO_BANKS
    kafka: KafkaKind = KafkaKind.EMBEDDED
    hubs: int = 1
    hub_port: int | None = None
    hub_grpc_port: int | None = None
    kafka_port: int | None = None
    transfer_timeout_seconds: float | None = None
    resend_first_seconds: float = 2.0
    resend_cap_seconds: float = 30.0
    demo_mode: bool = True
    virtual_clock: bool = False
    """Whether the network has a virtual clock, which `codepix clock` moves."""
    tls: bool = False
    """Whether hub and banks speak gRPC over mutual TLS, with certificates that are made in the folder."""
    splits_roles: bool = False
    """Whether who answers (pages, REST, gRPC) and who consumes (Kafka, resending) are processes of their own."""
    course_banks: Sequence[BankSpec] = ()
    """Stand-ins for banks of the original course; with any, the hub is in course mode."""
    course_grpc_port: int | None = None
    starts_course_banks: bool = True
    """Whether the stand-ins are processes; where not, the hub knows the banks, and they come from outside."""
    starts_banks: bool = True
    """Whether the banks are processes; where not, the hub knows them, and they are played from outside."""
    lab_port: int | None = None
    """Where the lab's panel is, for the hub's console to link to; None without one."""
    durable: bool = True
    """Whether the databases survive a loss of power."""
    extra_environment: Mapping[str, str] = field(default_factory=dict)
    """For every service."""
    database_servers: Mapping[str, DatabaseServer] = field(default_factory=dict)
    """By the name of a database, the server that has it; the network's own has the others."""


def database_of(spec: BankSpec) -> str:
    return f"bank_{spec.code}"
