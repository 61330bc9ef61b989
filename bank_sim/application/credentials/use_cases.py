"""The use cases of credentials in one place, as the transports see them."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from random import Random, SystemRandom

from bank_sim.application.credentials.authorise import TOKEN_SECONDS, AuthoriseToken, IssueToken
from bank_sim.application.credentials.manage import CreateCredential, CredentialQueries, RevokeCredential, RotateSecret
from bank_sim.application.credentials.request_log import ApiRequestQueries, NoteRequests
from bank_sim.application.credentials.tokens import TokenSigner
from bank_sim.application.ports import UnitsOfWork
from pix.runtime.clock import Clock

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class ApiCredentials:
    """What may be done with credentials, tokens and the request log, and asked of them."""

    create: CreateCredential
    rotate: RotateSecret
    revoke: RevokeCredential
    queries: CredentialQueries
    issue_token: IssueToken
    authorise: AuthoriseToken
    note_requests: NoteRequests
    requests: ApiRequestQueries


def compose_api_credentials(
    units: UnitsOfWork,
    clock: Clock,
    new_id: Callable[[], str],
    token_secret: str = "",
    token_seconds: int = TOKEN_SECONDS,
    random: Random | None = None,
) -> ApiCredentials:
    """On any adapters. `random` makes the secrets repeatable.

    `token_secret` is the bank's own, which its replicas share; without one, tokens end with this process.
    """
    chance = random or SystemRandom()

    def new_secret() -> str:
        return base64.urlsafe_b64encode(chance.randbytes(SECRET_BYTES)).decode().rstrip("=")

    signer = TokenSigner(token_secret or secrets.token_urlsafe(SECRET_BYTES))
    return ApiCredentials(
        create=CreateCredential(units, clock, new_id, new_secret),
        rotate=RotateSecret(units, clock, new_secret),
        revoke=RevokeCredential(units, clock),
        queries=CredentialQueries(units),
        issue_token=IssueToken(units, clock, signer, token_seconds),
        authorise=AuthoriseToken(units, clock, signer),
        note_requests=NoteRequests(units),
        requests=ApiRequestQueries(units),
    )
