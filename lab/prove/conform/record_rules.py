"""The rules behind the cases about records, restarts, returns and books, and where each is written."""

from __future__ import annotations

from typing import Final

from lab.prove.conform.case import Rule
from lab.prove.conform.rules import CONTRACT, PROTOCOL

SIGNED_BY_HUB: Final = Rule(
    "A bank accepts messages only from the hub. A forged or unsigned one changes nothing.", f"{PROTOCOL}#records"
)
SIGNATURE: Final = Rule(
    "A signature is HMAC-SHA256 over topic, type and value, each preceded by its length, with a key derived from the "
    "secret.",
    f"{PROTOCOL}#records",
)
HEADERS: Final = Rule(
    "A record has the headers codepix-type, codepix-sender (the bank's ISPB, or hub) and codepix-signature.",
    f"{PROTOCOL}#records",
)
RECORD_KEY: Final = Rule("The record key is the id that the message is about.", f"{PROTOCOL}#records")
HOSTILE: Final = Rule(
    "An unreadable or unknown message becomes a dead letter and changes nothing else.", f"{PROTOCOL}#records"
)
LIMITS: Final = Rule(
    "A record has at most 16 KiB of value, 1 KiB of key, and 64 headers of 8 KiB together, each name once.",
    f"{PROTOCOL}#records",
)
BOUNDS: Final = Rule(
    "What another participant sends is checked like what a customer types; each field has its bound and its answer.",
    f"{PROTOCOL}#fields-and-their-bounds",
)
ADDITIVE: Final = Rule(
    "New fields are additive: a bank that does not know them keeps working.", f"{PROTOCOL}#how-a-transfer-begins"
)
DICT_BY_DEFAULT: Final = Rule(
    "A message without initiation and txid is DICT without txid, and differs from no other.",
    f"{PROTOCOL}#how-a-transfer-begins",
)
JSON: Final = Rule(
    "Bodies are JSON of at most 64 KiB; amounts are integers; a reader ignores fields that it does not know.",
    f"{CONTRACT}#json",
)
ADVANCES: Final = Rule(
    "The hub decides; a bank records a message that is not about one of its transfers, and applies it never.",
    f"{PROTOCOL}#states-at-the-hub",
)
KILLED: Final = Rule(
    "A bank may be killed at any moment. It then goes on where it was: all that it has answered for is in DATA_DIR.",
    f"{CONTRACT}#the-process",
)
COMMITS_FIRST: Final = Rule("What a message says is committed before the message is sent.", f"{PROTOCOL}#one-transfer")
RETRANSMITS: Final = Rule(
    "Each participant retransmits its messages until the counterpart has answered.", f"{PROTOCOL}#retransmission"
)
OUTCOME_ANSWERED: Final = Rule(
    "A bank sends its acknowledgement in answer to every outcome, also to a duplicate.", f"{PROTOCOL}#retransmission"
)
SIGTERM: Final = Rule("A bank ends on SIGTERM within 10 seconds.", f"{CONTRACT}#the-process")
IDEMPOTENCE: Final = Rule(
    "The same idempotency key gives the same transfer, never a second one, also after a restart.",
    f"{CONTRACT}#8-pay",
)
RETURN_STEPS: Final = Rule(
    "Debit and ReturnRequested, answer to ReturnOffered, then the hub's decision: money moves as in the table.",
    f"{PROTOCOL}#one-return",
)
RETURN_SUM: Final = Rule(
    "Pending, confirmed and completed returns of a transfer take at most its amount; a failed one frees its part.",
    f"{PROTOCOL}#one-return",
)
RETURN_ORDER: Final = Rule(
    "A return is refused of a payment that was not received and booked, above what is left, or without the balance.",
    f"{CONTRACT}#9-return",
)
RETURN_REASONS: Final = Rule(
    "The original payer's bank rejects with AC06 (blocked), AC07 (closed) or ED05 (cannot be processed).",
    f"{PROTOCOL}#one-return",
)
POSTINGS: Final = Rule(
    "The sum of an account's postings is its balance; no posting is ever changed or removed.",
    f"{CONTRACT}#3-the-postings-of-an-account",
)
DOUBLE_ENTRY: Final = Rule("The four kinds of account of a double entry have the sum 0.", f"{CONTRACT}#5-the-books")
SETTLEMENT: Final = Rule(
    "A confirmed payment raises settlement_centavos by its amount, and a payment received lowers it.",
    f"{CONTRACT}#5-the-books",
)
