"""The rules that cases cite, and where each is written. Several cases may prove one rule from different sides."""

from __future__ import annotations

from typing import Final

from lab.prove.conform.case import Rule

PROTOCOL: Final = "docs/protocol.md"
CONTRACT: Final = "docs/bank-contract.md"
ARCHITECTURE: Final = "docs/architecture.md"
DIRECTORY: Final = "protos/codepix/v1/directory.proto"
PARTICIPANTS: Final = "protos/codepix/v1/participants.proto"

_TRANSFER: Final = f"{PROTOCOL}#one-transfer"
_BEGINS: Final = f"{PROTOCOL}#how-a-transfer-begins"
_RETRANSMISSION: Final = f"{PROTOCOL}#retransmission"
_BOUNDS: Final = f"{PROTOCOL}#fields-and-their-bounds"
_RECORDS: Final = f"{PROTOCOL}#records"
_REASONS: Final = f"{PROTOCOL}#reason-codes"
_KEEPS: Final = f"{CONTRACT}#what-the-bank-keeps-to"
_AT_HUB: Final = f"{CONTRACT}#what-the-bank-does-at-the-hub"
_PROCESS: Final = f"{CONTRACT}#the-process"
_JSON: Final = f"{CONTRACT}#json"
_BANK: Final = f"{CONTRACT}#1-the-bank"
_TRANSFER_VIEW: Final = f"{CONTRACT}#4-a-transfer"
_ACCOUNTS: Final = f"{CONTRACT}#6-open-an-account-block-open-or-close-it"
_KEYS: Final = f"{CONTRACT}#7-register-and-remove-a-key"
_PAY: Final = f"{CONTRACT}#8-pay"

# In a network

COMPLETES: Final = Rule("A transfer is completed once both banks have processed the outcome.", _TRANSFER)
SETTLEMENT_FOLLOWS: Final = Rule(
    "`settlement_centavos` is minus what the hub holds for the bank.", f"{CONTRACT}#5-the-books"
)

# Joining

JOINS: Final = Rule("A bank calls JoinNetwork when it starts, with its code and name.", _AT_HUB)
ANNOUNCES: Final = Rule(
    "JoinNetwork announces the features `returns` and `manu` that the bank has, and no other.", _AT_HUB
)
REPEATS_JOIN: Final = Rule("A bank repeats JoinNetwork until the hub answers.", _AT_HUB)
READY: Final = Rule("GET /contract/v1/bank answers 503 until the bank has joined the network.", _BANK)
DESCRIBES: Final = Rule("GET /contract/v1/bank tells code, ISPB, name, features and topic.", _BANK)
AUTHENTICATES: Final = Rule("Every call to the hub has the metadata `codepix-ispb` and `codepix-secret`.", _RECORDS)
HEARTBEAT: Final = Rule("Each process of a bank sends KeepInTouch every four seconds.", _RECORDS)
INSTANCE: Final = Rule(
    "`instance` has 1 to 40 characters, identifies the process, and is new at each start.", PARTICIPANTS
)
LAG: Final = Rule("`lag` is the number of records of the topic that the process has not read, or absent.", PARTICIPANTS)
LEAVES: Final = Rule("A bank calls LeaveNetwork when it stops in an orderly way.", _AT_HUB)
ENDS: Final = Rule("A bank ends on SIGTERM within 10 seconds.", _PROCESS)
HUB_BACK: Final = Rule("A bank calls the hub again once the hub is back.", _AT_HUB)

# Keys

KEY_CPF: Final = Rule("A person's CPF is a key of the person's own account.", DIRECTORY)
KEY_CNPJ: Final = Rule("A company's CNPJ is a key of the company's own account.", DIRECTORY)
KEY_PHONE: Final = Rule("A telephone number is a key.", DIRECTORY)
KEY_EMAIL: Final = Rule("An e-mail address is a key.", DIRECTORY)
KEY_EVP: Final = Rule("A random key (EVP) is made by the hub, for a request id that is a UUID.", DIRECTORY)
KEY_HOLDER: Final = Rule("RegisterKey names branch, account, holder, kind of holder and tax id in full.", DIRECTORY)
KEY_STORED: Final = Rule("The bank answers with the key as the hub stores it.", _KEYS)
KEY_REPEATED: Final = Rule("A repeated registration of a key for its account succeeds and adds nothing.", _KEYS)
KEY_EVP_NEW: Final = Rule("Each order of a random key makes another one.", _KEYS)
KEY_EVP_RETRY: Final = Rule(
    "A repeated call for one random key has the same request id, so that it makes no second.", DIRECTORY
)
KEY_TAKEN: Final = Rule("A key of another account is refused with ALREADY_EXISTS.", _KEYS)
KEY_MALFORMED: Final = Rule("A malformed key is refused with INVALID_ARGUMENT.", _JSON)
KEY_OWN_NUMBER: Final = Rule("A CPF or CNPJ key must be the account holder's own number.", DIRECTORY)
KEY_EVP_CHOSEN: Final = Rule("The hub makes random keys; a customer cannot choose one.", _KEYS)
KEY_LIMIT_PERSON: Final = Rule("An account of a person has at most 5 keys; another is RESOURCE_EXHAUSTED.", DIRECTORY)
KEY_LIMIT_COMPANY: Final = Rule(
    "An account of a company has at most 20 keys; another is RESOURCE_EXHAUSTED.", DIRECTORY
)
KEY_UNKNOWN_ACCOUNT: Final = Rule("A key for an unknown account is refused with NOT_FOUND.", _JSON)
KEY_BLOCKED: Final = Rule("A blocked or closed account registers no key.", _JSON)
KEY_UNAVAILABLE: Final = Rule("While the hub does not answer, a registration is refused with UNAVAILABLE.", _JSON)
KEY_SUSPENDED: Final = Rule("A suspended bank registers no key; the refusal has the hub's PERMISSION_DENIED.", _RECORDS)
KEY_REMOVED: Final = Rule("DELETE removes the key at the hub and answers 204.", _KEYS)
KEY_REMOVE_UNKNOWN: Final = Rule("DELETE of a key that the bank does not have is 404.", _KEYS)
KEY_ANY_TIME: Final = Rule("A key that was removed may be registered for another account.", DIRECTORY)
KEY_OF_CLOSED: Final = Rule(
    "The keys of a closed account leave the directory.", "docs/decisions/0022-keys-of-a-closed-account.md"
)

