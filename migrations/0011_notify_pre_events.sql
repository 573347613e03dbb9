-- What happened, in one order for all and one for each user; where it is to be told, and how that
-- went. Events stay; the log of deliveries is pruned.

CREATE SCHEMA notify;

CREATE TABLE notify.head (
    single boolean NOT NULL DEFAULT true,
    position bigint NOT NULL,
    CONSTRAINT there_is_one_head PRIMARY KEY (single),
    CONSTRAINT the_head_is_single CHECK (single)
);
INSERT INTO notify.head (position) VALUES (0);

CREATE TABLE notify.person (
    user_id uuid PRIMARY KEY,
    sequence bigint NOT NULL
);

CREATE TABLE notify.event (
    position bigint NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    sequence bigint NOT NULL,
    kind text NOT NULL,
    body jsonb NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT a_position_has_one_event PRIMARY KEY (position),
    CONSTRAINT an_event_is_taken_once UNIQUE (id),
    CONSTRAINT a_user_has_each_number_once UNIQUE (user_id, sequence)
);
CREATE INDEX events_by_time ON notify.event (at);

CREATE TABLE notify.endpoint (
    id uuid PRIMARY KEY,
    url text NOT NULL,
    description text NOT NULL,
    kinds text[] NOT NULL,
    salt bytea NOT NULL,
    previous_salt bytea,
    previous_until timestamptz,
    state text NOT NULL,
    off_since timestamptz,
    off_reason text,
    off_position bigint,
    failures integer NOT NULL DEFAULT 0,
    failing_since timestamptz,
    resting_until timestamptz,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    removed_at timestamptz,
    CONSTRAINT an_endpoint_is_on_or_off CHECK (state IN ('on', 'off')),
    CONSTRAINT off_has_a_reason CHECK (
        (state = 'off') = (off_since IS NOT NULL AND off_reason IS NOT NULL AND off_position IS NOT NULL)
    ),
    CONSTRAINT an_endpoint_asks_for_something CHECK (cardinality(kinds) > 0)
);

CREATE FUNCTION notify.wants(kinds text[], kind text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT EXISTS (
        SELECT FROM unnest(kinds) AS pattern
        WHERE pattern = '*'
            OR pattern = kind
            OR (right(pattern, 2) = '.*' AND starts_with(kind, left(pattern, -1)))
    )
$$;

CREATE TABLE notify.delivery (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    endpoint_id uuid NOT NULL REFERENCES notify.endpoint (id),
    position bigint REFERENCES notify.event (position),
    user_id uuid,
    kind text NOT NULL,
    cause text NOT NULL,
    state text NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    first_at timestamptz,
    due_at timestamptz,
    finished_at timestamptz,
    CONSTRAINT a_delivery_has_a_cause CHECK (cause IN ('event', 'replay', 'resend', 'test')),
    CONSTRAINT a_delivery_has_a_state CHECK (state IN ('waiting', 'delivered', 'given_up')),
    CONSTRAINT only_a_test_has_no_event CHECK (
        (cause = 'test') = (position IS NULL) AND (cause = 'test') = (user_id IS NULL)
    ),
    CONSTRAINT what_is_over_has_an_end CHECK ((state = 'waiting') = (finished_at IS NULL))
);
CREATE UNIQUE INDEX an_event_is_due_once
    ON notify.delivery (endpoint_id, position) WHERE cause = 'event';
CREATE INDEX deliveries_that_wait
    ON notify.delivery (endpoint_id, user_id, id) WHERE state = 'waiting';
CREATE INDEX deliveries_of_an_endpoint ON notify.delivery (endpoint_id, id);
CREATE INDEX deliveries_by_end ON notify.delivery (finished_at) WHERE finished_at IS NOT NULL;

-- All that waits for one endpoint about one user, told strictly one after the other. `due_at` is
-- when to go on, or while somebody has it (`claim`) when they are taken for dead.
CREATE TABLE notify.lane (
    endpoint_id uuid NOT NULL REFERENCES notify.endpoint (id),
    user_id uuid NOT NULL,
    due_at timestamptz,
    claim uuid,
    CONSTRAINT a_lane_for_an_endpoint_and_a_user PRIMARY KEY (endpoint_id, user_id)
);
CREATE INDEX lanes_by_time ON notify.lane (endpoint_id, due_at) WHERE due_at IS NOT NULL;

CREATE TABLE notify.attempt (
    delivery_id bigint NOT NULL REFERENCES notify.delivery (id) ON DELETE CASCADE,
    number integer NOT NULL,
    at timestamptz NOT NULL,
    duration_ms integer NOT NULL,
    status integer,
    trouble text NOT NULL,
    answer text NOT NULL
);
CREATE INDEX attempts_of_a_delivery ON notify.attempt (delivery_id);

CREATE TABLE notify.message (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id uuid NOT NULL,
    event_id uuid NOT NULL,
    kind text NOT NULL,
    facts jsonb NOT NULL,
    at timestamptz NOT NULL,
    read_at timestamptz,
    CONSTRAINT an_event_makes_one_message UNIQUE (event_id)
);
CREATE INDEX messages_of_a_user ON notify.message (user_id, id);
CREATE INDEX messages_not_read ON notify.message (user_id) WHERE read_at IS NULL;
CREATE INDEX messages_by_time ON notify.message (at);
