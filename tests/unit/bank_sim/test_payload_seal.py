"""Payloads of dynamic codes: what is signed is read back, and tricks with the signature are refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jwk, jws

from bank_sim.adapters.payloads.documents import PayloadUnfit, payload_document, read_payload
from bank_sim.adapters.payloads.jose import SEALED_BYTES_MAX, JosePayloadSeal, SealBroken, SealedPayload, read_key_set
from bank_sim.domain.charges.model import ChargeKind, ChargeStatus, Debtor
from bank_sim.domain.charges.payload import AmountShown, ChargePayload
from bank_sim.domain.payable_codes.errors import WithdrawalNotOffered
from tests.support.payload_builders import TXID, immediate, signing_key, with_due_date

JKU = "http://127.0.0.1:8001/qr/jwks.json"
SEAL = JosePayloadSeal()
Json = dict[str, Any]


def key_set(*numbers: int) -> Json:
    document = SEAL.key_set([signing_key(number) for number in numbers or (1,)])
    return dict(read_key_set(json.dumps(document).encode()))


def opened(text: str | bytes, keys: Json | None = None) -> bytes:
    sealed = SealedPayload(text if isinstance(text, bytes) else text.encode())
    return sealed.open(key_set() if keys is None else keys)


def encoded(value: object) -> str:
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def sealed(payload: ChargePayload | None = None) -> str:
    return SEAL.seal(payload or immediate(), signing_key(), JKU)


def header_of(text: str) -> Json:
    part = text.split(".")[0]
    header: Json = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return header


def signed_with(key: Any, header: Json, content: bytes = b"{}") -> str:
    return jws.serialize_compact(header, content, key, registry=jws.JWSRegistry(
        algorithms=["RS256", "RS384", "PS512", "ES256", "HS256", "none", header["alg"]], strict_check_header=False
    ))  # fmt: skip


@pytest.mark.parametrize(
    "payload",
    [
        immediate(),
        immediate(amount=AmountShown(0, 0), payer_may_change_amount=True, debtor=None, details=(), payer_request=""),
        immediate(status=ChargeStatus.COMPLETED),
        with_due_date(),
        with_due_date(amount=AmountShown(1, 1), due_day=date(2024, 2, 29), valid_days_after=0),
    ],
)
def test_what_is_signed_is_read_back(payload: ChargePayload) -> None:
    text = sealed(payload)
    assert read_payload(opened(text), payload.kind) == payload


def test_a_key_set_and_a_header_name_the_key_as_the_scheme_wants() -> None:
    header = header_of(sealed())
    assert header["alg"] == "RS256" and header["jku"] == JKU
    (key,) = SEAL.key_set([signing_key()])["keys"]
    assert (key["kid"], key["x5t"]) == (header["kid"], header["x5t"])
    assert not {"d", "p", "q", "dp", "dq", "qi"} & set(key)
    digest = hashlib.sha1(base64.b64decode(key["x5c"][0])).digest()
    assert key["x5t"] == encoded(digest)


def test_a_payload_of_a_key_before_the_rotation_is_still_read() -> None:
    assert opened(sealed(), key_set(2, 1))
    with pytest.raises(KeyError):
        opened(sealed(), key_set(2))


def test_other_algorithms_of_the_scheme_are_read() -> None:
    content = json.dumps(payload_document(immediate())).encode()
    pss = jwk.RSAKey.import_key(signing_key().private_pem)
    curve = jwk.ECKey.import_key(ec.generate_private_key(ec.SECP256R1()))
    for key, algorithm in ((pss, "PS512"), (pss, "RS384"), (curve, "ES256")):
        header = {"alg": algorithm, "kid": "mine", "jku": JKU}
        public = {**key.as_dict(private=False), "kid": "mine"}
        assert opened(signed_with(key, header, content), {"mine": public}) == content


def _without_signature(text: str) -> str:
    _, content, _ = text.split(".")
    return f"{encoded({**header_of(text), 'alg': 'none'})}.{content}."


def _with_the_public_key_as_secret(text: str) -> str:
    header, content, _ = text.split(".")
    header = encoded({**header_of(text), "alg": "HS256"})
    public = jwk.RSAKey.import_key(signing_key().private_pem).as_pem(private=False)
    return f"{header}.{content}.{encoded(hmac.digest(public, f'{header}.{content}'.encode(), 'sha256'))}"


def _with_a_key_in_the_header(text: str) -> str:
    own = jwk.RSAKey.generate_key(2_048)
    return signed_with(own, {**header_of(text), "jwk": own.as_dict(private=False)})


def _with_another_amount(text: str) -> str:
    header, _, signature = text.split(".")
    content = encoded(payload_document(immediate(amount=AmountShown(1, 1))))
    return f"{header}.{content}.{signature}"


def _of_another_key(text: str) -> str:
    return signed_with(jwk.RSAKey.import_key(signing_key(2).private_pem), header_of(text))


def _changed_header(**changes: Any) -> Callable[[str], str]:
    def change(text: str) -> str:
        header = {**header_of(text), **changes}
        header = {name: value for name, value in header.items() if value is not None}
        return signed_with(jwk.RSAKey.import_key(signing_key().private_pem), header)

    return change


def _changed_by_hand(**changes: Any) -> Callable[[str], str]:
    def change(text: str) -> str:
        _, content, signature = text.split(".")
        return f"{encoded({**header_of(text), **changes})}.{content}.{signature}"

    return change


@pytest.mark.parametrize(
    "trick",
    [
        _without_signature,
        _with_the_public_key_as_secret,
        _with_a_key_in_the_header,
        _with_another_amount,
        _of_another_key,
        _changed_header(kid=None),
        _changed_header(jku=None),
        _changed_header(kid=""),
        _changed_header(kid="x" * 201),
        _changed_header(x5t="AAAA"),
        _changed_by_hand(alg="RS1"),
        _changed_by_hand(alg="nOnE"),
        _changed_by_hand(alg=["RS256"]),
        _changed_by_hand(alg=None),
        _changed_by_hand(crit=["b64"], b64=False),
        _changed_by_hand(crit=["exp"]),
        _changed_by_hand(kid={"a": 1}),
        lambda text: text.rsplit(".", 1)[0],
        lambda text: text + ".more",
        lambda text: text[:-8],
        lambda text: "",
        lambda text: "..",
        lambda text: f"{encoded([1])}.{encoded({})}.AAAA",
        lambda text: f"{encoded(b'no json')}.{encoded({})}.AAAA",
        lambda text: "a.b.c" + "x" * SEALED_BYTES_MAX,
        lambda text: f"{encoded({**header_of(text), 'more': 'x' * 5_000})}.{encoded({})}.AAAA",
        lambda text: "\ud800".encode("utf-8", "surrogatepass").decode("utf-8", "replace"),
    ],
)
def test_a_trick_with_the_signature_is_refused(trick: Callable[[str], str]) -> None:
    with pytest.raises(SealBroken):
        opened(trick(sealed()))


def test_a_key_that_does_not_fit_the_algorithm_is_refused() -> None:
    curve = jwk.ECKey.import_key(ec.generate_private_key(ec.SECP256R1()))
    short = rsa.generate_private_key(public_exponent=65_537, key_size=1_024).public_key().public_numbers()
    right = key_set()[signing_key().key_id]
    for wrong in (
        {**curve.as_dict(private=False)},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kty": "RSA", "n": encoded(short.n.to_bytes(128)), "e": "AQAB"},
        {"kty": "RSA", "n": "!" * 400, "e": "AQAB"},
        {"kty": "RSA", "n": 5, "e": "AQAB"},
        {**right, "use": "enc"},
        {**right, "alg": "PS256"},
        {**right, "e": "AA"},
        {**right, "x5c": ["AAAA"]},
        {**right, "x5c": 7},
        {**right, "x5c": key_set(2)[signing_key(2).key_id]["x5c"]},
    ):
        with pytest.raises(SealBroken):
            opened(sealed(), {signing_key().key_id: wrong})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b"[" * 100_000,
        json.dumps({"keys": [{"kid": "a"}, {"kid": "a"}]}).encode(),
        json.dumps({"keys": [{"kid": str(number)} for number in range(21)]}).encode(),
    ],
)
def test_a_key_set_out_of_bounds_is_refused(content: bytes) -> None:
    with pytest.raises(SealBroken):
        read_key_set(content)


def _document(payload: ChargePayload, **changes: Any) -> bytes:
    document = payload_document(payload)
    for place, value in changes.items():
        *parents, name = place.split("__")
        part = document
        for parent in parents:
            part = part[parent]
        if value is None:
            part.pop(name, None)
        else:
            part[name] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"txid": "short"}, "txid"),
        ({"txid": None}, "txid"),
        ({"chave": "no key"}, "key"),
        ({"status": "PAGA"}, "status"),
        ({"valor__original": "0.00"}, "valor.original"),
        ({"valor__original": "12,34"}, "valor.original"),
        ({"valor__original": "-1.00"}, "valor.original"),
        ({"valor__original": 12.34}, "valor.original"),
        ({"valor__original": "1.0"}, "valor.original"),
        ({"valor__original": "9999999999.99"}, "valor.original"),
        ({"valor__original": None}, "valor.original"),
        ({"valor__modalidadeAlteracao": 2}, "modalidadeAlteracao"),
        ({"calendario__criacao": "yesterday"}, "criacao"),
        ({"calendario__criacao": "2026-01-01T00:00:00"}, "criacao"),
        ({"calendario__expiracao": None}, "expiracao"),
        ({"calendario__expiracao": -1}, "expiracao"),
        ({"infoAdicionais": [{"nome": "a", "valor": "b"}] * 51}, "infoAdicionais"),
        ({"infoAdicionais": [{"nome": "a", "valor": "evil\u202eline"}]}, "infoAdicionais"),
        ({"solicitacaoPagador": "x" * 141}, "solicitacaoPagador"),
        ({"devedor__nome": "x" * 201}, "devedor"),
    ],
)
def test_a_payload_that_breaks_a_rule_is_refused_by_its_field(changes: Json, field: str) -> None:
    with pytest.raises(PayloadUnfit, match=field):
        read_payload(_document(immediate(), **changes), ChargeKind.IMMEDIATE)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"valor__final": None}, "final"),
        ({"valor__final": "0.00"}, "final"),
        ({"calendario__dataDeVencimento": None}, "dataDeVencimento"),
        ({"calendario__dataDeVencimento": "31/12/2026"}, "dataDeVencimento"),
        ({"valor__multa": "1"}, "multa"),
    ],
)
def test_a_payload_with_a_due_date_that_breaks_a_rule_is_refused(changes: Json, field: str) -> None:
    with pytest.raises(PayloadUnfit, match=field):
        read_payload(_document(with_due_date(), **changes), ChargeKind.DUE_DATE)


def test_a_withdrawal_says_that_it_is_not_offered() -> None:
    withdrawal = {"saque": {"valor": "5.00", "modalidadeAgente": "AGPSS", "prestadorDoServicoDeSaque": "12345678"}}
    with pytest.raises(WithdrawalNotOffered):
        read_payload(_document(immediate(), valor__original="0.00", valor__retirada=withdrawal), ChargeKind.IMMEDIATE)


def test_a_payload_of_another_bank_may_have_more_and_write_numbers_as_texts() -> None:
    content = _document(
        immediate(), calendario__expiracao="3600", revisao="3", ofAnotherBank={"a": 1}, loc={"id": 7}, devedor=None
    )
    assert read_payload(content, ChargeKind.IMMEDIATE) == replace(immediate(), debtor=None)


def test_the_document_of_an_immediate_charge_is_as_the_scheme_writes_it() -> None:
    assert payload_document(immediate(debtor=Debtor("52998224725", "Ana Souza"))) == {
        "calendario": {
            "criacao": "2026-09-21T14:13:20.123Z",
            "apresentacao": "2026-09-21T14:14:20.123Z",
            "expiracao": 3600,
        },
        "txid": TXID,
        "revisao": 3,
        "status": "ATIVA",
        "valor": {"original": "123.45", "modalidadeAlteracao": 0},
        "chave": "loja@example.com",
        "devedor": {"cpf": "52998224725", "nome": "Ana Souza"},
        "solicitacaoPagador": "Número do cartão fidelidade",
        "infoAdicionais": [{"nome": "Quantidade", "valor": "2"}, {"nome": "Pedido", "valor": "Açaí & pão"}],
    }
