// The smallest bank that is right: it joins the network, pays, is paid, and has every centavo right after any crash.

import { createHmac, randomBytes, randomUUID, timingSafeEqual } from "node:crypto";
import { closeSync, existsSync, fdatasyncSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import { Kafka, logLevel, Partitioners, type KafkaMessage } from "kafkajs";
import protobuf from "protobufjs";
import { checkRecord, isEndToEndId, isFit, isLine, isReason, storedKey, type Message } from "./fields.js";

const setting = (name: string, fallback?: string): string => {
  const value = process.env[name] ?? fallback;
  if (value === undefined) throw new Error(`${name}: the environment must have it`);
  return value;
};
const [CODE, ISPB, NAME, SECRET] = ["CODE", "ISPB", "NAME", "SECRET"].map((name) => setting(`BANK_${name}`)) as [string, string, string, string];
const [HUB_TOPIC, OWN_TOPIC, BRANCH] = ["codepix.hub.v1", `codepix.bank.${CODE}.v1`, "0001"];
const AMOUNT_MAX = 99_999_999_999;
const ACCOUNTS_MAX = 1_000;
const BODY_BYTES_MAX = 65_536;
const HEARTBEAT_MS = 4_000;
const CALL_MS_MAX = 5_000;
const SWEEP_MS = 100;
const MESSAGES_PER_REQUEST_MAX = 16; // A batch of records has at most 32 KiB.
const RESEND_FIRST_MS = 1_000 * Number(setting("RESEND_FIRST_SECONDS", "5"));
const RESEND_CAP_MS = 1_000 * Number(setting("RESEND_CAP_SECONDS", "60"));

type Side = "payer" | "payee";
type Status = "pending" | "accepted" | "rejected" | "confirmed" | "failed";
type Account = { number: string; owner_name: string; owner_document: string };
type Posting = { transfer_id: string; kind: string; debit: string; credit: string; amount_centavos: number; at: number };
type Transfer = {
  id: string; side: Side; status: Status; reason: string; amount_centavos: number; account: string; content: string;
  request?: object; idempotency_key?: string;
};
type Entry = { account?: Account; posting?: Posting; transfer?: Transfer; place?: { partition: number; next: string } };
type Outgoing = { kind: string; body: { end_to_end_id: string; [field: string]: unknown } };

/** Why the bank does not do what it was asked for: the name of a gRPC status, and a sentence. */
class Refusal extends Error {
  constructor(readonly reason: string, detail: string) {
    super(detail);
  }
}

// The books: a journal. A line is a transaction, and the state in memory is what all lines together say.

class Books {
  readonly accounts = new Map<string, Account>();
  readonly transfers = new Map<string, Transfer>();
  readonly orders = new Map<string, Transfer>();
  readonly postings = new Map<string, Posting[]>();
  readonly balances = new Map<string, number>();
  readonly undecided = new Map<string, { transfer: Transfer; resend_at: number; pause: number }>();
  readonly places = new Map<number, string>();
  private readonly file: number;
  private unwritten = "";

  constructor(path: string) {
    const text = existsSync(path) ? readFileSync(path, "utf8") : "";
    // A crash in the middle of a write leaves a part of a line, whose transaction was not answered.
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    for (const line of whole.split("\n").slice(0, -1)) (JSON.parse(line) as Entry[]).forEach((entry) => this.apply(entry));
    this.undecided.forEach((owed) => (owed.resend_at = 0));
    this.file = openSync(path, "a");
    ftruncateSync(this.file, Buffer.byteLength(whole));
  }

  /** Notes a transaction; it counts for others, and may be answered, after `store`. */
  add(...entries: Entry[]): void {
    entries.forEach((entry) => this.apply(entry));
    this.unwritten += `${JSON.stringify(entries)}\n`;
  }

  /** Makes everything that was added durable. Where that fails the process ends: memory is ahead of the file. */
  store(): void {
    if (!this.unwritten) return;
    try {
      for (let rest = Buffer.from(this.unwritten); rest.length > 0; ) rest = rest.subarray(writeSync(this.file, rest));
      fdatasyncSync(this.file);
      this.unwritten = "";
    } catch (error) {
      console.error(`the journal cannot be written: ${error}`);
      process.exit(1);
    }
  }

  close(): void {
    this.store();
    closeSync(this.file);
  }

  balance(account: string): number {
    return this.balances.get(account) ?? 0;
  }

  private apply({ account, posting, transfer, place }: Entry): void {
    if (account) this.accounts.set(account.number, account);
    if (place) this.places.set(place.partition, place.next);
    if (posting) {
      for (const [number, sign] of [[posting.debit, -1], [posting.credit, 1]] as const) {
        if (!this.postings.get(number)?.push(posting)) this.postings.set(number, [posting]);
        this.balances.set(number, this.balance(number) + sign * posting.amount_centavos);
      }
    }
    if (transfer) {
      const key = `${transfer.id} ${transfer.side}`;
      this.transfers.set(key, transfer);
      if (transfer.idempotency_key) this.orders.set(`${transfer.account} ${transfer.idempotency_key}`, transfer);
      if (isFinal(transfer)) this.undecided.delete(key);
      else this.undecided.set(key, { transfer, resend_at: Date.now() + RESEND_FIRST_MS, pause: RESEND_FIRST_MS * 2 });
    }
  }
}

const isFinal = ({ status }: Transfer): boolean => status === "confirmed" || status === "failed";
const posting = (transfer_id: string, kind: string, debit: string, credit: string, amount_centavos: number): Entry => ({
  posting: { transfer_id, kind, debit, credit, amount_centavos, at: Date.now() },
});
const books = new Books(join(setting("DATA_DIR"), "journal.jsonl"));

// Records: bank and hub sign what they send over Kafka with the secret that they share.

const PROTOS = setting("PROTOS", fileURLToPath(new URL("../../../protos", import.meta.url)));
const root = new protobuf.Root();
root.resolvePath = (_, target) => join(PROTOS, target);
root.loadSync(["transfers", "directory", "participants"].map((name) => `codepix/v1/${name}.proto`), { keepCase: true });

const encode = (type: protobuf.Type, body: object): Buffer => Buffer.from(type.encode(type.fromObject(body)).finish());
function decode(type: protobuf.Type, value: Buffer): any {
  const reader = protobuf.Reader.create(value);
  const body = type.toObject(type.decode(reader), { longs: Number, enums: String, defaults: true });
  // The library reads over the end of a number that is cut off, and replaces bytes that are not UTF-8.
  if (reader.pos !== value.length || JSON.stringify(body).includes("\ufffd")) throw new Error(`value: not a ${type.name} in Protobuf`);
  return body;
}

const hmac = (key: Buffer | string, value: Buffer | string): Buffer => createHmac("sha256", key).update(value).digest();
const SIGNING_KEY = hmac(SECRET, "codepix/v1/kafka-signing");
const FROM_HUB = ["TransferOffered", "TransferConfirmed", "TransferFailed"];

const sign = (topic: string, kind: string, value: Buffer): Buffer => {
  const withLength = (part: Buffer): Buffer[] => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(part.length);
    return [length, part];
  };
  return hmac(SIGNING_KEY, Buffer.concat([Buffer.from(topic), Buffer.from(kind), value].flatMap(withLength)));
};

