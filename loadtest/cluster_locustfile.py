"""Locust's file for `codepix cluster`: customers who pay over REST, in Locust's distributed mode.

The variable CODEPIX_LOAD_TARGETS names a JSON file: `{"operator_password": …, "banks": {code: [address of each
replica]}}`. Each worker reads the banks' customers once; a payment's idempotency key is new each time, so that
the number of accepted payments is the number of transfers.
"""

from __future__ import annotations

import json
import os
import random
import threading
import uuid
from functools import cache
from pathlib import Path
from typing import Final

from locust import FastHttpUser, constant_pacing, task

from lab.drive.customers import Customer, Population
from lab.read.rest import BankRest, new_client

TARGETS_VARIABLE: Final = "CODEPIX_LOAD_TARGETS"
PAYMENT: Final = "pay"
PACE_SECONDS: Final = 1.0
"""A customer pays once in this time, or as often as the bank answers."""
AMOUNT_CENTAVOS_MAX: Final = 1_00


class Targets:
    """The banks of the cluster and their customers, read once by each worker."""

    def __init__(self, file: Path) -> None:
        document = json.loads(file.read_text())
        self.urls: dict[str, list[str]] = document["banks"]
        self.headers = {"Authorization": f"Bearer {document['operator_password']}"}
        client = new_client(document["operator_password"])
        try:
            banks = {code: BankRest(f"Bank {code}", urls[0], client) for code, urls in self.urls.items()}
            self.population = Population.of(banks)
        finally:
            client.close()

    def pair(self) -> tuple[Customer, Customer]:
        """Who pays whom; who has plenty pays."""
        payer, payee = random.choice(self.population.codes), random.choice(self.population.codes)
        return self.population.rich(payer), random.choice(self.population.friends(payee))


_reading = threading.Lock()


@cache
def _targets() -> Targets:
    return Targets(Path(os.environ[TARGETS_VARIABLE]))


def read_targets() -> Targets:
    """The same for all users of a worker: the first one reads, and the others wait for it."""
    with _reading:
        return _targets()


class PayingCustomer(FastHttpUser):
    host = "http://cluster"
    """Never asked: each request names a bank."""
    wait_time = constant_pacing(PACE_SECONDS)

    def on_start(self) -> None:
        # Not when the worker starts: the load may begin before a worker has read.
        self.targets = read_targets()

    @task
    def pay(self) -> None:
        targets = self.targets
        payer, payee = targets.pair()
        key = payee.keys[0]
        url = random.choice(targets.urls[payer.bank_code])
        self.client.post(
            f"{url}/api/v1/accounts/{payer.account_number}/transfers",
            json={
                "payee_key": {"kind": key.kind, "key": key.key},
                "amount_centavos": random.randint(1, AMOUNT_CENTAVOS_MAX),
                "description": "load",
            },
            headers={**targets.headers, "Idempotency-Key": str(uuid.uuid4())},
            name=PAYMENT,
        )
