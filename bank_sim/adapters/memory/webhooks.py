"""Webhooks in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Protocol

from bank_sim.application.webhooks.ports import DeliveryFilter, NoticeFilter, Report, WebhookFilter
from bank_sim.domain.flows.flow import RowId
from bank_sim.domain.flows.transfer.model import Transfer, TransferStatus
from bank_sim.domain.webhooks.model import (
    DELIVERIES_PER_ACCOUNT_MAX,
    Delivery,
    Notice,
    NoticeStatus,
    Webhook,
    WebhookId,
    stopped,
)
from bank_sim.domain.webhooks.verdict import Receivable
from pix.runtime.memory_table import MemoryTable
from pix.scheme.postings import Direction


class WebhookStore(Protocol):
    """The part of a bank's store with webhooks."""

    webhooks: MemoryTable[WebhookId, Webhook]
    notices: MemoryTable[int, Notice]
    deliveries: MemoryTable[int, Delivery]
    reports: MemoryTable[str, Report]
    last_notice_id: int
    last_delivery_id: int

    @property
    def transfers(self) -> MemoryTable[RowId, Transfer]: ...


class MemoryWebhooks:
    """See `bank_sim.application.webhooks.ports.WebhookRepository`."""

    def __init__(self, store: WebhookStore) -> None:
        self._store = store

    def put(self, webhook: Webhook) -> None:
        known = self._store.webhooks.get(webhook.webhook_id)
        kept = webhook if known is None else replace(known, url=webhook.url)
        self._store.webhooks.put(webhook.webhook_id, kept)

    def remove(self, webhook_id: WebhookId) -> bool:
        known = self._store.webhooks.get(webhook_id) is not None
        if known:
            self._store.webhooks.drop(webhook_id)
        return known

    def find_many(self, ids: Collection[WebhookId]) -> dict[WebhookId, Webhook]:
        found = {webhook_id: self._store.webhooks.get(webhook_id) for webhook_id in ids}
        return {webhook_id: webhook for webhook_id, webhook in found.items() if webhook is not None}

    def count(self, narrow: WebhookFilter) -> int:
        return len(self._listed(narrow))

    def put_report(self, report: Report) -> None:
        self._store.reports.put(report.account_number, report)

    def find_report(self, account_number: str) -> Report | None:
        return self._store.reports.get(account_number)

    def receivables(self, account_number: str, from_ms: int, size: int) -> list[Receivable]:
        found = [
            row
            for row in self._store.transfers.values()
            if row.account_number == account_number
            and row.direction is Direction.INCOMING
            and row.status is TransferStatus.CONFIRMED
            and row.txid
            and row.requested_at_ms >= from_ms
        ]
        found.sort(key=lambda row: (row.requested_at_ms, row.end_to_end_id))
        return [
            Receivable(row.end_to_end_id, row.txid, row.amount_centavos, row.decided_at_ms or 0) for row in found[:size]
        ]

    def _listed(self, narrow: WebhookFilter) -> Sequence[Webhook]:
        return [
            hook
            for hook in self._store.webhooks.values()
            if hook.account_number == narrow.account_number
            and (narrow.from_ms is None or hook.created_at_ms >= narrow.from_ms)
            and (narrow.to_ms is None or hook.created_at_ms <= narrow.to_ms)
        ]

    def list(self, narrow: WebhookFilter, skip: int, size: int) -> list[Webhook]:
        found = sorted(self._listed(narrow), key=lambda hook: (hook.created_at_ms, hook.key.key))
        return found[skip : skip + size]


class MemoryNotices:
    """See `bank_sim.application.webhooks.ports.NoticeRepository`."""

    def __init__(self, store: WebhookStore) -> None:
        self._store = store

    def add(self, notices: Sequence[Notice]) -> None:
        known = {(each.end_to_end_id, each.return_id) for each in self._store.notices.values()}
        for notice in sorted(notices, key=lambda each: (each.end_to_end_id, each.return_id)):
            if (notice.end_to_end_id, notice.return_id) not in known:
                self._store.last_notice_id += 1
                self._store.notices.put(
                    self._store.last_notice_id, replace(notice, notice_id=self._store.last_notice_id)
                )

    def lock_due(self, real_now_ms: int, size: int, wait_ms_max: int) -> list[Notice]:
        due = [
            (notice.due_at_ms, notice.notice_id, notice)
            for notice in self._store.notices.values()
            if notice.due_at_ms is not None and not real_now_ms < notice.due_at_ms <= real_now_ms + wait_ms_max
        ]
        return [notice for _, _, notice in sorted(due, key=lambda each: each[:2])[:size]]

    def lock(self, account_number: str, notice_ids: Collection[int]) -> list[Notice]:
        found = [self.find(account_number, notice_id) for notice_id in sorted(notice_ids)]
        return [notice for notice in found if notice is not None]

    def save(self, notices: Sequence[Notice]) -> None:
        for notice in notices:
            self._store.notices.put(notice.notice_id, notice)

    def stop(self, webhook_id: WebhookId) -> None:
        held = (NoticeStatus.WAITING, NoticeStatus.LOST)
        owed = [each for each in self._store.notices.values() if each.webhook_id == webhook_id and each.status in held]
        self.save([stopped(notice) for notice in owed])

    def has_delivered_after(self, notice: Notice) -> bool:
        return any(
            each.notice_id > notice.notice_id
            and each.webhook_id == notice.webhook_id
            and each.status is NoticeStatus.DELIVERED
            for each in self._store.notices.values()
        )

    def find(self, account_number: str, notice_id: int) -> Notice | None:
        notice = self._store.notices.get(notice_id)
        return notice if notice is not None and notice.account_number == account_number else None

    def count_waiting(self, account_number: str) -> int:
        return sum(
            notice.due_at_ms is not None and account_number in ("", notice.account_number)
            for notice in self._store.notices.values()
        )

    def log(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            self._store.last_delivery_id += 1
            delivery_id = self._store.last_delivery_id
            self._store.deliveries.put(delivery_id, replace(delivery, delivery_id=delivery_id))
        for number in {delivery.account_number for delivery in deliveries}:
            kept = [each.delivery_id for each in self._store.deliveries.values() if each.account_number == number]
            for delivery_id in sorted(kept)[:-DELIVERIES_PER_ACCOUNT_MAX]:
                self._store.deliveries.drop(delivery_id)

    def find_delivery(self, account_number: str, delivery_id: int) -> Delivery | None:
        delivery = self._store.deliveries.get(delivery_id)
        return delivery if delivery is not None and delivery.account_number == account_number else None

    def deliveries(self, narrow: DeliveryFilter, before_id: int | None, size: int) -> list[Delivery]:
        found = [
            delivery
            for delivery in self._store.deliveries.values()
            if delivery.account_number == narrow.account_number
            and (not narrow.end_to_end_id or narrow.end_to_end_id in delivery.end_to_end_ids)
            and (not narrow.failed or not delivery.is_delivered)
            and (before_id is None or delivery.delivery_id < before_id)
        ]
        return sorted(found, key=lambda delivery: -delivery.delivery_id)[:size]

    def list(self, narrow: NoticeFilter, before_id: int | None, size: int) -> list[Notice]:
        found = [
            notice
            for notice in self._store.notices.values()
            if notice.account_number == narrow.account_number
            and (narrow.status is None or notice.status is narrow.status)
            and narrow.end_to_end_id in ("", notice.end_to_end_id)
            and narrow.txid in ("", notice.txid)
            and (before_id is None or notice.notice_id < before_id)
        ]
        return sorted(found, key=lambda notice: -notice.notice_id)[:size]
