"""The smallest bank that is right: it joins the network, pays, is paid, and has every centavo right after any crash."""

import hmac
import logging
import os
import re
import signal
import sqlite3
import threading
import time
import unicodedata
from contextlib import suppress
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import grpc
import uvicorn
from confluent_kafka import OFFSET_STORED, Consumer, Producer, TopicPartition
from fastapi import Body, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from google.protobuf.message import DecodeError
from starlette.exceptions import HTTPException
from stdnum.br import cnpj, cpf

from codepix.v1 import common_pb2, directory_pb2, participants_pb2, transfers_pb2
from codepix.v1.directory_pb2_grpc import DirectoryServiceStub
from codepix.v1.participants_pb2_grpc import ParticipantServiceStub

CODE, ISPB, NAME, SECRET = (os.environ[f"BANK_{name}"] for name in ("CODE", "ISPB", "NAME", "SECRET"))
HUB_TOPIC, OWN_TOPIC, BRANCH, INSTANCE = "codepix.hub.v1", f"codepix.bank.{CODE}.v1", "0001", str(uuid4())
AMOUNT_MAX, TIME_MS_MAX, HEARTBEAT_SECONDS = 99_999_999_999, 253_402_300_799_999, 4
FIRST_SECONDS, CAP_SECONDS = (float(os.environ.get(f"RESEND_{k}_SECONDS", v)) for k, v in (("FIRST", 5), ("CAP", 60)))

# The books are in SQLite; schema.sql says what they hold.

stopping, joined, reading, lock = threading.Event(), threading.Event(), threading.Event(), threading.RLock()
db = sqlite3.connect(Path(os.environ["DATA_DIR"], "bank.sqlite"), check_same_thread=False)
db.row_factory = sqlite3.Row
db.executescript(Path(__file__).with_name("schema.sql").read_text())
ACCOUNT = "SELECT * FROM shown_accounts WHERE number = ?"
RESENT = "UPDATE transfers SET resend_at = ?, pause_seconds = ? WHERE id = ? AND side = ? AND resend_at NOT NULL"
ORDER = "SELECT * FROM transfers WHERE account = ? AND idempotency_key = ?"
OPEN = "INSERT INTO accounts SELECT printf('%06d', count(*) + 1), 'CACC', ?, ?, 0 FROM shown_accounts RETURNING number"
DEPOSIT = "INSERT INTO postings (kind, debit, credit, amount_centavos) SELECT 'deposit', '*equity', ?1, ?2 WHERE ?2 > 0"
ADD_TRANSFER = """INSERT INTO transfers VALUES (:id, :side, :status, :reason, :amount_centavos, :account, :content,
    :request, :idempotency_key, :resend_at, :pause_seconds)"""


def rows(query, *values):
    with lock:
        return [dict(row) for row in db.execute(query, values)]


def find(query, *values):
    return next(iter(rows(query, *values)), None)


def add_transfer(**fields):
    db.execute(ADD_TRANSFER, {**fields, "resend_at": time.time() + FIRST_SECONDS, "pause_seconds": FIRST_SECONDS * 2})


# Records: bank and hub sign what they send over Kafka with the secret that they share.

SIGNING_KEY = hmac.digest(SECRET.encode(), b"codepix/v1/kafka-signing", "sha256")
FROM_HUB = {name: getattr(transfers_pb2, name) for name in ("TransferOffered", "TransferConfirmed", "TransferFailed")}
BROKER = {"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"], "log_level": 0}
producer = Producer({**BROKER, "batch.size": 30_000})


def sign(topic, kind, value):
    parts = (topic.encode(), kind.encode(), value)
    return hmac.digest(SIGNING_KEY, b"".join(len(part).to_bytes(4, "big") + part for part in parts), "sha256")


def read(record):
    """The message in a record of the hub. Raises an error for any other record."""
    headers, value = dict(record.headers() or ()), record.value() or b""
    if len(value) > 16_384 or len(headers) > 64 or sum(len(name) + len(text) for name, text in headers.items()) > 8_192:
        raise ValueError("the record is larger than a record may be")
    kind, signature = headers["codepix-type"].decode(), headers["codepix-signature"]
    if headers["codepix-sender"] != b"hub" or not hmac.compare_digest(signature, sign(OWN_TOPIC, kind, value)):
        raise ValueError("codepix-signature: not the hub's signature of this record")
    message = FROM_HUB[kind].FromString(value)
    if record.key() != message.end_to_end_id.encode():
        raise ValueError("record key: must be the end-to-end id")
    return message


