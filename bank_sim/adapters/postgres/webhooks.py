"""Webhooks on PostgreSQL: where to tell, what is owed, and the log of deliveries."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any, Final

from bank_sim.adapters.postgres.columns import Column, arrays, insert_statement, names, update_statement
from bank_sim.application.webhooks.ports import DeliveryFilter, NoticeFilter, Report, WebhookFilter
from bank_sim.domain.webhooks.faults import FaultPlan, WebhookFault
from bank_sim.domain.webhooks.model import (
    DELIVERIES_PER_ACCOUNT_MAX,
    Delivery,
    DeliveryFailure,
    Notice,
    NoticeStatus,
    Webhook,
    WebhookId,
)
from bank_sim.domain.webhooks.verdict import Booking, Receivable
from pix.postgres.bulk import execute_bulk, fetch_bulk
from pix.postgres.unit_of_work import PostgresRepository
from pix.scheme.keys import KeyKind, PixKey

_NOT_JUDGED: Final = None
_NONE: Final = ""


def _fault_text(notice: Notice) -> str | None:
    if not notice.is_judged:
        return _NOT_JUDGED
    return _NONE if notice.fault is None else notice.fault.fault.value


_WEBHOOK: Final[list[Column[Webhook]]] = [
    Column("account_number", "text", lambda hook: hook.account_number),
    Column("key_kind", "text", lambda hook: hook.key.kind.value),
    Column("key", "text", lambda hook: hook.key.key),
    Column("url", "text", lambda hook: hook.url),
    Column("created_at_ms", "bigint", lambda hook: hook.created_at_ms),
]
_PUT: Final = insert_statement(
    "webhooks", _WEBHOOK, "ON CONFLICT (account_number, key) DO UPDATE SET url = excluded.url"
)
_SELECT: Final = f"SELECT {names(_WEBHOOK)} FROM webhooks"  # noqa: S608 - names are constants of this module
_FIND_MANY: Final = (
    f"{_SELECT} WHERE (account_number, key) IN "  # noqa: S608 - as above
    "(SELECT * FROM unnest(%(numbers)s::text[], %(keys)s::text[]))"
)
_LISTED: Final = (
    "account_number = :number AND (CAST(:from_ms AS bigint) IS NULL OR created_at_ms >= :from_ms) "
    "AND (CAST(:to_ms AS bigint) IS NULL OR created_at_ms <= :to_ms)"
)
_RECEIVABLES: Final = (
    "SELECT end_to_end_id, txid, amount_centavos, decided_at_ms FROM transfers "
    "WHERE account_number = %(number)s AND requested_at_ms >= %(from_ms)s "
    "AND direction = 'incoming' AND status = 'confirmed' AND txid <> '' "
    "ORDER BY requested_at_ms, end_to_end_id LIMIT %(size)s"
)

_NOTICE_ID: Final[list[Column[Notice]]] = [Column("notice_id", "bigint", lambda notice: notice.notice_id)]
_NOTICE_FIXED: Final[list[Column[Notice]]] = [
    Column("account_number", "text", lambda notice: notice.account_number),
    Column("key_kind", "text", lambda notice: notice.key.kind.value),
    Column("key", "text", lambda notice: notice.key.key),
    Column("txid", "text", lambda notice: notice.txid),
    Column("end_to_end_id", "text", lambda notice: notice.end_to_end_id),
    Column("return_id", "text", lambda notice: notice.return_id),
    Column("amount_centavos", "bigint", lambda notice: notice.amount_centavos),
    Column("noted_at_ms", "bigint", lambda notice: notice.noted_at_ms),
]
_NOTICE_CHANGING: Final[list[Column[Notice]]] = [
    Column("status", "text", lambda notice: notice.status.value),
    Column("due_at_ms", "bigint", lambda notice: notice.due_at_ms),
    Column("attempts", "integer", lambda notice: notice.attempts),
    Column("fault", "text", _fault_text),
    Column("fault_delay_ms", "integer", lambda notice: notice.fault.delay_ms if notice.fault else 0),
    Column("fault_times", "integer", lambda notice: notice.fault.times if notice.fault else 0),
    Column("delivered_at_ms", "bigint", lambda notice: notice.delivered_at_ms),
]
_NOTICE_ADDED: Final = [*_NOTICE_FIXED, *_NOTICE_CHANGING]
_NOTICE: Final = [*_NOTICE_ID, *_NOTICE_ADDED]
_ADD_NOTICES: Final = insert_statement(
    "webhook_notices", _NOTICE_ADDED, "ON CONFLICT (end_to_end_id, return_id) DO NOTHING"
)
_SAVE_NOTICES: Final = update_statement("webhook_notices", _NOTICE_ID, _NOTICE_CHANGING)
_SELECT_NOTICES: Final = f"SELECT {names(_NOTICE)} FROM webhook_notices"  # noqa: S608 - as above
_LOCK_DUE: Final = (
    f"{_SELECT_NOTICES} WHERE due_at_ms <= %(now_ms)s OR due_at_ms > %(latest_ms)s "
    "ORDER BY due_at_ms, notice_id LIMIT %(size)s FOR UPDATE SKIP LOCKED"
)
_LOCK_NOTICES: Final = (
    f"{_SELECT_NOTICES} WHERE notice_id = ANY(%(ids)s::bigint[]) AND account_number = %(number)s "
    "ORDER BY notice_id FOR UPDATE"
)
_LIST_NOTICES: Final = (
    f"{_SELECT_NOTICES} WHERE account_number = :number AND (:status = '' OR status = :status) "
    "AND (:end_to_end_id = '' OR end_to_end_id = :end_to_end_id) AND (:txid = '' OR txid = :txid) "
    "AND (CAST(:before_id AS bigint) IS NULL OR notice_id < :before_id) ORDER BY notice_id DESC LIMIT :size"
)

_DELIVERY: Final[list[Column[Delivery]]] = [
    Column("account_number", "text", lambda delivery: delivery.account_number),
    Column("key_kind", "text", lambda delivery: delivery.key.kind.value),
    Column("key", "text", lambda delivery: delivery.key.key),
    Column("url", "text", lambda delivery: delivery.url),
    Column("attempt", "integer", lambda delivery: delivery.attempt),
    Column("fault", "text", lambda delivery: delivery.fault),
    Column("started_at_ms", "bigint", lambda delivery: delivery.started_at_ms),
    Column("duration_ms", "bigint", lambda delivery: delivery.duration_ms),
    Column("request_body", "text", lambda delivery: delivery.request_body),
    Column("status", "integer", lambda delivery: delivery.status),
    Column("response_body", "text", lambda delivery: delivery.response_body),
    Column("failure", "text", lambda delivery: delivery.failure.value if delivery.failure else _NONE),
    Column("detail", "text", lambda delivery: delivery.detail),
]
_ADD_DELIVERY: Final = (
    f"INSERT INTO webhook_deliveries ({names(_DELIVERY)}, notice_ids, end_to_end_ids) "  # noqa: S608 - as above
    f"VALUES ({', '.join(f':{column.name}' for column in _DELIVERY)}, :notice_ids, :end_to_end_ids)"
)
_FORGET_DELIVERIES: Final = (
    "DELETE FROM webhook_deliveries WHERE account_number = :number AND delivery_id <= (SELECT delivery_id "
    "FROM webhook_deliveries WHERE account_number = :number ORDER BY delivery_id DESC OFFSET :kept LIMIT 1)"
)
_SELECT_DELIVERIES: Final = (
    f"SELECT delivery_id, notice_ids, end_to_end_ids, {names(_DELIVERY)} FROM webhook_deliveries"  # noqa: S608 - as above
)
_LIST_DELIVERIES: Final = (
    f"{_SELECT_DELIVERIES} WHERE account_number = :number AND (NOT :failed OR failure <> '') "
    "AND (:end_to_end_id = '' OR :end_to_end_id = ANY(end_to_end_ids)) "
    "AND (CAST(:before_id AS bigint) IS NULL OR delivery_id < :before_id) ORDER BY delivery_id DESC LIMIT :size"
)


def _webhook_of(row: Sequence[Any]) -> Webhook:
    account_number, key_kind, key, url, created_at_ms = row
    return Webhook(account_number, PixKey(KeyKind(key_kind), key), url, created_at_ms)


def _notice_of(row: Sequence[Any]) -> Notice:
    (
        notice_id,
        account_number, key_kind, key, txid, end_to_end_id, return_id, amount_centavos, noted_at_ms,
        status, due_at_ms, attempts, fault, fault_delay_ms, fault_times, delivered_at_ms,
    ) = row  # fmt: skip
    return Notice(
        notice_id=notice_id,
        account_number=account_number,
        key=PixKey(KeyKind(key_kind), key),
        txid=txid,
        end_to_end_id=end_to_end_id,
        return_id=return_id,
        amount_centavos=amount_centavos,
        noted_at_ms=noted_at_ms,
        due_at_ms=due_at_ms,
        status=NoticeStatus(status),
        attempts=attempts,
        is_judged=fault is not _NOT_JUDGED,
        fault=FaultPlan(WebhookFault(fault), fault_delay_ms, fault_times) if fault else None,
        delivered_at_ms=delivered_at_ms,
    )


def _delivery_of(row: Sequence[Any]) -> Delivery:
    (
        delivery_id, notice_ids, end_to_end_ids,
        account_number, key_kind, key, url, attempt, fault, started_at_ms, duration_ms,
        request_body, status, response_body, failure, detail,
    ) = row  # fmt: skip
    return Delivery(
        delivery_id=delivery_id,
        account_number=account_number,
        key=PixKey(KeyKind(key_kind), key),
        url=url,
        notice_ids=tuple(notice_ids),
        end_to_end_ids=tuple(end_to_end_ids),
        attempt=attempt,
        fault=fault,
        started_at_ms=started_at_ms,
        duration_ms=duration_ms,
        request_body=request_body,
        status=status,
        response_body=response_body,
        failure=DeliveryFailure(failure) if failure else None,
        detail=detail,
    )


class PostgresWebhooks(PostgresRepository):
    """See `bank_sim.application.webhooks.ports.WebhookRepository`."""

    def put(self, webhook: Webhook) -> None:
        execute_bulk(self._connection, _PUT, arrays(_WEBHOOK, [webhook]))

    def remove(self, webhook_id: WebhookId) -> bool:
        number, key = webhook_id
        gone = self._execute(
            "DELETE FROM webhooks WHERE account_number = :number AND key = :key", number=number, key=key.key
        )
        return bool(gone.rowcount)

    def find_many(self, ids: Collection[WebhookId]) -> dict[WebhookId, Webhook]:
        values = {"numbers": [number for number, _ in ids], "keys": [key.key for _, key in ids]}
        found = [_webhook_of(row) for row in fetch_bulk(self._connection, _FIND_MANY, values)]
        return {webhook.webhook_id: webhook for webhook in found}

    def count(self, narrow: WebhookFilter) -> int:
        statement = f"SELECT count(*) FROM webhooks WHERE {_LISTED}"  # noqa: S608 - as above
        return int(self._execute(statement, **_values_of(narrow)).scalar_one())

    def put_report(self, report: Report) -> None:
        booked = [[booking.end_to_end_id, booking.amount_centavos] for booking in report.booked]
        self._execute(
            "INSERT INTO webhook_reports (account_number, reported_at_ms, booked) "
            "VALUES (:number, :at_ms, CAST(:booked AS jsonb)) ON CONFLICT (account_number) "
            "DO UPDATE SET reported_at_ms = excluded.reported_at_ms, booked = excluded.booked",
            number=report.account_number,
            at_ms=report.reported_at_ms,
            booked=json.dumps(booked),
        )

    def find_report(self, account_number: str) -> Report | None:
        row = self._execute(
            "SELECT reported_at_ms, booked FROM webhook_reports WHERE account_number = :number", number=account_number
        ).one_or_none()
        if row is None:
            return None
        return Report(account_number, row[0], tuple(Booking(name, centavos) for name, centavos in row[1]))

    def receivables(self, account_number: str, from_ms: int, size: int) -> list[Receivable]:
        values = {"number": account_number, "from_ms": from_ms, "size": size}
        return [Receivable(*row) for row in fetch_bulk(self._connection, _RECEIVABLES, values)]

    def list(self, narrow: WebhookFilter, skip: int, size: int) -> list[Webhook]:
        rows = self._execute(
            f"{_SELECT} WHERE {_LISTED} ORDER BY created_at_ms, key OFFSET :skip LIMIT :size",
            **_values_of(narrow),
            skip=skip,
            size=size,
        )
        return [_webhook_of(row) for row in rows]


class PostgresNotices(PostgresRepository):
    """See `bank_sim.application.webhooks.ports.NoticeRepository`."""

    def add(self, notices: Sequence[Notice]) -> None:
        if notices:
            # In one order, so that two replicas that add the same wait for each other and not in a circle.
            ordered = sorted(notices, key=lambda notice: (notice.end_to_end_id, notice.return_id))
            execute_bulk(self._connection, _ADD_NOTICES, arrays(_NOTICE_ADDED, ordered))

    def lock_due(self, real_now_ms: int, size: int, wait_ms_max: int) -> list[Notice]:
        values = {"now_ms": real_now_ms, "latest_ms": real_now_ms + wait_ms_max, "size": size}
        return [_notice_of(row) for row in fetch_bulk(self._connection, _LOCK_DUE, values)]

    def lock(self, account_number: str, notice_ids: Collection[int]) -> list[Notice]:
        values = {"ids": sorted(notice_ids), "number": account_number}
        return [_notice_of(row) for row in fetch_bulk(self._connection, _LOCK_NOTICES, values)]

    def save(self, notices: Sequence[Notice]) -> None:
        if notices:
            execute_bulk(self._connection, _SAVE_NOTICES, arrays([*_NOTICE_ID, *_NOTICE_CHANGING], notices))

    def stop(self, webhook_id: WebhookId) -> None:
        number, key = webhook_id
        self._execute(
            "UPDATE webhook_notices SET status = 'stopped', due_at_ms = NULL "
            "WHERE account_number = :number AND key = :key AND status IN ('waiting', 'lost')",
            number=number,
            key=key.key,
        )

    def has_delivered_after(self, notice: Notice) -> bool:
        found = self._execute(
            "SELECT EXISTS (SELECT 1 FROM webhook_notices WHERE account_number = :number AND notice_id > :id "
            "AND key = :key AND status = 'delivered')",
            number=notice.account_number,
            id=notice.notice_id,
            key=notice.key.key,
        )
        return bool(found.scalar_one())

    def find(self, account_number: str, notice_id: int) -> Notice | None:
        row = self._execute(
            f"{_SELECT_NOTICES} WHERE notice_id = :id AND account_number = :number",
            id=notice_id,
            number=account_number,
        ).one_or_none()
        return None if row is None else _notice_of(row)

    def count_waiting(self, account_number: str) -> int:
        statement = (
            "SELECT count(*) FROM webhook_notices "
            "WHERE due_at_ms IS NOT NULL AND (:number = '' OR account_number = :number)"
        )
        return int(self._execute(statement, number=account_number).scalar_one())

    def log(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            values = {column.name: column.value(delivery) for column in _DELIVERY}
            lists = {"notice_ids": list(delivery.notice_ids), "end_to_end_ids": list(delivery.end_to_end_ids)}
            self._execute(_ADD_DELIVERY, **values, **lists)
        for number in sorted({delivery.account_number for delivery in deliveries}):
            self._execute(_FORGET_DELIVERIES, number=number, kept=DELIVERIES_PER_ACCOUNT_MAX)

    def find_delivery(self, account_number: str, delivery_id: int) -> Delivery | None:
        row = self._execute(
            f"{_SELECT_DELIVERIES} WHERE delivery_id = :id AND account_number = :number",
            id=delivery_id,
            number=account_number,
        ).one_or_none()
        return None if row is None else _delivery_of(row)

    def deliveries(self, narrow: DeliveryFilter, before_id: int | None, size: int) -> list[Delivery]:
        rows = self._execute(
            _LIST_DELIVERIES,
            number=narrow.account_number,
            failed=narrow.failed,
            end_to_end_id=narrow.end_to_end_id,
            before_id=before_id,
            size=size,
        )
        return [_delivery_of(row) for row in rows]

    def list(self, narrow: NoticeFilter, before_id: int | None, size: int) -> list[Notice]:
        rows = self._execute(
            _LIST_NOTICES,
            number=narrow.account_number,
            status="" if narrow.status is None else narrow.status.value,
            end_to_end_id=narrow.end_to_end_id,
            txid=narrow.txid,
            before_id=before_id,
            size=size,
        )
        return [_notice_of(row) for row in rows]


def _values_of(narrow: WebhookFilter) -> dict[str, Any]:
    return {"number": narrow.account_number, "from_ms": narrow.from_ms, "to_ms": narrow.to_ms}
