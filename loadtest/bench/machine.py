"""The machine and the settings that the figures belong to."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from lab.network.parts.apache_kafka import kafka_version

DURABILITY: Final = {
    "kafka": "acks=all, idempotent producers, one broker (acknowledged from its page cache, Kafka's default)",
    "postgres": "fsync=on, synchronous_commit=on, full_page_writes=on",
    "hub": "offsets are committed after the transaction and after the broker's acknowledgements",
}
PACKAGES: Final = ("confluent-kafka", "grpcio", "protobuf", "psycopg2-binary", "sqlalchemy")


def describe_machine(postgres_version: str) -> dict[str, Any]:
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "processor": _processor(),
        "load_at_start": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "apache_kafka": kafka_version(),
        "postgresql": postgres_version,
        "packages": {name: version(name) for name in PACKAGES},
        "durability": DURABILITY,
    }


def _processor() -> str:
    file = Path("/proc/cpuinfo")
    if file.exists():
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