/** The message in a record of the hub. Throws for any other record. */
function read(record: KafkaMessage): { kind: string; message: Message } {
  const [kind, sender, signature] = ["type", "sender", "signature"].map((name) => {
    const value = record.headers?.[`codepix-${name}`];
    return Buffer.isBuffer(value) ? value : Buffer.alloc(0);
  }) as [Buffer, Buffer, Buffer];
  const value = record.value ?? Buffer.alloc(0);
  checkRecord(value, record.headers);
  const expected = sign(OWN_TOPIC, kind.toString(), value);
  if (sender.toString() !== "hub" || signature.length !== expected.length || !timingSafeEqual(signature, expected))
    throw new Error("codepix-signature: not the hub's signature of this record");
  if (!FROM_HUB.includes(kind.toString())) throw new Error(`codepix-type: ${kind.toString().slice(0, 60)} is not for this bank`);
  const message = decode(root.lookupType(`codepix.v1.${kind}`), value) as Message;
  if (record.key?.toString() !== message.end_to_end_id || !isEndToEndId(message.end_to_end_id))
    throw new Error("record key: must be the end-to-end id");
  return { kind: kind.toString(), message };
}

const kafka = new Kafka({
  clientId: `bank-${CODE}`, brokers: setting("KAFKA_BOOTSTRAP_SERVERS").split(","), logLevel: logLevel.NOTHING,
  retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 1_000_000 },
});
const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, retry: { retries: 3 } });

