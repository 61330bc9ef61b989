"""Why a code cannot be paid, found before any money moves."""

from __future__ import annotations

from bank_sim.domain.errors import BankError


class CodeNotPayable(BankError):
    """Base of what is wrong with a dynamic code or with what its location serves. The field is `brcode`."""


class PayloadHostUnknown(CodeNotPayable):
    """No bank of the network has announced the host of the location, so that it is not asked."""

    def __init__(self) -> None:
        super().__init__("brcode", "No bank of the network serves this code.")


class PayloadUnavailable(CodeNotPayable):
    """The payee's bank did not answer in time, or not with a payload."""

    def __init__(self) -> None:
        super().__init__("brcode", "The recipient's bank doesn't answer about this code. Try again shortly.")


class PayloadNotFound(CodeNotPayable):
    """The location serves no charge."""

    def __init__(self) -> None:
        super().__init__("brcode", "The recipient's bank has no charge for this code.")


class PayloadGone(CodeNotPayable):
    """The location serves its charge no longer."""

    def __init__(self) -> None:
        super().__init__("brcode", "This charge can't be paid any more: it was paid, cancelled or has expired.")


class DayNotPayable(CodeNotPayable):
    """The charge cannot be paid on the day that was asked for."""

    def __init__(self) -> None:
        super().__init__("brcode", "This charge can't be paid on that day.")


class PayloadNotTrusted(CodeNotPayable):
    """The signature, the key set or the content of the payload is not as the scheme wants it."""

    def __init__(self) -> None:
        super().__init__(
            "brcode", "The charge of this code can't be trusted: its signature or its content is not valid."
        )


class PayloadOfOtherBank(CodeNotPayable):
    """The key that the payload names belongs to a bank that does not serve the location."""

    def __init__(self) -> None:
        super().__init__("brcode", "The charge of this code can't be trusted: its key belongs to another bank.")


class ChargePaid(CodeNotPayable):
    def __init__(self) -> None:
        super().__init__("brcode", "This charge has been paid already.")


class ChargeCancelled(CodeNotPayable):
    def __init__(self) -> None:
        super().__init__("brcode", "The recipient has cancelled this charge.")


class ChargeExpired(CodeNotPayable):
    def __init__(self) -> None:
        super().__init__("brcode", "This charge has expired. Ask the recipient for a new code.")


class WithdrawalNotOffered(CodeNotPayable):
    """The charge is a Pix Saque or a Pix Troco (`retirada`)."""

    def __init__(self) -> None:
        super().__init__("brcode", "This code is for a cash withdrawal (Pix Saque or Pix Troco), which isn't offered.")


class CodeNotSchedulable(CodeNotPayable):
    """A code is paid at once: by another day its charge may have ended."""

    def __init__(self) -> None:
        super().__init__(
            "brcode", "A Pix code can't be scheduled. Pay it today, or schedule a payment to the recipient's key."
        )
