"""What the bank refuses about webhooks."""

from __future__ import annotations

from bank_sim.domain.errors import BankError


class WebhookNotFound(BankError):
    def __init__(self) -> None:
        super().__init__("chave", "This key has no webhook.")


class WebhookKeyNotOwn(BankError):
    """A webhook is set for a key that pays into the account."""

    def __init__(self) -> None:
        super().__init__("chave", "This key is not one of the account's keys.")


class WebhookUrlInvalid(BankError):
    """It is no address, or one that the bank does not deliver to."""

    def __init__(self, rule: str) -> None:
        super().__init__("webhookUrl", rule)


class TooManyWebhooks(BankError):
    def __init__(self, most: int) -> None:
        super().__init__("chave", f"An account has at most {most} webhooks. Delete one first.")


class NoticeNotFound(BankError):
    def __init__(self) -> None:
        super().__init__("notice_id", "The account has no such notice.")


class DeliveryNotFound(BankError):
    def __init__(self) -> None:
        super().__init__("delivery_id", "The account has no such delivery.")


class TooManyBookings(BankError):
    def __init__(self, most: int) -> None:
        super().__init__("bookings", f"A report has at most {most} bookings.")
