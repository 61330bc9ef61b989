"""A bank's process says that it is there, how far behind it is, and at an orderly stop that it goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hub.application.ports import UnitsOfWork
from hub.domain.bank import VERSION_LENGTH_MAX
from hub.domain.liveness import INSTANCE_AGE_MS_MAX, BankInstance, liveness_by_bank
from pix.runtime.clock import Clock
from pix.scheme.errors import SchemeError
from pix.scheme.texts import check_line
from pix.scheme.values import value_object

INSTANCE_LENGTH_MAX = 40
LAG_MAX = 10**15
"""More records than any topic holds; so many processes of a bank as there may be add up to a number that is stored."""


class RecordHeartbeat:
    def __init__(self, units: UnitsOfWork, clock: Clock) -> None:
        self._units = units
        self._clock = clock

    def __call__(self, *, ispb: str, instance: str, version: str, lag: int | None) -> None:
        """`lag` is None when the process consumes no records. Raises SchemeError for what is malformed."""
        if lag is not None and not 0 <= lag <= LAG_MAX:
            raise SchemeError("lag", f"must be 0 to {LAG_MAX}")
        now_ms = self._clock.real_now_ms()
        said = BankInstance(
            ispb=ispb,
            instance=check_line(instance, "instance", 1, INSTANCE_LENGTH_MAX),
            version=check_line(version[:VERSION_LENGTH_MAX], "version", 0, VERSION_LENGTH_MAX),
            lag=lag,
            last_seen_at_ms=now_ms,
        )
        with self._units() as unit:
            unit.heartbeats.put(said)
            unit.heartbeats.forget(now_ms - INSTANCE_AGE_MS_MAX, now_ms + INSTANCE_AGE_MS_MAX)
            unit.commit()


class LeaveNetwork:
    def __init__(self, units: UnitsOfWork, clock: Clock) -> None:
        self._units = units
        self._clock = clock

    def __call__(self, *, ispb: str, instance: str) -> None:
        """A process that was never heard of has nothing to leave."""
        now_ms = self._clock.real_now_ms()
        with self._units() as unit:
            for known in unit.heartbeats.all():
                if (known.ispb, known.instance) == (ispb, instance):
                    unit.heartbeats.put(replace(known, lag=None, last_seen_at_ms=now_ms, left_at_ms=now_ms))
                    unit.commit()


@value_object
class LastSign:
    """The last heartbeat of a bank."""

    ispb: str
    age_ms: int
    lag: int
    """Its consumer lag in records; 0 when no process of it has told one."""


class ReadLastSigns:
    """When each bank has last sent a heartbeat; those of the last day."""

    def __init__(self, units: UnitsOfWork, clock: Clock) -> None:
        self._units = units
        self._clock = clock

    def __call__(self) -> Sequence[LastSign]:
        """An orderly stop is no heartbeat. Raises DatabaseUnavailable."""
        now_ms = self._clock.real_now_ms()
        with self._units() as unit:
            instances = unit.heartbeats.all()
        running = [each for each in instances if each.left_at_ms is None]
        return [
            # One in the future is from before a step back of the clock.
            LastSign(ispb, abs(now_ms - liveness.last_seen_at_ms), liveness.lag or 0)
            for ispb, liveness in liveness_by_bank(running, now_ms).items()
            if liveness.last_seen_at_ms is not None
        ]
