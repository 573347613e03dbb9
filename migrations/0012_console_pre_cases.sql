-- What operators work with: proposals that two people decide, drafts of what will be published,
-- and who looks after which case. Cases themselves follow from the rooms' rows and are kept nowhere.

CREATE SCHEMA console;

CREATE FUNCTION console.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'console.% is only ever added to', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TABLE console.proposal (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    subject text NOT NULL,
    payload jsonb NOT NULL,
    payload_hash text NOT NULL,
    reason_code text NOT NULL,
    note text NOT NULL,
    proposed_by uuid NOT NULL,
    proposer text NOT NULL,
    proposed_at timestamptz NOT NULL,
    lapses_at timestamptz NOT NULL,
    state text NOT NULL,
    decided_by uuid,
    decider text,
    decided_at timestamptz,
    decision_note text,
    break_glass boolean NOT NULL DEFAULT false,
    tries integer NOT NULL DEFAULT 0,
    next_try_at timestamptz,
    finished_at timestamptz,
    outcome text,
    CONSTRAINT a_proposal_has_a_known_kind CHECK (
        kind IN ('refund', 'credit', 'adjust', 'publish')
    ),
    CONSTRAINT a_proposal_has_a_known_state CHECK (
        state IN ('waiting', 'approved', 'done', 'failed', 'declined', 'withdrawn', 'lapsed')
    ),
    CONSTRAINT a_proposal_lapses CHECK (lapses_at > proposed_at),
    -- The one rule that no code above can forget.
    CONSTRAINT two_people_decide CHECK (
        state NOT IN ('approved', 'done', 'failed')
        OR (decided_by IS NOT NULL AND (break_glass OR decided_by <> proposed_by))
    ),
    CONSTRAINT a_decision_names_its_person CHECK (
        num_nonnulls(decided_by, decider) IN (0, 2)
    )
);
CREATE INDEX proposal_newest_first ON console.proposal (proposed_at DESC, id DESC);
CREATE INDEX proposal_of_subject ON console.proposal (subject, proposed_at DESC);
CREATE INDEX proposal_to_decide ON console.proposal (lapses_at) WHERE state = 'waiting';
CREATE INDEX proposal_to_carry_out ON console.proposal (next_try_at) WHERE state = 'approved';
CREATE UNIQUE INDEX one_open_proposal_of_a_kind ON console.proposal (kind, subject)
WHERE state IN ('waiting', 'approved') AND kind <> 'adjust';

-- What was agreed to never changes: only what became of it.
CREATE FUNCTION console.keep_what_was_proposed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.kind, NEW.subject, NEW.payload, NEW.payload_hash, NEW.reason_code, NEW.note,
        NEW.proposed_by, NEW.proposer, NEW.proposed_at, NEW.lapses_at)
        IS DISTINCT FROM
        (OLD.id, OLD.kind, OLD.subject, OLD.payload, OLD.payload_hash, OLD.reason_code, OLD.note,
        OLD.proposed_by, OLD.proposer, OLD.proposed_at, OLD.lapses_at)
    THEN
        RAISE EXCEPTION 'what was proposed never changes; propose again'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER a_proposal_keeps_its_content BEFORE UPDATE ON console.proposal
FOR EACH ROW EXECUTE FUNCTION console.keep_what_was_proposed();
CREATE TRIGGER a_proposal_is_for_ever BEFORE DELETE OR TRUNCATE ON console.proposal
FOR EACH STATEMENT EXECUTE FUNCTION console.refuse_change();

CREATE TABLE console.draft (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    title text NOT NULL,
    base_version bigint NOT NULL,
    begun_by text NOT NULL,
    begun_at timestamptz NOT NULL,
    dropped_at timestamptz,
    CONSTRAINT a_draft_has_a_known_kind CHECK (kind IN ('prices', 'gifts'))
);
CREATE INDEX draft_newest_first ON console.draft (begun_at DESC, id DESC);

-- A draft is a row of revisions: every change is a new one, none is ever edited.
CREATE TABLE console.draft_revision (
    draft_id uuid NOT NULL REFERENCES console.draft (id),
    number integer NOT NULL,
    body jsonb NOT NULL,
    hash text NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL,
    CONSTRAINT revisions_are_numbered PRIMARY KEY (draft_id, number),
    CONSTRAINT a_revision_has_a_number CHECK (number > 0)
);
CREATE TRIGGER a_revision_never_changes
BEFORE UPDATE OR DELETE OR TRUNCATE ON console.draft_revision
FOR EACH STATEMENT EXECUTE FUNCTION console.refuse_change();

-- Only for the opening it was taken in: a case that closes and opens again has no owner.
CREATE TABLE console.case_owner (
    kind text NOT NULL,
    subject text NOT NULL,
    since timestamptz NOT NULL,
    taken_by uuid NOT NULL,
    taker text NOT NULL,
    taken_at timestamptz NOT NULL,
    CONSTRAINT a_case_has_one_owner PRIMARY KEY (kind, subject)
);
