"""What the hub refuses to do, each with the field and the rule. They know no transport; each edge has its own table."""

from __future__ import annotations

from pix.scheme.errors import SchemeError


class HubError(SchemeError):
    """Base of the hub's own refusals."""


class BankNotFound(HubError):
    """No bank has this ISPB or code."""


class BankAlreadyAdded(HubError):
    """A bank with this code or ISPB exists."""


class BankNotActive(HubError):
    """The bank is suspended (DS27)."""


class NotAuthenticated(HubError):
    """The caller is not the bank that it says it is."""


class KeyNotFound(HubError):
    """The key is not registered, or is not the caller's where it must be."""


class KeyTaken(HubError):
    """The key belongs to an account of `bank_name` already."""

    def __init__(self, field: str, rule: str, bank_name: str) -> None:
        super().__init__(field, rule)
        self.bank_name = bank_name


class KeyLimitReached(HubError):
    """The account has reached its limit of keys."""


class LookUpsExhausted(HubError):
    """The bank has looked up so many keys that it has to wait."""

    def __init__(self, wait_ms: int) -> None:
        super().__init__("look_ups", "this bank has looked up too many keys (a miss counts for three); wait a little")
        self.retry_after_seconds = -(-wait_ms // 1_000)


class TransferNotFound(HubError):
    """The hub knows no such transfer."""


class FundingConflict(HubError):
    """The id belongs to another funding."""


class SettlementFundsTooLow(HubError):
    """A withdrawal of more settlement money than is free."""


class ClockIsMoving(HubError):
    """The network's clock is on its way to a later time already."""
