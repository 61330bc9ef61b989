"""The audit of a network with a million transfers: under 300 MB, and under two minutes of a processor."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from lab.network.network import DEMO_BANKS, Network, NetworkSettings
from lab.network.parts.ports import free_port
from tests.e2e.conftest import command_line
from tests.support.large import BankDatabase, fill

TRANSFERS = int(os.environ.get("LARGE_AUDIT_TRANSFERS", "1000000"))
"""Fewer for a quick look."""
BEGIN_MS = 1_750_000_000_000
BYTES_MAX = 300_000_000
PROCESSOR_SECONDS_MAX = max(10.0, 120.0 * TRANSFERS / 1_000_000)
"""Of the audit's process: what others do on the machine is in the time of the clock alone."""


@pytest.fixture
def large_network() -> Iterator[Network]:
    """A hub and two banks that have moved many transfers."""
    folder = Path(mkdtemp(prefix="codepix-large-"))
    settings = NetworkSettings(folder=folder, banks=DEMO_BANKS[:2], demo_mode=True, lab_port=free_port(), durable=False)
    try:
        with Network(settings) as network:
            first, second = (
                BankDatabase(f"00000{bank.code}", network.postgres.url(f"bank_{bank.code}")) for bank in network.banks
            )
            fill(network.postgres.url("hub"), (first, second), TRANSFERS, BEGIN_MS)
            yield network
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.prove
@pytest.mark.timeout(7_200)
def test_a_million_transfers_are_audited_in_little_memory(large_network: Network) -> None:
    before, began = _processor_seconds(), time.monotonic()
    process = subprocess.Popen(
        command_line("audit", "--hub", large_network.hub_url, "--json"),
        stdout=subprocess.PIPE,
        env={**os.environ, "NO_COLOR": "1"},
    )
    most_bytes = 0
    audit = psutil.Process(process.pid)
    output = b""
    while True:
        try:
            output, _ = process.communicate(timeout=0.2)
            break
        except subprocess.TimeoutExpired:
            most_bytes = max(most_bytes, audit.memory_info().rss)
    used = _processor_seconds() - before
    sys.stdout.write(
        f"{TRANSFERS} transfers: {used:.0f} s of a processor, {time.monotonic() - began:.0f} s of the clock, "
        f"{most_bytes // 1_000_000} MB\n"
    )
    document: dict[str, Any] = json.loads(output)
    assert process.returncode == 0, document
    assert document["transfers"]["completed"] + document["transfers"]["failed"] >= TRANSFERS
    assert 0 < most_bytes < BYTES_MAX
    assert used < PROCESSOR_SECONDS_MAX


def _processor_seconds() -> float:
    """Of the child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
