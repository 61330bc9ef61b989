"""The one table that says what the bank's errors are over HTTP, and the sentence of each for people."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from bank_sim.application.credentials.request_log import ApiRequestNotFound
from bank_sim.application.sandbox.edit_rules import RuleNotFound
from bank_sim.application.sandbox.plan_payments import PlanNotFound
from bank_sim.domain import errors
from bank_sim.domain.charges.errors import ChargeNotFound
from bank_sim.domain.credentials import model as credentials
from bank_sim.domain.payable_codes import errors as code_errors
from bank_sim.entrypoints.http.api.webhooks import PROBLEMS as WEBHOOK_PROBLEMS
from bank_sim.entrypoints.http.flows import FLOW_PROBLEMS
from bank_sim.entrypoints.http.picture_turns import PicturesBusy
from pix.participant.dead_letters.problems import DEAD_LETTER_PROBLEMS
from pix.runtime.outages import DatabaseUnavailable
from pix.web.csrf import ForgedRequest
from pix.web.languages import Language, translate, translate_rule
from pix.web.operators import OPERATOR_PROBLEMS
from pix.web.problems import ProblemKind
from pix.web.session_registry import STREAM_PROBLEMS
from pix.web.sessions import TokenRefused

PROBLEMS: Final[Mapping[type[Exception], ProblemKind]] = MappingProxyType(
    {
        errors.AccountNotFound: ProblemKind("account-not-found", 404, "The account does not exist"),
        **FLOW_PROBLEMS,
        **WEBHOOK_PROBLEMS,
        ChargeNotFound: ProblemKind("charge-not-found", 404, "The charge does not exist"),
        errors.KeyNotFound: ProblemKind("key-not-found", 404, "The key is not registered"),
        errors.WrongCredentials: ProblemKind("wrong-credentials", 401, "Wrong account number or PIN"),
        errors.AccountBlocked: ProblemKind("account-blocked", 409, "The account is blocked"),
        errors.AccountClosed: ProblemKind("account-closed", 409, "The account is closed"),
        errors.AccountNotEmpty: ProblemKind("account-not-empty", 409, "The account is not empty"),
        errors.AccountHasTransfers: ProblemKind("account-has-transfers", 409, "The account has transfers in progress"),
        errors.TaxIdTaken: ProblemKind("tax-id-taken", 409, "The tax id already has an account"),
        errors.KeyTaken: ProblemKind("key-taken", 409, "The key is registered for another account"),
        errors.IdempotencyConflict: ProblemKind("idempotency-conflict", 409, "The idempotency key was already used"),
        errors.InsufficientBalance: ProblemKind("insufficient-balance", 422, "Insufficient balance"),
        errors.LimitExceeded: ProblemKind("limit-exceeded", 422, "The payment is over a limit of the account"),
        errors.ScheduleNotFound: ProblemKind("schedule-not-found", 404, "The scheduled payment does not exist"),
        errors.ScheduleEnded: ProblemKind("schedule-ended", 409, "The scheduled payment has ended"),
        errors.TooManySchedules: ProblemKind("too-many-schedules", 422, "The account has too many scheduled payments"),
        credentials.CredentialNotFound: ProblemKind("credential-not-found", 404, "The API credential does not exist"),
        credentials.CredentialRevoked: ProblemKind("credential-revoked", 409, "The API credential is revoked"),
        credentials.CredentialTaken: ProblemKind("credential-taken", 409, "The API credential's ID is taken"),
        credentials.TooManyCredentials: ProblemKind(
            "too-many-credentials", 422, "The account has too many API credentials"
        ),
        ApiRequestNotFound: ProblemKind("api-request-not-found", 404, "The API request does not exist"),
        errors.PayerIsPayee: ProblemKind("payer-is-payee", 422, "Payer and payee are the same account"),
        code_errors.PayloadUnavailable: ProblemKind(
            "payload-unavailable", 503, "The payee's bank does not answer about the code"
        ),
        code_errors.PayloadNotFound: ProblemKind("charge-not-found", 404, "The code has no charge"),
        code_errors.PayloadNotTrusted: ProblemKind("payload-not-trusted", 422, "The charge cannot be trusted"),
        code_errors.PayloadOfOtherBank: ProblemKind("payload-not-trusted", 422, "The charge cannot be trusted"),
        code_errors.CodeNotPayable: ProblemKind("code-not-payable", 422, "The code cannot be paid"),
        errors.KeyLimitReached: ProblemKind("key-limit-reached", 422, "The account has reached its limit of keys"),
        errors.LookUpLimitReached: ProblemKind("look-up-limit-reached", 429, "Rate limit for key lookups reached"),
        errors.HubRejected: ProblemKind("hub-refused", 422, "The hub rejected the request"),
        errors.HubAnswerUnfit: ProblemKind("hub-answer-unfit", 502, "The hub's answer violates a rule"),
        errors.HubUnavailable: ProblemKind("hub-unavailable", 503, "The hub is not responding"),
        errors.HubCredentialsRejected: ProblemKind("hub-refuses-bank", 503, "The hub does not accept this bank"),
        errors.ClockNotVirtual: ProblemKind("clock-not-virtual", 404, "The network's clock is not virtual"),
        PlanNotFound: ProblemKind("payment-not-found", 404, "There is no such payment on demand"),
        RuleNotFound: ProblemKind("rule-not-found", 404, "There is no such rule"),
        **DEAD_LETTER_PROBLEMS,
        **OPERATOR_PROBLEMS,
        **STREAM_PROBLEMS,
        PicturesBusy: ProblemKind("picture-reader-busy", 503, "Other images are being processed"),
        DatabaseUnavailable: ProblemKind("database-unavailable", 503, "The bank's database is not responding"),
        ForgedRequest: ProblemKind("forged-request", 403, "The form is not from this session"),
        TokenRefused: ProblemKind("token-refused", 410, "The page has expired"),
    }
)


def sentence_of(error: Exception, language: Language) -> str:
    """Why it did not work, for people, in their language."""
    match error:
        case errors.KeyTaken(bank_name=bank_name) if bank_name:
            sentence = translate(language, "This key is registered at %(bank)s.")
            return sentence % {"bank": bank_name}
        case errors.HubUnavailable():
            return translate(
                language, "The Pix network isn't responding right now. Your money is safe. Please try again shortly."
            )
        case ForgedRequest():
            return translate(language, "Nothing was changed. Sign in again.")
        case TokenRefused():
            return translate(language, "Nothing was paid now. Check your statement, then start again.")
        case DatabaseUnavailable():
            return translate(language, "The bank is busy right now. Your money is safe. Please try again shortly.")
    rule = getattr(error, "rule", "")
    if rule:
        return translate_rule(language, rule)
    return translate(language, "The problem is on our side. Your money is safe.")


def ended_session_sentence(path: str, is_signed_in: bool, language: Language) -> str:
    """What became of a form whose session has ended; `is_signed_in`: another one has begun since."""
    is_payment = path.startswith("/pay")
    if is_signed_in:
        if is_payment:
            return translate(
                language,
                "Nothing was paid. You've signed in again since then, perhaps to another account. Please start again.",
            )
        return translate(
            language,
            "Nothing was changed. You've signed in again since then, perhaps to another account. Please start again.",
        )
    if is_payment:
        return translate(language, "Nothing was paid. Sign in again.")
    return translate(language, "Nothing was changed. Sign in again.")


def title_of(status: int, language: Language) -> str:
    titles = {
        403: translate(language, "Your session has expired"),
        404: translate(language, "Page not found"),
        410: translate(language, "This page has expired"),
        413: translate(language, "This file is too large"),
        503: translate(language, "One moment, please"),
    }
    return titles.get(status, translate(language, "Something went wrong"))
