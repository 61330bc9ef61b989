"""The rules that cases cite, and where each is written. One rule may have several cases."""

from __future__ import annotations

from typing import Final

from lab.prove.conform.case import Rule

PROTOCOL: Final = "docs/protocol.md"
CONTRACT: Final = "docs/bank-contract.md"

DEBIT_FIRST: Final = Rule(
    "The payer's bank debits its customer and puts the money into clearing before TransferRequested leaves.",
    f"{PROTOCOL}#one-transfer",
)
