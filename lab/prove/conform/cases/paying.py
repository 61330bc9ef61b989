"""The bank is the payer's: it debits, asks, and follows the hub's decision."""

from __future__ import annotations

from typing import Final

from lab.prove.conform.bench import AMOUNT_CENTAVOS, BALANCE_CENTAVOS, Bench
from lab.prove.conform.case import Group
from lab.prove.conform.rules import DEBIT_FIRST
from pix.scheme.messages import Outcome, Side

GROUP: Final = Group("paying", "Paying: the bank is the payer's")


@GROUP.add("debits-first", "the customer is debited when the order is answered", DEBIT_FIRST)
def debits_first(bench: Bench) -> None:
    account = bench.open_account()
    transfer = bench.pay(account, bench.counterpart().key)
    bench.check_balance_now(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)
    request = bench.decisions.await_request(transfer.id)
    bench.decisions.confirm(request)
    processed = bench.decisions.await_processed(transfer.id, Side.PAYER)
    bench.check_equal(processed.outcome, Outcome.CONFIRMED, "The outcome of OutcomeProcessed")
    bench.check_transfer(transfer.id, "confirmed")
    bench.check_balance_now(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)
