-- What every room shares: news for the outside, answers to repeated requests.

CREATE SCHEMA base;

CREATE TABLE base.outbox (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    subject uuid NOT NULL,
    body jsonb NOT NULL,
    at timestamptz NOT NULL,
    transaction xid8 NOT NULL
);
CREATE INDEX outbox_in_commit_order ON base.outbox (transaction, id);

CREATE TABLE base.answer (
    scope text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status integer NOT NULL,
    body jsonb NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT a_key_has_one_answer PRIMARY KEY (scope, key)
);
