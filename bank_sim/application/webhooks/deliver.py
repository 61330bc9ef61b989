"""Delivers what webhooks owe: at least once, again after a crash of either side, until the receiver answers 2xx."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from bank_sim.application.ports import UnitOfWork, UnitsOfWork
from bank_sim.application.returns.rows import returns_in
from bank_sim.application.webhooks.documents import pix_document
from bank_sim.application.webhooks.parts import parts_of
from bank_sim.application.webhooks.ports import Answer, ChooseFault, Receivers
from bank_sim.application.webhooks.urls import callback_of
from bank_sim.domain.flows.returns.model import Return
from bank_sim.domain.webhooks.faults import WebhookFault
from bank_sim.domain.webhooks.model import (
    BODY_LENGTH_MAX,
    Delivery,
    DeliveryFailure,
    Notice,
    NoticeStatus,
    Webhook,
    WebhookId,
    delivered,
    failed,
    longest_wait_ms,
    stopped,
)
from pix.runtime.clock import Clock, monotonic_ms
from pix.scheme.postings import Direction
from pix.scheme.retransmission import RetransmissionPolicy
from pix.scheme.values import value_object

NOTICES_PER_CLAIM_MAX: Final = 200
REORDER_CHECK_MS: Final = 100
"""Between two looks whether a later notice has been delivered."""
LEASE_MARGIN_MS: Final = 2_000
_OF_ATTEMPT: Final = frozenset({WebhookFault.REFUSED, WebhookFault.WRONG_CERTIFICATE})


@value_object
class Post:
    """A request that is to be sent now."""

    webhook: Webhook
    notices: tuple[Notice, ...]
    """With this attempt counted."""
    body: str
    fault: WebhookFault | None
    ends_at_ms: int
    """Of the claim, in real time: from then on any replica may claim the notices again."""

    @property
    def times(self) -> int:
        """How often it is sent at once."""
        return 2 if self.fault is WebhookFault.DOUBLED else 1


class DeliverDue:
    """Claims what is due in one transaction, sends it outside of any, and notes the answers in another.

    A claim is a lease: it moves the due time to when the request is over for certain. So a claim whose process dies is
    sent again by any replica, and replicas share what is due by skipping what is locked.
    """

    def __init__(
        self,
        units: UnitsOfWork,
        receivers: Receivers,
        clock: Clock,
        policy: RetransmissionPolicy,
        choose_fault: ChooseFault,
        pix_per_post_max: int,
    ) -> None:
        """`policy` is in real time. With 1 for `pix_per_post_max` nothing is grouped."""
        self._units = units
        self._receivers = receivers
        self._clock = clock
        self._policy = policy
        self._choose_fault = choose_fault
        self._pix_per_post_max = pix_per_post_max

    def __call__(self) -> int:
        """Sends what is due, one request after another; how many requests. Raises DatabaseUnavailable."""
        posts = self.claim()
        for post in posts:
            self.send(post)
        return len(posts)

    def claim(self, size: int = NOTICES_PER_CLAIM_MAX) -> list[Post]:
        """The requests to send now, of at most `size` notices. Raises DatabaseUnavailable."""
        real_now_ms = self._clock.real_now_ms()
        with self._units() as unit:
            due = unit.notices.lock_due(real_now_ms, size, longest_wait_ms(self._policy))
            if not due:
                return []
            webhooks = unit.webhooks.find_many({notice.webhook_id for notice in due})
            decided = [self._decide(unit, notice, webhooks, real_now_ms) for notice in due]
            unit.notices.save(decided)
            claimed = [notice for notice, before in zip(decided, due, strict=True) if notice.attempts > before.attempts]
            posts = self._posts(unit, claimed, webhooks)
            unit.notices.log(
                [
                    _held(notice, webhooks[notice.webhook_id], real_now_ms)
                    for notice in decided
                    if notice.status is NoticeStatus.LOST
                ]
            )
            unit.commit()
        return posts

    def send(self, post: Post) -> DeliveryFailure | None:
        """Sends a claimed request, and notes the answer; the failure of the last attempt if none succeeded.

        One whose claim may end meanwhile is left to the next claim. Raises DatabaseUnavailable; then it is sent again.
        """
        if post.ends_at_ms - self._clock.real_now_ms() < self._longest_ms:
            return None
        callback = callback_of(post.webhook.url)
        log: list[Delivery] = []
        for _ in range(post.times):
            started_at_ms, before_ms = self._clock.real_now_ms(), monotonic_ms()
            answer = self._receivers.post(callback, post.body, post.fault)
            log.append(_delivery(post, callback, started_at_ms, monotonic_ms() - before_ms, answer))
        is_delivered = any(delivery.is_delivered for delivery in log)
        real_now_ms = self._clock.real_now_ms()
        sent = {notice.notice_id: notice for notice in post.notices}
        with self._units() as unit:
            rows = unit.notices.lock(post.webhook.account_number, sent)
            ours = [row for row in rows if _is_claim(sent[row.notice_id], row)]
            unit.notices.save(
                [
                    delivered(row, real_now_ms) if is_delivered else failed(row, real_now_ms, self._policy)
                    for row in ours
                ]
            )
            if rows:
                unit.notices.log(log)
            unit.commit()
        return None if is_delivered else log[-1].failure

    @property
    def _longest_ms(self) -> int:
        """Of the requests of one post."""
        return round(2 * self._receivers.seconds_max * 1_000)

    def _decide(
        self, unit: UnitOfWork, notice: Notice, webhooks: Mapping[WebhookId, Webhook], real_now_ms: int
    ) -> Notice:
        """The notice with this attempt counted, held, or stopped."""
        if notice.webhook_id not in webhooks:
            return stopped(notice)
        if not notice.is_judged:
            notice = replace(notice, is_judged=True, fault=self._choose_fault(unit, notice))
            match notice.fault:
                case None:
                    pass
                case plan if plan.fault is WebhookFault.LOST:
                    return replace(notice, status=NoticeStatus.LOST, due_at_ms=None)
                case plan if plan.fault is WebhookFault.DELAYED:
                    return replace(notice, due_at_ms=real_now_ms + plan.delay_ms)
        plan = notice.fault
        if plan is not None and plan.fault is WebhookFault.REORDERED and notice.attempts == 0:
            is_overdue = not 0 <= real_now_ms - notice.noted_at_ms < plan.delay_ms
            if not is_overdue and not unit.notices.has_delivered_after(notice):
                return replace(notice, due_at_ms=real_now_ms + REORDER_CHECK_MS)
        lease_ms = self._longest_ms + LEASE_MARGIN_MS
        return replace(notice, attempts=notice.attempts + 1, due_at_ms=real_now_ms + lease_ms)

    def _posts(self, unit: UnitOfWork, notices: Iterable[Notice], webhooks: Mapping[WebhookId, Webhook]) -> list[Post]:
        groups: dict[WebhookId, list[Notice]] = {}
        single: list[tuple[Notice, ...]] = []
        for notice in notices:
            if notice.fault is None:
                groups.setdefault(notice.webhook_id, []).append(notice)
            else:
                single.append((notice,))
        size = self._pix_per_post_max
        shared = [
            tuple(group[place : place + size]) for group in groups.values() for place in range(0, len(group), size)
        ]
        return [self._post(unit, webhooks[group[0].webhook_id], group) for group in (*shared, *single)]

    def _post(self, unit: UnitOfWork, webhook: Webhook, notices: tuple[Notice, ...]) -> Post:
        body = json.dumps({"pix": documents_of(unit, notices)}, ensure_ascii=False, separators=(",", ":"))
        return Post(webhook, notices, body, _fault_of_attempt(notices), notices[0].due_at_ms or 0)


def documents_of(unit: UnitOfWork, notices: Iterable[Notice]) -> list[dict[str, Any]]:
    """The Pix of notices as they stand now, each once, with their returns."""
    ids = list(dict.fromkeys(notice.end_to_end_id for notice in notices))
    found = unit.transfers.find_many([(end_to_end_id, Direction.INCOMING) for end_to_end_id in ids])
    transfers = [row for each in ids if (row := found.get((each, Direction.INCOMING))) is not None]
    returns: dict[str, list[Return]] = {}
    for back in returns_in(unit).find_about(ids, Direction.OUTGOING):
        returns.setdefault(back.about, []).append(back)
    parts = parts_of(unit, transfers)
    return [pix_document(row, returns.get(row.end_to_end_id, ()), parts.get(row.end_to_end_id)) for row in transfers]


def _is_claim(sent: Notice, row: Notice) -> bool:
    """Whether the row is as the claim has left it.

    Otherwise it was replayed or stopped meanwhile, another replica has claimed it again, or a sandbox has begun anew.
    """
    return (row.status, row.attempts, row.noted_at_ms) == (NoticeStatus.WAITING, sent.attempts, sent.noted_at_ms)


def _fault_of_attempt(notices: Sequence[Notice]) -> WebhookFault | None:
    plan = notices[0].fault
    if plan is None or (plan.fault in _OF_ATTEMPT and notices[0].attempts > plan.times):
        return None
    # What is delayed, reordered or sent twice is so once: a later attempt is as any other.
    return plan.fault if plan.fault in _OF_ATTEMPT or notices[0].attempts == 1 else None


def _held(notice: Notice, webhook: Webhook, real_now_ms: int) -> Delivery:
    return Delivery(
        account_number=notice.account_number,
        key=notice.key,
        url=callback_of(webhook.url),
        notice_ids=(notice.notice_id,),
        end_to_end_ids=(notice.end_to_end_id,),
        attempt=0,
        fault=WebhookFault.LOST.value,
        started_at_ms=real_now_ms,
        duration_ms=0,
        request_body="",
        failure=DeliveryFailure.HELD,
    )


def _delivery(post: Post, callback: str, started_at_ms: int, duration_ms: int, answer: Answer) -> Delivery:
    return Delivery(
        account_number=post.webhook.account_number,
        key=post.webhook.key,
        url=callback,
        notice_ids=tuple(notice.notice_id for notice in post.notices),
        end_to_end_ids=tuple(dict.fromkeys(notice.end_to_end_id for notice in post.notices)),
        attempt=max(notice.attempts for notice in post.notices),
        fault=post.fault.value if post.fault else "",
        started_at_ms=started_at_ms,
        duration_ms=duration_ms,
        request_body=post.body[:BODY_LENGTH_MAX],
        status=answer.status,
        response_body=answer.body[:BODY_LENGTH_MAX],
        failure=answer.failure,
        detail=answer.detail,
    )