def publish(message):
    """Sends without waiting: what gets lost is still owed, and is sent again."""
    kind, value = message.DESCRIPTOR.name, message.SerializeToString()
    headers = {"codepix-type": kind, "codepix-sender": ISPB, "codepix-signature": sign(HUB_TOPIC, kind, value)}
    with suppress(BufferError):
        producer.produce(HUB_TOPIC, value, message.end_to_end_id, headers=headers)
    producer.poll(0)


# Decisions: what the bank makes of a message of the hub.


CHECKS = {"key 1": cpf.is_valid, "key 2": cnpj.is_valid}
FORMS = {row["field"]: row["form"] for row in rows("SELECT * FROM forms")}


def content(message, side):
    """What all messages about a side of a transfer have in common; the payer's request does not name the payee."""
    payer, key, initiation = message.payer, message.payee_key, message.initiation or common_pb2.INITIATION_DICT
    what = [message.amount_centavos, message.description, initiation, message.txid]
    payee = message.payee.account_number if side == "payee" else ""
    return str([payer.ispb, payer.branch, payer.account_number, key.kind, key.key, *what, payee])


def is_fit(field, text):
    """Whether a text is a line, composed (NFC), with single spaces, and of the form that schema.sql gives the field."""
    is_line = unicodedata.normalize("NFC", " ".join(text.split())) == text and text.replace("\u200d", "").isprintable()
    return is_line and re.fullmatch(FORMS.get(field, "(?!)"), text) and CHECKS.get(field, lambda _: True)(text)


def reason_against(offer):
    """The reason code with which the bank rejects an offer; empty when it accepts."""
    key, payee = offer.payee_key, offer.payee
    texts = [(f"key {key.kind}", key.key), (f"txid {offer.initiation}", offer.txid), ("description", offer.description)]
    texts += [(form.name, getattr(one, form.name)) for one in (offer.payer, payee) for form in one.DESCRIPTOR.fields]
    if not all(is_fit(*text) for text in texts) or not 0 < offer.offered_at_ms <= TIME_MS_MAX:
        return "ED05"
    if not 0 < offer.amount_centavos <= AMOUNT_MAX:
        return "AM09"
    return "" if payee.ispb == ISPB and payee.branch == BRANCH and find(ACCOUNT, payee.account_number) else "AC03"


def decide(message):
    """Changes row and books as the hub demands; returns the bank's answer. An error means that nothing may change."""
    outcome = message.DESCRIPTOR.name.removeprefix("Transfer").lower()
    side = "payee" if outcome == "offered" else common_pb2.Side.Name(message.side).removeprefix("SIDE_").lower()
    transfer = find("SELECT * FROM transfers WHERE id = ? AND side = ?", message.end_to_end_id, side)
    if transfer is None:
        reason = reason_against(message) if outcome == "offered" else ""
        transfer = {"id": message.end_to_end_id, "side": side, "content": content(message, side), "reason": reason}
        transfer |= {"account": message.payee.account_number, "amount_centavos": message.amount_centavos}
        transfer |= {"status": "rejected" if reason else "accepted", "request": None, "idempotency_key": None}
        add_transfer(**transfer)
    if transfer["content"] != content(message, side):
        raise ValueError("the transfer has another content")
    if outcome in ("offered", transfer["status"]):
        return owed(transfer)
    transfer |= {"status": outcome, "reason": message.reason_code if outcome == "failed" else ""}
    change = "UPDATE transfers SET status = ?, reason = ?, resend_at = NULL WHERE id = ? AND side = ?"
    rows(change, outcome, transfer["reason"], transfer["id"], side)
    return owed(transfer)


def owed(transfer):
    """What the bank owes the hub for a row: the first time, to a duplicate, and after a crash."""
    status = transfer["status"]
    about = {"end_to_end_id": transfer["id"], "amount_centavos": transfer["amount_centavos"]}
    if status == "pending":
        return transfers_pb2.TransferRequested.FromString(transfer["request"])
    if status == "accepted":
        return transfers_pb2.TransferAccepted(**about)
    if status == "rejected":
        return transfers_pb2.TransferRejected(**about, reason_code=transfer["reason"])
    about |= {"side": f"SIDE_{transfer['side'].upper()}", "outcome": f"OUTCOME_{status.upper()}"}
    return transfers_pb2.OutcomeProcessed(**about, reason_code=transfer["reason"])


# The loop: a decision is stored, then sent, and only then is the record done with. What is not answered is sent again.

READER = {"group.id": f"bank-{CODE}", "auto.offset.reset": "earliest", "enable.auto.offset.store": False}


