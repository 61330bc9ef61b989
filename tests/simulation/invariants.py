"""What must hold when a simulated network has gone quiet: the audit's invariants, and that nothing was skipped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from bank_sim.adapters.memory.unit_of_work import BankStore
from bank_sim.domain.charges.model import ChargeStatus
from bank_sim.domain.charges.offers import UnknownCharges
from bank_sim.domain.flows.returns.model import Return as BankReturn
from bank_sim.domain.flows.returns.model import ReturnStatus as BankReturnStatus
from bank_sim.domain.flows.transfer.model import TransferStatus as BankStatus
from hub.domain.flows.returns.model import NAME as RETURN
from hub.domain.flows.returns.model import Return as HubReturn
from hub.domain.flows.returns.model import ReturnStatus as HubReturnStatus
from hub.domain.flows.transfer.model import TransferStatus as HubStatus
from hub.domain.tallies import tally_changes
from pix.scheme.ids import END_TO_END_ID_AGE_MAX, parse_end_to_end_id
from pix.scheme.postings import Direction, PostingKind
from pix.scheme.reasons import REASONS_WITHOUT_ROW, ReasonCode
from pix.wire.record import digest_of
from tests.simulation.calm import rows_of

REASONS_NOT_GIVEN: Final = frozenset(
    {ReasonCode.FF08, ReasonCode.CH16, ReasonCode.AG12, ReasonCode.AG13, ReasonCode.DT05, ReasonCode.DUPL}
)
"""The hub's codes for what no bank asks here: every return is of a payment that was confirmed shortly before."""

if TYPE_CHECKING:
    from tests.simulation.banks import SimulatedBank
    from tests.simulation.world import World


def find_violations(world: World) -> list[str]:
    """Every invariant that is broken, in a sentence; none when all is well."""
    return [
        *_money_conserved(world),
        *_outcomes_agree(world),
        *_returns_agree(world),
        *_returns_within_originals(world),
        *_originals_unchanged(world),
        *_charges_are_paid_once(world),
        *_settlement_agrees(world),
        *_ids_are_judged_by_the_hubs_clock(world),
        *_orders_kept(world),
        *_letters_are_garbage(world),
        *_tallies_agree(world),
    ]


def _money_conserved(world: World) -> Iterator[str]:
    customers = clearing = deposits = 0
    for bank in world.banks:
        summary = bank.quiet.queries.books()
        customers += summary.customers_centavos
        clearing += summary.clearing_centavos
        deposits += summary.deposits_centavos
        if not summary.is_balanced:
            yield f"the books of bank {bank.identity.code} do not hold together: {summary}"
        if summary.clearing_centavos:
            yield f"bank {bank.identity.code} has {summary.clearing_centavos} left in clearing"
        yield from _posted_once(bank)
    if customers + clearing != deposits:
        yield f"customers have {customers}, clearing {clearing}, but {deposits} was put in"


def _posted_once(bank: SimulatedBank) -> Iterator[str]:
    kinds: Counter[tuple[str, Direction | None, PostingKind]] = Counter(
        (posting.end_to_end_id, posting.direction, posting.kind)
        for _, posting in bank.quiet.queries.postings(size=500).postings
        if posting.end_to_end_id is not None
    )
    for place, times in kinds.items():
        if times > 1:
            yield f"bank {bank.identity.code} has posted {place} {times} times"


def _outcomes_agree(world: World) -> Iterator[str]:
    """Each transfer has ended, alike at the hub and in both banks."""
    at_hub = {transfer.end_to_end_id: transfer for transfer in world.hub_store.transfers.values()}
    rows = {
        (bank.identity.ispb, row.end_to_end_id, row.direction): row
        for bank in world.banks
        for row in bank.store.transfers.values()
    }
    for (ispb, end_to_end_id, direction), row in rows.items():
        transfer = at_hub.get(end_to_end_id)
        if not row.is_final or row.resend_at_ms is not None:
            yield f"{end_to_end_id} is {row.status} ({direction}) at {ispb}, at the hub {transfer and transfer.status}"
        elif transfer is None:
            if row.status is not BankStatus.FAILED or row.reason not in REASONS_WITHOUT_ROW:
                yield f"{end_to_end_id} is {row.status} at {ispb}, and the hub does not know it"
        elif (row.status is BankStatus.CONFIRMED) != (transfer.status is HubStatus.COMPLETED):
            yield f"{end_to_end_id} is {row.status} ({direction}) at {ispb}, but {transfer.status} at the hub"
        elif row.amount_centavos != transfer.amount_centavos:
            yield f"{end_to_end_id} has another amount at {ispb}"
    for transfer in at_hub.values():
        if transfer.closed_at_ms is None or transfer.resend_at_ms is not None:
            yield f"{transfer.end_to_end_id} is {transfer.status} at the hub and not closed"
        if (transfer.payer.ispb, transfer.end_to_end_id, Direction.OUTGOING) not in rows:
            yield f"{transfer.end_to_end_id} is not known to its payer's bank"
        if transfer.status is HubStatus.COMPLETED:
            payee = transfer.payee
            if payee is None or (payee.ispb, transfer.end_to_end_id, Direction.INCOMING) not in rows:
                yield f"{transfer.end_to_end_id} is completed, and its payee's bank does not know it"


