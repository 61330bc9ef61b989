"""Customers who pay at full speed or at a steady one: `python -m loadtest.bench.payers`, commanded by its input.

It is the one place where the load test enters a bank otherwise than over its public interfaces: at the use case by
which a bank takes orders in bulk, on the bank's own database and broker, next to the bank's own process. So what is
measured is the network, and not how fast web servers can be asked. Each line of the input is a command in JSON, and
each is answered by a line.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import bank_sim.bootstrap
from bank_sim.domain.flows.transfer.requests import TransferOrder
from bank_sim.settings import BankSettings
from loadtest.bench.servers import connect_to
from loadtest.users.customers import random_tax_id
from pix.scheme.keys import KeyKind, PixKey

CUSTOMERS: Final = 40
"""Of each bank. Each needs a PIN to be hashed, which is made to be slow."""
DEPOSIT_CENTAVOS: Final = 10**10
AMOUNT_CENTAVOS_MAX: Final = 5_000
PIN: Final = "4821"
ORDERS_PER_CALL: Final = 250
OPEN_POLL_SECONDS: Final = 0.01
CALLERS: Final = 16
"""Enough for 200 a second, each of which waits for its commit."""

_OPEN: Final = "SELECT count(*) FROM transfers WHERE resend_at_ms IS NOT NULL AND direction = 'outgoing'"


@dataclass(frozen=True, slots=True)
class Payee:
    bank_code: str
    key: PixKey


class Bank:
    def __init__(self, environment: Mapping[str, str]) -> None:
        values: dict[str, Any] = {name.lower(): value for name, value in environment.items()}
        settings = BankSettings(**values)
        self.code = settings.bank_code
        self.running = bank_sim.bootstrap.Bank(settings)
        self.accounts: list[str] = []
        self._connection = connect_to(settings.database_url)

    def open(self) -> list[Payee]:
        """Opens the accounts of the customers; each has a random key."""
        application = self.running.application
        payees = []
        for number in range(CUSTOMERS):
            tax_id = random_tax_id(random.Random())
            account = application.open_account(
                name=f"Customer Number {number}", tax_id=tax_id, opening_deposit_centavos=DEPOSIT_CENTAVOS, pin=PIN
            )
            registered = application.register_key(account_number=account.number, kind=KeyKind.EVP, key="")
            self.accounts.append(account.number)
            payees.append(Payee(self.code, registered.key))
        return payees

    def under_way(self) -> int:
        with self._connection.cursor() as cursor:
            cursor.execute(_OPEN)
            return int(cursor.fetchone()[0])

    def request(self, orders: Sequence[TransferOrder]) -> list[str]:
        """Takes the orders; returns the end-to-end ids. Raises what a refusal is."""
        ids = []
        for result in self.running.application.request_transfers(orders):
            if isinstance(result, Exception):
                raise result
            ids.append(result.end_to_end_id)
        return ids

    def close(self) -> None:
        """Flushes the background publisher."""
        self.running.close()
        self._connection.close()


class Payers:
    def __init__(self, environments: Sequence[Mapping[str, str]]) -> None:
        self._random = random.Random(1)
        self._banks = [Bank(environment) for environment in environments]
        with ThreadPoolExecutor(len(self._banks)) as pool:
            opened = list(pool.map(Bank.open, self._banks))
        self._payees = [payee for payees in opened for payee in payees]

    def flood(self, seconds: float, in_flight_max: int) -> dict[str, Any]:
        """Keeps as many transfers under way as are allowed, entered in bulk."""
        started_at_ms = time.time_ns() // 1_000_000
        stop_at = time.monotonic() + seconds
        requested = 0
        per_bank = in_flight_max // len(self._banks)
        cpu_before = time.process_time()
        while time.monotonic() < stop_at:
            was_idle = True
            for bank in self._banks:
                if bank.under_way() + ORDERS_PER_CALL <= per_bank:
                    requested += len(bank.request([self._order(bank) for _ in range(ORDERS_PER_CALL)]))
                    was_idle = False
            if was_idle:
                time.sleep(OPEN_POLL_SECONDS)
        return {
            "requested": requested,
            "started_at_ms": started_at_ms,
            "stopped_at_ms": time.time_ns() // 1_000_000,
            "cpu_seconds": time.process_time() - cpu_before,
        }

    def trickle(self, seconds: float, per_second: float) -> dict[str, Any]:
        """One order at a time at a steady rate, whether or not the earlier ones are done."""
        count = max(1, round(seconds * per_second))
        started = time.monotonic()
        late: list[float] = []

        def pay(number: int) -> str:
            bank = self._banks[number % len(self._banks)]
            late.append(time.monotonic() - started - number / per_second)
            return f"{bank.code}:{bank.request([self._order(bank)])[0]}"

        with ThreadPoolExecutor(CALLERS) as pool:
            waiting = []
            for number in range(count):
                time.sleep(max(0.0, started + number / per_second - time.monotonic()))
                waiting.append(pool.submit(pay, number))
            ids = [each.result() for each in waiting]
        return {"requested": ids, "late_ms_max": round(max(late) * 1000, 1)}

    def under_way(self) -> dict[str, Any]:
        return {"under_way": sum(bank.under_way() for bank in self._banks)}

    def close(self) -> None:
        for bank in self._banks:
            bank.close()

    def _order(self, bank: Bank) -> TransferOrder:
        payee = self._random.choice(self._payees)
        while payee.bank_code == bank.code:
            payee = self._random.choice(self._payees)
        return TransferOrder(
            account_number=self._random.choice(bank.accounts),
            payee_key=payee.key,
            amount_centavos=self._random.randint(1, AMOUNT_CENTAVOS_MAX),
            description="benchmark",
            idempotency_key=str(uuid4()),
        )


def main() -> None:
    """Obeys line by line until the input ends."""
    payers = Payers(json.loads(sys.stdin.readline()))
    acts: Mapping[str, Callable[..., dict[str, Any]]] = {
        "flood": payers.flood,
        "trickle": payers.trickle,
        "under_way": payers.under_way,
    }
    say({"ready": True})
    try:
        for line in sys.stdin:
            command = json.loads(line)
            say(acts[command.pop("do")](**command))
    finally:
        payers.close()


def say(answer: Mapping[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
