"""Hostile records among payments, on the processes of a network; `tests.e2e.hostile_records` runs it with many more."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.network.network import KafkaKind
from tests.e2e.hostile_records import run

RECORDS = 2_500
PER_SECOND = 500.0
PAYMENTS = 30


@pytest.mark.slow
def test_hostile_records_stop_no_payment_and_fill_no_memory(tmp_path: Path) -> None:
    findings = run(tmp_path, records=RECORDS, payments=PAYMENTS, per_second=PER_SECOND, kafka=KafkaKind.EMBEDDED)
    assert findings.faults() == []
    assert sum(findings.dead_letters.values()) > RECORDS / 2
