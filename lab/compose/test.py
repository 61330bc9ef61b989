"""`make compose-test`: the whole stack in containers, paid through, broken, extended, scaled and audited.

Takes a Debian machine with nothing but Python and a network, as root, or any machine that has Docker and Compose.
"""

from __future__ import annotations

import re
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import FrameType
from typing import Final

import httpx
from rich.table import Table

from lab.audit import AuditReport
from lab.compose.docker import DOCKER_PACKAGE, CommandFailed, compose_command, install_what_is_missing, running_daemon
from lab.compose.stack import Container, Stack
from lab.compose.stand_ins import base_images
from lab.parts.errors import PartError, PartMissing
from lab.parts.process import wait_until
from lab.people import Population
from lab.report import audit_remarks, audit_table, console, errors, percentile
from lab.rest import BankRest, Unreachable
from lab.survey import Surveyor
from lab.traffic import Cashier, Outcomes, Payment, Sent, payment, poll_until, read_outcomes

ROOT: Final = Path(__file__).resolve().parents[2]
PROJECT: Final = "codepix-compose-test"
IMAGE: Final = "codepix:0.1.0"
LOAD_IMAGE: Final = "codepix-load:0.1.0"
FOURTH_BANK: Final = "004"
FOURTH_BANK_PAGE: Final = ROOT / "docs" / "add-a-bank.md"

PROGRAMS: Final = {
    "dockerd": (DOCKER_PACKAGE,),
    "docker": (DOCKER_PACKAGE,),
    "docker-compose": ("docker-compose",),
    "debootstrap": ("debootstrap",),
}
KILLED_IN_TURN: Final = ("bank-001", "bank-002", "bank-003", "hub", "console", "kafka", "postgres")
REPLICAS: Final = 3

REQUEST_SECONDS_MAX: Final = 10.0
PATIENCE_SECONDS: Final = 240.0
PAYMENTS_PER_SECOND_AND_BANK: Final = 2.0
AMOUNT_CENTAVOS_MAX: Final = 20_00
FIRST_PAYMENTS: Final = 30
PAYMENTS_WHILE_DOWN: Final = 12
DOWN_SECONDS_MAX: Final = 4.0
FLOW_SECONDS_MAX: Final = 180.0
SHARED_SECONDS_MAX: Final = 60.0
QUIET_SECONDS_MAX: Final = 120.0
LOAD_VISITORS_PER_SECOND: Final = 3
LOAD_CUSTOMERS: Final = 12
LOAD_SECONDS: Final = 12
LOAD_DEADLINE_SECONDS: Final = 120.0

SHARES_OF_HUB: Final = """
import os
from confluent_kafka.admin import AdminClient
admin = AdminClient({"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"]})
group = admin.describe_consumer_groups(["codepix-hub"])["codepix-hub"].result()
print(*(len(member.assignment.topic_partitions) for member in group.members))
"""
"""Asked inside a container, since Kafka is not published: how many partitions each replica of the hub has."""


class Traffic:
    """Payments at a steady rate from every bank, until they are stopped; each bank pays on while others are down."""

    def __init__(self, banks: dict[str, BankRest], random: Random, name: str) -> None:
        """`banks` are by code; `name` begins the idempotency keys."""
        self._banks = banks
        self._population = Population.of(banks)
        self._random = random
        self._name = name
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self.sent: list[Sent] = []
        self._pool = ThreadPoolExecutor(len(banks))
        self._futures: list[Future[None]] = []

    def start(self) -> None:
        """Begins to pay."""
        self._futures = [self._pool.submit(self._pay_from, code) for code in self._banks]

    def stop(self) -> None:
        """Ends once every payment that was begun has its answer. Raises what made a bank's payments end early."""
        self._stop.set()
        for future in self._futures:
            future.result()
        self._pool.shutdown()

    def abandon(self) -> None:
        """Begins no further payment and waits for nobody."""
        self._stop.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def check(self) -> None:
        """Raises what made a bank's payments end early."""
        for future in self._futures:
            if future.done():
                future.result()

    def accepted(self) -> Counter[str]:
        """How many payments each bank has taken."""
        with self._lock:
            return Counter(each.payment.payer_bank for each in self.sent if each.end_to_end_id is not None)

    def wait_until_all_flow(self) -> None:
        """Waits until every bank has taken a payment from now on. Raises `PartError`."""
        before = self.accepted()

        def flows() -> bool:
            self.check()
            now = self.accepted()
            return all(now[code] > before[code] for code in self._banks)

        wait_until(flows, FLOW_SECONDS_MAX, "every bank to take payments again")

    def _pay_from(self, code: str) -> None:
        cashier = Cashier({code: self._banks[code]}, PATIENCE_SECONDS)
        number = 0
        while not self._stop.is_set():
            sent = cashier.send(self._next_payment(code, number))
            with self._lock:
                self.sent.append(sent)
            number += 1
            self._stop.wait(1 / PAYMENTS_PER_SECOND_AND_BANK)

    def _next_payment(self, code: str, number: int) -> Payment:
        """Who has plenty pays, to each bank in turn."""
        payee_bank = self._population.codes[number % len(self._population.codes)]
        with self._lock:
            payee = self._random.choice(self._population.friends(payee_bank))
            amount = self._random.randint(1, AMOUNT_CENTAVOS_MAX)
        return payment(self._population.rich(code), payee, amount, f"{self._name}-{code}-{number}")


