-- Recharges: orders, attempts, refunds, their story, and the inbox of provider messages.

CREATE SCHEMA recharge;

-- Taken before asking a provider; an answer older than one already applied is dropped.
-- Cache 1: tickets must rise in the order in which they are taken, over all connections.
CREATE SEQUENCE recharge.ticket AS bigint CACHE 1;

CREATE TABLE recharge."order" (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL,
    state text NOT NULL,
    coins bigint NOT NULL,
    bonus_coins bigint NOT NULL,
    price_minor bigint NOT NULL,
    currency text NOT NULL,
    price_list_id uuid NOT NULL,
    pack_id text,
    channel text NOT NULL,
    provider text NOT NULL,
    environment text NOT NULL,
    payment_id text,
    pay_url text,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    next_check_at timestamptz,
    last_ticket bigint NOT NULL DEFAULT 0,
    cancel_asked_at timestamptz,
    paid_at timestamptz,
    captured_minor bigint,
    captured_currency text,
    credit_intent uuid,
    credit_ticket bigint,
    credited_at timestamptz,
    taken_coins bigint NOT NULL DEFAULT 0,
    target_coins bigint,
    review_reason text,
    review_token text,
    review_deadline timestamptz,
    approved_token text,
    failure_kind text,
    failure_code text,
    answer jsonb,
    CONSTRAINT an_order_has_a_known_state CHECK (
        state IN (
            'created', 'needs_guardian', 'awaiting_user', 'action_required', 'processing',
            'unknown', 'failed', 'canceled', 'expired', 'paid', 'needs_review', 'credited',
            'refund_pending', 'partially_reversed', 'reversed', 'disputed'
        )
    ),
    CONSTRAINT an_order_buys_coins CHECK (coins > 0 AND bonus_coins >= 0),
    CONSTRAINT an_order_costs_money CHECK (price_minor > 0),
    CONSTRAINT an_order_is_test_or_live CHECK (environment IN ('test', 'live')),
    CONSTRAINT a_credited_order_has_its_intent CHECK (
        credited_at IS NULL OR credit_intent IS NOT NULL
    ),
    CONSTRAINT a_credit_names_the_captured_money CHECK (
        credit_intent IS NULL OR captured_minor IS NOT NULL
    ),
    CONSTRAINT never_more_coins_back_than_came CHECK (
        taken_coins BETWEEN 0 AND coins + bonus_coins
    ),
    CONSTRAINT a_review_has_its_reason CHECK (
        state <> 'needs_review' OR (review_reason IS NOT NULL AND review_token IS NOT NULL)
    )
);
CREATE INDEX order_of_a_user_newest_first ON recharge."order" (user_id, created_at DESC, id DESC);
CREATE INDEX order_to_ask_about ON recharge."order" (next_check_at)
WHERE next_check_at IS NOT NULL;

CREATE TABLE recharge.attempt (
    order_id uuid NOT NULL REFERENCES recharge."order",
    number integer NOT NULL,
    state text NOT NULL,
    provider text NOT NULL,
    environment text NOT NULL,
    idempotency_key text NOT NULL,
    payment_id text,
    pay_url text,
    claimed_until timestamptz,
    created_at timestamptz NOT NULL,
    CONSTRAINT attempts_are_numbered PRIMARY KEY (order_id, number),
    CONSTRAINT an_attempt_has_its_own_key UNIQUE (provider, environment, idempotency_key),
    CONSTRAINT a_payment_belongs_to_one_attempt UNIQUE (provider, environment, payment_id),
    CONSTRAINT an_attempt_has_a_known_state CHECK (
        state IN ('new', 'known', 'unknown', 'refused')
    ),
    CONSTRAINT a_known_attempt_names_its_payment CHECK (
        (state = 'known') = (payment_id IS NOT NULL)
    )
);

CREATE TABLE recharge.refund (
    id uuid PRIMARY KEY,
    order_id uuid NOT NULL REFERENCES recharge."order",
    number integer NOT NULL,
    state text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    coins bigint NOT NULL,
    operator text NOT NULL,
    reason text NOT NULL,
    provider_refund_id text,
    reserve_transfer_id uuid,
    next_check_at timestamptz,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    CONSTRAINT refunds_of_an_order_are_numbered UNIQUE (order_id, number),
    CONSTRAINT a_refund_has_a_known_state CHECK (
        state IN (
            'reserving', 'reserved', 'posting', 'voiding', 'done', 'failed', 'refused'
        )
    ),
    CONSTRAINT a_refund_returns_money CHECK (amount_minor > 0 AND coins >= 0)
);
CREATE UNIQUE INDEX one_open_refund_at_a_time ON recharge.refund (order_id)
WHERE state IN ('reserving', 'reserved', 'posting', 'voiding');
CREATE INDEX refund_to_ask_about ON recharge.refund (next_check_at)
WHERE next_check_at IS NOT NULL;

-- The order's story; only ever added to. `refs` holds every outside id, so that any id finds it.
CREATE TABLE recharge.event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id uuid NOT NULL REFERENCES recharge."order",
    at timestamptz NOT NULL,
    source text NOT NULL,
    kind text NOT NULL,
    body jsonb NOT NULL,
    refs text [] NOT NULL,
    CONSTRAINT an_event_has_a_known_source CHECK (
        source IN ('user', 'operator', 'us', 'provider', 'ledger')
    )
);
CREATE INDEX event_of_an_order ON recharge.event (order_id, id);
CREATE INDEX event_by_any_id ON recharge.event USING gin (refs);

CREATE FUNCTION recharge.keep_the_story() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the story of an order is only ever added to';
END
$$;
CREATE TRIGGER an_event_never_changes BEFORE UPDATE OR DELETE OR TRUNCATE ON recharge.event
FOR EACH STATEMENT EXECUTE FUNCTION recharge.keep_the_story();

-- What providers told us, raw: stored before it is answered, worked on afterwards.
CREATE TABLE recharge.inbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source text NOT NULL,
    environment text NOT NULL,
    external_id text NOT NULL,
    kind text NOT NULL,
    payment_id text,
    order_id uuid REFERENCES recharge."order",
    body bytea NOT NULL,
    headers jsonb NOT NULL,
    received_at timestamptz NOT NULL,
    occurred_at timestamptz,
    state text NOT NULL DEFAULT 'pending',
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    via text NOT NULL,
    CONSTRAINT a_message_is_kept_once UNIQUE (source, environment, external_id),
    CONSTRAINT a_message_has_a_known_state CHECK (
        state IN ('pending', 'done', 'ignored', 'parked', 'failed')
    ),
    CONSTRAINT a_message_came_some_way CHECK (via IN ('push', 'poll', 'replay'))
);
CREATE INDEX message_to_work_on ON recharge.inbox (next_attempt_at)
WHERE state IN ('pending', 'parked');
CREATE INDEX message_of_an_order ON recharge.inbox (order_id) WHERE order_id IS NOT NULL;
