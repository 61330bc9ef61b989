"""The one table that says what the bank's errors are over HTTP, and the sentence of each for people."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from bank_sim.domain import errors
from bank_sim.entrypoints.http.qr import PictureReaderBusy
from pix.participant.dead_letters.problems import DEAD_LETTER_PROBLEMS
from pix.runtime.outages import DatabaseUnavailable
from pix.web.csrf import ForgedRequest
from pix.web.languages import Language, translate, translate_rule
from pix.web.operators import OPERATOR_PROBLEMS
from pix.web.problems import ProblemKind
from pix.web.sessions import TokenRefused
from pix.web.visits import STREAM_PROBLEMS

PROBLEMS: Final[Mapping[type[Exception], ProblemKind]] = MappingProxyType(
    {
        errors.AccountNotFound: ProblemKind("account-not-found", 404, "The account does not exist"),
        errors.TransferNotFound: ProblemKind("transfer-not-found", 404, "The transfer does not exist"),
        errors.KeyNotFound: ProblemKind("key-not-found", 404, "The key is not registered"),
        errors.WrongCredentials: ProblemKind("wrong-credentials", 401, "Account number and PIN do not match"),
        errors.AccountBlocked: ProblemKind("account-blocked", 409, "The account is blocked"),
        errors.AccountClosed: ProblemKind("account-closed", 409, "The account is closed"),
        errors.AccountNotEmpty: ProblemKind("account-not-empty", 409, "The account has money in it"),
        errors.AccountHasTransfers: ProblemKind("account-has-transfers", 409, "The account has transfers under way"),
        errors.TaxIdTaken: ProblemKind("tax-id-taken", 409, "The tax id already has an account"),
        errors.KeyTaken: ProblemKind("key-taken", 409, "Another account has the key"),
        errors.IdempotencyConflict: ProblemKind("idempotency-conflict", 409, "The idempotency key was used before"),
        errors.InsufficientBalance: ProblemKind("insufficient-balance", 422, "The balance is not enough"),
        errors.PayerIsPayee: ProblemKind("payer-is-payee", 422, "Payer and payee are the same account"),
        errors.KeyLimitReached: ProblemKind("key-limit-reached", 422, "The account has too many keys"),
        errors.LookUpLimitReached: ProblemKind("look-up-limit-reached", 429, "Too many keys were looked up"),
        errors.HubRejected: ProblemKind("hub-refused", 422, "The hub refuses this"),
        errors.HubAnswerUnfit: ProblemKind("hub-answer-unfit", 502, "The hub's answer breaks a rule"),
        errors.HubUnavailable: ProblemKind("hub-unavailable", 503, "The hub does not answer"),
        errors.HubCredentialsRejected: ProblemKind("hub-refuses-bank", 503, "The hub does not accept this bank"),
        **DEAD_LETTER_PROBLEMS,
        **OPERATOR_PROBLEMS,
        **STREAM_PROBLEMS,
        PictureReaderBusy: ProblemKind("picture-reader-busy", 503, "Other pictures are being read"),
        DatabaseUnavailable: ProblemKind("database-unavailable", 503, "The bank's database does not answer"),
        ForgedRequest: ProblemKind("forged-request", 403, "The form is not from this session"),
        TokenRefused: ProblemKind("token-refused", 410, "The step is too old"),
    }
)


def sentence_of(error: Exception, language: Language) -> str:
    """Why it did not work, for people, in their language."""
    match error:
        case errors.KeyTaken(bank_name=bank_name) if bank_name:
            sentence = translate(language, "This key already belongs to an account at %(bank)s.")
            return sentence % {"bank": bank_name}
        case errors.HubUnavailable():
            return translate(
                language, "The Pix network does not answer at the moment. Your money is safe; please try again shortly."
            )
        case ForgedRequest():
            return translate(language, "Nothing was changed. Sign in again.")
        case TokenRefused():
            return translate(language, "Nothing was paid just now. Look at your statement before you start again.")
        case DatabaseUnavailable():
            return translate(language, "The bank is busy at the moment. Your money is safe; please try again shortly.")
    rule = getattr(error, "rule", "")
    if rule:
        return translate_rule(language, rule)
    return translate(language, "Something went wrong on our side. Your money is safe.")


def ended_session_sentence(path: str, is_signed_in: bool, language: Language) -> str:
    """What became of a form whose session has ended; `is_signed_in`: another one has begun since."""
    is_payment = path.startswith("/pay")
    if is_signed_in:
        if is_payment:
            return translate(
                language, "Nothing was paid. You have signed in again since, perhaps as another person: start again."
            )
        return translate(
            language, "Nothing was changed. You have signed in again since, perhaps as another person: start again."
        )
    if is_payment:
        return translate(language, "Nothing was paid. Sign in again.")
    return translate(language, "Nothing was changed. Sign in again.")


def title_of(status: int, language: Language) -> str:
    """The heading of an error's page."""
    titles = {
        403: translate(language, "Your session has ended"),
        404: translate(language, "There is nothing here"),
        410: translate(language, "This page has expired"),
        413: translate(language, "This file is too large"),
        503: translate(language, "One moment, please"),
    }
    return titles.get(status, translate(language, "That did not work"))
