"""The scenarios of the compose test: faults and changes in a network of containers under payments."""

from __future__ import annotations

import re
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from random import Random
from typing import Final

import httpx

from lab.compose import fourth_bank
from lab.compose.fourth_bank import FourthBank
from lab.compose.stack import Container, Stack
from lab.compose.summary import Ledger, Summary
from lab.compose.traffic import Traffic
from lab.drive.payments import SentPayment, read_outcomes
from lab.network.parts.errors import PartError
from lab.network.parts.process import is_true_within, wait_until
from lab.read.rest import BankRest, Unreachable
from lab.read.snapshot import NetworkReader
from pix.web.client import new_http_client

KILLED_IN_TURN: Final = (("bank-001",), ("bank-002", "console"), ("bank-003", "hub"), ("kafka",), ("postgres",))
"""Services that are killed at the same moment, in turn."""
REPLICAS: Final = 3

PAYMENT_SECONDS_MAX: Final = 10.0
"""A payment's request fails after this, and is sent again."""
SNAPSHOT_SECONDS_MAX: Final = 60.0
"""For each request of an audit."""
FIRST_PAYMENTS: Final = 30
PAYMENTS_WHILE_DOWN: Final = 12
DOWN_SECONDS_MAX: Final = 4.0
SHARED_SECONDS_MAX: Final = 180.0
SHARED_POLL_SECONDS: Final = 1.0
QUIET_SECONDS_MAX: Final = 300.0
LOAD_VISITORS_PER_SECOND: Final = 3
LOAD_CUSTOMERS: Final = 12
LOAD_SECONDS: Final = 12
LOAD_DEADLINE_SECONDS: Final = 300.0

SHARES_OF_HUB: Final = """
import os
from confluent_kafka.admin import AdminClient
admin = AdminClient({"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"]})
group = admin.describe_consumer_groups(["codepix-hub"])["codepix-hub"].result()
print(*(len(member.assignment.topic_partitions) for member in group.members))
"""
"""Asked inside a container, since Kafka is not published: how many partitions each replica of the hub has."""

CALLS_OF_HUB: Final = """
import re
from pix.web.client import http_get
metrics = http_get("http://127.0.0.1:8000/metrics").text
print(int(sum(map(float, re.findall(r"^codepix_grpc_requests_total{.*} (\\S+)$", metrics, re.MULTILINE)))))
"""
"""Asked inside a replica of the hub: how many calls of the banks it has answered."""

SECURED: Final = """
from bank_sim.settings import BankSettings
from pix.messaging.kafka.client import broker_answers
from pix.messaging.kafka.sink import KafkaSink
from pix.runtime.outages import PublishFailed
from pix.wire.record import Record
settings = BankSettings().kafka("compose-test")
wrong = settings.model_copy(update={"extra": {**settings.extra, "sasl.password": "a-wrong-password"}})
print("the right password is", "taken" if broker_answers(settings, 30.0) else "refused")
print("a wrong password is", "taken" if broker_answers(wrong, 3.0) else "refused")
try:
    KafkaSink(settings).publish([Record("codepix.bank.004.v1", b"key", b"forged")])
    print("another bank's topic is open to it")
except PublishFailed as error:
    print("another bank's topic is", "closed to it" if "authoriz" in str(error).lower() else error)
"""
"""Asked inside a bank's container, where the broker wants passwords."""
SECURED_ANSWER: Final = (
    "the right password is taken",
    "a wrong password is refused",
    "another bank's topic is closed to it",
)


