-- The books: who owns what. Ids are 128-bit numbers kept as uuid; timestamps are nanoseconds
-- since 1970, unique over the whole ledger; amounts and counters go up to 2^63 - 1.

CREATE SCHEMA ledger;

-- One row, locked by every batch before it reads anything else: batches are serial, so timestamps
-- rise in commit order. Seals chain every row to the one before; the counts find a missing tail.
CREATE TABLE ledger.head (
    one boolean NOT NULL DEFAULT true,
    installation uuid NOT NULL DEFAULT gen_random_uuid(),
    epoch bigint NOT NULL DEFAULT 1,
    batch bigint NOT NULL DEFAULT 0,
    timestamp bigint NOT NULL DEFAULT 0,
    account_count bigint NOT NULL DEFAULT 0,
    transfer_count bigint NOT NULL DEFAULT 0,
    failed_count bigint NOT NULL DEFAULT 0,
    account_seal bytea NOT NULL DEFAULT '\x00000000000000000000000000000000',
    transfer_seal bytea NOT NULL DEFAULT '\x00000000000000000000000000000000',
    failed_seal bytea NOT NULL DEFAULT '\x00000000000000000000000000000000',
    CONSTRAINT the_ledger_has_one_head PRIMARY KEY (one),
    CONSTRAINT the_head_is_the_true_one CHECK (one)
) WITH (fillfactor = 10);

INSERT INTO ledger.head DEFAULT VALUES;

-- Flags: 2 debits must not exceed credits, 4 credits must not exceed debits.
-- Half of each page is left free, so that a counter changes without touching an index.
CREATE TABLE ledger.account (
    id uuid NOT NULL,
    debits_pending bigint NOT NULL,
    debits_posted bigint NOT NULL,
    credits_pending bigint NOT NULL,
    credits_posted bigint NOT NULL,
    user_data_128 uuid NOT NULL,
    user_data_64 bigint NOT NULL,
    user_data_32 bigint NOT NULL,
    ledger bigint NOT NULL,
    code integer NOT NULL,
    flags integer NOT NULL,
    timestamp bigint NOT NULL,
    seal bytea NOT NULL,
    CONSTRAINT an_account_has_one_id PRIMARY KEY (id),
    CONSTRAINT an_account_has_its_own_instant UNIQUE (timestamp),
    CONSTRAINT counters_are_never_negative CHECK (
        debits_pending >= 0 AND debits_posted >= 0
        AND credits_pending >= 0 AND credits_posted >= 0
    ),
    CONSTRAINT debits_do_not_exceed_credits CHECK (
        flags & 2 = 0 OR debits_pending <= credits_posted - debits_posted
    ),
    CONSTRAINT credits_do_not_exceed_debits CHECK (
        flags & 4 = 0 OR credits_pending <= debits_posted - credits_posted
    ),
    CONSTRAINT an_account_belongs_to_a_ledger CHECK (ledger > 0 AND code > 0)
) WITH (fillfactor = 50);

CREATE TABLE ledger.transfer (
    id uuid NOT NULL,
    debit_account_id uuid NOT NULL,
    credit_account_id uuid NOT NULL,
    amount bigint NOT NULL,
    pending_id uuid NOT NULL,
    user_data_128 uuid NOT NULL,
    user_data_64 bigint NOT NULL,
    user_data_32 bigint NOT NULL,
    timeout bigint NOT NULL,
    ledger bigint NOT NULL,
    code integer NOT NULL,
    flags integer NOT NULL,
    timestamp bigint NOT NULL,
    seal bytea NOT NULL,
    CONSTRAINT a_transfer_has_one_id PRIMARY KEY (id),
    CONSTRAINT a_transfer_has_its_own_instant UNIQUE (timestamp),
    CONSTRAINT an_amount_is_never_negative CHECK (amount >= 0),
    CONSTRAINT a_transfer_joins_two_accounts CHECK (debit_account_id <> credit_account_id)
);

-- The history of an account, both sides, in time order.
CREATE INDEX transfer_debits ON ledger.transfer (debit_account_id, timestamp);
CREATE INDEX transfer_credits ON ledger.transfer (credit_account_id, timestamp);
-- A hold is posted or voided once.
CREATE UNIQUE INDEX a_hold_is_resolved_once ON ledger.transfer (pending_id)
WHERE pending_id <> '00000000-0000-0000-0000-000000000000';

CREATE FUNCTION ledger.refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a transfer is never changed or deleted; post another one';
END
$$;

CREATE TRIGGER a_transfer_is_for_ever
BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.transfer
FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

-- What became of each two-phase transfer: 1 pending, 2 posted, 3 voided, 4 expired.
-- An expiry of 0 means that the hold waits until it is posted or voided.
CREATE TABLE ledger.pending (
    id uuid NOT NULL,
    status smallint NOT NULL,
    expires_at_ns bigint NOT NULL,
    resolved_at_ns bigint NOT NULL,
    CONSTRAINT a_hold_has_one_status PRIMARY KEY (id),
    CONSTRAINT a_hold_has_a_known_status CHECK (status BETWEEN 1 AND 4)
) WITH (fillfactor = 80);

CREATE INDEX pending_due ON ledger.pending (expires_at_ns, id)
WHERE status = 1 AND expires_at_ns > 0;

-- Ids of transfers refused for a passing reason; they stay refused, so that a retry cannot
-- succeed after its first caller was told no.
CREATE TABLE ledger.failed (
    id uuid NOT NULL,
    status integer NOT NULL,
    timestamp bigint NOT NULL,
    seal bytea NOT NULL,
    CONSTRAINT an_id_fails_once PRIMARY KEY (id),
    CONSTRAINT a_failure_has_its_own_instant UNIQUE (timestamp)
);

-- The last answer to each writing process, stored in the commit that it answers for: a batch sent
-- again after a lost connection gets the first answer.
CREATE TABLE ledger.writer (
    id uuid NOT NULL,
    batch bigint NOT NULL,
    reply bytea NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT a_writer_has_one_last_answer PRIMARY KEY (id)
) WITH (fillfactor = 50);

ALTER TABLE ledger.writer ALTER COLUMN reply SET STORAGE EXTERNAL;

-- Intents: exactly what a room is about to post, committed before it is posted.
CREATE TABLE ledger.intent (
    id uuid NOT NULL,
    room text NOT NULL,
    subject text NOT NULL,
    step text NOT NULL,
    attempt integer NOT NULL,
    fingerprint bytea NOT NULL,
    body jsonb NOT NULL,
    state text NOT NULL,
    status bigint,
    created_at timestamptz NOT NULL,
    settled_at timestamptz,
    CONSTRAINT an_intent_has_one_id PRIMARY KEY (id),
    CONSTRAINT a_step_is_frozen_once_an_attempt UNIQUE (room, subject, step, attempt),
    CONSTRAINT an_intent_has_a_known_state CHECK (state IN ('open', 'posted', 'refused')),
    CONSTRAINT a_settled_intent_says_when_and_how CHECK (
        (state = 'open') = (settled_at IS NULL) AND (state = 'open') = (status IS NULL)
    ),
    CONSTRAINT attempts_count_from_one CHECK (attempt >= 1)
);

CREATE INDEX intent_open ON ledger.intent (created_at, id) WHERE state = 'open';
