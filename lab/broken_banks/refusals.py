"""The two ways in which the bank refuses: an order of a customer, and a record of the hub."""

from __future__ import annotations

from collections.abc import Sequence

from pix.scheme.messages import BankMessage


class Refused(Exception):
    """An order that is refused; `reason` is the name of a gRPC status. Nothing has changed."""

    def __init__(self, reason: str, title: str, detail: str) -> None:
        self.reason = reason
        self.title = title
        self.detail = detail
        super().__init__(detail)


class Unfit(Exception):
    """A record that cannot be applied: a dead letter with this reason. The hub gets the answers all the same."""

    def __init__(self, reason: str, answers: Sequence[BankMessage] = ()) -> None:
        self.answers = answers
        super().__init__(reason)
