"""One load run: opens accounts, starts simulated users at their arrival times, and ends with the last of them."""

from __future__ import annotations

import logging
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from random import Random
from typing import Any, Final, cast

import gevent
from locust import task
from locust.env import Environment
from locust.exception import StopUser

from lab.read.rest import HubRest, Refused, Unreachable, new_client
from loadtest.users.arrivals import arrival_times
from loadtest.users.customers import Bank, Customer, Customers, open_accounts
from loadtest.users.directory import Directory
from loadtest.users.measures import Counts, Measures
from loadtest.users.mix import UserKind, shares_of_banks
from loadtest.users.options import LoadOptions

MS_PER_SECOND: Final = 1_000
DRAIN_SECONDS: Final = 20.0
"""Beside the time that a payment may take: how long simulated users may need to finish after the last arrival."""
DRAIN_CHECK_SECONDS: Final = 0.2
PROGRESS_SECONDS: Final = 5.0
CODES_KEPT_MAX: Final = 200
NO_REQUESTS: Final = frozenset({"PIX", "VISIT"})
"""Kinds of events in locust's table that say what became of requests."""
HOST: Final = "each customer's own bank"
"""Shown by locust as the host."""
SETTLED: Final = frozenset({"confirmed", "completed"})

log = logging.getLogger(__name__)
"""As locust logs."""


class VisitFailed(Exception):
    """A request did not go as it must; locust has counted the failure, and the visit ends here."""


