"""Course mode with real processes on Apache Kafka: stand-ins for course banks pay a bank of ours, and the other way."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from lab.course_bank.fixtures import COLORS, NAMES, accounts_of
from lab.drive.customers import Customer, Population
from lab.network.network import BankSpec, KafkaKind, Network, NetworkSettings, bank_specs
from lab.network.parts.process import wait_until
from lab.read.rest import BankRest, Json, new_client
from lab.read.snapshot import NetworkReader

SECONDS_MAX = 60.0
PAYER, PAYEE = accounts_of("001")[0], accounts_of("002")[0]
KEYS = {"001": "paulo@example.com", "002": "dora@example.com"}
OPENING = 1_000

pytestmark = [pytest.mark.prove, pytest.mark.apache_kafka]


class Course:
    """The network, and how to speak to its parts."""

    def __init__(self, network: Network, client: httpx.Client) -> None:
        self.network = network
        self.reader = NetworkReader(network.hub_url, client)
        self.client = client
        bank = network.banks[0]
        self.bank = BankRest(bank.spec.name, bank.url, client)
        self.rich: Customer = Population.of({bank.code: self.bank}).rich(bank.code)
        self._payments = 0

    def post(self, code: str, path: str, body: Mapping[str, Any]) -> Json:
        bank = next(each for each in self.network.course_banks if each.code == code)
        answer = self.client.post(f"{bank.url}{path}", json=dict(body))
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def pay_from_course(self, key: str, amount: int) -> str:
        """The id of the course bank's row."""
        body = {"pix_key_kind": "email", "pix_key_key": key, "amount": amount, "description": "coffee"}
        return str(self.post("001", f"/bank-accounts/{PAYER.account_id}/transactions", body)["id"])

    def pay_to_course(self, amount_centavos: int) -> str:
        self._payments += 1
        paid = self.bank.pay(
            self.rich.account_number, "EMAIL", KEYS["002"], amount_centavos, "lunch", f"course-{self._payments}"
        )
        return str(paid["end_to_end_id"])

    def balance(self, code: str) -> int:
        bank = next(each for each in self.network.course_banks if each.code == code)
        return sum(int(account["balance"]) for account in self.client.get(f"{bank.url}/bank-accounts").json())

    def await_status(self, end_to_end_id: str, status: str) -> Json:
        def found() -> Json:
            transfer = self.reader.find_transfer(end_to_end_id) or {}
            return transfer if transfer.get("status") == status else {}

        return wait_until(found, SECONDS_MAX, f"{end_to_end_id} to be {status}")

    def records(self, topic: str) -> list[Json]:
        """Everything that was ever sent on a topic of one partition."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.network.broker.bootstrap_servers,
                "group.id": "test",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
            }
        )
        try:
            consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
            found: list[Json] = []
            while (message := consumer.poll(SECONDS_MAX)) is not None and message.error() is None:
                found.append(json.loads(message.value() or b""))
            return found
        finally:
            consumer.close()

    def newest(self) -> Json:
        return next(iter(self.reader.hub.transfers()))


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    folder: Path = tmp_path_factory.mktemp("course")
    settings = NetworkSettings(
        folder=folder,
        banks=bank_specs(3)[2:],
        course_banks=[BankSpec(code, NAMES[code], COLORS[code]) for code in ("001", "002")],
        kafka=KafkaKind.APACHE,
    )
    with Network(settings) as network, new_client(network.secrets.operator) as client:
        world = Course(network, client)
        for account in (PAYER, PAYEE):
            path = f"/bank-accounts/{account.account_id}/pix-keys"
            world.post(account.code, path, {"kind": "email", "key": KEYS[account.code]})
        yield world


def test_a_course_bank_pays_a_bank_of_ours_and_the_console_shows_the_sequence(course: Course) -> None:
    key = next(key.key for key in course.rich.keys if key.kind == "EMAIL")

    course.pay_from_course(key, 10)

    wait_until(lambda: course.reader.hub.get("/transfers/counts")["completed"] == 1, SECONDS_MAX, "the payment")
    transfer = course.newest()
    assert (transfer["payer"]["ispb"], transfer["payee"]["ispb"]) == ("00000001", "00000003")
    page = course.client.get(f"{course.network.hub_url}/transfers/{transfer['end_to_end_id']}").text
    for name in ("TransferRequested", "TransferOffered", "TransferAccepted", "TransferConfirmed", "OutcomeProcessed"):
        assert name in page
    assert course.balance("001") == 2 * OPENING - 10


def test_a_bank_of_ours_pays_a_course_bank(course: Course) -> None:
    before = course.balance("002")

    course.await_status(course.pay_to_course(1_200), "completed")

    assert course.balance("002") == before + 12
    refused = course.await_status(course.pay_to_course(150), "failed")
    assert refused["reason"] == "AM09"


def test_course_banks_pay_each_other(course: Course) -> None:
    before = (course.balance("001"), course.balance("002"))

    course.pay_from_course(KEYS["002"], 5)

    wait_until(lambda: course.balance("002") == before[1] + 5, SECONDS_MAX, "the credit")
    assert course.balance("001") == before[0] - 5


def test_a_failed_payment_comes_back_to_a_key_of_the_payer(course: Course) -> None:
    before = course.balance("001")

    course.pay_from_course("nobody@example.com", 7)

    wait_until(lambda: course.newest()["reason"] == "AC03", SECONDS_MAX, "the failure")
    wait_until(lambda: course.balance("001") == before, SECONDS_MAX, "the refund")
    wait_until(lambda: course.reader.hub.course()["owed"] == [], SECONDS_MAX, "the bank's answer")


def test_after_a_stand_in_was_killed_among_payments_each_was_sent_once_and_the_audit_holds(course: Course) -> None:
    """The bank may credit again what it had not committed when it was killed: that is its own fault, and is counted."""
    service = course.network.course_banks[1].service
    before = course.balance("002")
    first = [course.pay_to_course(100) for _ in range(4)]
    service.kill()
    rest = [course.pay_to_course(100) for _ in range(4)]
    service.start()

    for end_to_end_id in (*first, *rest):
        course.await_status(end_to_end_id, "completed")

    sent = Counter(record["id"] for record in course.records("bank002") if record["status"] == "pending")
    assert len(sent) >= 8 and set(sent.values()) == {1}
    assert course.balance("002") >= before + 8
    again = sum(each["answered_again"] for each in course.reader.hub.course()["banks"])
    assert (course.balance("002") == before + 8) == (again == 0)
    report = course.reader.audit(SECONDS_MAX)
    assert report.is_final, report
    assert (report.not_examined, report.owed) == (("001 BBX", "002 CTER"), ())
    # The bank that was not killed has what the adapter's table says.
    payers_bank, _ = course.reader.hub.course()["banks"]
    moved_centavos = payers_bank["came_centavos"] - payers_bank["went_centavos"]
    assert 100 * (course.balance("001") - 2 * OPENING) == moved_centavos
