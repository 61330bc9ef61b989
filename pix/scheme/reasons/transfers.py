"""Why a transfer fails."""

from __future__ import annotations

from typing import Final

from pix.scheme.errors import SchemeError
from pix.scheme.reasons.codes import Giver, Reason, ReasonCode, by_code, given_by

FLOW: Final = "transfer"

_HUB: Final = frozenset({Giver.HUB})
_PAYEE_BANK: Final = frozenset({Giver.PAYEE_BANK})

REASONS: Final = by_code(
    (
        Reason(
            ReasonCode.AB03,
            _HUB,
            "Timeout: the payee's bank did not answer in time.",
            "Tempo esgotado: o banco do recebedor não respondeu a tempo.",
        ),
        Reason(
            ReasonCode.AG12,
            _HUB,
            "This transfer is not allowed: payer and payee are the same account, or the payee's bank can't take it.",
            "Esta transferência não é permitida: pagador e recebedor são a mesma conta, ou o banco dele não a aceita.",
        ),
        Reason(
            ReasonCode.AM02,
            _HUB,
            "The amount is over the limit.",
            "O valor está acima do limite.",
        ),
        Reason(
            ReasonCode.AM04,
            _HUB,
            "The payer's bank does not have enough available settlement balance for this transfer.",
            "O banco do pagador não tem saldo de liquidação disponível suficiente para esta transferência.",
        ),
        Reason(
            ReasonCode.BE01,
            _HUB | _PAYEE_BANK,
            "The tax ID does not match the owner of the account.",
            "O CPF ou CNPJ não corresponde ao titular da conta.",
        ),
        Reason(
            ReasonCode.CH16,
            _HUB,
            "A field of the order is malformed.",
            "Um campo da ordem tem formato inválido.",
        ),
        Reason(
            ReasonCode.DS27,
            _HUB,
            "One of the two banks is not in the network or is suspended.",
            "Um dos dois bancos não está na rede ou está suspenso.",
        ),
        Reason(
            ReasonCode.DUPL,
            _HUB,
            "Another transfer already has this end-to-end id.",
            "Outra transferência já usa este EndToEndId.",
        ),
        Reason(
            ReasonCode.FF08,
            _HUB,
            "The end-to-end id is malformed, belongs to another bank, or its time is more than 12 hours off.",
            "O EndToEndId é inválido, não é do banco do pagador ou seu horário difere em mais de 12 horas.",
        ),
        Reason(
            ReasonCode.RC09,
            _HUB,
            "The ISPB of the payer's bank is wrong.",
            "O ISPB do banco do pagador está incorreto.",
        ),
        Reason(
            ReasonCode.RC10,
            # Of a transfer to a typed account: the hub finds the bank of a key in its own directory.
            _HUB,
            "The ISPB of the payee's bank is wrong.",
            "O ISPB do banco do recebedor está incorreto.",
        ),
        Reason(
            ReasonCode.AC03,
            _HUB | _PAYEE_BANK,
            "The payee's account or key does not exist.",
            "A conta ou a chave do recebedor não existe.",
        ),
        Reason(
            ReasonCode.AC06,
            _PAYEE_BANK,
            "The payee's account is blocked.",
            "A conta do recebedor está bloqueada.",
        ),
        Reason(
            ReasonCode.AC07,
            _PAYEE_BANK,
            "The payee's account is closed.",
            "A conta do recebedor está encerrada.",
        ),
        Reason(
            ReasonCode.AC14,
            _PAYEE_BANK,
            "The payee's account is of a type that cannot receive this transfer.",
            "O tipo da conta do recebedor não pode receber esta transferência.",
        ),
        Reason(
            ReasonCode.AM09,
            _HUB | _PAYEE_BANK,
            "The amount is zero, or not the amount that the payee's bank expects.",
            "O valor é zero ou não é o esperado pelo banco do recebedor.",
        ),
        Reason(
            ReasonCode.BE17,
            _PAYEE_BANK,
            "The payee's bank rejected the QR code: its charge is unknown, paid, cancelled or expired.",
            "O banco do recebedor rejeitou o QR Code: a cobrança não existe, foi paga, cancelada ou expirou.",
        ),
        Reason(
            ReasonCode.ED05,
            _PAYEE_BANK,
            "The payee's bank could not process the transfer.",
            "O banco do recebedor não conseguiu processar a transferência.",
        ),
        Reason(
            ReasonCode.RR04,
            _PAYEE_BANK,
            "The payee's bank rejected the transfer for a regulatory reason.",
            "O banco do recebedor rejeitou a transferência por motivo regulatório.",
        ),
        Reason(
            ReasonCode.SL02,
            _PAYEE_BANK,
            "The payee's bank does not offer this service for the account.",
            "O banco do recebedor não oferece este serviço para a conta.",
        ),
    )
)
"""Every code of a transfer, with its sentences."""

HUB_REASONS: Final = given_by(Giver.HUB, REASONS)
"""The codes that the hub gives."""

PAYEE_BANK_REASONS: Final = given_by(Giver.PAYEE_BANK, REASONS)
"""The codes with which a payee's bank may reject an offered transfer."""

REASONS_WITHOUT_ROW: Final = frozenset({ReasonCode.CH16, ReasonCode.FF08, ReasonCode.RC09, ReasonCode.DUPL})
"""The codes with which the hub may reject a request without a row (docs/decisions/0001): the id is not the sender's to
use or is another transfer's, or the content is not fit to be stored and shown.

The hub derives such a rejection from the request itself, so the same request gets the same answer again. A rejection
that depends on the hub's clock (an id of the sender's, whose time is too far away) does make a row: an id from the
future must not be rejected now, refunded, and accepted when it comes again later.
"""


def check_payee_bank_reason(text: str) -> ReasonCode:
    """Return the code if a payee's bank may give it. Raises SchemeError(field="reason")."""
    try:
        code = ReasonCode(text)
    except ValueError:
        raise SchemeError("reason", "This reason code is not in the scheme's table.") from None
    if code not in PAYEE_BANK_REASONS:
        raise SchemeError("reason", "Only the hub gives this reason code, not a payee's bank.")
    return code