class LoadRun:
    """One run of locust: its simulated users, and the outcomes of their payments."""

    def __init__(self, environment: Environment, options: LoadOptions, kinds: Mapping[UserKind, str]) -> None:
        """`kinds` maps each kind of simulated user to the name of its locust class."""
        self.options = options
        self.measures = Measures()
        self.random = Random()
        self.codes: deque[tuple[Customer, str]] = deque(maxlen=CODES_KEPT_MAX)
        """BR Codes that users have made to be paid, newest last."""
        self.customers: Customers
        self.directory: Directory | None = None
        self.problem = ""
        self.is_over = False
        self.begun_at_ms = 0
        self.counts = Counts()
        """Of the time in which users arrived."""
        self.banks: list[Bank] = []
        # Much of what locust has in it is without types.
        self._environment: Any = environment
        self._kinds = kinds
        self._parts = options.parts
        self._client = new_client(options.operator_password)
        self._greenlet: Any = None

    def begin(self) -> None:
        self._greenlet = gevent.spawn(self._run)

    def refuse(self, problem: str) -> None:
        self.problem = problem
        self.is_over = True

    def end(self) -> None:
        if self._greenlet is not None:
            self._greenlet.kill()
        if self.directory is not None:
            self.directory.close()
        self.is_over = True

    def progress(self, sentence: str) -> None:
        print(sentence, file=sys.stderr, flush=True)

    @contextmanager
    def visit(self, kind: UserKind) -> Iterator[None]:
        """Counts one visit; whatever goes wrong in it is a failure in locust's table, and no more."""
        self.measures.under_way += 1
        try:
            yield
        except VisitFailed:
            pass
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this visit's alone
            self.fire("VISIT", kind.value, 0.0, error)
            self.measures.trouble(f"A visit of {kind.value} broke: {type(error).__name__}: {error}")
        finally:
            self.measures.under_way -= 1

    def settled(
        self, since_seconds: float, end_to_end_id: str, stage: str | None, reason: str = "", expected_reason: str = ""
    ) -> None:
        """The end of a payment that was ordered at `since_seconds` of `time.perf_counter`.

        `stage` is the payer's bank's; None when the payment was not final in time. `expected_reason` is that for which
        the scheme must reject it; such a rejection is no failure of the load, and its time no settlement's.
        """
        milliseconds = (time.perf_counter() - since_seconds) * MS_PER_SECOND
        if stage == "failed" and reason and reason == expected_reason:
            self.refused(expected_reason, milliseconds)
            return
        problem = ""
        if stage is None:
            problem = f"not final within {self.options.settle_seconds:g} s"
        elif stage == "failed":
            problem = f"failed {reason}".strip()
        elif expected_reason:
            problem = f"{stage}, but had to fail with {expected_reason}"
        self.fire("PIX", "settled", milliseconds, AssertionError(problem) if problem else None)
        if problem:
            self.measures.trouble(f"{end_to_end_id}: {problem}")
        else:
            self.measures.settled.add(milliseconds)

    def completed(self, since_seconds: float) -> None:
        """The page shows that both banks have booked it."""
        milliseconds = (time.perf_counter() - since_seconds) * MS_PER_SECOND
        self.fire("PIX", "completed", milliseconds)
        self.measures.completed.add(milliseconds)

    def refused(self, reason: str, milliseconds: float = 0.0) -> None:
        """The scheme has refused what it must."""
        self.measures.refused_as_meant[reason] += 1
        self.fire("PIX", f"refused as it must be: {reason}", milliseconds)

    def fire(self, kind: str, name: str, milliseconds: float, exception: Exception | None = None) -> None:
        self._environment.events.request.fire(
            request_type=kind, name=name, response_time=milliseconds, response_length=0, exception=exception, context={}
        )

    def _run(self) -> None:
        try:
            self._prepare()
            self._run_arrivals()
            self._drain()
        except (Unreachable, Refused, ValueError) as error:
            self.problem = str(error)
        except Exception as error:
            log.exception("the load run failed")
            self.problem = f"The load itself is broken: {type(error).__name__}: {error}"
        finally:
            self._client.close()
            self.is_over = True

    def _prepare(self) -> None:
        options = self.options
        self.banks = self._find_banks()
        shares = shares_of_banks([bank.code for bank in self.banks], options.share_of_first)
        self.progress(f"Opening {options.customers} accounts at {len(self.banks)} banks…")
        self.customers = open_accounts(self.banks, shares, options.customers, self._client, self.random)
        if options.bank_secrets is None:
            if self._parts.pop(UserKind.LOOK_UPS, 0):
                self.progress("There are no look-ups by gRPC: --bank-secrets names no bank.")
            if not sum(self._parts.values()):
                raise ValueError("--mix: the mix has look-ups alone, and --bank-secrets names no bank for them.")
        else:
            self.directory = Directory(options.hub_grpc, self.banks, options.bank_secrets, shares)

    def _find_banks(self) -> list[Bank]:
        found = [bank for bank in HubRest(self.options.hub, self._client).banks() if bank["active"]]
        addresses = self.options.banks or {}
        banks = [
            Bank(each["code"], each["ispb"], each["name"], (addresses.get(each["code"]) or each["url"]).rstrip("/"))
            for each in found
            if not addresses or each["code"] in addresses
        ]
        if not banks:
            raise ValueError(f"--hub: {self.options.hub} knows no bank.")
        for bank in banks:
            if not bank.url:
                raise ValueError(f"--banks: bank {bank.code} has never told the hub where it is.")
        return banks

    def _run_arrivals(self) -> None:
        options = self.options
        kinds, weights = list(self._parts), list(self._parts.values())
        self.progress(
            f"Users arrive for {options.seconds:g} s, {options.rate_per_second:g} a second at the highest "
            f"({options.shape}); {options.share_of_first:.0%} of them to {self.banks[0].name}."
        )
        self.begun_at_ms = int(time.time() * MS_PER_SECOND)
        begun = time.perf_counter()
        progress = gevent.spawn(self._show_progress, begun)
        try:
            for due in arrival_times(options.shape, options.rate_per_second, options.seconds, self.random):
                gevent.sleep(max(0.0, begun + due - time.perf_counter()))
                kind = self.random.choices(kinds, weights)[0]
                self.measures.lateness.add(max(0.0, time.perf_counter() - begun - due) * MS_PER_SECOND)
                self.measures.visits[kind.value] += 1
                self._environment.runner.spawn_users({self._kinds[kind]: 1})
            gevent.sleep(max(0.0, begun + options.seconds - time.perf_counter()))
        finally:
            progress.kill()
            self.counts = self.measures.counts(time.perf_counter() - begun, self._requests())

    def _drain(self) -> None:
        deadline = time.perf_counter() + self.options.settle_seconds + DRAIN_SECONDS
        if self.measures.under_way:
            self.progress(f"The last user has arrived; {self.measures.under_way} are still under way…")
        while self.measures.under_way and time.perf_counter() < deadline:
            gevent.sleep(DRAIN_CHECK_SECONDS)
        for _ in range(self.measures.under_way):
            self.fire("VISIT", "end", 0.0, AssertionError("had not ended"))
        if self.measures.under_way:
            self.measures.trouble(f"{self.measures.under_way} visits had not ended after all that time")

    def _requests(self) -> int:
        entries = self._environment.runner.stats.entries
        return sum(entry.num_requests for (_, kind), entry in entries.items() if kind not in NO_REQUESTS)

    def _show_progress(self, begun: float) -> None:
        settled_before = 0
        while True:
            gevent.sleep(PROGRESS_SECONDS)
            measures = self.measures
            settled = measures.settled.count
            median, slowest = (measures.settled.percentile(percent) for percent in (50, 99))
            failures = self._environment.runner.stats.total.num_failures
            self.progress(
                f"{time.perf_counter() - begun:5.0f} s  {sum(measures.visits.values()):5d} arrived, "
                f"{measures.under_way:3d} active; {(settled - settled_before) / PROGRESS_SECONDS:5.1f} payments "
                f"settled a second"
                + (f", p50 {median:,.0f} ms, p99 {slowest:,.0f} ms" if median and slowest else "")
                + f"; {failures} failures"
            )
            settled_before = settled


def load_run_of(environment: Environment) -> LoadRun:
    return cast("LoadRun", cast("Any", environment).load_run)


def only_visit(act: Callable[[Any], None]) -> Callable[[Any], None]:
    """Makes an action the one task of its kind of user, who then goes."""

    @task
    def visit(user: Any) -> None:
        with user.load_run.visit(user.kind):
            act(user)
        raise StopUser

    return visit