@dataclass(slots=True)
class Step:
    """A line of the summary."""

    name: str
    said: list[str] = field(default_factory=list)
    seconds: float = 0.0
    is_done: bool = False


@dataclass(slots=True)
class Summary:
    """What was done and what was found."""

    steps: list[Step] = field(default_factory=list)
    outcomes: Outcomes | None = None
    refusals: Sequence[str] = ()
    retries: int = 0
    report: AuditReport | None = None
    problem: str = ""
    started: float = field(default_factory=time.monotonic)

    @contextmanager
    def step(self, name: str) -> Iterator[list[str]]:
        """Times a step; what is put into the list is shown beside it."""
        errors.print(f"{name}…", markup=False, highlight=False)
        step = Step(name)
        self.steps.append(step)
        begun = time.monotonic()
        try:
            yield step.said
            step.is_done = True
        finally:
            step.seconds = time.monotonic() - begun

    @property
    def is_ok(self) -> bool:
        """Whether everything came as it must."""
        return (
            not self.problem
            and not self.refusals
            and self.outcomes is not None
            and not self.outcomes.unexpected
            and self.report is not None
            and self.report.is_ok
            and not self.report.in_flight
            and not self.report.moving
        )

    def show(self) -> None:
        """Prints the tables."""
        steps = Table("step", title="Compose", title_justify="left")
        steps.add_column("what came of it", overflow="fold")
        steps.add_column("seconds", justify="right")
        steps.add_column("verdict")
        for step in self.steps:
            verdict = "[green]done[/]" if step.is_done else "[bold red]FAILED[/]"
            steps.add_row(step.name, "\n".join(step.said), f"{step.seconds:.1f}", verdict)
        console.print(steps)
        if self.outcomes is not None:
            transfers = Table("outcome of our payments", "transfers", title="Transfers", title_justify="left")
            for outcome, count in sorted(self.outcomes.by_outcome.items()):
                transfers.add_row(outcome, f"{count:,}")
            console.print(transfers)
            latency = [percentile(self.outcomes.milliseconds, percent) for percent in (50, 99)]
            console.print(
                f"Latency with all that was broken: p50 {latency[0]} ms, p99 {latency[1]} ms; repeated requests: "
                f"{self.retries}; messages sent again by the hub: {self.outcomes.resends}, duplicates that it got: "
                f"{self.outcomes.duplicates}",
                highlight=False,
            )
        for line in [*self.refusals, *(self.outcomes.unexpected if self.outcomes else ())]:
            console.print(line, markup=False, highlight=False)
        if self.report is not None:
            console.print(audit_table(self.report))
            for remark in audit_remarks(self.report):
                console.print(remark, markup=False, highlight=False)
        if self.problem:
            console.print(self.problem, markup=False, highlight=False)
        verdict = "All is well" if self.is_ok else "NOT as it must be"
        console.print(f"{verdict}: {time.monotonic() - self.started:.0f} s.", highlight=False)


