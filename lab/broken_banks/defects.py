"""The mistakes that can be planted in the small bank. `stories.py` tells what their programmers thought."""

from __future__ import annotations

from enum import StrEnum


class Defect(StrEnum):
    """Each is a few lines at the place where the mistake is made: search for its name in upper case."""

    OFFSETS_FIRST = "offsets-first"
    """Commits the consumer's offset before the records are processed."""
    STARTS_AT_THE_END = "starts-at-the-end"
    """Reads only what comes after its start, and forgets what came while it was down."""
    PUBLISHES_FIRST = "publishes-first"
    """Publishes a message before the transaction that it tells of is committed."""
    MEMORY_OUTBOX = "memory-outbox"
    """Keeps what is to be retransmitted in memory, and forgets it in a restart."""
    CREDITS_TWICE = "credits-twice"
    """Credits the payee for each copy of a confirmation."""
    CREDITS_OFFERS = "credits-offers"
    """Credits the payee at the offer, before the hub has decided."""
    NEVER_COMPLETES = "never-completes"
    """Books every outcome and never tells the hub so."""
    KEEPS_THE_MONEY = "keeps-the-money"
    """Ignores a failure: the payer is not refunded."""
    REFUNDS_TWICE = "refunds-twice"
    """Refunds the payer for each copy of a failure."""
    NO_FUNDS_CHECK = "no-funds-check"
    """Lets a customer pay more than the balance."""
    FLOAT_MONEY = "float-money"
    """Keeps balances as reais in floating point."""
    ROUNDS_COINS = "rounds-coins"
    """Rounds what it credits to five centavos."""
    PAYS_TWICE = "pays-twice"
    """Makes a second transfer for a repeated idempotency key."""
    BELIEVES_STRANGERS = "believes-strangers"
    """Does not verify signatures."""
    TAKES_ANY_AMOUNT = "takes-any-amount"
    """Books the amount of the last message, not that of the offer it has accepted."""
    CHANGES_ITS_MIND = "changes-its-mind"
    """Keeps its answers in memory: after a restart it answers a repeated offer anew."""
    KEYS_OF_ANOTHER = "keys-of-another"
    """Registers a CPF or CNPJ of another person as a key."""