# Paying

DEBIT_FIRST: Final = Rule("The customer is debited before TransferRequested leaves the bank.", _TRANSFER)
PENDING: Final = Rule("An order is answered with 201 and the pending transfer, before the hub decides.", _PAY)
END_TO_END_ID: Final = Rule(
    "The end-to-end id has E, the bank's ISPB, the UTC minute and 11 letters or digits.", _BOUNDS
)
UNIQUE_ID: Final = Rule("Each payment has an end-to-end id that no other has.", _BOUNDS)
REQUEST_CONTENT: Final = Rule("TransferRequested names amount, payer, payee's key, description and time.", _TRANSFER)
MASKED: Final = Rule("The payer's tax id is masked: `***.982.247-**`.", _BOUNDS)
SHOWN_TAX_ID: Final = Rule(
    "`payee_tax_id_masked` is what the payer was shown, or empty.", "protos/codepix/v1/transfers.proto"
)
NO_INITIATION: Final = Rule("A payment by key has the initiation DICT, without txid.", _BEGINS)
LOOKS_UP: Final = Rule("An order looks the key up; an unknown key is refused, and moves no money.", _PAY)
KEY_KINDS: Final = Rule("A payment goes to keys of all five kinds, each in the form of the directory.", _PAY)
FUNDS: Final = Rule("An order over the balance is refused and moves no money.", _PAY)
WHOLE_BALANCE: Final = Rule("A customer may pay the whole balance.", _PAY)
AMOUNT_RANGE: Final = Rule("An amount is 1 to 99999999999 centavos.", _JSON)
AMOUNT_INTEGER: Final = Rule("An amount is an integer: a fraction, a text or a boolean is none.", _JSON)
PAYER_ACCOUNT: Final = Rule("An unknown account does not pay.", _PAY)
PAYER_BLOCKED: Final = Rule("A blocked account does not pay.", _PAY)
PAYER_CLOSED: Final = Rule("A closed account does not pay.", _PAY)
PAYER_IS_PAYEE: Final = Rule("The payer's own account as payee is refused.", _PAY)
OWN_BANK: Final = Rule("A bank may be on both sides of a transfer, and plays each.", _TRANSFER)
SETTLES: Final = Rule(
    "On TransferConfirmed the payer's bank settles, and acknowledges with OutcomeProcessed.", _TRANSFER
)
REFUNDS: Final = Rule("On TransferFailed the payer's bank refunds its customer, and acknowledges.", _TRANSFER)
RETRANSMITS_REQUEST: Final = Rule("TransferRequested is retransmitted until the bank has the outcome.", _RETRANSMISSION)
STOPS: Final = Rule("Retransmission ends with the outcome.", _RETRANSMISSION)
BACKS_OFF: Final = Rule("The backoff of retransmissions grows.", _RETRANSMISSION)
SAME_CONTENT: Final = Rule("A retransmission has the content of the first sending.", _KEEPS)
DESCRIPTION: Final = Rule("A description is a line of at most 140 characters, and travels as it is.", _BOUNDS)
UNAVAILABLE_HUB: Final = Rule("While the hub answers no look-up, an order is refused and moves no money.", _JSON)
LOOK_UP_LIMIT: Final = Rule("A look-up over the rate limit refuses the order and moves no money.", _JSON)
MONEY_ONCE: Final = Rule("Orders that come at the same time never take more than the balance.", _KEEPS)
NONE_LOST: Final = Rule("Orders that come at the same time are all booked.", _KEEPS)
REFUSAL: Final = Rule("A refusal is 4xx with application/problem+json, `title` and `detail`.", _JSON)
UNKNOWN_TRANSFER: Final = Rule(
    "GET /contract/v1/transfers/{id} is 404 for an id that the bank does not know.", _TRANSFER_VIEW
)
UNKNOWN_JSON: Final = Rule("A reader ignores fields of a body that it does not know.", _JSON)

