"""Hostile records among payments, on the processes of a network; `tests.e2e.hostile_records` runs it with many more."""

from __future__ import annotations

import math

from lab.network.network import Network
from tests.e2e.hostile_records import attack

RECORDS = 2_500
PER_SECOND = 500.0
PAYMENTS = 30


def test_hostile_records_stop_no_payment_and_fill_no_memory(quiet_network: Network) -> None:
    findings = attack(quiet_network, records=RECORDS, payments=PAYMENTS, per_second=PER_SECOND)
    # Beside other tests the time of a page says how busy the machine is.
    assert findings.faults(list_seconds_max=math.inf) == []
    assert sum(findings.dead_letters.values()) > RECORDS / 2
