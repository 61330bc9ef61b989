"""The steps of the story: who acts, what that is called, and why it is safe. Pages translate the texts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pix.web.marks import translatable


class Actor(StrEnum):
    """Who acts in a step."""

    NOBODY = "nobody"
    PAYER = "payer"
    HUB = "hub"
    PAYEE = "payee"


class Scene(StrEnum):
    """What happens in a step."""

    BEFORE = "before"
    PAY = "pay"
    OFFER = "offer"
    ANSWER = "answer"
    DECIDE = "decide"
    PAYEE_BOOKS = "payee-books"
    PAYER_BOOKS = "payer-books"
    CLOSE = "close"
    AUDIT = "audit"


class Act(StrEnum):
    """Which transfer is told of."""

    COMPLETES = "completes"
    FAILS = "fails"


@dataclass(frozen=True, slots=True)
class StoryStep:
    """One step."""

    act: Act
    scene: Scene
    actor: Actor
    row: int | None
    """Of the protocol table; None when it is no message's."""
    title: str
    explanation: str
    durable: str = ""
    """What its author has made durable before anything was said."""


STEPS: Final[tuple[StoryStep, ...]] = (
    StoryStep(
        Act.COMPLETES,
        Scene.BEFORE,
        Actor.NOBODY,
        None,
        translatable("Before the payment"),
        translatable(
            "Two customers of two banks, and the hub between them. Each bank has a settlement account at the hub, "
            "with the balance that banks use to pay each other. Everything is paused until you press Next."
        ),
    ),
    StoryStep(
        Act.COMPLETES,
        Scene.PAY,
        Actor.PAYER,
        1,
        translatable("The customer pays"),
        translatable(
            "The payer's bank debits its customer at once and holds the money in its clearing account. It saves "
            "this before it requests the transfer from the hub. If the hub is down now, nothing is lost: the bank's "
            "transfer row is the outbox of the messages still to be sent."
        ),
        translatable("customer debited, money in the bank's clearing account; transfer pending"),
    ),
    StoryStep(
        Act.COMPLETES,
        Scene.OFFER,
        Actor.HUB,
        2,
        translatable("The hub looks up the key and reserves"),
        translatable(
            "The hub looks up the owner of the key, checks the rules and reserves the amount in the settlement "
            "account of the payer's bank, so that the same balance cannot be used twice. Then it offers the "
            "transfer to the payee's bank. No money has moved between the banks."
        ),
        translatable("key resolved, amount reserved in the payer's bank's settlement account; transfer pending"),
    ),
    StoryStep(
        Act.COMPLETES,
        Scene.ANSWER,
        Actor.PAYEE,
        3,
        translatable("The payee's bank accepts"),
        translatable(
            "The payee's bank checks the account and accepts the transfer. It saves the acceptance before sending "
            "it, so that a crash cannot lose it. The customer sees nothing yet, because only the hub decides."
        ),
        translatable("the acceptance"),
    ),
    StoryStep(
        Act.COMPLETES,
        Scene.DECIDE,
        Actor.HUB,
        4,
        translatable("The hub decides: confirmed"),
        translatable(
            "In one database transaction the hub debits the reserved amount from the payer's bank, credits the "
            "payee's bank and confirms the transfer. From this moment the transfer is final. The hub sends the "
            "outcome to both banks and retransmits it until each acknowledges it."
        ),
        translatable("settlement balances moved; transfer confirmed"),
    ),
    StoryStep(
        Act.COMPLETES,
        Scene.PAYEE_BOOKS,
        Actor.PAYEE,
        5,
        translatable("The payee is credited"),
        translatable(
            "The payee's bank credits its customer and books the settlement balance it received. It makes one "
            "posting, which the database allows only once, so that a duplicate message books nothing twice."
        ),
        translatable("payee credited"),
    ),
    StoryStep(
        Act.COMPLETES,
        Scene.PAYER_BOOKS,
        Actor.PAYER,
        5,
        translatable("The payer's bank settles"),
        translatable(
            "The payer's bank clears its clearing account against its settlement account. Its books now agree with "
            "the hub's."
        ),
        translatable("payer's clearing settled"),
    ),
    StoryStep(
        Act.COMPLETES,
        Scene.CLOSE,
        Actor.HUB,
        6,
        translatable("Completed"),
        translatable(
            "Both banks have acknowledged the confirmation. The hub completes the transfer. No message is pending."
        ),
        translatable("both processed: completed"),
    ),
    StoryStep(
        Act.FAILS,
        Scene.BEFORE,
        Actor.NOBODY,
        None,
        translatable("Second act: a transfer that fails"),
        translatable(
            "The same customer pays a person whose account is blocked. The customer cannot know this. Follow the money."
        ),
    ),
    StoryStep(
        Act.FAILS,
        Scene.PAY,
        Actor.PAYER,
        1,
        translatable("The customer pays again"),
        translatable(
            "So far the flow is the same: the bank debits the customer, holds the money in clearing and requests "
            "the transfer from the hub."
        ),
        translatable("customer debited, money in the bank's clearing account; transfer pending"),
    ),
    StoryStep(
        Act.FAILS,
        Scene.OFFER,
        Actor.HUB,
        2,
        translatable("The hub reserves and offers"),
        translatable(
            "The key is registered, so the hub finds no reason to reject. It reserves the amount and offers the "
            "transfer."
        ),
        translatable("key resolved, amount reserved in the payer's bank's settlement account; transfer pending"),
    ),
    StoryStep(
        Act.FAILS,
        Scene.ANSWER,
        Actor.PAYEE,
        3,
        translatable("The payee's bank rejects"),
        translatable(
            "The account is blocked, so the payee's bank rejects the transfer with the reason code AC06. The bank "
            "saves the rejection first, so that a repeated offer gets the same answer."
        ),
        translatable("the rejection"),
    ),
    StoryStep(
        Act.FAILS,
        Scene.DECIDE,
        Actor.HUB,
        4,
        translatable("The hub decides: failed"),
        translatable(
            "The hub releases the reserved amount and fails the transfer with the bank's reason. This decision is "
            "final too. No settlement balance has moved."
        ),
        translatable("reserved amount released; transfer failed"),
    ),
    StoryStep(
        Act.FAILS,
        Scene.PAYEE_BOOKS,
        Actor.PAYEE,
        5,
        translatable("The payee's bank acknowledges"),
        translatable("There is nothing to book here. The bank records the decision and acknowledges it."),
        translatable("failure recorded"),
    ),
    StoryStep(
        Act.FAILS,
        Scene.PAYER_BOOKS,
        Actor.PAYER,
        5,
        translatable("The payer is refunded"),
        translatable(
            "The payer's bank moves the money from its clearing account back to its customer: a refund. The money "
            "was in the books at every moment."
        ),
        translatable("payer refunded"),
    ),
    StoryStep(
        Act.FAILS,
        Scene.CLOSE,
        Actor.HUB,
        6,
        translatable("Closed"),
        translatable("Both banks have acknowledged the failure. The hub closes the transfer, which stays failed."),
        translatable("both processed: closed"),
    ),
    StoryStep(
        Act.FAILS,
        Scene.AUDIT,
        Actor.NOBODY,
        None,
        translatable("The audit"),
        translatable(
            "All services resume. The audit compares the ledgers of the whole network: customers' balances, "
            "clearing accounts, settlement accounts, and each transfer at the hub and at both banks."
        ),
    ),
)
"""In their order."""
