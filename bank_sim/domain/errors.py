"""What a bank refuses, and why: each error names the field and the rule; none knows HTTP or gRPC."""

from __future__ import annotations

from pix.scheme.errors import SchemeError


class BankError(SchemeError):
    """Base of the bank's own refusals, for rules that are its own rather than the scheme's."""


class AccountNotFound(BankError):
    def __init__(self) -> None:
        super().__init__("account_number", "No account has this number.")


class AccountBlocked(BankError):
    """A blocked account neither pays nor registers keys."""

    def __init__(self) -> None:
        super().__init__("account_number", "The account is blocked.")


class AccountClosed(BankError):
    def __init__(self) -> None:
        super().__init__("account_number", "The account is closed.")


class AccountNotEmpty(BankError):
    def __init__(self) -> None:
        super().__init__("account_number", "The account still has a balance. Only an empty account can be closed.")


class AccountHasTransfers(BankError):
    """An account that may still be credited cannot be closed: a promise to credit, or a refund, may be on its way."""

    def __init__(self) -> None:
        super().__init__("account_number", "The account has transfers in progress. Wait until they are final.")


class TaxIdTaken(BankError):
    """A CPF or CNPJ has one open account at a bank: of a second one it could never be the key."""

    def __init__(self) -> None:
        super().__init__("tax_id", "This CPF or CNPJ already has an account at this bank.")


class InsufficientBalance(BankError):
    def __init__(self) -> None:
        super().__init__("amount_centavos", "You don't have enough balance.")


class LimitExceeded(BankError):
    """The payment is over a limit of the account: by day or by night, per Pix or for all of the period."""

    def __init__(self, rule: str) -> None:
        super().__init__("amount_centavos", rule)


class PayerIsPayee(BankError):
    """The key or the account is of the very account that pays."""

    def __init__(self, *, is_typed: bool = False) -> None:
        if is_typed:
            super().__init__("payee.account_number", "That's your own account.")
        else:
            super().__init__("payee_key", "That's your own key.")


class KeyNotFound(BankError):
    def __init__(self) -> None:
        super().__init__("key", "No account uses this key. Check it and try again.")


class KeyTaken(BankError):
    """Another account has the key; the scheme names its bank, never the person."""

    def __init__(self, bank_name: str) -> None:
        where = f" at {bank_name}" if bank_name else ""
        super().__init__("key", f"This key is already registered for another account{where}.")
        self.bank_name = bank_name


class KeyLimitReached(BankError):
    def __init__(self, rule: str = "The account has reached its limit of keys.") -> None:
        super().__init__("key", rule)


class LookUpLimitReached(BankError):
    """So many keys were looked up that one has to wait: the scheme's protection of the people behind the keys."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__("look_ups", "Too many key lookups. Wait a moment and try again.")
        self.retry_after_seconds = retry_after_seconds


class IdempotencyConflict(BankError):
    def __init__(self) -> None:
        super().__init__("idempotency_key", "This idempotency key was used for a transfer with different content.")


class WrongCredentials(BankError):
    """Account number and PIN do not match; the error does not say which of them is wrong."""

    def __init__(self) -> None:
        super().__init__("pin", "Wrong account number or PIN.")


class TransferNotFound(BankError):
    def __init__(self) -> None:
        super().__init__("end_to_end_id", "This bank has no transfer with this ID.")


class ScheduleNotFound(BankError):
    """The account has no such schedule."""

    def __init__(self) -> None:
        super().__init__("schedule_id", "This account has no scheduled payment with this ID.")


class ScheduleEnded(BankError):
    """A schedule that is finished or cancelled stays as it is."""

    def __init__(self) -> None:
        super().__init__("schedule_id", "The scheduled payment has ended. It can't be changed.")


class TooManySchedules(BankError):
    """The account has as many active schedules as it may have."""

    def __init__(self, most: int) -> None:
        super().__init__("schedules", f"An account has at most {most} scheduled payments. Cancel one first.")


class HubUnavailable(BankError):
    """The hub does not answer. Transfers are safe and go on when it is back; only questions cannot be asked now."""

    def __init__(self) -> None:
        super().__init__("hub", "The hub is not responding. Please try again shortly.")


class HubRejected(BankError):
    """The hub refused a question or a registration for a rule that it names."""


class ClockNotVirtual(BankError):
    """The hub was started without a virtual clock."""

    def __init__(self) -> None:
        super().__init__("hub", "The hub has no virtual clock.")


class HubAnswerUnfit(HubRejected):
    """The hub's answer breaks a rule of the scheme, so it is not shown."""

    def __init__(self) -> None:
        super().__init__("hub", "The hub's answer violates a rule of the scheme.")


class HubCredentialsRejected(BankError):
    def __init__(self) -> None:
        super().__init__(
            "hub", "The hub does not accept this bank's credentials. Ask the hub's operator to add the bank."
        )
