"""What is refused about charges: each error names the field of the request and the rule."""

from __future__ import annotations

from bank_sim.domain.charges.terms import TermsFlaw
from bank_sim.domain.errors import BankError


class ChargeNotFound(BankError):
    """The merchant has no such charge of this kind."""

    def __init__(self) -> None:
        super().__init__("txid", "You have no charge with this txid.")


class RevisionNotFound(BankError):
    def __init__(self) -> None:
        super().__init__("revision", "The charge has no such revision.")


class TxidTaken(BankError):
    """A txid is unique per CPF or CNPJ, over both kinds of charges and all batches."""

    def __init__(self) -> None:
        super().__init__("txid", "Another charge has this txid.")


class TxidInBatch(BankError):
    """A batch is to make the charge, and has not done so yet, or was denied."""

    def __init__(self) -> None:
        super().__init__("txid", "This txid belongs to a batch that has not made its charge.")


class ChargeNotActive(BankError):
    """A charge that is paid or removed stays as it is."""

    def __init__(self) -> None:
        super().__init__("status", "Only an active charge can be changed.")


class RemovalWithChanges(BankError):
    def __init__(self) -> None:
        super().__init__("status", "A charge is either removed or changed.")


class TermsRefused(BankError):
    """The amount, the dates or what they add and take off cannot be those of a charge."""

    def __init__(self, flaws: tuple[TermsFlaw, ...]) -> None:
        """`flaws` has at least one."""
        super().__init__(flaws[0].field, flaws[0].rule)
        self.flaws = flaws


class KeyNotOfAccount(BankError):
    def __init__(self) -> None:
        super().__init__("key", "This key does not pay into your account.")


class LocationNotFound(BankError):
    def __init__(self) -> None:
        super().__init__("location_id", "You have no location with this ID.")


class LocationTaken(BankError):
    def __init__(self) -> None:
        super().__init__("location_id", "Another charge uses this location.")


class LocationOfOtherKind(BankError):
    def __init__(self) -> None:
        super().__init__("location_id", "This location is for charges of the other kind.")


class BatchNotFound(BankError):
    def __init__(self) -> None:
        super().__init__("batch_id", "You have no batch with this ID.")


class BatchHasCharge(BankError):
    """A new batch names a charge that exists, or that another batch is to make."""

    def __init__(self, txid: str) -> None:
        super().__init__("txid", "A charge of the batch exists already.")
        self.txid = txid


class BatchOfOtherCharges(BankError):
    """Charges are neither added to a batch nor taken out of it."""

    def __init__(self) -> None:
        super().__init__("txid", "A batch keeps the charges with which it was made.")


class PayloadNotFound(BankError):
    """No location has this token and kind, or it serves no charge."""

    def __init__(self) -> None:
        super().__init__("token", "This location has no charge.")


class PayloadExpired(BankError):
    """The charge can no longer be paid by its dates."""

    def __init__(self) -> None:
        super().__init__("token", "The charge has expired.")


class PaymentDayInPast(BankError):
    def __init__(self) -> None:
        super().__init__("day", "The intended day of the payment is in the past.")


class PaymentDayTooLate(BankError):
    def __init__(self) -> None:
        super().__init__("day", "The charge cannot be paid on this day any more.")
