"""The steps of the walkthrough: which participant acts, and why the step is safe. Pages translate the texts."""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class WalkthroughStep:
    example: Example
    kind: StepKind
    actor: Actor
    row: int | None
    """Of the protocol table; None when it is no message's."""
    title: str
    explanation: str
    durable: str = ""
    """What the sender made durable before it sent the message."""


STEPS: Final[tuple[WalkthroughStep, ...]] = (
    WalkthroughStep(
        Example.COMPLETES,
        StepKind.BEFORE,
        Actor.NONE,
        None,
        translatable("Before anything happens"),
        translatable(
            "Two customers of two banks, and the hub between them. Each bank has a settlement account at the hub: that "
            "is the money with which banks pay each other. The processes that read messages stand still, and move only "
            "when you press Next."
        ),
    ),
    WalkthroughStep(
        Example.COMPLETES,
        StepKind.PAY,
        Actor.PAYER,
        1,
        translatable("The customer pays"),
        translatable(
            "The payer's bank debits its customer at once and keeps the money in its clearing account. Only when that "
            "is on the disk does it ask the hub for the transfer. The hub could be down now, and nothing would be "
            "lost: the bank's own row says what it still owes."
        ),
        translatable("customer debited, money in the bank's clearing account; transfer pending"),
    ),
    WalkthroughStep(
        Example.COMPLETES,
        StepKind.OFFER,
        Actor.HUB,
        2,
        translatable("The hub finds the payee, and reserves"),
        translatable(
            "The hub looks up whose key it is, checks the rules, and reserves the amount in the settlement account of "
            "the payer's bank, so that the same money cannot be promised twice. Then it offers the transfer to the "
            "payee's bank. No money has moved between banks."
        ),
        translatable("key resolved, payer bank's settlement money reserved; transfer pending"),
    ),
    WalkthroughStep(
        Example.COMPLETES,
        StepKind.ANSWER,
        Actor.PAYEE,
        3,
        translatable("The payee's bank promises"),
        translatable(
            "The payee's bank looks at the account and promises to credit it. The promise is durable before it is "
            "sent, so that the bank can keep it even if it dies now. The customer sees nothing yet: an answer is an "
            "offer, the hub decides."
        ),
        translatable("the promise to credit"),
    ),
    WalkthroughStep(
        Example.COMPLETES,
        StepKind.DECIDE,
        Actor.HUB,
        4,
        translatable("The hub decides: confirmed"),
        translatable(
            "In one database transaction the hub takes the reserved money from the payer's bank, gives it to the "
            "payee's bank, and confirms the transfer. This is the moment at which it is final. Both banks are told; "
            "whatever happens from here on, they will be told again until they have answered."
        ),
        translatable("settlement accounts moved; transfer confirmed"),
    ),
    WalkthroughStep(
        Example.COMPLETES,
        StepKind.PAYEE_BOOKS,
        Actor.PAYEE,
        5,
        translatable("The payee is credited"),
        translatable(
            "The payee's bank keeps its promise: it credits its customer and books the settlement money that came. One "
            "posting, which the database allows once only, so that a message that comes twice books nothing twice."
        ),
        translatable("payee credited"),
    ),
    WalkthroughStep(
        Example.COMPLETES,
        StepKind.PAYER_BOOKS,
        Actor.PAYER,
        5,
        translatable("The payer's bank settles"),
        translatable(
            "The payer's bank empties its clearing account: the money has left through its settlement account. Its "
            "books now agree with the hub's."
        ),
        translatable("payer's clearing settled"),
    ),
    WalkthroughStep(
        Example.COMPLETES,
        StepKind.CLOSE,
        Actor.HUB,
        6,
        translatable("Completed"),
        translatable(
            "Both banks have said that they booked it. The hub closes the transfer, and no message is owed any more."
        ),
        translatable("both processed: completed"),
    ),
    WalkthroughStep(
        Example.FAILS,
        StepKind.BEFORE,
        Actor.NONE,
        None,
        translatable("Second act: a transfer that fails"),
        translatable(
            "The same customer pays somebody whose account is blocked. The customer cannot know that. Watch the money."
        ),
    ),
    WalkthroughStep(
        Example.FAILS,
        StepKind.PAY,
        Actor.PAYER,
        1,
        translatable("The customer pays again"),
        translatable(
            "Nothing is different so far: the customer is debited, the money waits in clearing, and the hub is asked."
        ),
        translatable("customer debited, money in the bank's clearing account; transfer pending"),
    ),
    WalkthroughStep(
        Example.FAILS,
        StepKind.OFFER,
        Actor.HUB,
        2,
        translatable("The hub reserves, and offers"),
        translatable(
            "The key exists, so the hub knows no reason to refuse. It reserves the settlement money, and asks."
        ),
        translatable("key resolved, payer bank's settlement money reserved; transfer pending"),
    ),
    WalkthroughStep(
        Example.FAILS,
        StepKind.ANSWER,
        Actor.PAYEE,
        3,
        translatable("The payee's bank refuses"),
        translatable(
            "The account is blocked, so the payee's bank says no and gives the reason code AC06. The refusal is "
            "durable as well: asked again, it gives the same answer."
        ),
        translatable("the refusal"),
    ),
    WalkthroughStep(
        Example.FAILS,
        StepKind.DECIDE,
        Actor.HUB,
        4,
        translatable("The hub decides: failed"),
        translatable(
            "The hub gives the reserve back and fails the transfer, with the bank's reason. That is final too. No "
            "settlement money has moved."
        ),
        translatable("the reserve released; transfer failed"),
    ),
    WalkthroughStep(
        Example.FAILS,
        StepKind.PAYEE_BOOKS,
        Actor.PAYEE,
        5,
        translatable("The payee's bank takes note"),
        translatable("There is nothing to book here. The bank notes the decision, and says so."),
        translatable("the failure noted"),
    ),
    WalkthroughStep(
        Example.FAILS,
        StepKind.PAYER_BOOKS,
        Actor.PAYER,
        5,
        translatable("The payer is refunded"),
        translatable(
            "The payer's bank takes the money out of clearing and gives it back to its customer. For a moment only "
            "the clearing account held it; at no moment was it lost."
        ),
        translatable("payer refunded"),
    ),
    WalkthroughStep(
        Example.FAILS,
        StepKind.CLOSE,
        Actor.HUB,
        6,
        translatable("Closed"),
        translatable("Both banks have noted the failure. The hub closes the transfer; it stays failed."),
        translatable("both processed: closed"),
    ),
    WalkthroughStep(
        Example.FAILS,
        StepKind.AUDIT,
        Actor.NONE,
        None,
        translatable("The audit"),
        translatable(
            "Every process goes on, and every book in the network is compared with every other: the customers' money, "
            "the clearing accounts, the settlement accounts, and each transfer at the hub and in both banks."
        ),
    ),
)
"""In their order."""
