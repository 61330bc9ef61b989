"""The topics of the course's wire."""

from __future__ import annotations

from typing import Final

TRANSACTIONS: Final = "transactions"
"""Step 1, from the payers' banks."""
CONFIRMATIONS: Final = "transaction_confirmation"
"""Steps 3 and 5, from the banks of both sides."""
PARTITIONS: Final = 1
"""Of each topic, as in the course: a bank without a committed offset loses what a second partition holds."""


def course_bank_topic(code: str) -> str:
    """Steps 2 and 4, to the bank with this 3-digit code."""
    return f"bank{code}"