/** Sends without waiting: what gets lost is still owed, and is sent again. */
function publish(outgoing: Outgoing[]): void {
  for (let start = 0; start < outgoing.length; start += MESSAGES_PER_REQUEST_MAX) {
    const messages = outgoing.slice(start, start + MESSAGES_PER_REQUEST_MAX).map(({ kind, body }) => {
      const value = encode(root.lookupType(`codepix.v1.${kind}`), body);
      const headers = { "codepix-type": kind, "codepix-sender": ISPB, "codepix-signature": sign(HUB_TOPIC, kind, value) };
      return { key: body.end_to_end_id, value, headers };
    });
    producer.send({ topic: HUB_TOPIC, acks: -1, messages }).catch((error) => console.error(`not sent: ${error.message}`));
  }
}

// Decisions: what the bank makes of a message of the hub.

/** What all messages about a side of a transfer have in common; the payer's request does not name the payee. */
function content({ payer, payee, payee_key, amount_centavos, description, initiation, txid }: Message, side: Side): string {
  const named = initiation === "INITIATION_UNSPECIFIED" ? "INITIATION_DICT" : initiation;
  const accounts = [payer?.ispb, payer?.branch, payer?.account_number, side === "payee" ? payee?.account_number : ""];
  return JSON.stringify([...accounts, payee_key?.kind, payee_key?.key, amount_centavos, description, named, txid]);
}

/** The reason code with which the bank rejects an offer; empty when it accepts. */
function reasonAgainst(offer: Message): string {
  const { amount_centavos, payee } = offer;
  if (!isFit(offer)) return "ED05";
  if (amount_centavos < 1 || amount_centavos > AMOUNT_MAX) return "AM09";
  const isOurs = payee?.ispb === ISPB && payee.branch === BRANCH && books.accounts.has(payee.account_number);
  return isOurs ? "" : "AC03";
}

/** Changes the books as the hub demands; returns the bank's answer. Throws when nothing may change. */
function decide(kind: string, message: Message): Outgoing {
  const outcome = kind.slice("Transfer".length).toLowerCase();
  const side: Side = outcome !== "offered" && message.side === "SIDE_PAYER" ? "payer" : "payee";
  if (outcome !== "offered" && message.side !== `SIDE_${side.toUpperCase()}`) throw new Error("side: must be payer or payee");
  if (outcome === "failed" && !isReason(message.reason_code)) throw new Error("reason_code: must be a code of the scheme");
  const known = books.transfers.get(`${message.end_to_end_id} ${side}`);
  if (!known && side === "payer") throw new Error("the bank never made this transfer");
  if (known && known.content !== content(message, side)) throw new Error("the transfer has another content");
  if (known && (outcome === "offered" || outcome === known.status)) return owed(known);
  if (known && isFinal(known)) throw new Error(`the transfer is ${known.status} already`);
  const reason = known || outcome !== "offered" ? "" : reasonAgainst(message);
  const transfer: Transfer = known ?? {
    id: message.end_to_end_id, side, status: reason ? "rejected" : "accepted", reason, content: content(message, side),
    amount_centavos: message.amount_centavos, account: message.payee?.account_number ?? "",
  };
  if (outcome === "offered") {
    books.add({ transfer });
    return owed(transfer);
  }
  if (outcome === "confirmed" && !books.accounts.has(transfer.account)) throw new Error("the bank has no such account");
  const moved: Transfer = { ...transfer, status: outcome as Status, reason: outcome === "failed" ? message.reason_code ?? "" : "" };
  const entries: Record<string, [kind: string, debit: string, credit: string]> = {
    "payer confirmed": ["settlement", "*clearing", "*settlement"],
    "payer failed": ["refund", "*clearing", transfer.account],
    "payee confirmed": ["credit", "*settlement", transfer.account],
  };
  const entry = entries[`${side} ${outcome}`];
  books.add({ transfer: moved }, ...(entry ? [posting(moved.id, ...entry, moved.amount_centavos)] : []));
  return owed(moved);
}