# Being paid

ACCEPTS: Final = Rule(
    "The payee's bank answers TransferOffered with TransferAccepted, which promises the credit.", _TRANSFER
)
NO_EARLY_CREDIT: Final = Rule("The payee's bank credits after TransferConfirmed, not before.", _TRANSFER)
CREDITS: Final = Rule("On TransferConfirmed the payee's bank credits its customer once.", _TRANSFER)
ACKNOWLEDGES: Final = Rule("OutcomeProcessed says that the outcome is booked: it is sent after that.", _TRANSFER)
NO_CREDIT: Final = Rule("On TransferFailed the payee's bank credits nothing, and acknowledges.", _TRANSFER)
RETRANSMITS_ANSWER: Final = Rule(
    "The answer to an offer is retransmitted until the bank has the outcome.", _RETRANSMISSION
)
SPENDABLE: Final = Rule("What was credited can be spent.", f"{ARCHITECTURE}#money")
LARGEST: Final = Rule("An amount is at most 99999999999 centavos.", _BOUNDS)
PAYEE_VIEW: Final = Rule("The bank shows its side of a transfer: pending, confirmed or failed.", _TRANSFER_VIEW)
STATIC_CODE: Final = Rule(
    "A payment by static code has a txid of at most 25 letters or digits, and is accepted.", _BEGINS
)
TYPED: Final = Rule("A payment to a typed account has no key, and is accepted for the account's own tax id.", _BEGINS)
ANSWER_CONTENT: Final = Rule("An answer repeats end-to-end id and amount of the offer.", _TRANSFER)
ACCOUNT_TYPES: Final = Rule("Accounts of the types CACC, SVGS and TRAN are credited.", _BANK)

# Reasons

REJECTS: Final = Rule("A rejection has the reason code of the first rule that the offer breaks.", _REASONS)
AC03: Final = Rule("AC03: the payee's account does not exist.", _REASONS)
AC06: Final = Rule("AC06: the payee's account is blocked.", _REASONS)
AC07: Final = Rule("AC07: the payee's account is closed.", _REASONS)
AC14: Final = Rule("AC14: the payee's account is of a type that cannot receive this transfer.", _REASONS)
AM09: Final = Rule("AM09: the amount is zero or out of range.", _REASONS)
BE01: Final = Rule("BE01: the tax ID does not match the owner of the typed account.", _REASONS)
BE17: Final = Rule("BE17: no charge waits for this payment by dynamic code.", _REASONS)
ED05: Final = Rule("ED05: a malformed offer is rejected, so that it does not stay open.", _BOUNDS)
REJECTION_MOVES_NOTHING: Final = Rule("A rejected offer changes no balance.", _TRANSFER)
SHOWS_REASON: Final = Rule("The payer's bank shows the reason code of a failure, whatever code it is.", _TRANSFER_VIEW)
REPEATS_REASON: Final = Rule(
    "OutcomeProcessed of a failure repeats its reason code.", "protos/codepix/v1/transfers.proto"
)

# Idempotence

SAME_ORDER: Final = Rule("The same order with the same idempotency key is the same transfer, never a second.", _PAY)
OTHER_ORDER: Final = Rule("Another content with a used idempotency key is refused, and moves no money.", _PAY)
KEY_PER_ACCOUNT: Final = Rule("An idempotency key is unique per account.", _PAY)
KEY_LENGTH: Final = Rule("An idempotency key has 1 to 100 characters.", _PAY)
AS_IT_STANDS: Final = Rule("A repeated order is answered with the transfer as it stands.", _PAY)

# Duplicates, order, late messages

DUPLICATE: Final = Rule("A message that comes again changes nothing.", _KEEPS)
DUPLICATE_ACKNOWLEDGED: Final = Rule(
    "OutcomeProcessed is sent in answer to every outcome, also to a duplicate.", _RETRANSMISSION
)
DUPLICATE_ANSWERED: Final = Rule("A duplicate offer gets the same answer again.", _RETRANSMISSION)
OTHER_CONTENT: Final = Rule("A message about a known id with another content changes nothing.", _KEEPS)
FINAL: Final = Rule("A final state stays.", _KEEPS)
ANY_ORDER: Final = Rule("An outcome may come before the offer, and an offer that comes later changes nothing.", _KEEPS)
NEVER_MADE: Final = Rule("An outcome of a payment that the bank never made changes nothing.", _KEEPS)
HUB_DECIDES: Final = Rule("The hub's decision is final, whatever the bank has answered.", _KEEPS)
BLOCKED_SINCE: Final = Rule("A confirmed transfer is credited also when the account was blocked since.", _KEEPS)
LATE_OUTCOME: Final = Rule("A decision is applied however late it comes.", _RETRANSMISSION)
CLOSE_OPEN: Final = Rule("An account with a transfer that is not final cannot be closed.", _ACCOUNTS)
