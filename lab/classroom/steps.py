"""The steps of the walkthrough: which participant acts, and why the step is safe. Pages translate the texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pix.web.marks import translatable


class Actor(StrEnum):
    NONE = "nobody"
    PAYER = "payer"
    HUB = "hub"
    PAYEE = "payee"


class StepKind(StrEnum):
    BEFORE = "before"
    PAY = "pay"
    OFFER = "offer"
    ANSWER = "answer"
    DECIDE = "decide"
    PAYEE_BOOKS = "payee-books"
    PAYER_BOOKS = "payer-books"
    CLOSE = "close"
    AUDIT = "audit"


class Example(StrEnum):
    """Which of the two transfers the step belongs to."""

    COMPLETES = "completes"
    FAILS = "fails"


ACTORS: Final[Mapping[StepKind, tuple[Actor, int | None]]] = {
    StepKind.BEFORE: (Actor.NONE, None),
    StepKind.PAY: (Actor.PAYER, 1),
    StepKind.OFFER: (Actor.HUB, 2),
    StepKind.ANSWER: (Actor.PAYEE, 3),
    StepKind.DECIDE: (Actor.HUB, 4),
    StepKind.PAYEE_BOOKS: (Actor.PAYEE, 5),
    StepKind.PAYER_BOOKS: (Actor.PAYER, 5),
    StepKind.CLOSE: (Actor.HUB, 6),
    StepKind.AUDIT: (Actor.NONE, None),
}
"""By whom a step is done, and its row of the protocol table; None when it is no message's."""


@dataclass(frozen=True, slots=True)
class WalkthroughStep:
    example: Example
    kind: StepKind
    title: str
    explanation: str
    durable: str = ""
    """What the sender made durable before it sent the message."""

    @property
    def actor(self) -> Actor:
        return ACTORS[self.kind][0]

    @property
    def row(self) -> int | None:
        return ACTORS[self.kind][1]


_COMPLETES: Final[Mapping[StepKind, tuple[str, ...]]] = {
    StepKind.BEFORE: (
        translatable("Before the payment"),
        translatable(
            "Two customers of two banks, and the hub between them. Each bank has a settlement account at the hub, "
            "with the balance that banks use to pay each other. Everything is paused until you press Next."
        ),
    ),
    StepKind.PAY: (
        translatable("The customer pays"),
        translatable(
            "The payer's bank debits its customer at once and holds the money in its clearing account. It saves "
            "this before it requests the transfer from the hub. If the hub is down now, nothing is lost: the bank's "
            "transfer row is the outbox of the messages still to be sent."
        ),
        translatable("customer debited, money in the bank's clearing account; transfer pending"),
    ),
    StepKind.OFFER: (
        translatable("The hub looks up the key and reserves"),
        translatable(
            "The hub looks up the owner of the key, checks the rules and reserves the amount in the settlement "
            "account of the payer's bank, so that the same balance cannot be used twice. Then it offers the "
            "transfer to the payee's bank. No money has moved between the banks."
        ),
        translatable("key resolved, amount reserved in the payer's bank's settlement account; transfer pending"),
    ),
    StepKind.ANSWER: (
        translatable("The payee's bank accepts"),
        translatable(
            "The payee's bank checks the account and accepts the transfer. It saves the acceptance before sending "
            "it, so that a crash cannot lose it. The customer sees nothing yet, because only the hub decides."
        ),
        translatable("the acceptance"),
    ),
    StepKind.DECIDE: (
        translatable("The hub decides: confirmed"),
        translatable(
            "In one database transaction the hub debits the reserved amount from the payer's bank, credits the "
            "payee's bank and confirms the transfer. From this moment the transfer is final. The hub sends the "
            "outcome to both banks and retransmits it until each acknowledges it."
        ),
        translatable("settlement balances moved; transfer confirmed"),
    ),
    StepKind.PAYEE_BOOKS: (
        translatable("The payee is credited"),
        translatable(
            "The payee's bank credits its customer and books the settlement balance it received. It makes one "
            "posting, which the database allows only once, so that a duplicate message books nothing twice."
        ),
        translatable("payee credited"),
    ),
    StepKind.PAYER_BOOKS: (
        translatable("The payer's bank settles"),
        translatable(
            "The payer's bank clears its clearing account against its settlement account. Its books now agree with "
            "the hub's."
        ),
        translatable("payer's clearing settled"),
    ),
    StepKind.CLOSE: (
        translatable("Completed"),
        translatable(
            "Both banks have acknowledged the confirmation. The hub completes the transfer. No message is pending."
        ),
        translatable("both processed: completed"),
    ),
}
"""Each step's title, its explanation and, of a message's, what is durable before."""
_FAILS: Final[Mapping[StepKind, tuple[str, ...]]] = {
    StepKind.BEFORE: (
        translatable("Second act: a transfer that fails"),
        translatable(
            "The same customer pays a person whose account is blocked. The customer cannot know this. Follow the money."
        ),
    ),
    StepKind.PAY: (
        translatable("The customer pays again"),
        translatable(
            "So far the flow is the same: the bank debits the customer, holds the money in clearing and requests "
            "the transfer from the hub."
        ),
        translatable("customer debited, money in the bank's clearing account; transfer pending"),
    ),
    StepKind.OFFER: (
        translatable("The hub reserves and offers"),
        translatable(
            "The key is registered, so the hub finds no reason to reject. It reserves the amount and offers the "
            "transfer."
        ),
        translatable("key resolved, amount reserved in the payer's bank's settlement account; transfer pending"),
    ),
    StepKind.ANSWER: (
        translatable("The payee's bank rejects"),
        translatable(
            "The account is blocked, so the payee's bank rejects the transfer with the reason code AC06. The bank "
            "saves the rejection first, so that a repeated offer gets the same answer."
        ),
        translatable("the rejection"),
    ),
    StepKind.DECIDE: (
        translatable("The hub decides: failed"),
        translatable(
            "The hub releases the reserved amount and fails the transfer with the bank's reason. This decision is "
            "final too. No settlement balance has moved."
        ),
        translatable("reserved amount released; transfer failed"),
    ),
    StepKind.PAYEE_BOOKS: (
        translatable("The payee's bank acknowledges"),
        translatable("There is nothing to book here. The bank records the decision and acknowledges it."),
        translatable("failure recorded"),
    ),
    StepKind.PAYER_BOOKS: (
        translatable("The payer is refunded"),
        translatable(
            "The payer's bank moves the money from its clearing account back to its customer: a refund. The money "
            "was in the books at every moment."
        ),
        translatable("payer refunded"),
    ),
    StepKind.CLOSE: (
        translatable("Closed"),
        translatable("Both banks have acknowledged the failure. The hub closes the transfer, which stays failed."),
        translatable("both processed: closed"),
    ),
    StepKind.AUDIT: (
        translatable("The audit"),
        translatable(
            "All services resume. The audit compares the ledgers of the whole network: customers' balances, "
            "clearing accounts, settlement accounts, and each transfer at the hub and at both banks."
        ),
    ),
}

STEPS: Final = tuple(
    WalkthroughStep(example, kind, *texts)
    for example, steps in ((Example.COMPLETES, _COMPLETES), (Example.FAILS, _FAILS))
    for kind, texts in steps.items()
)