/** What the bank owes the hub for a transfer: the first time, to a duplicate, and after a crash. */
function owed({ id, side, status, reason, amount_centavos, request }: Transfer): Outgoing {
  const about = { end_to_end_id: id, amount_centavos };
  if (status === "pending") return { kind: "TransferRequested", body: request as Outgoing["body"] };
  if (status === "accepted") return { kind: "TransferAccepted", body: about };
  if (status === "rejected") return { kind: "TransferRejected", body: { ...about, reason_code: reason } };
  const told = { side: `SIDE_${side.toUpperCase()}`, outcome: `OUTCOME_${status.toUpperCase()}`, reason_code: reason };
  return { kind: "OutcomeProcessed", body: { ...about, ...told } };
}

// The loop: decisions and the place in the topic are stored together, and then the answers go out.

async function consume(): Promise<void> {
  // The places are in the journal. A new group at each start need not wait until the broker gives up a killed member, so
  // its session may be long: a busy machine is no reason to join again.
  const group = { groupId: `bank-${CODE}-${randomUUID()}`, sessionTimeout: 60_000, heartbeatInterval: 3_000 };
  const consumer = kafka.consumer({ ...group, maxWaitTimeInMs: 50, allowAutoTopicCreation: true });
  consumer.on("consumer.group_join", () => (reading = true));
  consumer.on("consumer.crash", ({ payload }) => payload.restart || process.exit(1));
  await consumer.connect();
  // The first question about a new topic makes it; until it is there a moment later, the broker refuses.
  const subscribed = (): Promise<boolean> => consumer.subscribe({ topic: OWN_TOPIC, fromBeginning: true }).then(
    () => true,
    (error) => (console.error(`the topic ${OWN_TOPIC}: ${error.message}`), false),
  );
  while (!(await subscribed())) await sleep(SWEEP_MS);
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch, resolveOffset, heartbeat }) => {
      const answers: Outgoing[] = [];
      for (const record of batch.messages) {
        try {
          const { kind, message } = read(record);
          answers.push(decide(kind, message));
        } catch (error) {
          console.error(`dead letter at ${batch.partition}:${record.offset}: ${String(error).slice(0, 400)}`);
        }
        books.add({ place: { partition: batch.partition, next: String(BigInt(record.offset) + 1n) } });
        resolveOffset(record.offset);
      }
      books.store();
      publish(answers);
      await heartbeat();
    },
  });
  for (const [partition, offset] of books.places) consumer.seek({ topic: OWN_TOPIC, partition, offset });
}

/** Sends what the hub has not answered, with pauses that double. */
function resendOwed(): void {
  const now = Date.now();
  const due = [...books.undecided.values()].filter((one) => one.resend_at <= now || one.resend_at > now + RESEND_CAP_MS);
  for (const one of due) {
    one.resend_at = now + Math.min(one.pause, RESEND_CAP_MS) * (0.75 + Math.random() / 4);
    one.pause = Math.min(one.pause * 2, RESEND_CAP_MS);
  }
  publish(due.map(({ transfer }) => owed(transfer)));
}

