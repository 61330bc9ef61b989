"""A webhook, the notices that it owes, and the log of their deliveries.

Source: the Central Bank's API Pix, tag Webhook. A bank tells an account of each Pix that carries a txid, and again when
a return of such a Pix ends. Times of notices and deliveries are real time: a virtual clock does not move them.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import Final

from bank_sim.domain.webhooks.faults import FAULT_DELAY_MS_MAX, FaultPlan
from pix.scheme.keys import PixKey
from pix.scheme.retransmission import RetransmissionPolicy
from pix.scheme.values import value_object

BODY_LENGTH_MAX: Final = 16_384
"""Characters of a body that the log keeps."""
DETAIL_LENGTH_MAX: Final = 200
DELIVERIES_PER_ACCOUNT_MAX: Final = 1_000
"""The log keeps the newest."""

WebhookId = tuple[str, PixKey]
"""An account's number, and a key."""


@value_object
class Webhook:
    """Where to tell an account of the Pix that come in by a key."""

    account_number: str
    key: PixKey
    url: str
    """`/pix` is appended."""
    created_at_ms: int
    """In scheme time; another address for the key does not change it."""

    @property
    def webhook_id(self) -> WebhookId:
        return self.account_number, self.key


class NoticeStatus(StrEnum):
    WAITING = "waiting"
    """It is owed."""
    DELIVERED = "delivered"
    """The receiver has answered 2xx."""
    LOST = "lost"
    """A fault holds it until it is replayed."""
    STOPPED = "stopped"
    """Its webhook was deleted before it was delivered."""


@value_object
class Notice:
    """A row of the webhooks' outbox: a receipt, or the end of a return of one.

    It stays with its account, also when the key is removed or goes to another account.
    """

    account_number: str
    key: PixKey
    txid: str
    end_to_end_id: str
    return_id: str
    """Empty: the receipt itself."""
    amount_centavos: int
    """Of the receipt or of the return."""
    noted_at_ms: int
    due_at_ms: int | None
    """None once it is not owed."""
    status: NoticeStatus = NoticeStatus.WAITING
    attempts: int = 0
    is_judged: bool = False
    """Whether it is decided which fault it has."""
    fault: FaultPlan | None = None
    delivered_at_ms: int | None = None
    notice_id: int = 0
    """Given by the store."""

    @property
    def webhook_id(self) -> WebhookId:
        return self.account_number, self.key


class DeliveryFailure(StrEnum):
    """Why an attempt has not delivered."""

    STATUS = "status"
    """The receiver's answer is not 2xx. Redirects are not followed."""
    CONNECTION = "connection"
    """The receiver takes no connection."""
    TIMEOUT = "timeout"
    """No complete answer in time."""
    CERTIFICATE = "certificate"
    """The receiver's certificate is not trusted, or names another host."""
    NAME = "name"
    """The host's name is unknown."""
    ADDRESS = "address"
    """The bank does not deliver to the host's address."""
    BROKEN = "broken"
    """The connection broke off, or the answer is no HTTP."""
    HELD = "held"
    """A fault of the sandbox holds it; nothing was sent."""


@value_object
class Delivery:
    """An attempt, as the log has it. Bodies are cut off after `BODY_LENGTH_MAX` characters."""

    account_number: str
    key: PixKey
    url: str
    notice_ids: tuple[int, ...]
    end_to_end_ids: tuple[str, ...]
    """Of the Pix in the request, each once."""
    attempt: int
    """The first is 1; of a group, that of the notice with most."""
    fault: str
    """The value of a `WebhookFault`; empty: none."""
    started_at_ms: int
    duration_ms: int
    request_body: str
    status: int | None = None
    """Of the answer; None: there was none."""
    response_body: str = ""
    failure: DeliveryFailure | None = None
    """None: it is delivered."""
    detail: str = ""
    """More about the failure, for developers; may be empty."""
    delivery_id: int = 0
    """Given by the store."""

    @property
    def is_delivered(self) -> bool:
        return self.failure is None


def longest_wait_ms(policy: RetransmissionPolicy) -> int:
    """No notice waits longer; one that is due later was given its time before the clock stepped back."""
    return max(policy.cap_ms, FAULT_DELAY_MS_MAX)


def delivered(notice: Notice, real_now_ms: int) -> Notice:
    return replace(notice, status=NoticeStatus.DELIVERED, due_at_ms=None, delivered_at_ms=real_now_ms)


def failed(notice: Notice, real_now_ms: int, policy: RetransmissionPolicy) -> Notice:
    """After an attempt without an answer of 2xx; `attempts` counts that attempt already."""
    wait_ms = policy.delay_ms(f"{notice.end_to_end_id}{notice.return_id}", notice.attempts - 1)
    return replace(notice, due_at_ms=real_now_ms + wait_ms)


def stopped(notice: Notice) -> Notice:
    return replace(notice, status=NoticeStatus.STOPPED, due_at_ms=None)


def replayed(notice: Notice, real_now_ms: int) -> Notice:
    """Owed again from now on, as if it were new, and without a fault."""
    return replace(notice, status=NoticeStatus.WAITING, due_at_ms=real_now_ms, attempts=0, is_judged=True, fault=None)
