-- Who did what to what, when and why: one row an act, each sealed to the one before. No free text
-- and no personal data in here: notes stand beside it and are named by the row.

CREATE FUNCTION base.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'base.% is only ever added to', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;

-- One row, locked by every act until it commits: the chain has no forks, and a missing tail shows.
CREATE TABLE base.audit_head (
    one boolean NOT NULL DEFAULT true,
    number bigint NOT NULL DEFAULT 0,
    hash bytea NOT NULL DEFAULT '\x0000000000000000000000000000000000000000000000000000000000000000',
    CONSTRAINT the_audit_has_one_head PRIMARY KEY (one),
    CONSTRAINT the_audit_head_is_the_true_one CHECK (one)
) WITH (fillfactor = 10);

INSERT INTO base.audit_head DEFAULT VALUES;

CREATE TABLE base.audit_note (
    id uuid PRIMARY KEY,
    salt bytea NOT NULL,
    text text NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT a_note_says_something CHECK (text <> '')
);

CREATE TABLE base.audit (
    number bigint PRIMARY KEY,
    at timestamptz NOT NULL,
    who text NOT NULL,
    act text NOT NULL,
    object text NOT NULL,
    before_hash text,
    after_hash text,
    facts jsonb NOT NULL,
    reason_code text,
    request_id text,
    note_id uuid REFERENCES base.audit_note (id),
    note_seal bytea,
    previous bytea NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT acts_are_counted CHECK (number > 0),
    CONSTRAINT an_act_has_one_successor UNIQUE (previous),
    CONSTRAINT a_note_is_sealed CHECK ((note_id IS NULL) = (note_seal IS NULL))
);
CREATE INDEX audit_of_who ON base.audit (who, number);
CREATE INDEX audit_of_object ON base.audit (object, number);
CREATE INDEX audit_of_act ON base.audit (act, number);
CREATE INDEX audit_by_time ON base.audit (at);
CREATE INDEX audit_of_request ON base.audit (request_id) WHERE request_id IS NOT NULL;

CREATE TRIGGER an_act_never_changes BEFORE UPDATE OR DELETE OR TRUNCATE ON base.audit
FOR EACH STATEMENT EXECUTE FUNCTION base.refuse_change();
CREATE TRIGGER a_note_never_changes BEFORE UPDATE OR DELETE OR TRUNCATE ON base.audit_note
FOR EACH STATEMENT EXECUTE FUNCTION base.refuse_change();
CREATE TRIGGER the_audit_head_stays BEFORE DELETE OR TRUNCATE ON base.audit_head
FOR EACH STATEMENT EXECUTE FUNCTION base.refuse_change();