class Scenario(ABC):
    def __init__(self, stack: Stack, client: httpx.Client, summary: Summary) -> None:
        self._stack = stack
        self._client = client
        self._summary = summary
        self._reader = NetworkReader(stack.hub_url, client)
        self._random = Random(1)
        self._sent: list[SentPayment] = []
        self._traffic: Traffic | None = None

    def run(self) -> None:
        """Raises `PartError`, with what the containers say of it."""
        try:
            self._play()
        except Unreachable as error:
            raise PartError(f"{error}\n{self._stack.problems()}") from None
        finally:
            if self._traffic is not None:
                self._traffic.abandon()

    @abstractmethod
    def _play(self) -> None:
        """What is done to it."""

    @property
    def _paying(self) -> Traffic:
        assert self._traffic is not None
        return self._traffic

    def _start_paying(self, name: str, codes: Sequence[str]) -> None:
        client = new_http_client(timeout=PAYMENT_SECONDS_MAX)
        banks = {code: BankRest(f"Bank {code}", self._stack.bank_url(code), client) for code in codes}
        self._traffic = Traffic(banks, self._random, name)
        self._traffic.start()

    def _stop_paying(self) -> None:
        traffic = self._paying
        traffic.stop()
        self._sent += traffic.sent
        self._traffic = None

    def _bring_up(self, name: str, *services: str) -> None:
        with self._summary.step(name) as said:
            self._stack.up(*services)
            containers = self._stack.containers()
            healthy = sum(container.health == "healthy" for container in containers)
            said.append(f"{healthy} healthy containers, {len(containers) - healthy} one-shots done")

    def _audit(self, title: str) -> None:
        with self._summary.step("wait for quiet, audit") as said:
            report = self._reader.audit(QUIET_SECONDS_MAX)
            self._stack.check_no_restarts()
            outcomes = read_outcomes(self._reader.hub, self._sent)
            self._summary.ledgers.append(Ledger.of(title, self._sent, outcomes, report))
            said.append(f"{sum(report.transfers.values()):,} transfers, {len(self._sent):,} of them ours")


