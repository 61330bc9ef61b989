"""Whatever comes, in whatever order and however often: settlement money moves once, and decisions stay decided."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from hub.domain.flows.flow import Decision
from hub.domain.flows.transfer.decisions import decide, decide_retransmission, decide_timeout
from hub.domain.flows.transfer.model import Transfer, TransferStatus, owes_outcome
from hub.domain.settlement import MovementKind, SettlementAccount, apply_movement
from pix.scheme.messages import (
    Outcome,
    OutcomeProcessed,
    Side,
    TransferAccepted,
    TransferRejected,
    TransferRequested,
)
from pix.scheme.messages.transfers import FromBank
from pix.scheme.reasons import ReasonCode
from tests.support.hub_builders import (
    ANA,
    ANAS_KEY,
    AURORA,
    BANKS,
    BIA,
    BIAS_KEY,
    CAIO,
    CAIOS_KEY,
    IPE,
    NOBODYS_KEY,
    NOW_MS,
    POLICY,
    e2e,
    facts,
    network,
)

IDS = st.sampled_from(
    [e2e(1), e2e(2), e2e(3), e2e(1, IPE), e2e(4, at_ms=NOW_MS + 12 * 3_600_000 + 120_000), "E-nonsense"]
)
SENDERS = st.sampled_from(sorted(BANKS))
AMOUNTS = st.sampled_from([-1, 0, 1, 60, 100, 101])
REASONS = st.sampled_from([ReasonCode.AC06, ReasonCode.AC07, ReasonCode.AB03, ReasonCode.FF08, ReasonCode.DUPL])
SIDES = st.sampled_from(list(Side))
FUNDS = 100


class AnyMessages(RuleBasedStateMachine):
    """Banks that say anything at any time, with correct signatures, to a hub that folds it all."""

    @initialize()
    def begin(self) -> None:
        self.accounts = {ispb: SettlementAccount(ispb, FUNDS, 0) for ispb in BANKS}
        self.transfers: dict[str, Transfer] = {}
        self.decisions: dict[str, tuple[Outcome, ReasonCode | None, int]] = {}
        self.movements: Counter[tuple[str, MovementKind]] = Counter()
        self.refused_for_good: set[tuple[object, ...]] = set()
        self.now_ms = NOW_MS

    @rule(
        end_to_end_id=IDS,
        sender=SENDERS,
        amount=AMOUNTS,
        payer=st.sampled_from([ANA, BIA, CAIO]),
        key=st.sampled_from([BIAS_KEY, CAIOS_KEY, ANAS_KEY, NOBODYS_KEY]),
    )
    def request(self, end_to_end_id: str, sender: str, amount: int, payer: object, key: object) -> None:
        message = TransferRequested(end_to_end_id, amount, payer, key, "", "", self.now_ms)  # type: ignore[arg-type]
        self._receive(message, sender)

    @rule(end_to_end_id=IDS, sender=SENDERS, amount=AMOUNTS)
    def accept(self, end_to_end_id: str, sender: str, amount: int) -> None:
        self._receive(TransferAccepted(end_to_end_id, amount), sender)

    @rule(end_to_end_id=IDS, sender=SENDERS, amount=AMOUNTS, reason=REASONS)
    def reject(self, end_to_end_id: str, sender: str, amount: int, reason: ReasonCode) -> None:
        self._receive(TransferRejected(end_to_end_id, amount, reason), sender)

    @rule(end_to_end_id=IDS, sender=SENDERS, amount=AMOUNTS, side=SIDES, reason=st.none() | REASONS)
    def note(self, end_to_end_id: str, sender: str, amount: int, side: Side, reason: ReasonCode | None) -> None:
        outcome = Outcome.CONFIRMED if reason is None else Outcome.FAILED
        self._receive(OutcomeProcessed(end_to_end_id, side, outcome, amount, reason), sender)

    # The same as an honest bank says it, so that transfers also get far.

    @rule(number=st.integers(1, 3), amount=st.sampled_from([1, 60, 100]), within=st.booleans())
    def request_honestly(self, number: int, amount: int, within: bool) -> None:
        key = CAIOS_KEY if within else BIAS_KEY
        self._receive(TransferRequested(e2e(number), amount, ANA, key, "", "", self.now_ms), AURORA)

    @rule(end_to_end_id=IDS, yes=st.booleans())
    def answer_honestly(self, end_to_end_id: str, yes: bool) -> None:
        transfer = self.transfers.get(end_to_end_id)
        if transfer is None or transfer.payee is None:
            return
        amount = transfer.amount_centavos
        self._receive(
            TransferAccepted(end_to_end_id, amount)
            if yes
            else TransferRejected(end_to_end_id, amount, ReasonCode.AC06),
            transfer.payee.ispb,
        )

    @rule(end_to_end_id=IDS, side=SIDES)
    def note_honestly(self, end_to_end_id: str, side: Side) -> None:
        transfer = self.transfers.get(end_to_end_id)
        party = None if transfer is None else transfer.party(side)
        if transfer is None or party is None or transfer.outcome is None:
            return
        self._receive(
            OutcomeProcessed(end_to_end_id, side, transfer.outcome, transfer.amount_centavos, transfer.reason),
            party.ispb,
        )

    @rule(end_to_end_id=IDS)
    def time_out(self, end_to_end_id: str) -> None:
        transfer = self.transfers.get(end_to_end_id)
        if transfer is not None and transfer.status is TransferStatus.PENDING:
            self._take(end_to_end_id, decide_timeout(transfer, self.now_ms, self.now_ms, POLICY))

    @rule(end_to_end_id=IDS)
    def resend(self, end_to_end_id: str) -> None:
        transfer = self.transfers.get(end_to_end_id)
        if transfer is not None and transfer.resend_at_ms is not None:
            self._take(end_to_end_id, decide_retransmission(transfer, self.now_ms, self.now_ms, POLICY))

    @rule(hours=st.integers(0, 13))
    def time_passes(self, hours: int) -> None:
        self.now_ms += hours * 3_600_000 + 1

    def _receive(self, message: FromBank, sender: str) -> None:
        surroundings = replace(network(), accounts=self.accounts)
        known = self.transfers.get(message.end_to_end_id)
        decision = decide(known, message, facts(sender, surroundings, self.now_ms))
        if isinstance(message, TransferRequested) and known is None:
            # The payer's bank has refunded after the first refusal: a repetition must not be paid.
            request = (sender, message.end_to_end_id, message.amount_centavos, message.payer, message.payee_key)
            if decision.row is None:
                self.refused_for_good.add(request)
            else:
                assert request not in self.refused_for_good
        self._take(message.end_to_end_id, decision)

    def _take(self, end_to_end_id: str, decision: Decision[Transfer]) -> None:
        if decision.row is not None:
            self.transfers[end_to_end_id] = decision.row
        for movement in decision.movements:
            apply_movement(self.accounts, movement)
            self.movements[end_to_end_id, movement.kind] += 1

    @invariant()
    def no_account_is_overdrawn(self) -> None:
        for account in self.accounts.values():
            assert 0 <= account.reserved_centavos <= account.balance_centavos

    @invariant()
    def no_settlement_money_is_made_or_destroyed(self) -> None:
        assert sum(account.balance_centavos for account in self.accounts.values()) == FUNDS * len(BANKS)

    @invariant()
    def what_is_reserved_is_what_is_pending(self) -> None:
        pending: Counter[str] = Counter()
        moved: Counter[str] = Counter()
        for transfer in self.transfers.values():
            if transfer.status is TransferStatus.PENDING:
                pending[transfer.payer.ispb] += transfer.amount_centavos
            if transfer.outcome is Outcome.CONFIRMED and transfer.payee is not None:
                moved[transfer.payer.ispb] -= transfer.amount_centavos
                moved[transfer.payee.ispb] += transfer.amount_centavos
        for ispb, account in self.accounts.items():
            assert account.reserved_centavos == pending[ispb]
            assert account.balance_centavos == FUNDS + moved[ispb]

    @invariant()
    def no_transfer_moves_money_twice(self) -> None:
        for end_to_end_id in self.transfers:
            ends = [self.movements[end_to_end_id, kind] for kind in (MovementKind.SETTLE, MovementKind.RELEASE)]
            assert self.movements[end_to_end_id, MovementKind.RESERVE] <= 1
            assert sum(ends) <= self.movements[end_to_end_id, MovementKind.RESERVE]

    @invariant()
    def a_decision_never_changes(self) -> None:
        for end_to_end_id, transfer in self.transfers.items():
            if transfer.outcome is None:
                assert end_to_end_id not in self.decisions
                continue
            decision = (transfer.outcome, transfer.reason, transfer.decided_at_ms or 0)
            assert self.decisions.setdefault(end_to_end_id, decision) == decision

    @invariant()
    def what_is_open_is_resent_and_what_is_closed_is_not(self) -> None:
        for transfer in self.transfers.values():
            is_open = transfer.outcome is None or any(owes_outcome(transfer, side) for side in Side)
            assert (transfer.resend_at_ms is not None) == is_open
            assert (transfer.closed_at_ms is None) == is_open


TestAnyMessages = AnyMessages.TestCase
TestAnyMessages.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
