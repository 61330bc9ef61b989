-- The books: double entry. Every account is here, the customers' and the bank's, and a posting moves money between two.

PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;

CREATE TABLE IF NOT EXISTS accounts (
    number TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    owner_name TEXT,
    owner_document TEXT,
    balance_centavos INTEGER NOT NULL DEFAULT 0,
    CHECK (balance_centavos >= 0 OR type = 'BANK')
);
INSERT OR IGNORE INTO accounts (number, type) VALUES ('*clearing', 'BANK'), ('*settlement', 'BANK'), ('*equity', 'BANK');

-- A posting of a kind exists once for a transfer: booking twice is an error, and then nothing is booked.
CREATE TABLE IF NOT EXISTS postings (
    id INTEGER PRIMARY KEY,
    transfer_id TEXT,
    kind TEXT NOT NULL,
    debit TEXT NOT NULL REFERENCES accounts,
    credit TEXT NOT NULL REFERENCES accounts,
    amount_centavos INTEGER NOT NULL CHECK (amount_centavos > 0),
    at INTEGER NOT NULL DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)),
    UNIQUE (transfer_id, kind)
);
CREATE INDEX IF NOT EXISTS postings_by_debit ON postings (debit);
CREATE INDEX IF NOT EXISTS postings_by_credit ON postings (credit);
CREATE TRIGGER IF NOT EXISTS posted AFTER INSERT ON postings BEGIN
    UPDATE accounts SET balance_centavos = balance_centavos - new.amount_centavos WHERE number = new.debit;
    UPDATE accounts SET balance_centavos = balance_centavos + new.amount_centavos WHERE number = new.credit;
END;

-- The row of a transfer is also the outbox: what the bank owes the hub for it follows from its status, and it is sent
-- again at `resend_at` until the hub has answered. Whatever is owed at a start is sent at once.
CREATE TABLE IF NOT EXISTS transfers (
    id TEXT NOT NULL,
    side TEXT NOT NULL CHECK (side IN ('payer', 'payee')),
    status TEXT NOT NULL CHECK (status IN ('pending', 'accepted', 'rejected', 'confirmed', 'failed')),
    reason TEXT NOT NULL DEFAULT '',
    amount_centavos INTEGER NOT NULL,
    account TEXT NOT NULL,
    content TEXT NOT NULL,
    request BLOB,
    idempotency_key TEXT,
    resend_at REAL,
    pause_seconds REAL,
    PRIMARY KEY (id, side),
    UNIQUE (account, idempotency_key)
);
CREATE INDEX IF NOT EXISTS transfers_owed ON transfers (resend_at) WHERE resend_at IS NOT NULL;
UPDATE transfers SET resend_at = 0 WHERE resend_at IS NOT NULL;

-- Which posting each state demands, and that a decision is final.
CREATE TRIGGER IF NOT EXISTS requested AFTER INSERT ON transfers WHEN new.status = 'pending' BEGIN
    INSERT INTO postings (transfer_id, kind, debit, credit, amount_centavos)
    VALUES (new.id, 'payment', new.account, '*clearing', new.amount_centavos);
END;
CREATE TRIGGER IF NOT EXISTS decided AFTER UPDATE OF status ON transfers BEGIN
    SELECT RAISE(ABORT, 'the transfer is decided already') WHERE old.status IN ('confirmed', 'failed');
    INSERT INTO postings (transfer_id, kind, debit, credit, amount_centavos)
    SELECT new.id, kind, debit, credit, new.amount_centavos FROM (
        SELECT 'payer' AS side, 'confirmed' AS status, 'settlement' AS kind, '*clearing' AS debit, '*settlement' AS credit
        UNION ALL SELECT 'payer', 'failed', 'refund', '*clearing', new.account
        UNION ALL SELECT 'payee', 'confirmed', 'credit', '*settlement', new.account
    ) WHERE side = new.side AND status = new.status;
END;

-- What the contract shows.
CREATE VIEW IF NOT EXISTS shown_accounts AS
    SELECT '0001' AS branch, number, type, owner_name, owner_document, 'open' AS status, balance_centavos,
        printf('***.%s.%s-**', substr(owner_document, 4, 3), substr(owner_document, 7, 3)) AS tax_id_masked
    FROM accounts WHERE type <> 'BANK' ORDER BY number;
CREATE VIEW IF NOT EXISTS shown_postings AS
    SELECT debit AS account, id, coalesce(transfer_id, '') AS transfer_id, kind, -amount_centavos AS amount_centavos, at
    FROM postings
    UNION ALL
    SELECT credit, id, coalesce(transfer_id, ''), kind, amount_centavos, at
    FROM postings
    ORDER BY id;
CREATE VIEW IF NOT EXISTS shown_transfers AS
    SELECT id, side, CASE status WHEN 'accepted' THEN 'pending' WHEN 'rejected' THEN 'failed' ELSE status END AS status,
        reason, amount_centavos
    FROM transfers;
CREATE VIEW IF NOT EXISTS books AS
    SELECT sum(balance_centavos) FILTER (WHERE number = '*clearing') AS clearing_centavos,
        sum(balance_centavos) FILTER (WHERE number = '*settlement') AS settlement_centavos,
        sum(balance_centavos) FILTER (WHERE number = '*equity') AS equity_centavos,
        coalesce(sum(balance_centavos) FILTER (WHERE type <> 'BANK'), 0) AS customers_centavos
    FROM accounts;
