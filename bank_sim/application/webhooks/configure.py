"""Sets, changes and deletes webhooks, and owes notices once more."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from bank_sim.application.ports import UnitOfWork, UnitsOfWork
from bank_sim.application.webhooks.ports import NoticeFilter, Receivers, WebhookFilter
from bank_sim.application.webhooks.urls import check_webhook_url
from bank_sim.domain.webhooks.errors import (
    DeliveryNotFound,
    NoticeNotFound,
    TooManyWebhooks,
    WebhookKeyNotOwn,
    WebhookNotFound,
    WebhookUrlInvalid,
)
from bank_sim.domain.webhooks.model import Notice, NoticeStatus, Webhook, replayed
from pix.runtime.clock import Clock, SchemeClock
from pix.scheme.keys import PixKey

WEBHOOKS_PER_ACCOUNT_MAX: Final = 100
"""A removed key keeps its webhook, so that there may be more of them than keys."""


class PutWebhook:
    """Has the receipts of a key told to an address, from now on, and what is still owed too."""

    def __init__(self, units: UnitsOfWork, receivers: Receivers, scheme_clock: SchemeClock) -> None:
        self._units = units
        self._receivers = receivers
        self._scheme_clock = scheme_clock

    def __call__(self, *, account_number: str, key: PixKey, url: str) -> Webhook:
        """Raises WebhookKeyNotOwn, WebhookUrlInvalid, TooManyWebhooks."""
        check_webhook_url(url)
        if self._receivers.refuses(url):
            raise WebhookUrlInvalid(
                "The bank delivers only to loopback and private addresses, and by https to the hosts of WEBHOOK_HOSTS."
            )
        webhook = Webhook(account_number, key, url, self._scheme_clock.now_ms())
        with self._units() as unit:
            if unit.keys.owners([key]).get(key) != account_number:
                raise WebhookKeyNotOwn
            known = unit.webhooks.find_many([webhook.webhook_id]).get(webhook.webhook_id)
            if known is None and unit.webhooks.count(WebhookFilter(account_number)) >= WEBHOOKS_PER_ACCOUNT_MAX:
                raise TooManyWebhooks(WEBHOOKS_PER_ACCOUNT_MAX)
            unit.webhooks.put(webhook)
            unit.commit()
        return webhook if known is None else replace(known, url=url)


class RemoveWebhook:
    """Deletes a webhook; what it still owes is owed no more, and stays in the list of notices."""

    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def __call__(self, *, account_number: str, key: PixKey) -> None:
        """Raises WebhookNotFound."""
        with self._units() as unit:
            if not unit.webhooks.remove((account_number, key)):
                raise WebhookNotFound
            unit.notices.stop((account_number, key))
            unit.commit()


class Replay:
    """Owes notices once more: those that were delivered, lost or stopped, and at once those that wait.

    They go to the address that the webhook has now.
    """

    def __init__(self, units: UnitsOfWork, clock: Clock) -> None:
        self._units = units
        self._clock = clock

    def notice(self, account_number: str, notice_id: int) -> None:
        """Raises NoticeNotFound, and WebhookNotFound when its webhook is deleted."""
        with self._units() as unit:
            if not self._owe_again(unit, account_number, [notice_id]):
                raise NoticeNotFound
            unit.commit()

    def delivery(self, account_number: str, delivery_id: int) -> int:
        """All notices of a delivery; how many. Raises DeliveryNotFound, WebhookNotFound."""
        with self._units() as unit:
            delivery = unit.notices.find_delivery(account_number, delivery_id)
            if delivery is None:
                raise DeliveryNotFound
            count = self._owe_again(unit, account_number, delivery.notice_ids)
            unit.commit()
        return count

    def lost(self, account_number: str, size: int = 1_000) -> int:
        """The newest `size` of those that a fault has lost; how many. Raises WebhookNotFound."""
        with self._units() as unit:
            lost = unit.notices.list(NoticeFilter(account_number, NoticeStatus.LOST), None, size)
            count = self._owe_again(unit, account_number, [notice.notice_id for notice in lost])
            unit.commit()
        return count

    def _owe_again(self, unit: UnitOfWork, account_number: str, notice_ids: Collection[int]) -> int:
        notices: list[Notice] = unit.notices.lock(account_number, notice_ids)
        ids = {notice.webhook_id for notice in notices}
        if ids - unit.webhooks.find_many(ids).keys():
            raise WebhookNotFound
        real_now_ms = self._clock.real_now_ms()
        unit.notices.save([replayed(notice, real_now_ms) for notice in notices])
        return len(notices)
