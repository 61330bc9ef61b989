"""The turn of one entrant: start, accounts, payments and faults, rest, and what its money looks like at the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from lab.network.network import KafkaKind
from lab.network.parts.errors import PartError
from lab.network.parts.process import is_true_within
from lab.prove.league.arena import Arena, Repeater, open_arena
from lab.prove.league.confinement import Confiner
from lab.prove.league.contract_client import (
    BooksDocument,
    ContractBroken,
    ContractClient,
    ContractRefused,
    ContractUnreachable,
)
from lab.prove.league.entrant_process import EntrantProcess, data_folder
from lab.prove.league.entrants import Entrant
from lab.prove.league.judging import Account as JudgedAccount
from lab.prove.league.judging import Books, Evidence, HubTransfer, Judgement, Posting, judge
from lab.prove.league.limits import Limits
from lab.prove.league.plan import CUSTOMERS, FaultKind, Plan
from lab.prove.league.scoring import NO_SCORE, Results, Score, recoveries, score
from lab.prove.league.traffic import Account, Course, Ordered, Traffic
from lab.read.report import percentile
from lab.read.rest import Json
from pix.web.client import new_http_client
from pix.web.marks import translatable

START_SECONDS_MAX: Final = 30.0
READY_POLL_SECONDS: Final = 0.1
SET_UP_SECONDS_MAX: Final = 20.0
REST_SECONDS_MAX: Final = 13.0
"""Until the money must be right. A killed member of a consumer group may keep its partitions for 10 seconds."""
REST_POLL_SECONDS: Final = 0.3
STANDSTILL_SECONDS: Final = 5.0
"""A bank that has come back and moves nothing for longer than its retransmissions take will move nothing any more."""
READ_SECONDS_MAX: Final = 10.0
READ_RETRY_SECONDS: Final = 0.3
SPEED_PERCENT: Final = 99
RIGHT_REFUSED: Final = "failed"
COMPLETED: Final = "completed"
CONNECTIONS_MAX: Final = 40

NOT_READY_NOTE: Final = translatable("was not ready within {} seconds")
ACCOUNTS_NOTE: Final = translatable("opened {} of {} accounts: {}")
UNREAD_NOTE: Final = translatable("its accounts could not be read: {}")
NO_BOOKS_NOTE: Final = translatable("its books could not be read, so that they were not judged")
NO_POSTINGS_NOTE: Final = translatable("its postings could not be read, so that the balances alone were judged: {}")


@dataclass(slots=True)
class TurnResult:
    entrant: Entrant
    code: str
    results: Results
    score: Score
    judgement: Judgement
    notes: list[str] = field(default_factory=list)
    """What a reader must know: it did not start, it ended unexpectedly, it broke the contract …"""
    log_tail: Sequence[str] = ()
    """Of a bank that did not start."""
    outcomes: dict[str, int] = field(default_factory=dict)
    """Transfers by status at the hub, and orders that never became one."""
    completed_ms: list[int] = field(default_factory=list)
    """When each payment was completed, since the first order was due."""
    course: Course = field(default_factory=Course)
    duplicates: int = 0
    """Records that came a second time."""
    cpu_seconds: float = 0.0
    memory_peak_mb: int = 0
    seconds: float = 0.0
    network_fault: str | None = None


class Turn:
    """One entrant, in a separate network."""

    def __init__(
        self,
        plan: Plan,
        entrant: Entrant,
        number: int,
        limits: Limits,
        confiner: Confiner,
        kafka: KafkaKind,
        progress: Callable[[str], None],
    ) -> None:
        """`number` counts the entrants from 0 on."""
        self._plan = plan
        self._entrant = entrant
        self._number = number
        self._limits = limits
        self._confiner = confiner
        self._kafka = kafka
        self._progress = progress
        self._notes: list[str] = []

    def play(self, folder: Path) -> TurnResult:
        """Plays it to its end, whatever the entrant does. Raises `PartError`, `Unreachable` when the network fails."""
        began = time.monotonic()
        with (
            open_arena(self._entrant, self._number, folder, self._kafka, lambda _: None) as arena,
            data_folder(folder, self._confiner.user) as data,
        ):
            # What programs keep in their user's home must not go into that of the one who runs the league.
            home = {} if self._confiner.user is None else {"HOME": str(data)}
            process = EntrantProcess(
                self._entrant,
                self._limits,
                self._confiner.confine(arena.code),
                lambda: {**home, **arena.environment(data)},
                data,
                arena.log_file,
            )
            limits = httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX)
            with new_http_client(limits=limits) as client:
                try:
                    result = self._play(arena, process, ContractClient(arena.url, client))
                finally:
                    process.close()
            result.notes += [*self._notes, *process.notes()]
            result.cpu_seconds = process.cpu_seconds
            result.memory_peak_mb = process.memory_peak_bytes // 1_000_000
            result.network_fault = arena.network_fault()
        result.seconds = time.monotonic() - began
        return result

    def _play(self, arena: Arena, process: EntrantProcess, contract: ContractClient) -> TurnResult:
        self._progress(f"{self._entrant.name} starts")
        process.start()
        if not self._await_ready(process, contract):
            self._notes.append(NOT_READY_NOTE.format(f"{START_SECONDS_MAX:g}"))
            return self._nothing(arena, process)
        accounts, broke = self._open_accounts(contract)
        if not accounts:
            return self._nothing(arena, process)
        self._progress(f"{len(self._plan.orders)} payments begin")
        before = self._read_books(contract)
        settlement_before = arena.settlement_centavos()

        repeater = Repeater(arena)
        stop = threading.Event()
        repeating = threading.Thread(target=repeater.run, args=(stop,), daemon=True)
        repeating.start()
        try:
            traffic = Traffic(self._plan, arena, process, contract, accounts, broke, self._progress)
            course = traffic.run(stop, repeater)
            self._progress("the last payments end")
            self._await_rest(arena, course)
        finally:
            stop.set()
            repeating.join()
        if repeater.failure is not None:
            raise PartError(f"The records of the hub could not be repeated: {repeater.failure}")
        evidence = self._read_evidence(arena, contract, accounts, broke, before, settlement_before)
        result = self._judged(arena, course, evidence)
        result.duplicates = repeater.repeated
        return result

    # Before the payments.

    def _await_ready(self, process: EntrantProcess, contract: ContractClient) -> bool:
        def is_ready_or_lost() -> bool:
            return process.is_down_for_good or self._is_ready(contract)

        contract.end_by(time.monotonic() + START_SECONDS_MAX)
        is_ready = is_true_within(START_SECONDS_MAX, is_ready_or_lost, READY_POLL_SECONDS)
        return is_ready and not process.is_down_for_good

    def _is_ready(self, contract: ContractClient) -> bool:
        with suppress(ContractBroken):
            return contract.is_ready()
        return False

    def _nothing(self, arena: Arena, process: EntrantProcess) -> TurnResult:
        """Of a bank at which no customer has an account."""
        results = nothing_done(self._plan)
        return TurnResult(self._entrant, arena.code, results, NO_SCORE, Judgement(), log_tail=process.log_tail())

    def _open_accounts(self, contract: ContractClient) -> tuple[list[Account], Account | None]:
        """The customers' accounts in the order of the plan, as many as the bank opens, and one without money."""
        deadline = time.monotonic() + SET_UP_SECONDS_MAX
        contract.end_by(deadline)
        accounts: list[Account] = []
        broke = None
        try:
            for customer in range(CUSTOMERS):
                opening = self._plan.opening_centavos(customer)
                accounts.append(self._open_account(contract, customer, opening, deadline))
            broke = self._open_account(contract, CUSTOMERS, 0, deadline)
        except (ContractUnreachable, ContractRefused, ContractBroken) as error:
            self._notes.append(ACCOUNTS_NOTE.format(len(accounts), CUSTOMERS + 1, error))
        return accounts, broke

    def _open_account(self, contract: ContractClient, customer: int, opening: int, deadline: float) -> Account:
        document = _cpf(f"{301_000_000 + self._number * 100 + customer:09d}")
        key = f"customer-{customer}@bank-{self._number}.example"
        number = contract.open_account(f"Customer {customer + 1}", document, opening).number
        while True:
            try:
                contract.register_key(number, "EMAIL", key)
            except ContractUnreachable:
                # The hub may not have answered the bank yet.
                if time.monotonic() > deadline:
                    raise
                time.sleep(READ_RETRY_SECONDS)
            else:
                return Account(number, key, opening)

    def _read_books(self, contract: ContractClient) -> Books | None:
        try:
            return _books_of(contract.books())
        except (ContractUnreachable, ContractRefused, ContractBroken):
            return None

    # After the payments.

    def _await_rest(self, arena: Arena, course: Course) -> None:
        """Waits until nothing is open at the hub, or nothing moves any more, or the time is over."""
        asked = {each.transfer_id for each in course.ordered if each.transfer_id is not None}
        deadline = time.monotonic() + REST_SECONDS_MAX
        back_ms = course.began_ms + max((each.to_ms for each in course.struck if _is_outage(each.kind)), default=0)
        last: object = None
        moved_at = time.monotonic()
        while time.monotonic() < deadline:
            rows = arena.transfers()
            known = {row["end_to_end_id"] for row in rows}
            if all(row["closed_at_ms"] is not None for row in rows) and asked <= known:
                return
            state = [(row["end_to_end_id"], row["status"], row["closed_at_ms"]) for row in rows]
            if state != last:
                last, moved_at = state, time.monotonic()
            is_back = any((row["closed_at_ms"] or 0) > back_ms for row in rows)
            if is_back and time.monotonic() - moved_at > STANDSTILL_SECONDS:
                return
            time.sleep(REST_POLL_SECONDS)

    def _read_evidence(
        self,
        arena: Arena,
        contract: ContractClient,
        accounts: Sequence[Account],
        broke: Account | None,
        before: Books | None,
        settlement_before: int,
    ) -> Evidence | None:
        """None when the bank does not let its accounts be read."""
        deadline = time.monotonic() + READ_SECONDS_MAX
        contract.end_by(deadline)
        while True:
            try:
                judged, others = self._read_accounts(contract, [*accounts, *([] if broke is None else [broke])])
            except ContractUnreachable as error:
                if time.monotonic() > deadline:
                    self._notes.append(UNREAD_NOTE.format(error))
                    return None
                time.sleep(READ_RETRY_SECONDS)
            except (ContractRefused, ContractBroken) as error:
                self._notes.append(UNREAD_NOTE.format(error))
                return None
            else:
                break
        books = self._read_books(contract)
        if books is None:
            self._notes.append(NO_BOOKS_NOTE)
        ispb = arena.guest.ispb
        return Evidence(
            accounts=judged,
            transfers=[_hub_transfer(row, ispb) for row in arena.transfers()],
            settlement_change_centavos=arena.settlement_centavos() - settlement_before,
            books=books,
            books_before=before,
            other_balances_centavos=others,
        )

    def _read_accounts(self, contract: ContractClient, opened: Sequence[Account]) -> tuple[list[JudgedAccount], int]:
        balances = {account.number: account.balance_centavos for account in contract.accounts()}
        judged = []
        for account in opened:
            if account.number not in balances:
                raise ContractBroken(f"GET /accounts: {account.number} is missing")
            judged.append(
                JudgedAccount(
                    number=account.number,
                    opening_centavos=account.opening_centavos,
                    balance_centavos=balances.pop(account.number),
                    postings=self._read_postings(contract, account.number),
                )
            )
        return judged, sum(balances.values())

    def _read_postings(self, contract: ContractClient, number: str) -> list[Posting] | None:
        try:
            rows = contract.postings(number)
        except (ContractRefused, ContractBroken) as error:
            note = NO_POSTINGS_NOTE.format(error)
            if note not in self._notes:
                self._notes.append(note)
            return None
        return [Posting(row.transfer_id or "", row.amount_centavos) for row in rows]

    def _judged(self, arena: Arena, course: Course, evidence: Evidence | None) -> TurnResult:
        rows = arena.transfers()
        by_id = {row["end_to_end_id"]: row for row in rows}
        # No two orders have the same amount, so a payment whose answer was lost is found by it.
        by_amount = {row["amount_centavos"]: row for row in reversed(rows)}
        found = [
            (each, by_id.get(each.transfer_id or "") or by_amount.get(each.order.amount_centavos))
            for each in course.ordered
        ]
        completed = [(each, row) for each, row in found if row is not None and row["status"] == COMPLETED]
        judgement = Judgement() if evidence is None else judge(evidence)
        done_ms = sorted(row["closed_at_ms"] - course.began_ms for _, row in completed)
        waited_ms = [
            row["closed_at_ms"] - course.began_ms - each.order.at_ms
            for each, row in completed
            if each.order.kind.must_complete
        ]
        results = Results(
            payments_planned=len(self._plan.orders),
            payments_right=sum(_is_right(each, row) for each, row in found),
            payments_completed=len(waited_ms),
            is_examined=evidence is not None,
            centavos_wrong=judgement.centavos_wrong,
            p99_ms=percentile(waited_ms, SPEED_PERCENT),
            recoveries_ms=recoveries([each.to_ms for each in course.struck if _is_outage(each.kind)], done_ms),
        )
        outcomes: dict[str, int] = {}
        for each, row in found:
            outcome = _outcome(each, row)
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
        return TurnResult(
            entrant=self._entrant,
            code=arena.code,
            results=results,
            score=score(results),
            judgement=judgement,
            notes=list(course.problems),
            outcomes=dict(sorted(outcomes.items())),
            completed_ms=done_ms,
            course=course,
        )


