"""Receivers of webhooks for tests."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from bank_sim.application.webhooks.ports import Answer
from bank_sim.application.webhooks.use_cases import Delivering
from bank_sim.domain.webhooks.faults import WebhookFault
from bank_sim.domain.webhooks.model import DeliveryFailure
from pix.scheme.retransmission import RetransmissionPolicy

RETRY_POLICY = RetransmissionPolicy(first_ms=1_000, cap_ms=60_000)


@dataclass
class ReceiverInMemory:
    """Takes what a bank delivers, or fails as told."""

    failure: DeliveryFailure | None = None
    refused: str = ""
    posts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Addresses with bodies that were taken."""
    seconds_max: float = 5.0

    def refuses(self, url: str) -> str:
        del url
        return self.refused

    def post(self, url: str, body: str, fault: WebhookFault | None = None) -> Answer:
        if fault is WebhookFault.REFUSED:
            return Answer(None, failure=DeliveryFailure.CONNECTION)
        if fault is WebhookFault.WRONG_CERTIFICATE:
            return Answer(None, failure=DeliveryFailure.CERTIFICATE)
        if self.failure is not None:
            return Answer(500 if self.failure is DeliveryFailure.STATUS else None, "no", self.failure)
        self.posts.append((url, json.loads(body)))
        return Answer(200, "ok")

    def take(self) -> list[list[str]]:
        """The end-to-end ids of each body since the last time."""
        taken, self.posts = self.posts, []
        return [[pix["endToEndId"] for pix in body["pix"]] for _, body in taken]

    def delivering(self, pix_per_post_max: int = 20) -> Delivering:
        return Delivering(self, RETRY_POLICY, pix_per_post_max)
