"""The four accounts that the course gives its two banks."""

from __future__ import annotations

from typing import Final

from pix.scheme.values import value_object

OPENING_BALANCE_DEFAULT: Final = 1_000
"""In whole reais: the bank keeps no centavos."""


@value_object
class FixtureAccount:
    account_id: str
    code: str
    number: str
    owner_name: str


ACCOUNTS: Final = (
    FixtureAccount("6e4635ce-88d1-4e58-9597-d13fc446ee47", "001", "1111", "User BBX 1"),
    FixtureAccount("51a720b2-5144-4d7f-921d-57023b1e24c1", "001", "2222", "User BBX 2"),
    FixtureAccount("103cc632-78e7-4476-ab63-d5ad3a562d26", "002", "3333", "User CTER 1"),
    FixtureAccount("463b1b2a-b5fa-4b88-9c31-e5c894a20ae3", "002", "4444", "User CTER 2"),
)
NAMES: Final = {"001": "BBX", "002": "CTER"}
COLORS: Final = {"001": "#b58900", "002": "#00857a"}


def accounts_of(code: str) -> list[FixtureAccount]:
    return [account for account in ACCOUNTS if account.code == code]
