"""Bank, hub and receiver are killed between charge, payment and webhook: each paid Pix is told, and booked once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from lab.network.network import Network
from lab.network.parts.ports import free_port
from lab.network.parts.process import wait_until
from lab.network.services import Service
from lab.read.rest import BankRest, Json, Refused, Unreachable
from lab.read.snapshot import NetworkReader
from pix.runtime.addresses import http_url
from tests.e2e.webhook_receiver import Ledger
from tests.figures import Tell

CHARGES_PER_KILL = 2
KILL_SECONDS_MAX = 0.6
"""After a payment: within that time a Pix is on its way from one end to the other, and its webhook is sent."""
ANSWER_SECONDS = "0.2"
"""Of the receiver, after it has booked: a kill in between makes the bank tell it once more."""
QUIET_SECONDS_MAX = 60.0
TOLD_SECONDS_MAX = 60.0
AUDIT_SECONDS_MAX = 30.0


class Shop:
    """A merchant at bank 002, its receiver, and a payer at bank 001."""

    def __init__(self, network: Network, client: httpx.Client, folder: Path) -> None:
        self.network = network
        self.client = client
        self.ledger = folder / "ledger"
        port = free_port()
        self.receiver = Service(
            "receiver",
            "tests.e2e.webhook_receiver",
            [str(port), str(self.ledger), ANSWER_SECONDS],
            dict,
            http_url("127.0.0.1", port),
            folder,
            client,
        )
        payers_bank, self.bank = (BankRest(bank.code, bank.url, client) for bank in network.banks[:2])
        self.payers_bank = payers_bank
        self.payer = self._person(payers_bank, "rich")
        self.merchant = self._person(self.bank, "company")
        self.headers: dict[str, str] = {}
        self.key = next(key for key in self.merchant["keys"] if key["kind"] == "EVP")["key"]

    def open(self) -> None:
        """Starts the receiver, and sets the webhook by the API Pix."""
        self.receiver.start()
        number = self.merchant["account_number"]
        credential = self.bank.call("POST", f"/accounts/{number}/api-credentials", json={"name": "Loja"})
        secret = (credential["credential_id"], credential["secret"])
        answer = self._ask("POST", "/oauth/token", data={"grant_type": "client_credentials"}, auth=secret)
        self.headers = {"Authorization": f"Bearer {answer['access_token']}"}
        self._ask("PUT", f"/v2/webhook/{self.key}", json={"webhookUrl": self.receiver.url}, headers=self.headers)

    def charge(self, txid: str, amount_centavos: int) -> str:
        """The code of a new charge."""
        amount = f"{amount_centavos // 100}.{amount_centavos % 100:02d}"
        body = {"calendario": {"expiracao": 3_600}, "valor": {"original": amount}, "chave": self.key}
        return str(self._ask("PUT", f"/v2/cob/{txid}", json=body, headers=self.headers)["pixCopiaECola"])

    def status_of(self, txid: str) -> str:
        return str(self._ask("GET", f"/v2/cob/{txid}", headers=self.headers)["status"])

    def pay(self, txid: str, code: str, amount_centavos: int) -> str:
        """The end-to-end id of the payment; a repetition makes no second one."""
        path = f"/accounts/{self.payer['account_number']}/transfers"
        body = {"brcode": code, "amount_centavos": amount_centavos}
        made = self.payers_bank.call("POST", path, json=body, headers={"Idempotency-Key": txid})
        return str(made["end_to_end_id"])

    def attempts(self) -> list[Json]:
        """Of this network so far, newest first."""
        path = f"/accounts/{self.merchant['account_number']}/webhook-deliveries"
        return list(self.bank.get(path, size=200)["deliveries"])

    def waiting(self) -> int:
        return int(self.verdict()["waiting"])

    def verdict(self) -> Json:
        found: Json = self._ask("GET", "/sandbox/verdict", params={"account_number": self.merchant["account_number"]})
        return found

    def report(self, bookings: list[str]) -> Json:
        """The verdict on these lines of the ledger."""
        receipts = [dict(zip(("endToEndId", "valor"), line.split(), strict=True)) for line in bookings]
        body = {"account_number": self.merchant["account_number"], "receipts": receipts}
        self._ask("POST", "/sandbox/receipts", json=body)
        return self.verdict()

    def _person(self, bank: BankRest, story: str) -> Json:
        people = self._ask("GET", "/sandbox/people", url=bank.url)["people"]
        return dict(next(person for person in people if person["story"] == story))

    def _ask(self, method: str, path: str, url: str = "", **arguments: Any) -> Any:
        answer = self.client.request(method, f"{url or self.bank.url}{path}", **arguments)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


@pytest.fixture
def shop(quiet_network: Network, client: httpx.Client, tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(quiet_network, client, tmp_path)
    try:
        shop.open()
        yield shop
    finally:
        shop.receiver.stop()


def eventually(act: Callable[[], str]) -> str:
    return wait_until(act, QUIET_SECONDS_MAX, "an answer", retry_on=(Refused, Unreachable, httpx.HTTPError))


def charge_and_pay(shop: Shop, txid: str, amount_centavos: int) -> str:
    """The end-to-end id. A code is read at the merchant's bank, and its key at the hub: they may have to come back."""
    code = eventually(lambda: shop.charge(txid, amount_centavos))
    return eventually(lambda: shop.pay(txid, code, amount_centavos))