// Questions go to the hub by gRPC.

const client = new grpc.Client(setting("HUB_GRPC_ADDRESS"), grpc.credentials.createInsecure(), { "grpc.max_reconnect_backoff_ms": 1_000 });
const INSTANCE = randomUUID();
let [joined, reading] = [false, false];

function ask(service: string, name: string, request: object): Promise<any> {
  const method = root.lookupService(`codepix.v1.${service}`).methods[name]!.resolve() as protobuf.Method;
  const metadata = new grpc.Metadata({ waitForReady: true });
  metadata.set("codepix-ispb", ISPB);
  metadata.set("codepix-secret", SECRET);
  const serialize = (body: object): Buffer => encode(method.resolvedRequestType!, body);
  const deserialize = (value: Buffer): any => decode(method.resolvedResponseType!, value);
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      `/codepix.v1.${service}/${name}`, serialize, deserialize, request, metadata, { deadline: Date.now() + CALL_MS_MAX },
      (error, answer) => (error ? reject(new Refusal(grpc.status[error.code] ?? "UNKNOWN", error.details)) : resolve(answer)),
    );
  });
}

async function keepInTouch(): Promise<void> {
  try {
    if (!joined) await ask("ParticipantService", "JoinNetwork", { code: CODE, name: NAME, color: "#3178c6" });
    joined = true;
    await ask("ParticipantService", "KeepInTouch", { instance: INSTANCE, version: "1" });
  } catch (error) {
    console.error(`the hub: ${(error as Error).message}`);
  }
  setTimeout(keepInTouch, joined ? HEARTBEAT_MS : 500);
}

// The contract: what customers and examiners ask for.

type Body = Record<string, unknown>;
type Answer = [status: number, document?: object];
const PREFIX = "/contract/v1";
const HTTP_STATUSES: Record<string, number> = { NOT_FOUND: 404, ALREADY_EXISTS: 409, UNAVAILABLE: 503, DEADLINE_EXCEEDED: 503 };
const MEMO = /^.{0,140}$/u;

function text(body: Body, name: string, form: RegExp, fallback?: string): string {
  const value = body[name] ?? fallback;
  if (typeof value !== "string" || !form.test(value)) throw new Refusal("INVALID_ARGUMENT", `${name}: must be a text that matches ${form}`);
  return value;
}

/** A text that goes to other banks, in stored form. */
function line(body: Body, name: string, form: RegExp, fallback?: string): string {
  const value = text(body, name, form, fallback).normalize("NFC").trim().replace(/\s+/g, " ");
  if (!isLine(value) || !form.test(value)) throw new Refusal("INVALID_ARGUMENT", `${name}: must be one line without invisible characters`);
  return value;
}

function amount(body: Body, name: string, least: number): number {
  const value = body[name];
  if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > AMOUNT_MAX)
    throw new Refusal("INVALID_ARGUMENT", `${name}: must be an integer of ${least} to ${AMOUNT_MAX} centavos`);
  return value;
}

function known<Row>(row: Row | undefined): Row {
  if (row === undefined) throw new Refusal("NOT_FOUND", "the bank has no such account or transfer");
  return row;
}

const shownAccount = ({ number, owner_name, owner_document }: Account) => ({
  branch: BRANCH, number, type: "CACC", owner_name, owner_document, status: "open", balance_centavos: books.balance(number),
});
const shownTransfer = ({ id, side, status, reason, amount_centavos }: Transfer) => ({
  id, side, status: { accepted: "pending", rejected: "failed" }[status as string] ?? status, reason, amount_centavos,
});