def consume():
    consumer = Consumer({**BROKER, **READER, "fetch.wait.max.ms": 20})
    while not (partitions := producer.list_topics(OWN_TOPIC, timeout=30).topics[OWN_TOPIC].partitions):
        time.sleep(0.1)
    consumer.assign([TopicPartition(OWN_TOPIC, number, OFFSET_STORED) for number in partitions])
    reading.set()
    while not stopping.is_set():
        record = consumer.poll(0.1)
        if record is not None and record.error() is None:
            try:
                with lock, db:
                    answer = decide(read(record))
                publish(answer)
            # Whatever a stranger has written, the bank goes on.
            except (DecodeError, KeyError, TypeError, ValueError, sqlite3.IntegrityError) as error:
                logging.getLogger().warning("dead letter at %s:%s: %.450r", record.partition(), record.offset(), error)
            consumer.store_offsets(record)
        resend_owed()
    consumer.close()


def resend_owed():
    now = time.time()
    for transfer in rows("SELECT * FROM transfers WHERE resend_at NOT BETWEEN ? AND ?", now, now + CAP_SECONDS):
        pause, jitter = min(transfer["pause_seconds"], CAP_SECONDS), uuid4().int % 26 / 100
        with lock, db:
            rows(RESENT, now + pause * (1 - jitter), pause * 2, transfer["id"], transfer["side"])
        publish(owed(transfer))


# Questions go to the hub by gRPC.

channel = grpc.insecure_channel(os.environ["HUB_GRPC_ADDRESS"], [("grpc.max_reconnect_backoff_ms", 1_000)])
directory, network = DirectoryServiceStub(channel), ParticipantServiceStub(channel)


class Refusal(Exception):
    """Why the bank does not do what it was asked for: the name of a gRPC status, and a sentence."""


def ask(call, request):
    try:
        return call(request, 5, (("codepix-ispb", ISPB), ("codepix-secret", SECRET)), wait_for_ready=True)
    except grpc.RpcError as error:
        raise Refusal(error.code().name, error.details()) from None


def keep_in_touch():
    while True:
        with suppress(Refusal):
            if not joined.is_set():
                ask(network.JoinNetwork, participants_pb2.JoinNetworkRequest(code=CODE, name=NAME, color="#2f7d4f"))
            joined.set()
            ask(network.KeepInTouch, participants_pb2.KeepInTouchRequest(instance=INSTANCE, version="1"))
        time.sleep(HEARTBEAT_SECONDS if joined.is_set() else 0.5)


# The contract: what customers and examiners ask for.


async def check_size(request: Request):
    if len(await request.body()) > 65_536:
        raise Refusal("INVALID_ARGUMENT", "body: must have at most 65,536 bytes")


app = FastAPI(dependencies=[Depends(check_size)], max_body_size=1_000_000)
Text = Annotated[str, Body(min_length=1, max_length=100)]
Name = Annotated[str, Body(pattern=r"^\S+( \S+)*$", max_length=80)]
Memo = Annotated[str, Body(max_length=140)]
Cpf = Annotated[str, Body(pattern="^[0-9]{11}$")]
Amount = Annotated[int, Body(strict=True, ge=1, le=AMOUNT_MAX)]
Deposit = Annotated[int, Body(strict=True, ge=0, le=AMOUNT_MAX)]
HTTP_STATUSES = {"NOT_FOUND": 404, "ALREADY_EXISTS": 409, "UNAVAILABLE": 503, "DEADLINE_EXCEEDED": 503}


def refuse(_, error):
    faults = error.errors() if isinstance(error, RequestValidationError) else [{"loc": ["request"], "msg": str(error)}]
    malformed = ("INVALID_ARGUMENT", "; ".join(f"{fault['loc'][-1]}: {fault['msg']}" for fault in faults))
    reason, detail = error.args if isinstance(error, Refusal) else malformed
    document = {"title": "Refused", "detail": detail, "reason": reason}
    return JSONResponse(document, HTTP_STATUSES.get(reason, 422), media_type="application/problem+json")


for kind in (Refusal, ValueError, HTTPException, RequestValidationError, sqlite3.IntegrityError):
    app.add_exception_handler(kind, refuse)


def known(query, *values):
    if row := find(query, *values):
        return row
    raise Refusal("NOT_FOUND", "the bank has no such account or transfer")


@app.get("/contract/v1/bank")
def show_bank():
    if not (joined.is_set() and reading.is_set()):
        raise Refusal("UNAVAILABLE", "the bank has not joined the network yet")
    return {"code": CODE, "ispb": ISPB, "name": NAME, "features": [], "kafka_topic": OWN_TOPIC}