def nothing_done(plan: Plan) -> Results:
    """The results of a bank that had no turn."""
    return Results(
        payments_planned=len(plan.orders),
        payments_right=0,
        payments_completed=0,
        is_examined=False,
        centavos_wrong=0,
        p99_ms=None,
        recoveries_ms=(),
    )


def _cpf(digits: str) -> str:
    """The CPF that begins with these nine digits: two check digits, each modulo 11, are added."""
    for _ in range(2):
        weights = range(len(digits) + 1, 1, -1)
        total = sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))
        digits += str((11 - total % 11) % 11 % 10)
    return digits


def _is_outage(kind: FaultKind) -> bool:
    return kind is not FaultKind.DUPLICATES


def _is_right(ordered: Ordered, row: Json | None) -> bool:
    """Whether a payment ended as it must: completed, or refused or failed."""
    if ordered.order.kind.must_complete:
        return row is not None and row["status"] == COMPLETED
    return ordered.refused if row is None else row["status"] == RIGHT_REFUSED


def _outcome(ordered: Ordered, row: Json | None) -> str:
    if row is not None:
        return f"{row['status']} {row['reason']}" if row["reason"] else str(row["status"])
    if ordered.refused:
        return "refused by its bank"
    return "never reached the hub" if ordered.transfer_id else "without an answer"


def _hub_transfer(row: Json, ispb: str) -> HubTransfer:
    def account(party: Json | None) -> str | None:
        return party["account_number"] if party is not None and party["ispb"] == ispb else None

    return HubTransfer(
        id=row["end_to_end_id"],
        status=row["status"],
        amount_centavos=row["amount_centavos"],
        payer_account=account(row["payer"]),
        payee_account=account(row["payee"]),
    )


def _books_of(document: BooksDocument) -> Books:
    return Books(
        document.customers_centavos,
        document.clearing_centavos,
        document.settlement_centavos,
        document.equity_centavos,
    )
