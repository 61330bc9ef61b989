"""PostgreSQL with a failover under a network that pays: what is lost with a synchronous standby, and what without."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Final

import pytest

from lab.drive.customers import Population
from lab.drive.payments import PaymentDriver, good_payments, read_outcomes
from lab.network.cluster.database import DatabaseCluster, Host
from lab.network.cluster.hosts import HostNetwork
from lab.network.network import DEMO_BANKS, Network, NetworkSettings
from lab.network.parts.process import wait_until
from lab.read.rest import BankRest, Unreachable, new_client
from lab.read.snapshot import NetworkReader
from pix.postgres.engine import make_engine, transaction
from pix.postgres.limits import DatabaseLimits
from pix.runtime.outages import DatabaseUnavailable
from tests.e2e.test_transfer import pay
from tests.support.local_hosts import free_ports, local_hosts

pytestmark = [pytest.mark.prove, pytest.mark.database_cluster, pytest.mark.timeout(900)]

DATABASES: Final = ("hub", "bank_001", "bank_002")
FAILOVER_SECONDS_MAX: Final = 120.0
QUIET_SECONDS_MAX: Final = 120.0
WRITES_SECONDS_MAX: Final = 120.0
WRITERS: Final = 4
PAYMENTS: Final = 200
PAYMENTS_PER_SECOND: Final = 5.0
LOST_PAYMENTS: Final = 5
HASTY: Final = DatabaseLimits(statement_seconds=5, lock_seconds=5, idle_in_transaction_seconds=10, answer_seconds=5)
"""Of writers that are to try often while their primary answers nothing."""


@contextmanager
def running(cluster: DatabaseCluster) -> Iterator[DatabaseCluster]:
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@contextmanager
def running_network(folder: Path, cluster: DatabaseCluster, *databases: str) -> Iterator[tuple[Network, NetworkReader]]:
    """Two banks and a hub, of which these databases are in the cluster."""
    settings = NetworkSettings(
        folder=folder,
        banks=DEMO_BANKS[:2],
        resend_first_seconds=1.0,
        resend_cap_seconds=5.0,
        demo_mode=False,
        durable=False,
        database_servers=dict.fromkeys(databases, cluster),
    )
    with Network(settings) as network, new_client(network.secrets.operator) as client:
        yield network, NetworkReader(network.hub_url, client)


class Writers:
    """Clients that add numbers to a table for as long as their block lasts, each after the answer to the last."""

    def __init__(self, url: str, first: int) -> None:
        self.answered: list[int] = []
        """Those whose commit was answered, in the order of the answers."""
        self.refused = 0
        """How many were not answered, or answered with an error."""
        self._numbers = iter(range(first, first + 1_000_000))
        self._engine = make_engine(url, HASTY)
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._run, name=f"writer-{number}") for number in range(WRITERS)]

    def __enter__(self) -> Writers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()
        self._engine.dispose()

    def wait_for_more(self, what: str) -> None:
        """Returns when a commit that began after this call may have been answered."""
        enough = len(self.answered) + WRITERS + 1
        wait_until(lambda: len(self.answered) >= enough, WRITES_SECONDS_MAX, what)

    def wait_for_more_refusals(self) -> None:
        """Returns when a commit that began after this call has failed."""
        enough = self.refused + WRITERS + 1
        wait_until(lambda: self.refused >= enough, WRITES_SECONDS_MAX, "the old primary to refuse commits")

    def _run(self) -> None:
        while not self._stopped.wait(0.01):
            with self._lock:
                number = next(self._numbers)
            try:
                with transaction(self._engine) as connection:
                    connection.exec_driver_sql("INSERT INTO numbers VALUES (%s)", (number,))
            except DatabaseUnavailable:
                with self._lock:
                    self.refused += 1
                continue
            self.answered.append(number)


def numbers(cluster: DatabaseCluster) -> set[int]:
    engine = make_engine(cluster.url("numbers"))
    try:
        with transaction(engine) as connection:
            return {row[0] for row in connection.exec_driver_sql("SELECT number FROM numbers")}
    finally:
        engine.dispose()


def make_table(cluster: DatabaseCluster) -> None:
    cluster.create_database("numbers")
    engine = make_engine(cluster.url("numbers"))
    with transaction(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE numbers (number int PRIMARY KEY)")
    engine.dispose()


def prove_nothing_is_committed(
    cluster: DatabaseCluster, break_off: Callable[[Host], None], mend: Callable[[Host], None]
) -> None:
    """Clients go on writing at a primary that the others replace; none of its answers is missing afterwards."""
    make_table(cluster)
    old = cluster.primary()
    # Its own clients reach it all the time, whatever the others have agreed on.
    with Writers(cluster.url_of(old, "numbers"), 0) as inside:
        inside.wait_for_more("commits at the first primary")
        break_off(old)
        broken = time.monotonic()
        new = cluster.wait_for_primary(other_than=old)
        print(f"{new.name} is the primary {time.monotonic() - broken:.1f} s after {old.name} was broken off")
        with Writers(cluster.url("numbers"), 10_000_000) as outside:
            outside.wait_for_more("commits at the new primary")
            print(f"commits are answered again {time.monotonic() - broken:.1f} s after")
            answered_inside = len(inside.answered)
            inside.wait_for_more_refusals()
            outside.wait_for_more("more commits at the new primary")
        # The member that took over confirms no commit of the old primary.
        assert len(inside.answered) == answered_inside
    mend(old)
    cluster.wait_until_whole()
    found = numbers(cluster)
    assert set(inside.answered) | set(outside.answered) <= found
    print(f"{len(found)} rows, all {len(inside.answered) + len(outside.answered)} answered ones among them")


def test_a_replaced_primary_whose_supervision_hangs_commits_nothing(tmp_path: Path) -> None:
    with running(DatabaseCluster(local_hosts(3), tmp_path, ports=free_ports())) as cluster:
        prove_nothing_is_committed(cluster, cluster.freeze_supervision, cluster.thaw_supervision)


@pytest.mark.hosts
def test_a_primary_that_is_cut_off_commits_nothing(tmp_path: Path) -> None:
    with ExitStack() as stack:
        network = stack.enter_context(HostNetwork(3, tmp_path / "hosts"))
        cluster = stack.enter_context(running(DatabaseCluster(network.hosts, tmp_path / "database")))

        def cut_off(host: Host) -> None:
            network.isolate(network.host(host.name))

        prove_nothing_is_committed(cluster, cut_off, lambda _: network.heal())


def test_a_killed_primary_costs_a_paying_network_seconds_and_nothing_else(tmp_path: Path) -> None:
    with ExitStack() as stack:
        cluster = stack.enter_context(running(DatabaseCluster(local_hosts(3), tmp_path / "db", ports=free_ports())))
        network, reader = stack.enter_context(running_network(tmp_path / "network", cluster, *DATABASES))
        client = stack.enter_context(new_client(network.secrets.operator))
        banks = {bank.code: BankRest(bank.spec.name, bank.url, client) for bank in network.banks}
        driver = PaymentDriver(banks, senders=WRITERS)
        stack.callback(driver.close)
        payments = good_payments(Population.of(banks), PAYMENTS, Random(1), "failover")
        stream = driver.start(payments, PAYMENTS_PER_SECOND)
        wait_until(lambda: len(stream.ids) > PAYMENTS // 10, WRITES_SECONDS_MAX, "the first payments")

        old = cluster.primary()
        cluster.kill(old)
        killed = time.monotonic()
        cluster.wait_for_primary(other_than=old)
        print(f"another primary {time.monotonic() - killed:.1f} s after the first was killed")
        taken = len(stream.ids)
        wait_until(lambda: len(stream.ids) > taken, WRITES_SECONDS_MAX, "a payment after the failover")
        print(f"payments are taken again {time.monotonic() - killed:.1f} s after")
        cluster.start_member(old)
        stream.wait()

        assert reader.wait_for_quiet(QUIET_SECONDS_MAX)
        outcomes = read_outcomes(reader.hub, stream.sent).by_outcome
        assert outcomes == {"completed": PAYMENTS}
        report = reader.audit(QUIET_SECONDS_MAX)
        assert report.is_ok and not report.in_flight
        assert reader.hub.dead_letters() == []
        cluster.wait_until_whole()


class Payers:
    """Customers of bank 001 who pay customers of bank 002."""

    def __init__(self, network: Network, reader: NetworkReader, stack: ExitStack) -> None:
        client = stack.enter_context(new_client(network.secrets.operator))
        self._banks = {bank.code: BankRest(bank.spec.name, bank.url, client) for bank in network.banks}
        self._population = Population.of(self._banks)
        self._reader = reader

    def pay(self, name: str, count: int) -> set[str]:
        """Orders payments with idempotency keys that the name makes; their end-to-end ids."""
        return {pay(self._banks, self._population, "001", "002", 30_00, f"{name}-{number}") for number in range(count)}

    def wait_for_statuses(self, expected: dict[str, str]) -> None:
        """Returns when the hub has these transfers and no other, each with its status."""

        def agrees() -> bool:
            return {row["end_to_end_id"]: row["status"] for row in self._reader.hub.transfers()} == expected

        wait_until(agrees, WRITES_SECONDS_MAX, "the hub's transfers to be as expected", retry_on=(Unreachable,))


def lose_the_last_commits(cluster: DatabaseCluster) -> None:
    """Kills the primary, whose last commits no other member has, and waits for another one."""
    old = cluster.primary()
    cluster.kill(old)
    cluster.wait_for_primary(other_than=old)


def test_without_a_synchronous_standby_the_audit_names_what_the_hub_lost(tmp_path: Path) -> None:
    with ExitStack() as stack:
        server = DatabaseCluster(local_hosts(3), tmp_path / "db", synchronous=False, ports=free_ports())
        cluster = stack.enter_context(running(server))
        network, reader = stack.enter_context(running_network(tmp_path / "network", cluster, "hub"))
        payers = Payers(network, reader, stack)
        kept = dict.fromkeys(payers.pay("kept", LOST_PAYMENTS), "completed")
        payers.wait_for_statuses(kept)
        assert reader.wait_for_quiet(QUIET_SECONDS_MAX)
        cluster.wait_until_whole()

        cluster.hold_back_wal()
        lost = dict.fromkeys(payers.pay("lost", LOST_PAYMENTS), "completed")
        payers.wait_for_statuses({**kept, **lost})
        assert reader.wait_for_quiet(QUIET_SECONDS_MAX)
        # The payee's bank does not answer for this one, so the payer's bank goes on asking for its outcome.
        network.bank("002").service.freeze()
        (unfinished,) = payers.pay("unfinished", 1)
        payers.wait_for_statuses({**kept, **lost, unfinished: "pending"})
        lose_the_last_commits(cluster)
        network.bank("002").service.thaw()

        # What was under way comes again from the payer's bank; what all had closed does not.
        payers.wait_for_statuses({**kept, unfinished: "completed"})
        assert reader.wait_for_quiet(QUIET_SECONDS_MAX)
        report = reader.audit(QUIET_SECONDS_MAX)
        broken = {finding.invariant: set(finding.offenders) for finding in report.findings if not finding.is_ok}
        assert broken.keys() == {"outcomes_agree", "settlement_agrees"}
        assert {each.partition(" ")[0] for each in broken["outcomes_agree"]} == lost.keys()


def test_participants_in_one_cluster_forget_the_same_and_no_audit_can_name_it(tmp_path: Path) -> None:
    with ExitStack() as stack:
        server = DatabaseCluster(local_hosts(3), tmp_path / "db", synchronous=False, ports=free_ports())
        cluster = stack.enter_context(running(server))
        network, reader = stack.enter_context(running_network(tmp_path / "network", cluster, *DATABASES))
        payers = Payers(network, reader, stack)
        kept = dict.fromkeys(payers.pay("kept", LOST_PAYMENTS), "completed")
        payers.wait_for_statuses(kept)
        assert reader.wait_for_quiet(QUIET_SECONDS_MAX)
        cluster.wait_until_whole()

        cluster.hold_back_wal()
        lost = dict.fromkeys(payers.pay("lost", LOST_PAYMENTS), "completed")
        payers.wait_for_statuses({**kept, **lost})
        assert reader.wait_for_quiet(QUIET_SECONDS_MAX)
        lose_the_last_commits(cluster)
        payers.wait_for_statuses(kept)
        network.await_ready()
        assert reader.audit(QUIET_SECONDS_MAX).is_ok

        # Their banks have forgotten the idempotency keys too.
        again = dict.fromkeys(payers.pay("lost", LOST_PAYMENTS), "completed")
        assert again.keys().isdisjoint(lost)
        payers.wait_for_statuses({**kept, **again})
        assert reader.audit(QUIET_SECONDS_MAX).is_ok