class ComposeTest:
    """The scenario, step by step."""

    def __init__(self, stack: Stack, client: httpx.Client, summary: Summary) -> None:
        self._stack = stack
        self._client = client
        self._summary = summary
        self._surveyor = Surveyor(stack.hub_url, client)
        self._random = Random(1)
        self._sent: list[Sent] = []
        self._traffic: Traffic | None = None

    def run(self) -> None:
        """Raises `PartError`, with what the containers say of it."""
        try:
            self._bring_up()
            self._start_paying("first")
            self._pay_at_first()
            for service in KILLED_IN_TURN:
                self._kill_and_start(service)
            self._take_down_and_up()
            self._add_fourth_bank()
            self._scale_hub()
            self._run_load()
            self._stop_paying()
            self._audit()
        except Unreachable as error:
            raise PartError(f"{error}\n{self._stack.troubles()}") from None
        finally:
            if self._traffic is not None:
                self._traffic.abandon()

    @property
    def _paying(self) -> Traffic:
        assert self._traffic is not None
        return self._traffic

    def _start_paying(self, name: str) -> None:
        banks = {
            code: BankRest(f"Bank {code}", self._stack.bank_url(code), self._client) for code in self._stack.bank_codes
        }
        self._traffic = Traffic(banks, self._random, name)
        self._traffic.start()

    def _stop_paying(self) -> None:
        traffic = self._paying
        traffic.stop()
        self._sent += traffic.sent
        self._traffic = None

    def _bring_up(self) -> None:
        with self._summary.step("up") as said:
            self._stack.up()
            containers = self._stack.containers()
            healthy = sum(container.health == "healthy" for container in containers)
            said.append(f"{healthy} healthy containers, {len(containers) - healthy} one-shots done")

    def _pay_at_first(self) -> None:
        with self._summary.step("pay between all banks") as said:
            traffic = self._paying
            enough = poll_until(lambda: sum(traffic.accepted().values()) >= FIRST_PAYMENTS, FLOW_SECONDS_MAX)
            traffic.check()
            if not enough:
                raise PartError(f"The banks took only {dict(traffic.accepted())} payments.")
            said.append(f"{sum(traffic.accepted().values())} payments taken; paying goes on through all that follows")

    def _kill_and_start(self, service: str) -> None:
        with self._summary.step(f"kill {service}, start it again") as said:
            (container,) = self._stack.containers(service)[:1]
            said.append(self._kill_while_paying(container))

    def _kill_while_paying(self, container: Container) -> str:
        traffic = self._paying
        before = sum(traffic.accepted().values())
        killed = time.monotonic()
        self._stack.kill(container)
        poll_until(lambda: sum(traffic.accepted().values()) - before >= PAYMENTS_WHILE_DOWN, DOWN_SECONDS_MAX)
        started = time.monotonic()
        taken = sum(traffic.accepted().values()) - before
        self._stack.start(container)
        healthy = time.monotonic()
        traffic.wait_until_all_flow()
        return f"{taken} payments taken in {started - killed:.1f} s without it; healthy in {healthy - started:.1f} s"

    def _take_down_and_up(self) -> None:
        with self._summary.step("down, and up with the same volumes") as said:
            begun = time.monotonic()
            self._stack.down()
            said.append(f"down in {time.monotonic() - begun:.1f} s")
            self._stack.up()
            self._paying.wait_until_all_flow()

    def _add_fourth_bank(self) -> None:
        with self._summary.step("add bank 004 by the lines of the page") as said:
            self._stop_paying()
            block = block_of_page(FOURTH_BANK_PAGE.read_text(encoding="utf-8"))
            self._stack.add_bank(block)
            self._stack.up()
            self._start_paying("second")
            traffic = self._paying
            traffic.wait_until_all_flow()
            said.append(f"{len(block.splitlines())} lines; pays and is paid")

    def _scale_hub(self) -> None:
        with self._summary.step(f"scale the hub to {REPLICAS}, kill one of them") as said:
            self._stack.up(f"--scale=hub={REPLICAS}")
            replicas = self._stack.containers("hub")
            shares: list[int] = []

            def is_shared() -> bool:
                shares[:] = [int(share) for share in self._stack.ask_inside(replicas[0], SHARES_OF_HUB).split()]
                return len(shares) == REPLICAS and all(shares)

            if not poll_until(is_shared, SHARED_SECONDS_MAX, poll_seconds=1.0):
                raise PartError(f"The hub's {REPLICAS} replicas do not share the partitions: {shares}.")
            said.append(f"partitions of each: {', '.join(map(str, shares))}")
            said.append(self._kill_while_paying(replicas[-1]))

    def _run_load(self) -> None:
        with self._summary.step("locust, of the profile load") as said:
            table = self._stack.compose(
                "run", "--rm", "--no-deps", "-T", "load", "locust", "--headless", "--only-summary",
                f"--rate={LOAD_VISITORS_PER_SECOND}", f"--seconds={LOAD_SECONDS}", f"--customers={LOAD_CUSTOMERS}",
                deadline_seconds=LOAD_DEADLINE_SECONDS, with_errors=True,
            )  # fmt: skip
            settled = re.search(r"^PIX\s+settled\s+(\d+)", table, re.MULTILINE)
            if settled is None or not int(settled.group(1)):
                raise PartError(f"locust settled no payment:\n{table}")
            said.append(f"{settled.group(1)} payments settled in {LOAD_SECONDS} s, every line passed")

    def _audit(self) -> None:
        with self._summary.step("wait for quiet, audit") as said:
            report = self._surveyor.audit(QUIET_SECONDS_MAX)
            self._summary.report = report
            self._summary.outcomes = read_outcomes(self._surveyor.hub, self._sent)
            self._summary.retries = sum(each.retries for each in self._sent)
            self._summary.refusals = [
                f"{each.payment.idempotency_key}: refused: {each.refused}" for each in self._sent if each.refused
            ]
            said.append(f"{sum(report.transfers.values()):,} transfers, {len(self._sent):,} of them ours")


