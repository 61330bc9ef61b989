"""What the programmer of each broken bank thought, what a viewer sees, and what is right. Pages translate the texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lab.broken_banks.defects import Defect
from pix.web.marks import translatable


@dataclass(frozen=True, slots=True)
class Story:
    title: str
    """The mistake in one sentence, as an answer to choose."""
    thought: str
    """What the programmer thought."""
    network_map: str
    sequence: str
    audit: str
    """What the viewer sees in the console's map, in a transfer's sequence, and in the audit."""
    right: str
    """What a right bank does."""


STORIES: Final[Mapping[Defect, Story]] = {
    Defect.OFFSETS_FIRST: Story(
        translatable("It commits its offsets before it has processed the records."),
        translatable("“Commit early, so that no record is processed twice.”"),
        translatable("After a crash some transfers stay pending until the hub retransmits them."),
        translatable("An offer without an answer, then the same offer again, some seconds later."),
        translatable("Nothing is wrong in the books; transfers are under way for longer than any bank needs."),
        translatable(
            "Process, commit the transaction, publish, and commit the offset last. Duplicates must not matter."
        ),
    ),
    Defect.STARTS_AT_THE_END: Story(
        translatable("It reads only records that come after its start."),
        translatable("“What came while we were down is old news.”"),
        translatable("The bank is up again, and transfers to it stay pending until the hub retransmits them."),
        translatable("The offer of the time when the bank was down never gets an answer; only its repetition does."),
        translatable("Nothing is wrong in the books; transfers are under way for longer than any bank needs."),
        translatable("Start from the committed offset, and from the beginning of the topic when there is none."),
    ),
    Defect.PUBLISHES_FIRST: Story(
        translatable("It publishes a message before the transaction is committed."),
        translatable("“The commit is slow, so the message goes out first.”"),
        translatable("The hub confirms transfers that the bank, after a crash, does not know."),
        translatable("The confirmation to the payer's bank is never acknowledged."),
        translatable(
            "A transfer is confirmed at the hub and unknown to the payer's bank; its settlement balance differs."
        ),
        translatable("Commit first. The row is the outbox: after a crash the message follows from it."),
    ),
    Defect.MEMORY_OUTBOX: Story(
        translatable("It keeps the messages to be retransmitted in memory."),
        translatable("“The broker never loses anything, so once is enough.”"),
        translatable("Transfers of this bank stay pending for ever after it was restarted."),
        translatable("The first message is missing, and nothing follows."),
        translatable("The money of such a transfer stays in clearing; the transfer is under way for ever."),
        translatable("What is owed follows from the stored row, also after a restart, until the hub has answered."),
    ),
    Defect.CREDITS_TWICE: Story(
        translatable("It credits the payee for each copy of a confirmation."),
        translatable("“Each message comes once.”"),
        translatable("All transfers complete; the map shows nothing."),
        translatable("The confirmation comes twice, and the postings have two credits."),
        translatable(
            "A transfer is posted twice; the bank's settlement balance differs from the hub's; money was created."
        ),
        translatable("One posting for each transfer and kind: the database refuses the second."),
    ),
    Defect.CREDITS_OFFERS: Story(
        translatable("It credits the payee when the transfer is offered."),
        translatable("“Instant payment means that the customer sees the money at once.”"),
        translatable("Transfers that fail after the acceptance leave money at this bank."),
        translatable("The credit is posted beside the offer, and the failure that follows takes nothing back."),
        translatable(
            "A failed transfer has a credit; the bank's settlement balance differs from the hub's; money was created."
        ),
        translatable("Credit at the confirmation. An acceptance is a promise, and the hub alone decides."),
    ),
    Defect.NEVER_COMPLETES: Story(
        translatable("It never tells the hub that it has booked an outcome."),
        translatable("“The customer has the money, so we are done.”"),
        translatable("Transfers stay confirmed and never complete."),
        translatable("The confirmation comes again and again, and OutcomeProcessed of this bank is missing."),
        translatable("The books are right, and the transfers are under way for ever."),
        translatable("Answer every outcome with OutcomeProcessed, also each duplicate."),
    ),
    Defect.KEEPS_THE_MONEY: Story(
        translatable("It does not refund the payer of a failed transfer."),
        translatable("“The transfer is over, so there is nothing to do.”"),
        translatable("The transfer fails as it should; the map shows nothing."),
        translatable("TransferFailed is acknowledged, and no refund is posted."),
        translatable("The money of failed transfers stays in clearing; a failed transfer lacks its refund."),
        translatable("Move the money from clearing back to the customer, in one transaction with the new status."),
    ),
    Defect.REFUNDS_TWICE: Story(
        translatable("It refunds the payer for each copy of a failure."),
        translatable("“Better one refund too many than one too few.”"),
        translatable("The transfer fails as it should; the map shows nothing."),
        translatable("TransferFailed comes twice, and the postings have two refunds."),
        translatable("A transfer is refunded twice, and the clearing account is below zero."),
        translatable("One posting for each transfer and kind: the database refuses the second."),
    ),
    Defect.NO_FUNDS_CHECK: Story(
        translatable("It does not check the balance before a payment."),
        translatable("“The app shows the balance, so no customer pays more.”"),
        translatable("All transfers complete; the map shows nothing."),
        translatable("The payment is posted, and the balance after it is below zero."),
        translatable("A customer's account is below zero."),
        translatable("Check and debit in one transaction, and let the database refuse a negative balance."),
    ),
    Defect.FLOAT_MONEY: Story(
        translatable("It keeps balances in floating point."),
        translatable("“A double has fifteen digits, which is more than any balance.”"),
        translatable("All transfers complete; the map shows nothing."),
        translatable("The postings have the right amounts."),
        translatable("The balance of an account is a centavo less than its postings."),
        translatable("Integers of centavos everywhere; only pages format them."),
    ),
    Defect.ROUNDS_COINS: Story(
        translatable("It rounds what it credits to five centavos."),
        translatable("“Coins of one centavo have not been minted since 2004.”"),
        translatable("All transfers complete; the map shows nothing."),
        translatable("The credit has another amount than the transfer."),
        translatable("A transfer is posted with another amount; the bank's settlement balance differs from the hub's."),
        translatable("Book the amount of the transfer, to the centavo."),
    ),
    Defect.PAYS_TWICE: Story(
        translatable("It makes a second transfer for a repeated order."),
        translatable("“A customer who orders twice wants to pay twice.”"),
        translatable("Two transfers of the same amount between the same accounts."),
        translatable("Both transfers are in order."),
        translatable("Every invariant holds: the customer has paid twice, and only the customer can tell."),
        translatable("The idempotency key is unique for each account: the same key gives the same transfer."),
    ),
    Defect.BELIEVES_STRANGERS: Story(
        translatable("It believes records that the hub has not signed."),
        translatable("“Only the hub can reach our topic.”"),
        translatable("The hub knows nothing of the transfer; the map shows nothing."),
        translatable("The transfer does not exist at the hub."),
        translatable("The bank has a transfer that the hub does not know; money was created."),
        translatable("Verify the signature of each record over topic, type and value before anything else is read."),
    ),
    Defect.TAKES_ANY_AMOUNT: Story(
        translatable("It books the amount of the last message, whatever it has accepted."),
        translatable("“The message is signed, so it must be right.”"),
        translatable("All transfers complete; the map shows nothing."),
        translatable("A message has another amount than the messages before it."),
        translatable("A transfer has another amount at the bank than at the hub."),
        translatable("Compare each message with the row. Another content changes nothing and is recorded."),
    ),
    Defect.CHANGES_ITS_MIND: Story(
        translatable("It answers a repeated offer anew after a restart."),
        translatable("“The answer follows from the account, so there is no need to store it.”"),
        translatable("A transfer is rejected after it was accepted."),
        translatable("An acceptance and a rejection of the same offer."),
        translatable("Nothing is wrong in the books while the hub takes the first answer alone."),
        translatable("Store the answer before it is sent. A repeated offer gets the stored one."),
    ),
    Defect.KEYS_OF_ANOTHER: Story(
        translatable("It registers a CPF of another person as a key."),
        translatable("“The hub will check it.”"),
        translatable("Payments to the key arrive at the wrong account; the map shows nothing."),
        translatable("The payee is another person than the one who has this CPF."),
        translatable("Every invariant holds: the money is where the key points to."),
        translatable(
            "A CPF or CNPJ key is the number of the account's owner; the bank checks it, and tells the hub the truth."
        ),
    ),
}
