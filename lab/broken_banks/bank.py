"""The bank as a consumer: what happens to a batch of records, in which order."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from lab.broken_banks.accounts import Accounts
from lab.broken_banks.reading import Reading
from lab.broken_banks.refusals import Unfit
from lab.broken_banks.returns import Returns
from pix.scheme.messages import Message, TransferConfirmed, TransferFailed, TransferOffered
from pix.scheme.messages.returns import ReturnConfirmed, ReturnFailed, ReturnOffered
from pix.wire.record import HEADER_SENDER, Record, digest_of

RECORD: Final = "record"
"""The savepoint before each record of a batch."""


class Bank(Reading, Returns, Accounts):
    def receive(self, records: Sequence[Record]) -> None:
        """Applies a batch in one transaction. The caller commits the offsets afterwards, and only then.

        Whatever a record contains, it is applied or becomes a dead letter; only a fault of the disk is raised.
        """
        with self.transaction():
            for record in records:
                count = self.owed_count
                self.ledger.savepoint(RECORD)
                try:
                    self.apply(self.read(record))
                except (sqlite3.OperationalError, sqlite3.DatabaseError) as error:
                    if not isinstance(error, sqlite3.IntegrityError):
                        raise
                    self._reject(record, f"cannot be booked: {error}", count)
                except Unfit as error:
                    self._reject(record, str(error), count)
                    self.owe(*error.answers)
                except Exception as error:  # noqa: BLE001 - any fault of a stranger's bytes rejects the record
                    self._reject(record, f"cannot be read: {type(error).__name__}: {error}", count)
                else:
                    self.ledger.release(RECORD)

    def apply(self, message: Message) -> None:
        match message:
            case TransferOffered():
                self.on_offer(message)
            case TransferConfirmed() | TransferFailed():
                self.on_outcome(message)
            case ReturnOffered():
                self.on_return_offer(message)
            case ReturnConfirmed() | ReturnFailed():
                self.on_return_outcome(message)
            case _:
                raise Unfit(f"{type(message).__name__} is not sent to a bank")

    def _reject(self, record: Record, reason: str, owed_count: int) -> None:
        self.ledger.undo(RECORD)
        self.forget_owed(owed_count)
        sender = record.headers.get(HEADER_SENDER, b"").decode("ascii", "replace")
        size = len(record.value) if record.flaw is None else record.flaw.value_bytes
        self.ledger.add_dead_letter(
            digest_of(record), record.topic, record.partition, record.offset, sender, reason, size
        )
