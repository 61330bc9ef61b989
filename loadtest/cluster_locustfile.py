"""Locust's file for `codepix cluster`: customers who pay over REST, in Locust's distributed mode.

The variable CODEPIX_LOAD_TARGETS names a JSON file: `operator_password`, and `banks`, by code: `urls` of the replicas,
the `payer` (an account with plenty) and the `payees` (kind and key of each). A payment's idempotency key is new each
time, so that each accepted payment is a transfer.
"""

from __future__ import annotations

import json
import os
import random
import uuid
from functools import cache
from pathlib import Path
from typing import Any, Final

from locust import FastHttpUser, constant_pacing, task

from lab.network.cluster.load import PAYMENT, TARGETS_VARIABLE

PACE_SECONDS: Final = 1.0
"""A customer pays once in this time, or as often as the bank answers."""
AMOUNT_CENTAVOS_MAX: Final = 1_00


@cache
def read_targets() -> dict[str, Any]:
    """What the lab has written for its workers; each reads it once."""
    return dict(json.loads(Path(os.environ[TARGETS_VARIABLE]).read_text(encoding="utf-8")))


class PayingCustomer(FastHttpUser):
    host = "http://cluster"
    """Never asked: each request names a bank."""
    wait_time = constant_pacing(PACE_SECONDS)

    @task
    def pay(self) -> None:
        targets = read_targets()
        payer, payee = (random.choice(list(targets["banks"].values())) for _ in range(2))
        self.client.post(
            f"{random.choice(payer['urls'])}/api/v1/accounts/{payer['payer']}/transfers",
            json={
                "payee_key": random.choice(payee["payees"]),
                "amount_centavos": random.randint(1, AMOUNT_CENTAVOS_MAX),
                "description": "load",
            },
            headers={
                "Authorization": f"Bearer {targets['operator_password']}",
                "Idempotency-Key": str(uuid.uuid4()),
            },
            name=PAYMENT,
        )
