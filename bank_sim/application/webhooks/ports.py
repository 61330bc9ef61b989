"""What the use cases of webhooks need from outside; what `bank_sim.application.ports` says holds here too."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Protocol

from bank_sim.domain.webhooks.faults import FaultPlan, WebhookFault
from bank_sim.domain.webhooks.model import Delivery, DeliveryFailure, Notice, NoticeStatus, Webhook, WebhookId
from bank_sim.domain.webhooks.verdict import Booking, Receivable
from pix.scheme.values import value_object


@value_object
class WebhookFilter:
    """Which webhooks of an account a list has. Times are those of creation, both included; None: no limit."""

    account_number: str
    from_ms: int | None = None
    to_ms: int | None = None


@value_object
class NoticeFilter:
    """Which notices of an account a list has; what is empty narrows nothing."""

    account_number: str
    status: NoticeStatus | None = None
    end_to_end_id: str = ""
    txid: str = ""


@value_object
class DeliveryFilter:
    """Which deliveries of an account a list has; what is empty narrows nothing."""

    account_number: str
    end_to_end_id: str = ""
    failed: bool = False
    """Only those without an answer of 2xx."""


@value_object
class Report:
    """What a receiver says that it has booked."""

    account_number: str
    reported_at_ms: int
    """In real time."""
    booked: tuple[Booking, ...]


class WebhookRepository(Protocol):
    """Where accounts are told of what comes in, and what their receivers have booked of it."""

    def put(self, webhook: Webhook) -> None:
        """A new one; of one that exists the address alone changes."""

    def remove(self, webhook_id: WebhookId) -> bool:
        """Whether it was there."""

    def find_many(self, ids: Collection[WebhookId]) -> dict[WebhookId, Webhook]:
        """Those that exist."""

    def count(self, narrow: WebhookFilter) -> int:
        """How many a filter has."""

    def put_report(self, report: Report) -> None:
        """Takes the place of the account's report before it."""

    def find_report(self, account_number: str) -> Report | None:
        """The last one of an account."""

    def receivables(self, account_number: str, from_ms: int, size: int) -> list[Receivable]:
        """At most `size` credits with a txid whose offer came at this time or later, oldest first."""

    def list(self, narrow: WebhookFilter, skip: int, size: int) -> list[Webhook]:
        """Oldest first."""


class NoticeRepository(Protocol):
    """The webhooks' outbox and the log of deliveries; their rows are locked after all others."""

    def add(self, notices: Sequence[Notice]) -> None:
        """New ones. One that exists, by end-to-end id and return id, stays as it is."""

    def lock_due(self, real_now_ms: int, size: int, wait_ms_max: int) -> list[Notice]:
        """At most `size` that are due, or due later than the longest wait; longest due first. Skips what is locked."""

    def lock(self, account_number: str, notice_ids: Collection[int]) -> list[Notice]:
        """An account's, locked until the end of the transaction, in the order of their ids."""

    def save(self, notices: Sequence[Notice]) -> None:
        """Rows that were locked in this transaction."""

    def stop(self, webhook_id: WebhookId) -> None:
        """Nothing of this webhook is owed any more."""

    def has_delivered_after(self, notice: Notice) -> bool:
        """Whether a later notice of its webhook is delivered."""

    def find(self, account_number: str, notice_id: int) -> Notice | None:
        """An account's, without a lock."""

    def count_waiting(self, account_number: str) -> int:
        """How many are owed; of all accounts for an empty number."""

    def log(self, deliveries: Sequence[Delivery]) -> None:
        """Adds to the log, of which the newest `DELIVERIES_PER_ACCOUNT_MAX` of each account stay."""

    def find_delivery(self, account_number: str, delivery_id: int) -> Delivery | None:
        """An account's, without a lock."""

    def deliveries(self, narrow: DeliveryFilter, before_id: int | None, size: int) -> list[Delivery]:
        """Newest first."""

    def list(self, narrow: NoticeFilter, before_id: int | None, size: int) -> list[Notice]:
        """Newest first."""


@value_object
class Answer:
    """How an attempt went: the receiver's answer, or why there is none."""

    status: int | None
    body: str = ""
    """At most `BODY_LENGTH_MAX` characters."""
    failure: DeliveryFailure | None = None
    """None for 2xx."""
    detail: str = ""
    """More about the failure, at most `DETAIL_LENGTH_MAX` characters; may be empty."""


class Receivers(Protocol):
    """The receivers of webhooks, over the network."""

    def refuses(self, url: str) -> bool:
        """Whether the bank does not deliver to this address. A name that is unknown now may be known later."""

    @property
    def seconds_max(self) -> float:
        """How long a `post` takes at most."""

    def post(self, url: str, body: str, fault: WebhookFault | None = None) -> Answer:
        """Sends JSON to the address and waits for the answer, for a bounded time. Never raises.

        `REFUSED` and `WRONG_CERTIFICATE` make the attempt fail in that way; the other faults change nothing here.
        """


class ChooseFault(Protocol):
    """The sandbox's rules for webhooks."""

    def __call__(self, unit: Any, notice: Notice) -> FaultPlan | None:
        """The fault that a notice has; None: none. Asked once for each notice, in a transaction (a UnitOfWork)."""
