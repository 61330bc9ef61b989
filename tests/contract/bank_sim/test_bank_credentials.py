"""Credentials, tokens and the request log, on every store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bank_sim.application.credentials.authorise import ClientRejected, ScopeRejected, TokenRejected
from bank_sim.application.credentials.request_log import ApiRequestNotFound
from bank_sim.application.credentials.use_cases import ApiCredentials, compose_api_credentials
from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.domain.credentials.model import (
    ACTIVE_CREDENTIALS_MAX,
    ALL_SCOPES,
    REVOKED_CREDENTIALS_KEPT,
    CredentialNotFound,
    CredentialRevoked,
    CredentialTaken,
    Scope,
    TooManyCredentials,
)
from bank_sim.domain.credentials.request_log import REQUESTS_KEPT, ApiRequest, Body
from bank_sim.domain.errors import AccountBlocked, AccountNotFound
from pix.scheme.errors import SchemeError
from tests.support.bank import World

CHOSEN_ID = "client-of-the-tests"
CHOSEN_SECRET = "a-secret-that-was-chosen-for-tests-only"


def token_of(bank: BankApplication, credential_id: str, secret: str, scope: str = "", thumbprint: str = "") -> str:
    issued = bank.api_credentials.issue_token(
        credential_id=credential_id, secret=secret, scope=scope, thumbprint=thumbprint
    )
    return issued.token


def test_a_credential_is_kept_without_its_secret_and_its_token_says_who_asks(world: World) -> None:
    ana, bank = world.open_account(), world.bank.api_credentials
    made = bank.create(account_number=ana.number, name=" Loja  virtual ", scopes=["pix.read", "cob.write"])
    assert bank.queries.list(ana.number) == [made.credential]
    assert made.credential.name == "Loja virtual"
    assert made.credential.scopes == (Scope.COB_WRITE, Scope.PIX_READ)
    assert len(made.secret) == 43 and made.secret not in repr(made.credential)
    token = token_of(world.bank, made.credential.credential_id, made.secret)
    asking = bank.authorise(token=token)
    assert (asking.account_number, asking.tax_id) == (ana.number, ana.tax_id)
    assert asking.scopes == {"cob.write", "pix.read"}


def test_a_token_has_what_was_asked_of_what_the_credential_has(world: World) -> None:
    ana, bank = world.open_account(), world.bank.api_credentials
    made = bank.create(account_number=ana.number, scopes=["pix.read", "cob.write"])
    credential_id = made.credential.credential_id
    token = token_of(world.bank, credential_id, made.secret, "rec.read cob.write pix.write nothing")
    assert bank.authorise(token=token).scopes == {"cob.write"}
    with pytest.raises(ScopeRejected):
        token_of(world.bank, credential_id, made.secret, "pix.write")


def test_wrong_secrets_and_unknown_ids_are_rejected_alike(world: World) -> None:
    ana = world.open_account()
    made = world.bank.api_credentials.create(account_number=ana.number)
    for credential_id, secret in (
        (made.credential.credential_id, "wrong"),
        ("unknown-client", made.secret),
        ("", ""),
        ("\0" * 10, made.secret),
    ):
        with pytest.raises(ClientRejected):
            token_of(world.bank, credential_id, secret)


def test_a_token_ends_with_time_rotation_revocation_and_the_account(world: World) -> None:
    ana, bank = world.open_account(balance_centavos=0), world.bank.api_credentials
    made = bank.create(account_number=ana.number)
    credential_id = made.credential.credential_id

    def is_valid(token: str) -> bool:
        try:
            bank.authorise(token=token)
        except TokenRejected:
            return False
        return True

    token = token_of(world.bank, credential_id, made.secret)
    world.clock.turn(3_599_999)
    assert is_valid(token)
    world.clock.turn(1)
    assert not is_valid(token)

    token = token_of(world.bank, credential_id, made.secret)
    rotated = bank.rotate(account_number=ana.number, credential_id=credential_id)
    assert rotated.credential.version == 2 and rotated.secret != made.secret
    assert not is_valid(token)
    with pytest.raises(ClientRejected):
        token_of(world.bank, credential_id, made.secret)

    token = token_of(world.bank, credential_id, rotated.secret)
    other = bank.create(account_number=ana.number)
    others_token = token_of(world.bank, other.credential.credential_id, other.secret)
    bank.revoke(account_number=ana.number, credential_id=credential_id)
    assert not is_valid(token) and is_valid(others_token)
    with pytest.raises(CredentialRevoked):
        bank.rotate(account_number=ana.number, credential_id=credential_id)

    world.bank.close_account(account_number=ana.number)
    assert not is_valid(others_token)


def test_a_token_is_the_same_at_a_replica_and_after_a_restart_and_of_no_use_at_another_bank(world: World) -> None:
    ana = world.open_account()

    def process(token_secret: str) -> ApiCredentials:
        return compose_api_credentials(world.units, world.clock, lambda: "client-1", token_secret)

    first, replica, stranger = process("the bank's secret"), process("the bank's secret"), process("another secret")
    made = first.create(account_number=ana.number)
    token = first.issue_token(credential_id=made.credential.credential_id, secret=made.secret).token
    assert replica.authorise(token=token).account_number == ana.number
    with pytest.raises(TokenRejected):
        stranger.authorise(token=token)


def test_a_token_of_a_certificate_is_of_no_use_without_it(world: World) -> None:
    ana, bank = world.open_account(), world.bank.api_credentials
    made = bank.create(account_number=ana.number)
    token = token_of(world.bank, made.credential.credential_id, made.secret, thumbprint="ab" * 32)
    assert bank.authorise(token=token, thumbprint="ab" * 32).account_number == ana.number
    for thumbprint in ("", "cd" * 32):
        with pytest.raises(TokenRejected):
            bank.authorise(token=token, thumbprint=thumbprint)


def test_a_credential_is_its_accounts_alone(world: World) -> None:
    ana, bruno, bank = world.open_account(), world.open_account(), world.bank.api_credentials
    made = bank.create(account_number=ana.number)
    credential_id = made.credential.credential_id
    with pytest.raises(CredentialNotFound):
        bank.rotate(account_number=bruno.number, credential_id=credential_id)
    with pytest.raises(CredentialNotFound):
        bank.revoke(account_number=bruno.number, credential_id=credential_id)
    with pytest.raises(CredentialNotFound):
        bank.queries.find(bruno.number, credential_id)
    assert bank.queries.find(ana.number, credential_id).is_active


def test_a_chosen_credential_is_made_once_and_never_taken_over(world: World) -> None:
    ana, bruno, bank = world.open_account(), world.open_account(), world.bank.api_credentials

    def choose(account: Account, secret: str = CHOSEN_SECRET) -> str:
        made = bank.create(account_number=account.number, credential_id=CHOSEN_ID, secret=secret)
        return made.credential.credential_id

    assert choose(ana) == choose(ana) == CHOSEN_ID
    assert len(bank.queries.list(ana.number)) == 1
    with pytest.raises(CredentialTaken):
        choose(bruno)
    with pytest.raises(CredentialTaken):
        choose(ana, CHOSEN_SECRET + "2")
    with pytest.raises(SchemeError, match="secret"):
        choose(ana, "short")


def test_what_cannot_have_a_credential(world: World) -> None:
    ana, bank = world.open_account(), world.bank.api_credentials
    with pytest.raises(AccountNotFound):
        bank.create(account_number="999999-9")
    with pytest.raises(SchemeError, match="scopes"):
        bank.create(account_number=ana.number, scopes=["rec.read"])
    with pytest.raises(SchemeError, match="scopes"):
        bank.create(account_number=ana.number, scopes=[])
    with pytest.raises(SchemeError, match="name"):
        bank.create(account_number=ana.number, name="x" * 61)
    world.bank.block_account(account_number=ana.number)
    with pytest.raises(AccountBlocked):
        bank.create(account_number=ana.number)


def test_the_number_of_credentials_is_bounded(world: World) -> None:
    ana, bank = world.open_account(), world.bank.api_credentials
    for _ in range(REVOKED_CREDENTIALS_KEPT + 2):
        made = bank.create(account_number=ana.number)
        world.clock.turn(1)
        bank.revoke(account_number=ana.number, credential_id=made.credential.credential_id)
    for _ in range(ACTIVE_CREDENTIALS_MAX):
        bank.create(account_number=ana.number)
    with pytest.raises(TooManyCredentials):
        bank.create(account_number=ana.number)
    kept = bank.queries.list(ana.number)
    assert [each.is_active for each in kept] == [True] * ACTIVE_CREDENTIALS_MAX + [False] * REVOKED_CREDENTIALS_KEPT
    assert kept[-1].scopes == ALL_SCOPES


REQUEST = ApiRequest(
    request_id="r-1",
    account_number="100001-7",
    credential_id=CHOSEN_ID,
    requested_at_ms=1_700_000_000_000,
    duration_ms=12,
    method="PUT",
    path="/v2/cob/abc?x=1",
    status=201,
    request=Body('{"valor": "1.00"}', "application/json", 17),
    response=Body('{"status": "ATIVA"}', "application/json", 40_000),
    user_agent="a client/1.0",
)


def test_the_request_log_shows_an_account_its_own_newest_first(world: World) -> None:
    bank = world.bank.api_credentials
    others = replace(REQUEST, request_id="r-2", account_number="100002-5")
    failed = replace(REQUEST, request_id="r-3", status=404, method="GET", credential_id="another")
    bank.note_requests([REQUEST, others])
    bank.note_requests([failed])
    page = bank.requests.list(REQUEST.account_number)
    assert [each.request_id for each in page.requests] == ["r-3", "r-1"]
    assert replace(page.requests[1], serial=0) == REQUEST
    assert bank.requests.newest_serial(REQUEST.account_number) == page.requests[0].serial

    def found(**narrow: object) -> list[str]:
        return [each.request_id for each in bank.requests.list(REQUEST.account_number, **narrow).requests]  # type: ignore[arg-type]

    assert found(failed=True) == ["r-3"] and found(failed=False) == ["r-1"]
    assert found(credential_id="another") == ["r-3"]
    assert found(search="put /V2/COB") == ["r-1"] and found(search="%") == []
    first = bank.requests.list(REQUEST.account_number, size=1)
    assert found(before=first.next_cursor) == ["r-1"]
    assert bank.requests.find(REQUEST.account_number, "r-3").status == 404
    with pytest.raises(ApiRequestNotFound):
        bank.requests.find(REQUEST.account_number, "r-2")
    with pytest.raises(SchemeError, match="before"):
        found(before="no cursor")


def test_the_request_log_keeps_the_newest_of_an_account(world: World) -> None:
    bank = world.bank.api_credentials
    others = replace(REQUEST, request_id="other", account_number="100002-5")
    bank.note_requests([others])
    bank.note_requests([replace(REQUEST, request_id=f"r-{number}") for number in range(REQUESTS_KEPT)])
    bank.note_requests([replace(REQUEST, request_id="newest")])
    kept = [(REQUEST.account_number, "newest"), (REQUEST.account_number, "r-1"), ("100002-5", "other")]
    assert [bank.requests.find(*each).request_id for each in kept] == ["newest", "r-1", "other"]
    with pytest.raises(ApiRequestNotFound):
        bank.requests.find(REQUEST.account_number, "r-0")
