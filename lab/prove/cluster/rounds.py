"""A round: payments at a steady rate while faults strike, the wait until every transfer is final, and the audit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final, Protocol

from lab.drive.payments import Payment, PaymentDriver, PaymentStream, read_outcomes
from lab.prove.cluster.injector import ClusterInjector, Subject
from lab.prove.cluster.times import FaultTimes, Life, summary, times_of
from lab.read.audit import AuditReport
from lab.read.report import audit_document
from lab.read.rest import BankRest, HubRest
from lab.read.snapshot import NetworkReader, StepReporter
from pix.web.marks import translatable

QUIET_SECONDS_MAX: Final = 180.0
AUDIT_SECONDS_MAX: Final = 30.0
RETRY_SECONDS_MAX: Final = 300.0
"""Payments to a bank that cannot be reached are retried for so long."""
SENDERS: Final = 16


class PayingCluster(Subject, Protocol):
    """A cluster that is up, with what pays through it and what audits it."""

    @property
    def rest(self) -> Mapping[str, BankRest]:
        """The banks' APIs by code."""

    def reader(self) -> NetworkReader:
        """Reads by hubs and banks that are ready now. Raises `PartError` when no hub is."""


class RoundInterrupted(Exception):
    """The lab ends, so the round was given up; its faults are undone."""


@dataclass(frozen=True, slots=True)
class RoundResult:
    transfers: int
    """How many payments there had to be."""
    times: Sequence[FaultTimes]
    not_ready: Sequence[str]
    outcomes: Mapping[str, int]
    unexpected: Sequence[str]
    retries: int
    resends: int
    duplicates: int
    is_quiet: bool
    report: AuditReport

    @property
    def is_ok(self) -> bool:
        """Whether every transfer ended as it may, every part came back, and every invariant holds."""
        return (
            self.is_quiet
            and not self.unexpected
            and not self.not_ready
            and sum(self.outcomes.values()) == self.transfers
            and self.report.is_final
        )


class Round:
    """One round on a cluster that is up; another may follow on the same cluster."""

    def __init__(
        self,
        cluster: PayingCluster,
        payments: Sequence[Payment],
        rate_per_second: float,
        report_step: StepReporter,
        ends: threading.Event | None = None,
    ) -> None:
        """Once `ends` is set, the round undoes its faults and is given up."""
        self._cluster = cluster
        self._payments = payments
        self._rate_per_second = rate_per_second
        self._report_step = report_step
        self._ends = ends or threading.Event()
        self._stream: PaymentStream | None = None

    @property
    def paid(self) -> int:
        """How many payments are answered."""
        return 0 if self._stream is None else len(self._stream.sent)

    def run(
        self, inject: Callable[[ClusterInjector], None], *, pays_all: Callable[[], bool] = lambda: True
    ) -> RoundResult:
        """Pays while `inject` works; afterwards the rest of the payments if `pays_all` says so then.

        Raises PartError, `Unreachable`, and `RoundInterrupted`.
        """
        injector = ClusterInjector(self._cluster, self._report_step, self._oldest_open_ms, ends=self._ends)
        with closing(PaymentDriver(self._cluster.rest, RETRY_SECONDS_MAX, SENDERS)) as driver:
            stream = self._stream = driver.start(self._payments, self._rate_per_second)
            inject(injector)
            if self._ends.is_set():
                raise RoundInterrupted
            if not (all_are_paid := pays_all()):
                stream.stop()
            stream.wait()
        self._report_step(translatable("Waiting until every transfer is final"))
        reader = self._cluster.reader()
        is_quiet = reader.wait_for_quiet(QUIET_SECONDS_MAX)
        self._report_step(translatable("Auditing"))
        report = reader.audit(AUDIT_SECONDS_MAX)
        found = read_outcomes(reader.hub, stream.sent)
        lives = _lives(reader.hub, stream.ids)
        return RoundResult(
            transfers=len(self._payments) if all_are_paid else len(stream.sent),
            times=[times_of(struck, lives) for struck in injector.struck],
            not_ready=injector.not_ready,
            outcomes=found.by_outcome,
            unexpected=found.unexpected,
            retries=sum(each.retries for each in stream.sent),
            resends=found.resends,
            duplicates=found.duplicates,
            is_quiet=is_quiet,
            report=report,
        )

    def _oldest_open_ms(self) -> int | None:
        rows = self._cluster.reader().hub.transfers(open_only=True)
        return min((int(row["requested_at_ms"]) for row in rows), default=None)


def _lives(hub: HubRest, ids: set[str]) -> list[Life]:
    return [
        Life(row["requested_at_ms"], row["closed_at_ms"])
        for row in hub.transfers()
        if row["end_to_end_id"] in ids and row["closed_at_ms"] is not None
    ]


def times_document(times: FaultTimes) -> dict[str, Any]:
    return {
        "kind": times.struck.kind.value,
        "target": times.struck.target,
        "from_ms": times.struck.from_ms,
        "mended_ms": times.struck.mended_ms,
        "ready_ms": times.struck.ready_ms,
        "failover_seconds": times.failover_seconds,
        "recovery_seconds": times.recovery_seconds,
        "longest_transfer_seconds": times.longest_seconds,
    }


def kinds_document(times: Sequence[FaultTimes]) -> list[dict[str, Any]]:
    """One object for each kind that occurred."""
    return [
        {
            "kind": line.kind.value,
            "faults": line.faults,
            "failover_seconds": {"median": line.failover_median, "longest": line.failover_longest},
            "recovery_seconds": {"median": line.recovery_median, "longest": line.recovery_longest},
            "longest_transfer_seconds": line.longest_transfer,
        }
        for line in summary(times)
    ]


def round_document(result: RoundResult) -> dict[str, Any]:
    return {
        "transfers": result.transfers,
        "faults": [times_document(each) for each in result.times],
        "not_ready": list(result.not_ready),
        "outcomes": dict(result.outcomes),
        "unexpected": list(result.unexpected),
        "customers_retries": result.retries,
        "resends": result.resends,
        "duplicates_ignored": result.duplicates,
        "quiet": result.is_quiet,
        "audit": audit_document(result.report),
    }