function openAccount(body: Body): Answer {
  const owner_name = line(body, "owner_name", /^.{1,80}$/u);
  const owner_document = text(body, "owner_document", /^\d{11}$/);
  const opening = amount(body, "opening_balance_centavos", 0);
  if (books.accounts.size >= ACCOUNTS_MAX) throw new Refusal("RESOURCE_EXHAUSTED", `the bank has ${ACCOUNTS_MAX} accounts already`);
  const account = { number: String(books.accounts.size + 1).padStart(6, "0"), owner_name, owner_document };
  books.add({ account }, ...(opening ? [posting("", "deposit", "*equity", account.number, opening)] : []));
  books.store();
  return [201, shownAccount(account)];
}

async function registerKey(body: Body): Promise<Answer> {
  const { number, owner_name, owner_document } = known(books.accounts.get(text(body, "account", /^.+$/)));
  const kind = text(body, "kind", /^(CPF|CNPJ|PHONE|EMAIL|EVP)$/);
  const { entry } = await ask("DirectoryService", "RegisterKey", {
    key: { kind: `KEY_KIND_${kind}`, key: text(body, "value", /^.{0,100}$/, "") }, branch: BRANCH, account_number: number,
    holder_name: owner_name, holder_tax_id: owner_document, holder_kind: "HOLDER_KIND_PERSON", request_id: randomUUID(),
  });
  return [201, { kind, value: entry.key.key }];
}

async function pay(body: Body): Promise<Answer> {
  const { number, owner_name, owner_document } = known(books.accounts.get(text(body, "account", /^.+$/)));
  const payee_key = storedKey(text(body, "key", /^.{1,77}$/));
  const idempotency_key = text(body, "idempotency_key", /^.{1,100}$/);
  const now = new Date();
  const order: Message & { payee_tax_id_masked: string; requested_at_ms: number } = {
    end_to_end_id: `E${ISPB}${now.toISOString().replace(/\D/g, "").slice(0, 12)}${randomBytes(6).toString("hex").slice(0, 11)}`,
    amount_centavos: amount(body, "amount_centavos", 1), payee_key, payee: null, payee_tax_id_masked: "",
    payer: {
      ispb: ISPB, branch: BRANCH, account_number: number, name: owner_name,
      tax_id_masked: `***.${owner_document.slice(3, 6)}.${owner_document.slice(6, 9)}-**`,
    },
    description: line(body, "description", MEMO, ""), txid: "",
    initiation: "INITIATION_DICT", requested_at_ms: now.getTime(),
  };
  const earlier = () => books.orders.get(`${number} ${idempotency_key}`);
  if (!earlier()) {
    const payee = await ask("DirectoryService", "FindKey", { key: payee_key });
    if (payee.ispb === ISPB) {
      const { entries } = await ask("DirectoryService", "ListKeys", { branch: BRANCH, account_number: number });
      if (entries.some(({ key }: any) => key.key === payee_key.key))
        throw new Refusal("FAILED_PRECONDITION", "key: it belongs to the payer's own account");
    }
    order.payee_tax_id_masked = payee.tax_id_masked;
  }
  // From here to the end nothing is awaited, so no other order comes between the check and the debit.
  const first = earlier();
  if (first && first.content !== content(order, "payer")) throw new Refusal("ALREADY_EXISTS", "idempotency_key: it belongs to another transfer");
  if (first) return [200, shownTransfer(first)];
  const cents = order.amount_centavos;
  if (books.balance(number) < cents) throw new Refusal("FAILED_PRECONDITION", "amount_centavos: the balance is too small");
  const transfer: Transfer = {
    id: order.end_to_end_id, side: "payer", status: "pending", reason: "", amount_centavos: cents, account: number,
    content: content(order, "payer"), request: order, idempotency_key,
  };
  books.add({ transfer }, posting(transfer.id, "payment", number, "*clearing", cents));
  books.store();
  publish([owed(transfer)]);
  return [201, shownTransfer(transfer)];
}