def block_of_page(page: str) -> str:
    """The services that the page tells to paste. Raises `PartError` when it shows none."""
    found = re.search(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    if found is None or f"bank-{FOURTH_BANK}:" not in found.group(1):
        raise PartError(f"{FOURTH_BANK_PAGE.name} shows no lines for bank {FOURTH_BANK}.")
    return found.group(1)


def compose_test(summary: Summary) -> None:
    """Makes the machine able, builds, tries and clears up. Raises `PartError` and `Unreachable`."""
    with ExitStack() as stack:
        with summary.step("programs") as said:
            installed = install_what_is_missing(PROGRAMS)
            said.append(f"installed {', '.join(installed)}" if installed else "all there")
        with summary.step("docker daemon") as said:
            said.append(stack.enter_context(running_daemon(_tell)))
            compose = compose_command()
            if compose is None:
                raise PartMissing("There is no Compose here, neither `docker compose` nor `docker-compose`.")
            said.append(" ".join(compose))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="codepix-compose-")))
        network = Stack(compose, ROOT, folder, PROJECT)
        with summary.step("images of others") as said:
            images = stack.enter_context(base_images(network.images, ROOT, _tell))
            said += [f"{name}{': a stand-in' if name in images.stand_ins else ''}" for name in images.names]
        with summary.step("our images") as said:
            for target, image in (("runtime", IMAGE), ("load", LOAD_IMAGE)):
                said.append(f"{image}: {network.build(target, image):.0f} MB on top of Python's")
        client = stack.enter_context(httpx.Client(timeout=REQUEST_SECONDS_MAX))
        # What an earlier test may have left behind, for want of time.
        network.down("--volumes", "--remove-orphans")
        try:
            ComposeTest(network, client, summary).run()
        finally:
            with summary.step("tear down"):
                network.down("--volumes", "--remove-orphans")


def _tell(step: str) -> None:
    errors.print(f"  {step}", markup=False, highlight=False)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """The command's entry."""
    signal.signal(signal.SIGTERM, _terminate)
    summary = Summary()
    try:
        compose_test(summary)
    except (PartError, Unreachable, CommandFailed) as error:
        summary.problem = str(error)
    except KeyboardInterrupt:
        summary.problem = "Interrupted; everything is stopped."
    summary.show()
    return 0 if summary.is_ok else 1


if __name__ == "__main__":
    sys.exit(main())