def kill_amid_payments(shop: Shop, seed: int) -> dict[str, str]:
    """Pays charges, and kills bank, hub and receiver meanwhile; the end-to-end ids by txid, once all is up again."""
    random = Random(seed)
    victims = [shop.network.bank("002").service, shop.network.hubs[0], shop.receiver]
    random.shuffle(victims)
    paid = {}
    for number, victim in enumerate(victims):
        for txid in (f"seed{seed:011d}kill{number}charge{each:08d}" for each in range(CHARGES_PER_KILL)):
            paid[txid] = charge_and_pay(shop, txid, random.randrange(1_00, 50_00))
        time.sleep(random.uniform(0, KILL_SECONDS_MAX))
        victim.kill()
        if victim is not shop.receiver:
            victim.launch()
    shop.receiver.launch()
    for victim in victims:
        victim.await_ready()
    return paid


def check_seed(shop: Shop, seed: int) -> Counter[str]:
    """Returns how many Pix were told, by how many requests, and how many of these have failed."""
    known = {line["end_to_end_id"] for line in shop.verdict()["lines"]}
    paid = kill_amid_payments(shop, seed)
    reader = NetworkReader(shop.network.hub_url, shop.client)
    assert reader.wait_for_quiet(QUIET_SECONDS_MAX), f"seed {seed}"
    wait_until(lambda: shop.waiting() == 0, TOLD_SECONDS_MAX, f"every webhook of seed {seed} to be taken")
    booked = shop.ledger.read_text().splitlines()
    # Those of earlier seeds were told to other receivers.
    found = shop.report(booked)
    new = {line["end_to_end_id"]: line["judgement"] for line in found["lines"] if line["end_to_end_id"] not in known}
    assert new == dict.fromkeys(paid.values(), "right"), f"seed {seed}"
    assert {shop.status_of(txid) for txid in paid} == {"CONCLUIDA"}, f"seed {seed}"
    twice = shop.report([*booked, booked[-1]])
    named = [line["end_to_end_id"] for line in twice["lines"] if line["judgement"] == "twice"]
    assert named == [booked[-1].split()[0]], f"seed {seed}"
    attempts = [each for each in shop.attempts() if set(paid.values()) & set(each["end_to_end_ids"])]
    failed = sum(each["failure"] is not None for each in attempts)
    report = reader.audit(AUDIT_SECONDS_MAX)
    assert report.is_ok and not report.in_flight, f"seed {seed}"
    return Counter(pix=len(paid), requests=len(attempts), failed=failed)


def say(tell: Tell, what: str, told: Counter[str]) -> None:
    tell(
        f"Webhooks:     {told['pix']} Pix told by {told['requests']} requests, {told['failed']} of which failed, {what}"
    )


def test_a_ledger_forgets_a_line_that_was_never_whole(tmp_path: Path) -> None:
    file = tmp_path / "ledger"
    file.write_text("E1 1.00\nE2 2.")
    ledger = Ledger(file)
    ledger.book("E1", "1.00")
    ledger.book("E2", "2.00")
    assert file.read_text() == "E1 1.00\nE2 2.00\n"


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_every_paid_charge_is_told_while_parts_are_killed(shop: Shop, seed: int, tell: Tell) -> None:
    say(tell, f"seed {seed}", check_seed(shop, seed))


@pytest.mark.prove
@pytest.mark.timeout(3_000)
def test_every_paid_charge_is_told_in_fifty_ways_to_die(shop: Shop, tell: Tell) -> None:
    say(tell, "50 seeds", sum((check_seed(shop, seed) for seed in range(100, 150)), Counter()))