app.get("/contract/v1/accounts")(lambda: {"accounts": rows("SELECT * FROM shown_accounts")})
app.get("/contract/v1/books")(lambda: find("SELECT * FROM books"))


@app.get("/contract/v1/accounts/{number}/postings")
def show_postings(number: str):
    return {"postings": rows("SELECT * FROM shown_postings WHERE account = ?", known(ACCOUNT, number)["number"])}


@app.get("/contract/v1/transfers/{number}")
def show_transfer(number: str, side: str = "%"):
    return known("SELECT * FROM shown_transfers WHERE id = ? AND side LIKE ? ORDER BY side DESC", number, side)


@app.post("/contract/v1/accounts", status_code=201)
def open_account(owner_name: Name, owner_document: Cpf, opening_balance_centavos: Deposit):
    with lock, db:
        number = find(OPEN, owner_name, owner_document)["number"]
        rows(DEPOSIT, number, opening_balance_centavos)
    return known(ACCOUNT, number)


@app.post("/contract/v1/keys", status_code=201)
def register_key(account: Text, kind: Text, value: Memo = ""):
    owner, key = known(ACCOUNT, account), common_pb2.PixKey(kind=f"KEY_KIND_{kind}", key=value)
    holder = {"holder_name": owner["owner_name"], "holder_tax_id": owner["owner_document"], "holder_kind": 1}
    place = {"branch": BRANCH, "account_number": account, "request_id": str(uuid4())}
    registered = ask(directory.RegisterKey, directory_pb2.RegisterKeyRequest(key=key, **place, **holder))
    return {"kind": kind, "value": registered.entry.key.key}


@app.delete("/contract/v1/keys/{value}", status_code=204)
def remove_key(value: str):
    ask(directory.RemoveKey, directory_pb2.RemoveKeyRequest(key=stored_key(value)))


def stored_key(value):
    return common_pb2.PixKey(kind=next((kind for kind in range(1, 6) if is_fit(f"key {kind}", value)), 0), key=value)


@app.post("/contract/v1/transfers", status_code=201)
def pay(account: Text, key: Text, amount_centavos: Amount, idempotency_key: Text, description: Memo = ""):
    owner, minute = known(ACCOUNT, account), time.strftime("%Y%m%d%H%M", time.gmtime())
    place = {"ispb": ISPB, "branch": BRANCH, "account_number": account}
    payer = common_pb2.Party(**place, name=owner["owner_name"], tax_id_masked=owner["tax_id_masked"])
    order = transfers_pb2.TransferRequested(payer=payer, payee_key=stored_key(key), amount_centavos=amount_centavos)
    order.end_to_end_id, order.requested_at_ms = f"E{ISPB}{minute}{uuid4().hex[:11]}", int(time.time() * 1000)
    order.description, order.initiation = " ".join(description.split()), common_pb2.INITIATION_DICT
    what = content(order, "payer")
    if find(ORDER, account, idempotency_key) is None:
        found = ask(directory.FindKey, directory_pb2.FindKeyRequest(key=order.payee_key))
        order.payee_tax_id_masked = found.tax_id_masked
        own = directory_pb2.ListKeysRequest(branch=BRANCH, account_number=account)
        if found.ispb == ISPB and order.payee_key in [entry.key for entry in ask(directory.ListKeys, own).entries]:
            raise Refusal("FAILED_PRECONDITION", "key: it belongs to the payer's own account")
        about = {"account": account, "idempotency_key": idempotency_key, "content": what, "reason": ""}
        about |= {"id": order.end_to_end_id, "side": "payer", "status": "pending", "amount_centavos": amount_centavos}
        with lock, db:
            if find(ORDER, account, idempotency_key) is None:
                add_transfer(**about, request=order.SerializeToString())
    stored = find(ORDER, account, idempotency_key)
    if stored["content"] != what:
        raise Refusal("ALREADY_EXISTS", "idempotency_key: it belongs to another transfer")
    if stored["id"] == order.end_to_end_id:
        publish(order)
    return show_transfer(stored["id"], "payer")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    config = uvicorn.Config(app, os.environ["HTTP_HOST"], int(os.environ["HTTP_PORT"]), log_level="warning")
    for loop in (uvicorn.Server(config).run, keep_in_touch):
        threading.Thread(target=loop, daemon=True).start()
    consume()
    with suppress(Refusal):
        ask(network.LeaveNetwork, participants_pb2.LeaveNetworkRequest(instance=INSTANCE))
    producer.flush(2)
