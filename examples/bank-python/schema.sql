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
    CONSTRAINT "the balance is too small" CHECK (balance_centavos >= 0 OR type = 'BANK')
);
INSERT OR IGNORE INTO accounts (number, type) VALUES ('*clearing', 'BANK'), ('*settlement', 'BANK'), ('*equity', 'BANK');
CREATE TRIGGER IF NOT EXISTS accounts_limit BEFORE INSERT ON accounts WHEN (SELECT count(*) FROM accounts) >= 1003 BEGIN
    SELECT RAISE(ABORT, 'the bank has 1,000 accounts already');
END;

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
    id TEXT NOT NULL CONSTRAINT "the id is an end-to-end id" CHECK (
        id GLOB 'E[0-9A-Z][0-9A-Z][0-9A-Z][0-9A-Z][0-9A-Z][0-9A-Z][0-9A-Z][0-9A-Z]*' AND length(id) = 32
        AND substr(id, 22) NOT GLOB '*[^0-9A-Za-z]*' AND datetime(format('%s-%s-%s %s:%s',
            substr(id, 10, 4), substr(id, 14, 2), substr(id, 16, 2), substr(id, 18, 2), substr(id, 20, 2))) NOT NULL
    ),
    side TEXT NOT NULL CHECK (side IN ('payer', 'payee')),
    status TEXT NOT NULL CHECK (status IN ('pending', 'accepted', 'rejected', 'confirmed', 'failed')),
    reason TEXT NOT NULL CONSTRAINT "the reason is a code of the scheme" CHECK (
        reason IN ('AB03', 'AC03', 'AC06', 'AC07', 'AC14', 'AG12', 'AM02', 'AM04', 'AM09', 'BE01', 'BE17', 'CH16', 'DS27',
            'DUPL', 'ED05', 'FF08', 'RC09', 'RC10', 'RR04', 'SL02')
        OR (reason = '' AND status NOT IN ('rejected', 'failed'))
    ),
    amount_centavos INTEGER NOT NULL,
    account TEXT NOT NULL,
    content TEXT NOT NULL,
    request BLOB,
    idempotency_key TEXT,
    resend_at REAL,
    pause_seconds REAL,
    PRIMARY KEY (id, side),
    UNIQUE (account, idempotency_key),
    CONSTRAINT "the bank has made this transfer" CHECK (side = 'payee' OR request NOT NULL)
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

-- The forms of what another participant sends (docs/protocol.md, "Fields and their bounds"). A key has the form of its
-- kind, and a txid that of the initiation: none for a key that the payer typed, 25 characters at most for a static code.
CREATE TABLE IF NOT EXISTS forms (field TEXT PRIMARY KEY, form TEXT NOT NULL);
INSERT OR REPLACE INTO forms VALUES
    ('ispb', '[0-9A-Z]{8}'),
    ('branch', '[0-9]{1,4}'),
    ('account_number', '[0-9A-Za-z]([0-9A-Za-z-]{0,18}[0-9A-Za-z])?'),
    ('name', '.{1,80}'),
    ('tax_id_masked', '[*]{3}[.][0-9]{3}[.][0-9]{3}-[*]{2}|[*]{2}[.][0-9A-Z]{3}[.][0-9A-Z]{3}/[0-9A-Z]{4}-[*]{2}'),
    ('description', '.{0,140}'),
    ('txid 0', ''), ('txid 2', ''), ('txid 3', '[0-9A-Za-z]{0,25}'), ('txid 4', '[0-9A-Za-z]{0,35}'),
    ('key 1', '[0-9]{11}'),
    ('key 2', '[0-9A-Z]{12}[0-9]{2}'),
    ('key 3', '[+][1-9][0-9]{2,15}'),
    ('key 4', '(?=.{1,77}$)[a-z0-9.!#$&''*+/=?^_`{|}~-]+@[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?([.][a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*'),
    ('key 5', '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}');

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