def returns_of_payment(store: BankStore, end_to_end_id: str) -> list[BankReturn]:
    """Those that a bank gives of money that it has received."""
    return [
        row
        for row in store.rows[RETURN].values()
        if row.original_end_to_end_id == end_to_end_id and row.direction is Direction.OUTGOING
    ]


def contents_of_transfer(world: World, end_to_end_id: str) -> dict[str, object]:
    """What no return changes of a transfer, by the participant that has it, and the side at a bank."""
    contents: dict[str, object] = {}
    if (transfer := world.hub_store.transfers.get(end_to_end_id)) is not None:
        contents["hub"] = (
            transfer.outcome, transfer.reason, transfer.amount_centavos, transfer.payer, transfer.payee,
            transfer.description, transfer.decided_at_ms,
        )  # fmt: skip
    for bank in world.banks:
        for direction in Direction:
            row = bank.store.transfers.get((end_to_end_id, direction))
            if row is not None and row.is_final:
                contents[f"{bank.identity.ispb} {direction}"] = (
                    row.status, row.reason, row.amount_centavos, row.account_number, row.payer, row.payee,
                    row.description, row.decided_at_ms,
                )  # fmt: skip
    return contents


def _originals_unchanged(world: World) -> Iterator[str]:
    """A transfer of which money goes back stays as it was confirmed."""
    for end_to_end_id, before in world.originals.items():
        now = contents_of_transfer(world, end_to_end_id)
        for who, content in before.items():
            if now.get(who) != content:
                yield f"{end_to_end_id} was {content} at {who}, and after its returns is {now.get(who)}"


def _returns_within_originals(world: World) -> Iterator[str]:
    """At the hub and at both banks, the returns of a transfer that have not failed are at most the transfer."""
    sums: Counter[tuple[str, str, Direction | None]] = Counter()
    for row in world.hub_store.rows[RETURN].values():
        if row.status is not HubReturnStatus.FAILED:
            sums["hub", row.original_end_to_end_id, None] += row.amount_centavos
    for bank in world.banks:
        for row in bank.store.rows[RETURN].values():
            if row.status in (BankReturnStatus.PENDING, BankReturnStatus.ACCEPTED, BankReturnStatus.CONFIRMED):
                sums[bank.identity.ispb, row.original_end_to_end_id, row.direction] += row.amount_centavos
    for (who, end_to_end_id, direction), centavos in sums.items():
        original = world.hub_store.transfers.get(end_to_end_id)
        if original is None or original.status is not HubStatus.COMPLETED:
            yield f"money of {end_to_end_id} goes back, which is {original and original.status}"
        elif centavos > original.amount_centavos:
            yield f"{centavos} of {end_to_end_id} go back at {who} {direction or ''}: more than it moved"


def _returns_agree(world: World) -> Iterator[str]:
    """Each return has ended, alike at the hub and in both banks."""
    at_hub: dict[str, HubReturn] = {row.return_id: row for row in world.hub_store.rows[RETURN].values()}
    rows: dict[tuple[str, str, Direction], BankReturn] = {
        (bank.identity.ispb, row.return_id, row.direction): row
        for bank in world.banks
        for row in bank.store.rows[RETURN].values()
    }
    for (ispb, return_id, direction), row in rows.items():
        known = at_hub.get(return_id)
        if not row.is_final or row.resend_at_ms is not None:
            yield f"{return_id} is {row.status} ({direction}) at {ispb}, at the hub {known and known.status}"
        elif known is None:
            yield f"{return_id} is {row.status} at {ispb}, and the hub does not know it"
        elif (row.status is BankReturnStatus.CONFIRMED) != (known.status is HubReturnStatus.COMPLETED):
            yield f"{return_id} is {row.status} ({direction}) at {ispb}, but {known.status} at the hub"
        elif _content_of_return(row) != _content_of_return(known):
            yield f"{return_id} is {_content_of_return(row)} at {ispb}, but {_content_of_return(known)} at the hub"
    for known in at_hub.values():
        if known.closed_at_ms is None or known.resend_at_ms is not None:
            yield f"{known.return_id} is {known.status} at the hub and not closed"
        if known.reason in REASONS_NOT_GIVEN:
            yield f"{known.return_id} failed for {known.reason}, which no request here deserves"
        if (known.requester_ispb, known.return_id, Direction.OUTGOING) not in rows:
            yield f"{known.return_id} is not known to the bank that gives the money back"
        payer = known.payer
        if known.offered_at_ms is not None and (
            payer is None or (payer.ispb, known.return_id, Direction.INCOMING) not in rows
        ):
            yield f"{known.return_id} was offered, and its payer's bank does not know it"


