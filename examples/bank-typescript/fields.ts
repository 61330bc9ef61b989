// The bounds of docs/protocol.md: of a record, and of the fields that another participant sends.

import type { IHeaders } from "kafkajs";

export type Party = { ispb: string; branch: string; account_number: string; name: string; tax_id_masked: string };
export type Message = {
  end_to_end_id: string; amount_centavos: number; description: string; initiation: string; txid: string;
  payer: Party | null; payee: Party | null; payee_key: { kind: string; key: string } | null;
  side?: string; reason_code?: string; offered_at_ms?: number;
};

const VALUE_BYTES_MAX = 16 * 1024;
const HEADERS_MAX = 64;
const HEADERS_BYTES_MAX = 8 * 1024;
const TIME_MS_MAX = 253_402_300_799_999;
const REASONS = "AB03 AC03 AC06 AC07 AC14 AG12 AM02 AM04 AM09 BE01 BE17 CH16 DS27 DUPL ED05 FF08 RC09 RC10 RR04 SL02".split(" ");
const PARTY: Record<keyof Party, RegExp> = {
  ispb: /^[0-9A-Z]{8}$/,
  branch: /^[0-9]{1,4}$/,
  account_number: /^[0-9A-Za-z]([0-9A-Za-z-]{0,18}[0-9A-Za-z])?$/,
  name: /^.{1,80}$/u,
  tax_id_masked: /^(\*{3}\.[0-9]{3}\.[0-9]{3}-\*{2}|\*{2}\.[0-9A-Z]{3}\.[0-9A-Z]{3}\/[0-9A-Z]{4}-\*{2})$/,
};
const TXIDS: Record<string, RegExp> = {
  INITIATION_UNSPECIFIED: /^$/, INITIATION_DICT: /^$/, INITIATION_QRES: /^[0-9A-Za-z]{0,25}$/, INITIATION_QRDN: /^[0-9A-Za-z]{0,35}$/,
};
const KEYS: Record<string, RegExp> = {
  KEY_KIND_CPF: /^[0-9]{11}$/,
  KEY_KIND_CNPJ: /^[0-9A-Z]{12}[0-9]{2}$/,
  KEY_KIND_PHONE: /^\+[1-9][0-9]{2,15}$/,
  KEY_KIND_EMAIL: /^(?=.{1,77}$)[a-z0-9.!#$&'*+/=?^_`{|}~-]+@[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/,
  KEY_KIND_EVP: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
};

/** Throws for a record that is larger than a record may be, or has a header twice. */
export function checkRecord(value: Buffer, headers: IHeaders = {}): void {
  const entries = Object.entries(headers);
  const bytes = entries.reduce((sum, [name, text]) => sum + Buffer.byteLength(name) + (text?.length ?? 0), 0);
  if (value.length > VALUE_BYTES_MAX || entries.length > HEADERS_MAX || bytes > HEADERS_BYTES_MAX)
    throw new Error("the record is larger than a record may be");
  if (entries.some(([, text]) => Array.isArray(text))) throw new Error("a header comes twice");
}

export const isReason = (code: string | undefined): boolean => REASONS.includes(code ?? "");

export function isEndToEndId(id: string): boolean {
  const parts = /^E[0-9A-Z]{8}(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})[0-9A-Za-z]{11}$/.exec(id)?.slice(1);
  if (!parts) return false;
  const minute = `${parts.slice(0, 3).join("-")}T${parts.slice(3).join(":")}`;
  const time = new Date(`${minute}:00Z`);
  return !Number.isNaN(time.getTime()) && time.toISOString().startsWith(minute);
}

/** Whether every field of an offer keeps its bounds, its amount aside. */
export function isFit({ payer, payee, payee_key, description, initiation, txid, offered_at_ms = 0 }: Message): boolean {
  const isParty = (party: Party | null) =>
    party !== null && Object.entries(PARTY).every(([name, form]) => form.test(party[name as keyof Party]) && isLine(party[name as keyof Party]));
  return isParty(payer) && isParty(payee) && (TXIDS[initiation]?.test(txid) ?? false) && isLine(description) && /^.{0,140}$/u.test(description) &&
    payee_key !== null && isKey(payee_key.kind, payee_key.key) && offered_at_ms > 0 && offered_at_ms <= TIME_MS_MAX;
}

/** Whether a text is in stored form: one line, composed (NFC), with single spaces, and all of it visible. */
export function isLine(text: string): boolean {
  const hidden = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
  return text.normalize("NFC") === text && text.trim().replace(/\s+/g, " ") === text && !hidden.test(text.replaceAll("\u200d", ""));
}

/** Whether a text is a key of this kind in stored form. */
export function isKey(kind: string, key: string): boolean {
  if (!KEYS[kind]?.test(key)) return false;
  return kind === "KEY_KIND_CPF" ? hasCheckDigits(key, 11) : kind === "KEY_KIND_CNPJ" ? hasCheckDigits(key, 9) : true;
}

/** The key with its kind: in stored form it is of one at most. */
export function storedKey(key: string): { kind: string; key: string } {
  return { kind: Object.keys(KEYS).find((kind) => isKey(kind, key)) ?? "KEY_KIND_UNSPECIFIED", key };
}

/**
 * The two digits of the Receita Federal (mod 11). From the right, weights go from 2 to `weightMax` and begin again; a
 * character's value is its ASCII code less 48.
 */
function hasCheckDigits(number: string, weightMax: number): boolean {
  const values = [...number].map((letter) => letter.charCodeAt(0) - 48);
  const isRight = (place: number) => {
    const sum = values.slice(0, place).reverse().reduce((total, value, distance) => total + value * (2 + (distance % (weightMax - 1))), 0);
    return ((sum * 10) % 11) % 10 === values[place];
  };
  return isRight(values.length - 2) && isRight(values.length - 1) && new Set(number).size > 1;
}