class Broken(Scenario):
    """The file as it is: everything in it dies and comes back, it grows by a bank and by replicas, and is loaded."""

    def __init__(self, stack: Stack, client: httpx.Client, summary: Summary, fourth_bank: FourthBank) -> None:
        """`fourth_bank` is added while the others go on."""
        super().__init__(stack, client, summary)
        self._fourth_bank = fourth_bank

    def _play(self) -> None:
        self._bring_up("up")
        self._start_paying("first", self._stack.bank_codes)
        self._pay_at_first()
        for services in KILLED_IN_TURN:
            self._kill_and_start(*services)
        self._take_down_and_up()
        self._add_fourth_bank()
        self._scale_hub()
        # The load ends with an audit of its own, which wants quiet.
        self._stop_paying()
        self._run_load()
        self._audit("Transfers, whatever was broken")

    def _pay_at_first(self) -> None:
        with self._summary.step("pay between all banks") as said:
            traffic = self._paying
            traffic.wait_for(FIRST_PAYMENTS)
            said.append(f"{sum(traffic.accepted().values())} payments taken; paying goes on through all that follows")

    def _kill_and_start(self, *services: str) -> None:
        with self._summary.step(f"kill {' and '.join(services)}, start again") as said:
            said.append(self._kill_while_paying(self._stack.containers(*services)))

    def _kill_while_paying(self, containers: Sequence[Container]) -> str:
        traffic = self._paying
        before = sum(traffic.accepted().values())
        killed = time.monotonic()
        self._stack.kill(*containers)
        is_true_within(DOWN_SECONDS_MAX, lambda: sum(traffic.accepted().values()) - before >= PAYMENTS_WHILE_DOWN)
        started = time.monotonic()
        taken = sum(traffic.accepted().values()) - before
        self._stack.start(*containers)
        healthy = time.monotonic()
        traffic.wait_until_all_flow()
        return f"{taken} payments taken in {started - killed:.1f} s meanwhile; healthy in {healthy - started:.1f} s"

    def _take_down_and_up(self) -> None:
        with self._summary.step("down, and up with the same volumes") as said:
            self._stack.check_no_restarts()
            begun = time.monotonic()
            self._stack.down()
            said.append(f"down in {time.monotonic() - begun:.1f} s")
            self._stack.up()
            self._paying.wait_until_all_flow()

    def _add_fourth_bank(self) -> None:
        with self._summary.step("add bank 004 by the lines of the page") as said:
            self._stop_paying()
            self._stack.edit(self._fourth_bank.added_to(self._stack.text))
            self._stack.up()
            self._start_paying("second", self._stack.bank_codes)
            self._paying.wait_until_all_flow()
            said.append(f"{len(self._fourth_bank.services.splitlines())} lines; pays and is paid")

    def _scale_hub(self) -> None:
        with self._summary.step(f"scale the hub to {REPLICAS}, kill one of them") as said:
            self._stack.up(f"--scale=hub={REPLICAS}")
            replicas = self._stack.containers("hub")
            shares = self._wait_for_shares(replicas)
            said.append(f"partitions of each: {', '.join(map(str, shares))}")
            calls = self._wait_for_calls(replicas)
            said.append(f"calls that each has answered: {', '.join(map(str, calls))}")
            said.append(self._kill_while_paying(replicas[-1:]))

    def _wait_for_shares(self, replicas: Sequence[Container]) -> Sequence[int]:
        def shares() -> Sequence[int]:
            found = [int(share) for share in self._stack.ask_inside(replicas[0], SHARES_OF_HUB).split()]
            return found if len(found) == REPLICAS and all(found) else []

        what = f"the hub's {REPLICAS} replicas to share the partitions"
        return wait_until(shares, SHARED_SECONDS_MAX, what, poll_seconds=SHARED_POLL_SECONDS)

    def _wait_for_calls(self, replicas: Sequence[Container]) -> Sequence[int]:
        """The banks find new replicas by the hub's name, once their connections are old."""

        def calls() -> Sequence[int]:
            found = [int(self._stack.ask_inside(replica, CALLS_OF_HUB)) for replica in replicas]
            return found if all(found) else []

        return wait_until(
            calls, SHARED_SECONDS_MAX, "the banks to ask every replica of the hub", poll_seconds=SHARED_POLL_SECONDS
        )

    def _run_load(self) -> None:
        with self._summary.step("locust, of the profile load") as said:
            banks = ",".join(f"{code}=http://bank-{code}:8000" for code in self._stack.bank_codes)
            table = self._stack.compose(
                "run", "--rm", "--no-deps", "-T", "load", "locust", "--headless", "--only-summary",
                f"--rate={LOAD_VISITORS_PER_SECOND}", f"--seconds={LOAD_SECONDS}", f"--customers={LOAD_CUSTOMERS}",
                f"--banks={banks}",
                deadline_seconds=LOAD_DEADLINE_SECONDS, with_errors=True,
            )  # fmt: skip
            settled = re.search(r"^PIX\s+settled\s+(\d+)", table, re.MULTILINE)
            if settled is None or not int(settled.group(1)):
                raise PartError(f"locust settled no payment:\n{table}")
            said.append(f"{settled.group(1)} payments settled in {LOAD_SECONDS} s, every line passed")


class Secured(Scenario):
    """With docker-compose.sasl.yml, from nothing: passwords and rights at the broker. The first bank and the fourth."""

    BANKS: Final = ("001", fourth_bank.CODE)

    def _play(self) -> None:
        services = ["console", *(f"bank-{code}" for code in self.BANKS)]
        self._bring_up("up with docker-compose.sasl.yml, from nothing", *services)
        with self._summary.step("pay between its banks") as said:
            self._start_paying("secured", self.BANKS)
            self._paying.wait_until_all_flow()
            self._stop_paying()
            said.append(f"{len(self._sent)} payments taken")
        with self._summary.step("try a wrong password, and another bank's topic") as said:
            (bank,) = self._stack.containers("bank-001")
            said.extend(self._stack.ask_inside(bank, SECURED).splitlines())
            if tuple(said) != SECURED_ANSWER:
                raise PartError("The broker is not closed: " + "; ".join(said))
        self._audit("Transfers through a broker with passwords")
