"""What Patroni is told: how it fails over, how PostgreSQL replicates, and who may connect.

The rules of failover are Patroni's and PostgreSQL's; decision 55 says why these values.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lab.network.parts.errors import PartMissing
from lab.network.parts.postgres import SUPERUSER

PACKAGE: Final = "patroni"
EXTRA: Final = "codepix[cluster]"
SCOPE: Final = "codepix"
REPLICATION_USER: Final = "replicator"
REST_USER: Final = "patroni"

LEASE_SECONDS: Final = 20
"""How long a primary that says nothing stays one, Patroni's least: a failover takes so long, and a little more."""
LOOP_SECONDS: Final = 2
RETRY_SECONDS: Final = 5
"""A primary that does not reach etcd for so long steps down. One loop and two of these fit in the lease."""
LAG_BYTES_MAX: Final = 1024 * 1024
"""Without a synchronous standby: one that lacked more WAL when the primary wrote its position last takes not over."""
REPLICATION_TIMEOUT: Final = "10s"

POSTGRES_SETTINGS: Final = {
    "max_connections": 200,
    "max_worker_processes": 4,
    "max_wal_senders": 8,
    "max_replication_slots": 8,
    "wal_level": "replica",
    "hot_standby": "on",
    "wal_log_hints": "on",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "wal_sender_timeout": REPLICATION_TIMEOUT,
    "wal_receiver_timeout": REPLICATION_TIMEOUT,
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "wal_keep_size": "128MB",
    "max_parallel_workers_per_gather": 0,
    "jit": "off",
    "io_method": "sync",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # A warning at COMMIT that it waited in vain for the standby is read by our client; see pix.postgres.connections.
    "lc_messages": "C",
}


@dataclass(frozen=True, slots=True)
class DatabasePorts:
    """The same on every host."""

    etcd_client: int = 2379
    etcd_peer: int = 2380
    patroni: int = 8008
    postgres: int = 5432


@dataclass(frozen=True, slots=True)
class Passwords:
    """Of the cluster's own users."""

    superuser: str
    replication: str
    rest: str


def patroni_command(configuration: Path) -> list[str]:
    """The command of one member. Raises `PartMissing` without Patroni."""
    if importlib.util.find_spec(PACKAGE) is None:
        raise PartMissing(f"Patroni is missing: install the package {PACKAGE}[etcd3], which {EXTRA} names.")
    # -P keeps the working folder out of the import path.
    return [sys.executable, "-P", "-m", PACKAGE, str(configuration)]


def configuration_text(
    name: str,
    address: str,
    etcd_addresses: Sequence[str],
    ports: DatabasePorts,
    passwords: Passwords,
    folder: Path,
    binaries: Path,
    *,
    synchronous: bool,
) -> str:
    """A member's configuration: JSON, which is YAML, the language of Patroni's file."""
    configuration: dict[str, Any] = {
        "scope": SCOPE,
        "name": name,
        "restapi": {
            "listen": f"{address}:{ports.patroni}",
            "connect_address": f"{address}:{ports.patroni}",
            "authentication": {"username": REST_USER, "password": passwords.rest},
        },
        "etcd3": {"hosts": [f"{each}:{ports.etcd_client}" for each in etcd_addresses]},
        "bootstrap": {
            "dcs": _shared_configuration(synchronous=synchronous),
            "initdb": [
                {"encoding": "UTF8"},
                {"locale": "C"},
                {"locale-provider": "builtin"},
                {"builtin-locale": "C.UTF-8"},
                "data-checksums",
            ],
        },
        "postgresql": {
            "listen": f"{address}:{ports.postgres}",
            "connect_address": f"{address}:{ports.postgres}",
            "data_dir": str(folder / "data"),
            "bin_dir": str(binaries),
            "pgpass": str(folder / "pgpass"),
            "authentication": {
                "superuser": {"username": SUPERUSER, "password": passwords.superuser},
                "replication": {"username": REPLICATION_USER, "password": passwords.replication},
            },
            "parameters": {"unix_socket_directories": "", "password_encryption": "scram-sha-256"},
            "pg_hba": [
                "host all all all scram-sha-256",
                f"host replication {REPLICATION_USER} all scram-sha-256",
            ],
            # What a former primary has more than the new one is undone, or its data are copied anew.
            "remove_data_directory_on_rewind_failure": True,
            "remove_data_directory_on_diverged_timelines": True,
        },
    }
    return json.dumps(configuration, indent=2) + "\n"


def _shared_configuration(*, synchronous: bool) -> dict[str, Any]:
    return {
        "ttl": LEASE_SECONDS,
        "loop_wait": LOOP_SECONDS,
        "retry_timeout": RETRY_SECONDS,
        "maximum_lag_on_failover": LAG_BYTES_MAX,
        # A primary that crashed is replaced, and not first started again.
        "primary_start_timeout": 0,
        "synchronous_mode": synchronous,
        "synchronous_mode_strict": synchronous,
        "postgresql": {"use_pg_rewind": True, "use_slots": True, "parameters": POSTGRES_SETTINGS},
    }
