"""What may be asked of webhooks."""

from __future__ import annotations

from collections.abc import Sequence

from bank_sim.application.ports import UnitsOfWork
from bank_sim.application.webhooks.ports import DeliveryFilter, NoticeFilter, Report, WebhookFilter
from bank_sim.domain.webhooks.errors import DeliveryNotFound, NoticeNotFound, TooManyBookings, WebhookNotFound
from bank_sim.domain.webhooks.model import Delivery, Notice, Webhook
from bank_sim.domain.webhooks.verdict import BOOKINGS_MAX, Booking, Verdict, judge
from pix.runtime.clock import Clock
from pix.scheme.keys import PixKey
from pix.scheme.values import value_object


@value_object
class VerdictOfAccount:
    """The receiver's books against the bank's."""

    verdict: Verdict
    reported_at_ms: int | None
    """In real time; None: nothing has been reported."""
    waiting: int
    """Notices that the receiver has not taken yet, so that what is missing may come."""
    is_cut: bool
    """Whether the account has more Pix than a verdict compares; then the newest are left out."""


class WebhookQueries:
    """Reads, each in a separate transaction."""

    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def find(self, account_number: str, key: PixKey) -> Webhook:
        """Raises WebhookNotFound."""
        with self._units() as unit:
            webhook = unit.webhooks.find_many([(account_number, key)]).get((account_number, key))
        if webhook is None:
            raise WebhookNotFound
        return webhook

    def notices(self, narrow: NoticeFilter, before_id: int | None = None, size: int = 50) -> list[Notice]:
        """Newest first; `before_id` is the id of the last on the page before."""
        with self._units() as unit:
            return unit.notices.list(narrow, before_id, size)

    def notice(self, account_number: str, notice_id: int) -> Notice:
        """Raises NoticeNotFound."""
        with self._units() as unit:
            notice = unit.notices.find(account_number, notice_id)
        if notice is None:
            raise NoticeNotFound
        return notice

    def deliveries(self, narrow: DeliveryFilter, before_id: int | None = None, size: int = 50) -> list[Delivery]:
        """Newest first; `before_id` is the id of the last on the page before."""
        with self._units() as unit:
            return unit.notices.deliveries(narrow, before_id, size)

    def delivery(self, account_number: str, delivery_id: int) -> Delivery:
        """Raises DeliveryNotFound."""
        with self._units() as unit:
            delivery = unit.notices.find_delivery(account_number, delivery_id)
        if delivery is None:
            raise DeliveryNotFound
        return delivery

    def waiting(self, account_number: str = "") -> int:
        """How many notices are owed, of all accounts unless one is named."""
        with self._units() as unit:
            return unit.notices.count_waiting(account_number)

    def list(self, narrow: WebhookFilter, skip: int, size: int) -> tuple[list[Webhook], int]:
        """A page, oldest first, and how many there are in all."""
        with self._units() as unit:
            return unit.webhooks.list(narrow, skip, size), unit.webhooks.count(narrow)


class Verdicts:
    """Takes the books of receivers, and compares them with the bank's."""

    def __init__(self, units: UnitsOfWork, clock: Clock) -> None:
        self._units = units
        self._clock = clock

    def report(self, account_number: str, booked: Sequence[Booking]) -> None:
        """All that the receiver has booked, each booking on its own; it takes the place of the report before.

        Raises TooManyBookings.
        """
        if len(booked) > BOOKINGS_MAX:
            raise TooManyBookings(BOOKINGS_MAX)
        with self._units() as unit:
            unit.webhooks.put_report(Report(account_number, self._clock.real_now_ms(), tuple(booked)))
            unit.commit()

    def of_account(self, account_number: str) -> VerdictOfAccount:
        """Compares every Pix with a txid; an account without a report has booked nothing."""
        with self._units() as unit:
            report = unit.webhooks.find_report(account_number)
            received = unit.webhooks.receivables(account_number, 0, BOOKINGS_MAX + 1)
            waiting = unit.notices.count_waiting(account_number)
        verdict = judge(received[:BOOKINGS_MAX], report.booked if report else ())
        is_cut = len(received) > BOOKINGS_MAX
        return VerdictOfAccount(verdict, report.reported_at_ms if report else None, waiting, is_cut)