const ROUTES: [string, RegExp, (body: Body, id: string, query: URLSearchParams) => Answer | Promise<Answer>][] = [
  ["GET", /^\/bank$/, () => {
    if (!joined || !reading) throw new Refusal("UNAVAILABLE", "the bank has not joined the network yet");
    return [200, { code: CODE, ispb: ISPB, name: NAME, features: [], kafka_topic: OWN_TOPIC }];
  }],
  ["GET", /^\/accounts$/, () => [200, { accounts: [...books.accounts.values()].map(shownAccount) }]],
  ["GET", /^\/accounts\/([^/]+)\/postings$/, (_, number) => {
    known(books.accounts.get(number));
    const postings = (books.postings.get(number) ?? []).map(({ transfer_id, kind, debit, amount_centavos, at }, place) => (
      { id: String(place + 1), transfer_id, kind, amount_centavos: debit === number ? -amount_centavos : amount_centavos, at }
    ));
    return [200, { postings }];
  }],
  ["GET", /^\/transfers\/([^/]+)$/, (_, id, query) => {
    const sides = query.has("side") ? [query.get("side")] : ["payer", "payee"];
    return [200, shownTransfer(known(sides.map((side) => books.transfers.get(`${id} ${side}`)).find((row) => row)))];
  }],
  ["GET", /^\/books$/, () => [200, {
    customers_centavos: [...books.accounts.keys()].reduce((sum, number) => sum + books.balance(number), 0),
    clearing_centavos: books.balance("*clearing"), settlement_centavos: books.balance("*settlement"),
    equity_centavos: books.balance("*equity"),
  }]],
  ["POST", /^\/accounts$/, openAccount],
  ["POST", /^\/keys$/, registerKey],
  ["DELETE", /^\/keys\/([^/]+)$/, async (_, value) => {
    await ask("DirectoryService", "RemoveKey", { key: storedKey(value) });
    return [204];
  }],
  ["POST", /^\/transfers$/, pay],
];

async function bodyOf(request: IncomingMessage): Promise<Body> {
  let [size, parts] = [0, [] as Buffer[]];
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > BODY_BYTES_MAX) throw new Refusal("INVALID_ARGUMENT", `body: at most ${BODY_BYTES_MAX} bytes`);
    parts.push(part);
  }
  try {
    const body: unknown = size ? JSON.parse(Buffer.concat(parts).toString()) : {};
    if (typeof body === "object" && body !== null && !Array.isArray(body)) return body as Body;
  } catch {
    // Said below.
  }
  throw new Refusal("INVALID_ARGUMENT", "body: must be a JSON object");
}

async function respond(request: IncomingMessage): Promise<Answer> {
  try {
    const url = new URL(request.url ?? "/", "http://bank");
    const path = url.pathname.startsWith(PREFIX) ? url.pathname.slice(PREFIX.length) : "";
    for (const [method, form, act] of ROUTES) {
      const match = method === request.method && form.exec(path);
      if (match) return await act(await bodyOf(request), decodeURIComponent(match[1] ?? ""), url.searchParams);
    }
    throw new Refusal("NOT_FOUND", "there is nothing at this address");
  } catch (error) {
    const refusal = error instanceof Refusal ? error : new Refusal("INVALID_ARGUMENT", "the request cannot be read");
    if (refusal !== error) console.error(error);
    return [HTTP_STATUSES[refusal.reason] ?? 422, { title: "Refused", detail: refusal.message, reason: refusal.reason }];
  }
}

const server = createServer(async (request, response) => {
  const [status, document] = await respond(request);
  const type = status < 400 ? "application/json" : "application/problem+json";
  response.writeHead(status, document ? { "Content-Type": type } : {}).end(document && JSON.stringify(document));
});

process.on("SIGTERM", async () => {
  await ask("ParticipantService", "LeaveNetwork", { instance: INSTANCE }).catch(() => {});
  books.close();
  process.exit(0);
});
server.listen(Number(setting("HTTP_PORT")), setting("HTTP_HOST"));
void keepInTouch();
await producer.connect();
await consume();
setInterval(resendOwed, SWEEP_MS);