def _content_of_return(row: BankReturn | HubReturn) -> tuple[object, ...]:
    return row.original_end_to_end_id, row.amount_centavos, row.return_reason, row.reason, row.description


def _charges_are_paid_once(world: World) -> Iterator[str]:
    """A charge is concluded exactly when one of its transfers was credited; nothing reserves it for ever.

    It is credited once, unless the banks accept what no charge wants.
    """
    for bank in world.banks:
        for charge in bank.store.charges.values():
            credited = [
                row.end_to_end_id
                for row in bank.store.transfers.values()
                if (row.account_number, row.txid) == (charge.account_number, charge.txid)
                and row.direction is Direction.INCOMING
                and row.status is BankStatus.CONFIRMED
            ]
            if len(credited) > 1 and world.unknown_charges is UnknownCharges.REFUSE:
                yield f"charge {charge.txid} was paid {len(credited)} times"
            if (charge.status is ChargeStatus.COMPLETED) != bool(credited):
                yield f"charge {charge.txid} is {charge.status}, and {credited} was credited"
            elif credited and charge.paid_by not in credited:
                yield f"charge {charge.txid} is paid by {charge.paid_by}, but {credited} was credited"
            if charge.reserved_by:
                yield f"charge {charge.txid} is still reserved by {charge.reserved_by}"


def _settlement_agrees(world: World) -> Iterator[str]:
    accounts = world.hub.queries.settlement_accounts()
    for bank in world.banks:
        account = accounts[bank.identity.ispb]
        booked = bank.quiet.queries.books().settlement_centavos
        if account.balance_centavos != booked:
            yield f"bank {bank.identity.code} books {booked} of settlement money, the hub {account.balance_centavos}"
        if account.reserved_centavos:
            yield f"{account.reserved_centavos} of bank {bank.identity.code} is still reserved"


def _ids_are_judged_by_the_hubs_clock(world: World) -> Iterator[str]:
    """FF08 is for ids whose time was more than 12 hours from the hub's when it received them, and for no others."""
    for transfer in world.hub_store.transfers.values():
        made_at = parse_end_to_end_id(transfer.end_to_end_id).minute
        age = abs(datetime.fromtimestamp(transfer.received_at_ms / 1000, UTC) - made_at)
        if (age > END_TO_END_ID_AGE_MAX) is not (transfer.reason is ReasonCode.FF08):
            yield f"{transfer.end_to_end_id} is {transfer.status} for {transfer.reason}, and its id is {age} old"


def _orders_kept(world: World) -> Iterator[str]:
    """What a bank has told its customer it took, it has; and one order is one transfer, or one return."""
    for bank in world.banks:
        keys = Counter(
            (type(row), row.account_number, row.idempotency_key)
            for row in rows_of(bank.store)
            if row.direction is Direction.OUTGOING
        )
        for place, times in keys.items():
            if times > 1:
                yield f"order {place} was carried out {times} times"
    known = {row.row_id[0] for bank in world.banks for row in rows_of(bank.store)}
    for order, row_id in (*world.accepted_orders.items(), *world.accepted_returns.items()):
        if row_id not in known:
            yield f"order {order} was accepted as {row_id} and is lost"


def _letters_are_garbage(world: World) -> Iterator[str]:
    """Garbage is buried, unless the broker lost it before it was read; and nothing else is."""
    garbage = {digest_of(record) for record in world.garbage}
    stores = [world.hub_store.dead_letters, *(bank.store.dead_letters for bank in world.banks)]
    stored = {letter.digest: letter for store in stores for letter in store.list(None, 1_000)}
    for digest, letter in stored.items():
        if digest not in garbage:
            yield f"a message died: {letter.reason}"
    for record in world.garbage:
        if digest_of(record) not in stored and world.broker.generation == 0 and not world.retention_has_struck:
            yield f"{record.key.decode()} on {record.topic} was skipped and not buried"


def _tallies_agree(world: World) -> Iterator[str]:
    """What was added up by changes is what counting finds."""
    counted = tally_changes((None, row) for row in rows_of(world.hub_store))
    tallies = world.hub.queries.tallies()
    if tallies != counted:
        yield f"the tallies say {tallies}, counting says {counted}"
