CREATE SCHEMA base;

CREATE SCHEMA catalog;

CREATE SCHEMA console;

CREATE SCHEMA ledger;

CREATE SCHEMA limits;

CREATE SCHEMA live;

CREATE SCHEMA notify;

CREATE SCHEMA recharge;

CREATE SCHEMA users;

CREATE SCHEMA wallet;

CREATE FUNCTION base.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'base.% is only ever added to', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE FUNCTION catalog.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'catalog.% is append-only: publish a new version instead', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE FUNCTION console.keep_what_was_proposed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION console.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'console.% is only ever added to', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE FUNCTION ledger.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'a transfer is never changed or deleted; post another one';
END
$$;

CREATE FUNCTION notify.wants(kinds text[], kind text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT EXISTS (
        SELECT FROM unnest(kinds) AS pattern
        WHERE pattern = '*'
            OR pattern = kind
            OR (right(pattern, 2) = '.*' AND starts_with(kind, left(pattern, -1)))
    )
$$;

CREATE FUNCTION recharge.keep_the_story() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'the story of an order is only ever added to';
END
$$;

CREATE FUNCTION wallet.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'wallet.% is append-only: what coins cost never changes', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TABLE base.answer (
    scope text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status integer NOT NULL,
    body jsonb NOT NULL,
    at timestamp with time zone NOT NULL
);

CREATE TABLE base.audit (
    number bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    who text NOT NULL,
    act text NOT NULL,
    object text NOT NULL,
    before_hash text,
    after_hash text,
    facts jsonb NOT NULL,
    reason_code text,
    request_id text,
    note_id uuid,
    note_seal bytea,
    previous bytea NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT a_note_is_sealed CHECK (((note_id IS NULL) = (note_seal IS NULL))),
    CONSTRAINT acts_are_counted CHECK ((number > 0))
);

CREATE TABLE base.audit_head (
    one boolean DEFAULT true NOT NULL,
    number bigint DEFAULT 0 NOT NULL,
    hash bytea DEFAULT '\x0000000000000000000000000000000000000000000000000000000000000000'::bytea NOT NULL,
    CONSTRAINT the_audit_head_is_the_true_one CHECK (one)
)
WITH (fillfactor='10');

CREATE TABLE base.audit_note (
    id uuid NOT NULL,
    salt bytea NOT NULL,
    text text NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT a_note_says_something CHECK ((text <> ''::text))
);

CREATE TABLE base.outbox (
    id uuid NOT NULL,
    kind text NOT NULL,
    subject uuid NOT NULL,
    body jsonb NOT NULL,
    at timestamp with time zone NOT NULL,
    transaction xid8 DEFAULT pg_current_xact_id() NOT NULL,
    number bigint NOT NULL
);

ALTER TABLE base.outbox ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME base.outbox_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE catalog.gift (
    number bigint NOT NULL,
    id text NOT NULL,
    name text NOT NULL,
    coins bigint NOT NULL,
    art text NOT NULL,
    published_at timestamp with time zone NOT NULL,
    CONSTRAINT a_gift_costs_coins CHECK ((coins > 0)),
    CONSTRAINT a_number_fits_beside_a_count CHECK (((number > 0) AND (number < '140737488355328'::bigint)))
);

CREATE TABLE catalog.gift_offer (
    publication_id uuid NOT NULL,
    place integer NOT NULL,
    id text NOT NULL,
    number bigint NOT NULL,
    CONSTRAINT a_place_is_counted CHECK ((place > 0))
);

CREATE TABLE catalog.gift_publication (
    id uuid NOT NULL,
    version bigint NOT NULL,
    digest text NOT NULL,
    valid_from timestamp with time zone NOT NULL,
    published_at timestamp with time zone NOT NULL,
    published_by text NOT NULL,
    CONSTRAINT a_gift_version_is_positive CHECK ((version > 0)),
    CONSTRAINT the_past_keeps_its_gifts CHECK ((valid_from >= published_at))
);

CREATE TABLE catalog.pack (
    price_list_id uuid NOT NULL,
    id text NOT NULL,
    coins bigint NOT NULL,
    bonus_coins bigint NOT NULL,
    price_minor bigint NOT NULL,
    CONSTRAINT a_pack_has_a_price CHECK ((price_minor > 0)),
    CONSTRAINT a_pack_has_coins CHECK ((coins > 0)),
    CONSTRAINT bonus_coins_are_not_negative CHECK ((bonus_coins >= 0))
);

CREATE TABLE catalog.price_list (
    id uuid NOT NULL,
    publication_id uuid NOT NULL,
    region text NOT NULL,
    currency text NOT NULL,
    channel text NOT NULL,
    unit_ppm bigint NOT NULL,
    step_minor bigint NOT NULL,
    coins_min bigint NOT NULL,
    coins_max bigint NOT NULL,
    CONSTRAINT a_channel_is_web_or_app CHECK ((channel = ANY (ARRAY['web'::text, 'app'::text]))),
    CONSTRAINT a_coin_has_a_price CHECK ((unit_ppm > 0)),
    CONSTRAINT a_currency_has_three_letters CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT a_price_step_is_positive CHECK ((step_minor > 0)),
    CONSTRAINT bounds_are_in_order CHECK (((0 < coins_min) AND (coins_min <= coins_max)))
);

CREATE TABLE catalog.publication (
    id uuid NOT NULL,
    version bigint NOT NULL,
    digest text NOT NULL,
    valid_from timestamp with time zone NOT NULL,
    published_at timestamp with time zone NOT NULL,
    published_by text NOT NULL,
    CONSTRAINT a_version_is_positive CHECK ((version > 0)),
    CONSTRAINT the_past_keeps_its_prices CHECK ((valid_from >= published_at))
);

CREATE TABLE catalog.region (
    publication_id uuid NOT NULL,
    name text NOT NULL,
    currencies text[] NOT NULL,
    countries text[] NOT NULL,
    is_default boolean NOT NULL,
    CONSTRAINT a_region_has_a_currency CHECK ((cardinality(currencies) > 0))
);

CREATE TABLE console.case_owner (
    kind text NOT NULL,
    subject text NOT NULL,
    since timestamp with time zone NOT NULL,
    taken_by uuid NOT NULL,
    taker text NOT NULL,
    taken_at timestamp with time zone NOT NULL
);

CREATE TABLE console.draft (
    id uuid NOT NULL,
    kind text NOT NULL,
    title text NOT NULL,
    base_version bigint NOT NULL,
    begun_by text NOT NULL,
    begun_at timestamp with time zone NOT NULL,
    dropped_at timestamp with time zone,
    CONSTRAINT a_draft_has_a_known_kind CHECK ((kind = ANY (ARRAY['prices'::text, 'gifts'::text])))
);

CREATE TABLE console.draft_revision (
    draft_id uuid NOT NULL,
    number integer NOT NULL,
    body jsonb NOT NULL,
    hash text NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT a_revision_has_a_number CHECK ((number > 0))
);

CREATE TABLE console.proposal (
    id uuid NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    payload jsonb NOT NULL,
    payload_hash text NOT NULL,
    reason_code text NOT NULL,
    note text NOT NULL,
    proposed_by uuid NOT NULL,
    proposer text NOT NULL,
    proposed_at timestamp with time zone NOT NULL,
    lapses_at timestamp with time zone NOT NULL,
    state text NOT NULL,
    decided_by uuid,
    decider text,
    decided_at timestamp with time zone,
    decision_note text,
    break_glass boolean DEFAULT false NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    next_try_at timestamp with time zone,
    finished_at timestamp with time zone,
    outcome text,
    CONSTRAINT a_decision_names_its_person CHECK ((num_nonnulls(decided_by, decider) = ANY (ARRAY[0, 2]))),
    CONSTRAINT a_proposal_has_a_known_kind CHECK ((kind = ANY (ARRAY['refund'::text, 'credit'::text, 'adjust'::text, 'publish'::text]))),
    CONSTRAINT a_proposal_has_a_known_state CHECK ((state = ANY (ARRAY['waiting'::text, 'approved'::text, 'done'::text, 'failed'::text, 'declined'::text, 'withdrawn'::text, 'lapsed'::text]))),
    CONSTRAINT a_proposal_lapses CHECK ((lapses_at > proposed_at)),
    CONSTRAINT two_people_decide CHECK (((state <> ALL (ARRAY['approved'::text, 'done'::text, 'failed'::text])) OR ((decided_by IS NOT NULL) AND (break_glass OR (decided_by <> proposed_by)))))
);

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
    "timestamp" bigint NOT NULL,
    seal bytea NOT NULL,
    CONSTRAINT an_account_belongs_to_a_ledger CHECK (((ledger > 0) AND (code > 0))),
    CONSTRAINT counters_are_never_negative CHECK (((debits_pending >= 0) AND (debits_posted >= 0) AND (credits_pending >= 0) AND (credits_posted >= 0))),
    CONSTRAINT credits_do_not_exceed_debits CHECK ((((flags & 4) = 0) OR (credits_pending <= (debits_posted - credits_posted)))),
    CONSTRAINT debits_do_not_exceed_credits CHECK ((((flags & 2) = 0) OR (debits_pending <= (credits_posted - debits_posted))))
)
WITH (fillfactor='50');

CREATE TABLE ledger.failed (
    id uuid NOT NULL,
    status integer NOT NULL,
    "timestamp" bigint NOT NULL,
    seal bytea NOT NULL
);

CREATE TABLE ledger.head (
    one boolean DEFAULT true NOT NULL,
    installation uuid DEFAULT gen_random_uuid() NOT NULL,
    epoch bigint DEFAULT 1 NOT NULL,
    batch bigint DEFAULT 0 NOT NULL,
    "timestamp" bigint DEFAULT 0 NOT NULL,
    account_count bigint DEFAULT 0 NOT NULL,
    transfer_count bigint DEFAULT 0 NOT NULL,
    failed_count bigint DEFAULT 0 NOT NULL,
    account_seal bytea DEFAULT '\x00000000000000000000000000000000'::bytea NOT NULL,
    transfer_seal bytea DEFAULT '\x00000000000000000000000000000000'::bytea NOT NULL,
    failed_seal bytea DEFAULT '\x00000000000000000000000000000000'::bytea NOT NULL,
    CONSTRAINT the_head_is_the_true_one CHECK (one)
)
WITH (fillfactor='10');

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
    created_at timestamp with time zone NOT NULL,
    settled_at timestamp with time zone,
    CONSTRAINT a_settled_intent_says_when_and_how CHECK ((((state = 'open'::text) = (settled_at IS NULL)) AND ((state = 'open'::text) = (status IS NULL)))),
    CONSTRAINT an_intent_has_a_known_state CHECK ((state = ANY (ARRAY['open'::text, 'posted'::text, 'refused'::text]))),
    CONSTRAINT attempts_count_from_one CHECK ((attempt >= 1))
);

CREATE TABLE ledger.pending (
    id uuid NOT NULL,
    status smallint NOT NULL,
    expires_at_ns bigint NOT NULL,
    resolved_at_ns bigint NOT NULL,
    CONSTRAINT a_hold_has_a_known_status CHECK (((status >= 1) AND (status <= 4)))
)
WITH (fillfactor='80');

CREATE TABLE ledger.reader (
    name text NOT NULL,
    position_ns bigint DEFAULT 0 NOT NULL,
    passed_count bigint DEFAULT 0 NOT NULL,
    CONSTRAINT a_reader_goes_forward_from_zero CHECK (((position_ns >= 0) AND (passed_count >= 0)))
)
WITH (fillfactor='50');

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
    "timestamp" bigint NOT NULL,
    seal bytea NOT NULL,
    CONSTRAINT a_transfer_joins_two_accounts CHECK ((debit_account_id <> credit_account_id)),
    CONSTRAINT an_amount_is_never_negative CHECK ((amount >= 0))
);

CREATE TABLE ledger.writer (
    id uuid NOT NULL,
    batch bigint NOT NULL,
    reply bytea NOT NULL,
    at timestamp with time zone NOT NULL
)
WITH (fillfactor='50');
ALTER TABLE ONLY ledger.writer ALTER COLUMN reply SET STORAGE EXTERNAL;

CREATE TABLE limits.hold (
    recharge_id uuid NOT NULL,
    window_id uuid NOT NULL,
    transfer_id numeric(39,0) NOT NULL,
    state text DEFAULT 'held'::text NOT NULL,
    CONSTRAINT a_hold_has_a_known_state CHECK ((state = ANY (ARRAY['held'::text, 'taken'::text, 'free'::text])))
);

CREATE TABLE limits.person (
    user_id uuid NOT NULL,
    wallet_account_id numeric(39,0) NOT NULL,
    answered_at timestamp with time zone,
    due_at timestamp with time zone,
    marks bigint DEFAULT 0 NOT NULL
);

CREATE TABLE limits.recharge (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    state text NOT NULL,
    counts_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone,
    CONSTRAINT a_recharge_has_a_known_state CHECK ((state = ANY (ARRAY['asked'::text, 'held'::text, 'refused'::text, 'taken'::text, 'free'::text]))),
    CONSTRAINT a_recharge_is_of_money CHECK ((amount_minor > 0))
);

CREATE TABLE limits.setting (
    user_id uuid NOT NULL,
    kind text NOT NULL,
    period text NOT NULL,
    generation integer DEFAULT 0 NOT NULL,
    mode text,
    amount bigint,
    currency text,
    set_at timestamp with time zone NOT NULL,
    raise_asked_at timestamp with time zone,
    raise_mode text,
    raise_amount bigint,
    raise_currency text,
    CONSTRAINT a_limit_is_of_coins_or_money CHECK ((kind = ANY (ARRAY['coins'::text, 'money'::text]))),
    CONSTRAINT a_limit_is_per_purchase_day_week_or_month CHECK ((period = ANY (ARRAY['purchase'::text, 'day'::text, 'week'::text, 'month'::text]))),
    CONSTRAINT a_limit_tells_or_stops CHECK ((((mode IS NULL) AND (amount IS NULL) AND (currency IS NULL)) OR ((mode = ANY (ARRAY['tell'::text, 'stop'::text])) AND (amount >= 0) AND ((kind = 'money'::text) = (currency IS NOT NULL))))),
    CONSTRAINT a_raise_is_of_a_limit CHECK (((raise_asked_at IS NULL) OR (mode IS NOT NULL))),
    CONSTRAINT a_raise_says_what_it_wants CHECK ((((raise_mode IS NULL) AND (raise_amount IS NULL) AND (raise_currency IS NULL)) OR ((raise_asked_at IS NOT NULL) AND (raise_mode = ANY (ARRAY['tell'::text, 'stop'::text])) AND (raise_amount >= 0) AND ((kind = 'money'::text) = (raise_currency IS NOT NULL)))))
);

CREATE TABLE limits."window" (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    kind text NOT NULL,
    period text NOT NULL,
    generation integer NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    time_zone text NOT NULL,
    account_id numeric(39,0) NOT NULL,
    used_account_id numeric(39,0) NOT NULL,
    opened_at timestamp with time zone,
    version integer DEFAULT 0 NOT NULL,
    adjusting text,
    counted bigint DEFAULT 0 NOT NULL,
    counted_to_ns bigint DEFAULT 0 NOT NULL,
    told_percent integer DEFAULT 0 NOT NULL,
    CONSTRAINT a_window_counts_up CHECK (((counted >= 0) AND (counted_to_ns >= 0))),
    CONSTRAINT a_window_has_a_length CHECK ((starts_at < ends_at))
);

CREATE TABLE live.asking (
    user_id uuid NOT NULL,
    currency text NOT NULL,
    above_minor bigint NOT NULL,
    set_at timestamp with time zone NOT NULL,
    CONSTRAINT asked_above_something CHECK ((above_minor >= 0))
);

CREATE TABLE live.board (
    room_id uuid NOT NULL,
    sender_id uuid NOT NULL,
    coins bigint NOT NULL,
    gifts bigint NOT NULL,
    reached_at_ns bigint NOT NULL
)
WITH (fillfactor='50');

CREATE TABLE live.event (
    room_id uuid NOT NULL,
    number bigint NOT NULL,
    transfer_id uuid NOT NULL,
    at_ns bigint NOT NULL,
    sender_id uuid NOT NULL,
    creator_id uuid NOT NULL,
    gift_number bigint NOT NULL,
    count integer NOT NULL,
    coins bigint NOT NULL,
    CONSTRAINT an_event_counts_from_one CHECK ((number > 0))
);

CREATE TABLE live.room (
    id uuid NOT NULL,
    creator_id uuid NOT NULL,
    title text NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone,
    CONSTRAINT a_room_closes_after_it_opened CHECK ((closed_at >= opened_at)),
    CONSTRAINT a_room_has_a_title CHECK ((title <> ''::text))
);

CREATE TABLE live.room_total (
    room_id uuid NOT NULL,
    number bigint NOT NULL,
    coins bigint NOT NULL,
    gifts bigint NOT NULL
)
WITH (fillfactor='50');

CREATE TABLE notify.attempt (
    delivery_id bigint NOT NULL,
    number integer NOT NULL,
    at timestamp with time zone NOT NULL,
    duration_ms integer NOT NULL,
    status integer,
    trouble text NOT NULL,
    answer text NOT NULL
);

CREATE TABLE notify.delivery (
    id bigint NOT NULL,
    endpoint_id uuid NOT NULL,
    "position" bigint,
    user_id uuid,
    kind text NOT NULL,
    cause text NOT NULL,
    state text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    first_at timestamp with time zone,
    due_at timestamp with time zone,
    finished_at timestamp with time zone,
    CONSTRAINT a_delivery_has_a_cause CHECK ((cause = ANY (ARRAY['event'::text, 'replay'::text, 'resend'::text, 'test'::text]))),
    CONSTRAINT a_delivery_has_a_state CHECK ((state = ANY (ARRAY['waiting'::text, 'delivered'::text, 'given_up'::text]))),
    CONSTRAINT only_a_test_has_no_event CHECK ((((cause = 'test'::text) = ("position" IS NULL)) AND ((cause = 'test'::text) = (user_id IS NULL)))),
    CONSTRAINT what_is_over_has_an_end CHECK (((state = 'waiting'::text) = (finished_at IS NULL)))
);

ALTER TABLE notify.delivery ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME notify.delivery_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE notify.endpoint (
    id uuid NOT NULL,
    url text NOT NULL,
    description text NOT NULL,
    kinds text[] NOT NULL,
    salt bytea NOT NULL,
    previous_salt bytea,
    previous_until timestamp with time zone,
    state text NOT NULL,
    off_since timestamp with time zone,
    off_reason text,
    off_position bigint,
    failures integer DEFAULT 0 NOT NULL,
    failing_since timestamp with time zone,
    resting_until timestamp with time zone,
    created_by text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    removed_at timestamp with time zone,
    CONSTRAINT an_endpoint_asks_for_something CHECK ((cardinality(kinds) > 0)),
    CONSTRAINT an_endpoint_is_on_or_off CHECK ((state = ANY (ARRAY['on'::text, 'off'::text]))),
    CONSTRAINT off_has_a_reason CHECK (((state = 'off'::text) = ((off_since IS NOT NULL) AND (off_reason IS NOT NULL) AND (off_position IS NOT NULL))))
);

CREATE TABLE notify.event (
    "position" bigint NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    sequence bigint NOT NULL,
    kind text NOT NULL,
    body jsonb NOT NULL,
    at timestamp with time zone NOT NULL
);

CREATE TABLE notify.head (
    single boolean DEFAULT true NOT NULL,
    "position" bigint NOT NULL,
    CONSTRAINT the_head_is_single CHECK (single)
);

CREATE TABLE notify.lane (
    endpoint_id uuid NOT NULL,
    user_id uuid NOT NULL,
    due_at timestamp with time zone,
    claim uuid
);

CREATE TABLE notify.message (
    id bigint NOT NULL,
    user_id uuid NOT NULL,
    event_id uuid NOT NULL,
    kind text NOT NULL,
    facts jsonb NOT NULL,
    at timestamp with time zone NOT NULL,
    read_at timestamp with time zone
);

ALTER TABLE notify.message ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME notify.message_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE notify.person (
    user_id uuid NOT NULL,
    sequence bigint NOT NULL
);

CREATE TABLE public.migration (
    name text NOT NULL,
    digest bytea NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE recharge.attempt (
    order_id uuid NOT NULL,
    number integer NOT NULL,
    state text NOT NULL,
    provider text NOT NULL,
    environment text NOT NULL,
    idempotency_key text NOT NULL,
    payment_id text,
    pay_url text,
    claimed_until timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT a_known_attempt_names_its_payment CHECK (((state = 'known'::text) = (payment_id IS NOT NULL))),
    CONSTRAINT an_attempt_has_a_known_state CHECK ((state = ANY (ARRAY['new'::text, 'known'::text, 'unknown'::text, 'refused'::text])))
);

CREATE TABLE recharge.event (
    id bigint NOT NULL,
    order_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    source text NOT NULL,
    kind text NOT NULL,
    body jsonb NOT NULL,
    refs text[] NOT NULL,
    CONSTRAINT an_event_has_a_known_source CHECK ((source = ANY (ARRAY['user'::text, 'operator'::text, 'us'::text, 'provider'::text, 'ledger'::text])))
);

ALTER TABLE recharge.event ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME recharge.event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE recharge.inbox (
    id bigint NOT NULL,
    source text NOT NULL,
    environment text NOT NULL,
    external_id text NOT NULL,
    kind text NOT NULL,
    payment_id text,
    order_id uuid,
    body bytea NOT NULL,
    headers jsonb NOT NULL,
    received_at timestamp with time zone NOT NULL,
    occurred_at timestamp with time zone,
    state text DEFAULT 'pending'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    next_attempt_at timestamp with time zone NOT NULL,
    via text NOT NULL,
    CONSTRAINT a_message_came_some_way CHECK ((via = ANY (ARRAY['push'::text, 'poll'::text, 'replay'::text]))),
    CONSTRAINT a_message_has_a_known_state CHECK ((state = ANY (ARRAY['pending'::text, 'done'::text, 'ignored'::text, 'parked'::text, 'failed'::text])))
);

ALTER TABLE recharge.inbox ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME recharge.inbox_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE recharge."order" (
    id uuid NOT NULL,
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
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    next_check_at timestamp with time zone,
    last_ticket bigint DEFAULT 0 NOT NULL,
    cancel_asked_at timestamp with time zone,
    paid_at timestamp with time zone,
    captured_minor bigint,
    captured_currency text,
    credit_intent uuid,
    credit_ticket bigint,
    credited_at timestamp with time zone,
    taken_coins bigint DEFAULT 0 NOT NULL,
    target_coins bigint,
    review_reason text,
    review_token text,
    review_deadline timestamp with time zone,
    approved_token text,
    failure_kind text,
    failure_code text,
    answer jsonb,
    country text,
    CONSTRAINT a_country_has_two_letters CHECK ((country ~ '^[A-Z]{2}$'::text)),
    CONSTRAINT a_credit_names_the_captured_money CHECK (((credit_intent IS NULL) OR (captured_minor IS NOT NULL))),
    CONSTRAINT a_credited_order_has_its_intent CHECK (((credited_at IS NULL) OR (credit_intent IS NOT NULL))),
    CONSTRAINT a_review_has_its_reason CHECK (((state <> 'needs_review'::text) OR ((review_reason IS NOT NULL) AND (review_token IS NOT NULL)))),
    CONSTRAINT an_order_buys_coins CHECK (((coins > 0) AND (bonus_coins >= 0))),
    CONSTRAINT an_order_costs_money CHECK ((price_minor > 0)),
    CONSTRAINT an_order_has_a_known_state CHECK ((state = ANY (ARRAY['created'::text, 'needs_guardian'::text, 'awaiting_user'::text, 'action_required'::text, 'processing'::text, 'unknown'::text, 'failed'::text, 'canceled'::text, 'expired'::text, 'paid'::text, 'needs_review'::text, 'credited'::text, 'refund_pending'::text, 'partially_reversed'::text, 'reversed'::text, 'disputed'::text]))),
    CONSTRAINT an_order_is_test_or_live CHECK ((environment = ANY (ARRAY['test'::text, 'live'::text]))),
    CONSTRAINT never_more_coins_back_than_came CHECK (((taken_coins >= 0) AND (taken_coins <= (coins + bonus_coins))))
);

CREATE TABLE recharge.refund (
    id uuid NOT NULL,
    order_id uuid NOT NULL,
    number integer NOT NULL,
    state text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    coins bigint NOT NULL,
    operator text NOT NULL,
    reason text NOT NULL,
    provider_refund_id text,
    reserve_transfer_id uuid,
    next_check_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT a_refund_has_a_known_state CHECK ((state = ANY (ARRAY['reserving'::text, 'reserved'::text, 'posting'::text, 'voiding'::text, 'done'::text, 'failed'::text, 'refused'::text]))),
    CONSTRAINT a_refund_returns_money CHECK (((amount_minor > 0) AND (coins >= 0)))
);

CREATE SEQUENCE recharge.ticket
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

CREATE TABLE users.api_key (
    id uuid NOT NULL,
    name text NOT NULL,
    environment text NOT NULL,
    hint text NOT NULL,
    key_hash bytea NOT NULL,
    scopes text[] NOT NULL,
    created_by text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    last_used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT a_key_hash_is_sha256 CHECK ((length(key_hash) = 32)),
    CONSTRAINT a_key_is_for_test_or_live CHECK ((environment = ANY (ARRAY['test'::text, 'live'::text])))
);

CREATE TABLE users.hand_off (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    landing text NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    CONSTRAINT a_link_is_used_in_time CHECK ((used_at < expires_at))
);

CREATE TABLE users.operator (
    id uuid NOT NULL,
    email text NOT NULL,
    display_name text NOT NULL,
    role text NOT NULL,
    password_hash text NOT NULL,
    created_by text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    disabled_at timestamp with time zone,
    CONSTRAINT a_password_is_hashed CHECK ((password_hash ~~ '$argon2id$%'::text)),
    CONSTRAINT a_role_is_known CHECK ((role = ANY (ARRAY['support'::text, 'finance'::text, 'admin'::text]))),
    CONSTRAINT an_email_is_in_lower_case CHECK ((email = lower(email)))
);

CREATE TABLE users.person (
    id uuid NOT NULL,
    external_id text NOT NULL,
    display_name text NOT NULL,
    birth_on date,
    age_method text,
    age_reference text,
    age_at timestamp with time zone,
    age_min integer,
    country text NOT NULL,
    language text NOT NULL,
    time_zone text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT a_country_has_two_letters CHECK ((country ~ '^[A-Z]{2}$'::text)),
    CONSTRAINT a_person_has_a_name CHECK (((length(display_name) >= 1) AND (length(display_name) <= 80))),
    CONSTRAINT a_proven_age_is_positive CHECK ((age_min > 0)),
    CONSTRAINT age_evidence_is_whole_or_absent CHECK ((num_nonnulls(age_method, age_reference, age_at, age_min) = ANY (ARRAY[0, 4]))),
    CONSTRAINT an_external_id_is_not_empty CHECK (((length(external_id) >= 1) AND (length(external_id) <= 200)))
);

CREATE TABLE users.restriction (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    scope text NOT NULL,
    reason_code text NOT NULL,
    sentence text NOT NULL,
    next_step text NOT NULL,
    expires_at timestamp with time zone,
    placed_by text NOT NULL,
    placed_at timestamp with time zone NOT NULL,
    lifted_at timestamp with time zone,
    lifted_by text,
    lift_reason text,
    CONSTRAINT a_lift_says_who_and_why CHECK (((num_nonnulls(lifted_at, lifted_by, lift_reason) = ANY (ARRAY[0, 3])) AND (lift_reason <> ''::text))),
    CONSTRAINT a_restriction_ends_after_it_begins CHECK ((expires_at > placed_at)),
    CONSTRAINT a_restriction_says_why CHECK (((sentence <> ''::text) AND (next_step <> ''::text))),
    CONSTRAINT a_restriction_stops_something CHECK ((scope = ANY (ARRAY['recharge'::text, 'gift'::text, 'promote'::text, 'cash_out'::text])))
);

CREATE TABLE users.session (
    token_hash bytea NOT NULL,
    user_id uuid,
    operator_id uuid,
    began_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT a_session_has_one_owner CHECK ((num_nonnulls(user_id, operator_id) = 1)),
    CONSTRAINT a_token_hash_is_sha256 CHECK ((length(token_hash) = 32))
);

CREATE TABLE users.sign_in_attempt (
    id uuid NOT NULL,
    email_hash bytea NOT NULL,
    at timestamp with time zone NOT NULL
);

CREATE TABLE wallet.lot (
    id uuid NOT NULL,
    kind text NOT NULL,
    user_id uuid NOT NULL,
    coins bigint NOT NULL,
    price_minor bigint,
    currency text,
    granted_at timestamp with time zone NOT NULL,
    transfer_id numeric(39,0) NOT NULL,
    CONSTRAINT a_lot_has_coins CHECK ((coins > 0)),
    CONSTRAINT a_lot_is_paid_or_promotional CHECK ((kind = ANY (ARRAY['paid'::text, 'promotional'::text]))),
    CONSTRAINT only_paid_lots_have_a_price CHECK ((((kind = 'paid'::text) AND (price_minor > 0) AND (currency ~ '^[A-Z]{3}$'::text)) OR ((kind = 'promotional'::text) AND (price_minor IS NULL) AND (currency IS NULL))))
);

ALTER TABLE ONLY base.answer
    ADD CONSTRAINT a_key_has_one_answer PRIMARY KEY (scope, key);

ALTER TABLE ONLY base.audit
    ADD CONSTRAINT an_act_has_one_successor UNIQUE (previous);

ALTER TABLE ONLY base.audit_note
    ADD CONSTRAINT audit_note_pkey PRIMARY KEY (id);

ALTER TABLE ONLY base.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (number);

ALTER TABLE ONLY base.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (id);

ALTER TABLE ONLY base.audit_head
    ADD CONSTRAINT the_audit_has_one_head PRIMARY KEY (one);

ALTER TABLE ONLY catalog.gift_offer
    ADD CONSTRAINT a_gift_is_offered_once UNIQUE (publication_id, id);

ALTER TABLE ONLY catalog.price_list
    ADD CONSTRAINT a_place_has_one_list UNIQUE (publication_id, region, currency, channel);

ALTER TABLE ONLY catalog.pack
    ADD CONSTRAINT a_size_is_offered_once UNIQUE (price_list_id, coins);

ALTER TABLE ONLY catalog.gift
    ADD CONSTRAINT a_version_belongs_to_its_gift UNIQUE (number, id);

ALTER TABLE ONLY catalog.gift_offer
    ADD CONSTRAINT gift_offer_pkey PRIMARY KEY (publication_id, place);

ALTER TABLE ONLY catalog.gift
    ADD CONSTRAINT gift_pkey PRIMARY KEY (number);

ALTER TABLE ONLY catalog.gift_publication
    ADD CONSTRAINT gift_publication_pkey PRIMARY KEY (id);

ALTER TABLE ONLY catalog.gift_publication
    ADD CONSTRAINT gift_versions_are_counted UNIQUE (version);

ALTER TABLE ONLY catalog.pack
    ADD CONSTRAINT pack_pkey PRIMARY KEY (price_list_id, id);

ALTER TABLE ONLY catalog.price_list
    ADD CONSTRAINT price_list_pkey PRIMARY KEY (id);

ALTER TABLE ONLY catalog.publication
    ADD CONSTRAINT publication_pkey PRIMARY KEY (id);

ALTER TABLE ONLY catalog.region
    ADD CONSTRAINT region_pkey PRIMARY KEY (publication_id, name);

ALTER TABLE ONLY catalog.publication
    ADD CONSTRAINT versions_are_counted UNIQUE (version);

ALTER TABLE ONLY console.case_owner
    ADD CONSTRAINT a_case_has_one_owner PRIMARY KEY (kind, subject);

ALTER TABLE ONLY console.draft
    ADD CONSTRAINT draft_pkey PRIMARY KEY (id);

ALTER TABLE ONLY console.proposal
    ADD CONSTRAINT proposal_pkey PRIMARY KEY (id);

ALTER TABLE ONLY console.draft_revision
    ADD CONSTRAINT revisions_are_numbered PRIMARY KEY (draft_id, number);

ALTER TABLE ONLY ledger.failed
    ADD CONSTRAINT a_failure_has_its_own_instant UNIQUE ("timestamp");

ALTER TABLE ONLY ledger.pending
    ADD CONSTRAINT a_hold_has_one_status PRIMARY KEY (id);

ALTER TABLE ONLY ledger.reader
    ADD CONSTRAINT a_reader_has_one_position PRIMARY KEY (name);

ALTER TABLE ONLY ledger.intent
    ADD CONSTRAINT a_step_is_frozen_once_an_attempt UNIQUE (room, subject, step, attempt);

ALTER TABLE ONLY ledger.transfer
    ADD CONSTRAINT a_transfer_has_its_own_instant UNIQUE ("timestamp");

ALTER TABLE ONLY ledger.transfer
    ADD CONSTRAINT a_transfer_has_one_id PRIMARY KEY (id);

ALTER TABLE ONLY ledger.writer
    ADD CONSTRAINT a_writer_has_one_last_answer PRIMARY KEY (id);

ALTER TABLE ONLY ledger.account
    ADD CONSTRAINT an_account_has_its_own_instant UNIQUE ("timestamp");

ALTER TABLE ONLY ledger.account
    ADD CONSTRAINT an_account_has_one_id PRIMARY KEY (id);

ALTER TABLE ONLY ledger.failed
    ADD CONSTRAINT an_id_fails_once PRIMARY KEY (id);

ALTER TABLE ONLY ledger.intent
    ADD CONSTRAINT an_intent_has_one_id PRIMARY KEY (id);

ALTER TABLE ONLY ledger.head
    ADD CONSTRAINT the_ledger_has_one_head PRIMARY KEY (one);

ALTER TABLE ONLY limits.setting
    ADD CONSTRAINT a_limit_is_set_once PRIMARY KEY (user_id, kind, period);

ALTER TABLE ONLY limits.hold
    ADD CONSTRAINT a_recharge_holds_a_window_once PRIMARY KEY (recharge_id, window_id);

ALTER TABLE ONLY limits.person
    ADD CONSTRAINT a_wallet_is_one_persons UNIQUE (wallet_account_id);

ALTER TABLE ONLY limits."window"
    ADD CONSTRAINT a_window_begins_once UNIQUE (user_id, kind, period, generation, starts_at);

ALTER TABLE ONLY limits.person
    ADD CONSTRAINT person_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY limits.recharge
    ADD CONSTRAINT recharge_pkey PRIMARY KEY (id);

ALTER TABLE ONLY limits."window"
    ADD CONSTRAINT window_pkey PRIMARY KEY (id);

ALTER TABLE ONLY live.room_total
    ADD CONSTRAINT a_room_has_one_total PRIMARY KEY (room_id);

ALTER TABLE ONLY live.event
    ADD CONSTRAINT a_rooms_events_are_numbered PRIMARY KEY (room_id, number);

ALTER TABLE ONLY live.board
    ADD CONSTRAINT a_sender_has_one_line_a_room PRIMARY KEY (room_id, sender_id);

ALTER TABLE ONLY live.asking
    ADD CONSTRAINT asking_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY live.room
    ADD CONSTRAINT room_pkey PRIMARY KEY (id);

ALTER TABLE ONLY notify.lane
    ADD CONSTRAINT a_lane_for_an_endpoint_and_a_user PRIMARY KEY (endpoint_id, user_id);

ALTER TABLE ONLY notify.event
    ADD CONSTRAINT a_position_has_one_event PRIMARY KEY ("position");

ALTER TABLE ONLY notify.event
    ADD CONSTRAINT a_user_has_each_number_once UNIQUE (user_id, sequence);

ALTER TABLE ONLY notify.event
    ADD CONSTRAINT an_event_is_taken_once UNIQUE (id);

ALTER TABLE ONLY notify.message
    ADD CONSTRAINT an_event_makes_one_message UNIQUE (event_id);

ALTER TABLE ONLY notify.delivery
    ADD CONSTRAINT delivery_pkey PRIMARY KEY (id);

ALTER TABLE ONLY notify.endpoint
    ADD CONSTRAINT endpoint_pkey PRIMARY KEY (id);

ALTER TABLE ONLY notify.message
    ADD CONSTRAINT message_pkey PRIMARY KEY (id);

ALTER TABLE ONLY notify.person
    ADD CONSTRAINT person_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY notify.head
    ADD CONSTRAINT there_is_one_head PRIMARY KEY (single);

ALTER TABLE ONLY public.migration
    ADD CONSTRAINT migration_pkey PRIMARY KEY (name);

ALTER TABLE ONLY recharge.inbox
    ADD CONSTRAINT a_message_is_kept_once UNIQUE (source, environment, external_id);

ALTER TABLE ONLY recharge.attempt
    ADD CONSTRAINT a_payment_belongs_to_one_attempt UNIQUE (provider, environment, payment_id);

ALTER TABLE ONLY recharge.attempt
    ADD CONSTRAINT an_attempt_has_its_own_key UNIQUE (provider, environment, idempotency_key);

ALTER TABLE ONLY recharge.attempt
    ADD CONSTRAINT attempts_are_numbered PRIMARY KEY (order_id, number);

ALTER TABLE ONLY recharge.event
    ADD CONSTRAINT event_pkey PRIMARY KEY (id);

ALTER TABLE ONLY recharge.inbox
    ADD CONSTRAINT inbox_pkey PRIMARY KEY (id);

ALTER TABLE ONLY recharge."order"
    ADD CONSTRAINT order_pkey PRIMARY KEY (id);

ALTER TABLE ONLY recharge.refund
    ADD CONSTRAINT refund_pkey PRIMARY KEY (id);

ALTER TABLE ONLY recharge.refund
    ADD CONSTRAINT refunds_of_an_order_are_numbered UNIQUE (order_id, number);

ALTER TABLE ONLY users.api_key
    ADD CONSTRAINT a_key_is_made_once UNIQUE (key_hash);

ALTER TABLE ONLY users.operator
    ADD CONSTRAINT an_email_names_one_operator UNIQUE (email);

ALTER TABLE ONLY users.person
    ADD CONSTRAINT an_external_id_names_one_person UNIQUE (external_id);

ALTER TABLE ONLY users.api_key
    ADD CONSTRAINT api_key_pkey PRIMARY KEY (id);

ALTER TABLE ONLY users.hand_off
    ADD CONSTRAINT hand_off_pkey PRIMARY KEY (id);

ALTER TABLE ONLY users.operator
    ADD CONSTRAINT operator_pkey PRIMARY KEY (id);

ALTER TABLE ONLY users.person
    ADD CONSTRAINT person_pkey PRIMARY KEY (id);

ALTER TABLE ONLY users.restriction
    ADD CONSTRAINT restriction_pkey PRIMARY KEY (id);

ALTER TABLE ONLY users.session
    ADD CONSTRAINT session_pkey PRIMARY KEY (token_hash);

ALTER TABLE ONLY users.sign_in_attempt
    ADD CONSTRAINT sign_in_attempt_pkey PRIMARY KEY (id);

ALTER TABLE ONLY wallet.lot
    ADD CONSTRAINT an_order_makes_one_lot_of_a_kind PRIMARY KEY (id, kind);

CREATE INDEX audit_by_time ON base.audit USING btree (at);

CREATE INDEX audit_of_act ON base.audit USING btree (act, number);

CREATE INDEX audit_of_object ON base.audit USING btree (object, number);

CREATE INDEX audit_of_request ON base.audit USING btree (request_id) WHERE (request_id IS NOT NULL);

CREATE INDEX audit_of_who ON base.audit USING btree (who, number);

CREATE UNIQUE INDEX outbox_in_order ON base.outbox USING btree (number);

CREATE UNIQUE INDEX one_region_takes_the_rest ON catalog.region USING btree (publication_id) WHERE is_default;

CREATE INDEX draft_newest_first ON console.draft USING btree (begun_at DESC, id DESC);

CREATE UNIQUE INDEX one_open_proposal_of_a_kind ON console.proposal USING btree (kind, subject) WHERE ((state = ANY (ARRAY['waiting'::text, 'approved'::text])) AND (kind <> 'adjust'::text));

CREATE INDEX proposal_newest_first ON console.proposal USING btree (proposed_at DESC, id DESC);

CREATE INDEX proposal_of_subject ON console.proposal USING btree (subject, proposed_at DESC);

CREATE INDEX proposal_to_carry_out ON console.proposal USING btree (next_try_at) WHERE (state = 'approved'::text);

CREATE INDEX proposal_to_decide ON console.proposal USING btree (lapses_at) WHERE (state = 'waiting'::text);

CREATE UNIQUE INDEX a_hold_is_resolved_once ON ledger.transfer USING btree (pending_id) WHERE (pending_id <> '00000000-0000-0000-0000-000000000000'::uuid);

CREATE INDEX intent_open ON ledger.intent USING btree (created_at, id) WHERE (state = 'open'::text);

CREATE INDEX pending_due ON ledger.pending USING btree (expires_at_ns, id) WHERE ((status = 1) AND (expires_at_ns > 0));

CREATE INDEX transfer_credits ON ledger.transfer USING btree (credit_account_id, "timestamp");

CREATE INDEX transfer_debits ON ledger.transfer USING btree (debit_account_id, "timestamp");

CREATE INDEX hold_in_a_window ON limits.hold USING btree (window_id);

CREATE INDEX person_to_count ON limits.person USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX recharge_of_a_user ON limits.recharge USING btree (user_id, counts_at);

CREATE INDEX recharge_to_finish ON limits.recharge USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX board_in_order ON live.board USING btree (room_id, coins DESC, reached_at_ns);

CREATE UNIQUE INDEX one_open_room_a_creator ON live.room USING btree (creator_id) WHERE (closed_at IS NULL);

CREATE INDEX rooms_by_opening ON live.room USING btree (opened_at DESC, id DESC);

CREATE INDEX rooms_of_a_creator ON live.room USING btree (creator_id, opened_at DESC, id DESC);

CREATE UNIQUE INDEX an_event_is_due_once ON notify.delivery USING btree (endpoint_id, "position") WHERE (cause = 'event'::text);

CREATE INDEX attempts_of_a_delivery ON notify.attempt USING btree (delivery_id);

CREATE INDEX deliveries_by_end ON notify.delivery USING btree (finished_at) WHERE (finished_at IS NOT NULL);

CREATE INDEX deliveries_of_an_endpoint ON notify.delivery USING btree (endpoint_id, id);

CREATE INDEX deliveries_that_wait ON notify.delivery USING btree (endpoint_id, user_id, id) WHERE (state = 'waiting'::text);

CREATE INDEX events_by_time ON notify.event USING btree (at);

CREATE INDEX lanes_by_time ON notify.lane USING btree (endpoint_id, due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX messages_by_time ON notify.message USING btree (at);

CREATE INDEX messages_not_read ON notify.message USING btree (user_id) WHERE (read_at IS NULL);

CREATE INDEX messages_of_a_user ON notify.message USING btree (user_id, id);

CREATE INDEX event_by_any_id ON recharge.event USING gin (refs);

CREATE INDEX event_of_an_order ON recharge.event USING btree (order_id, id);

CREATE INDEX message_of_an_order ON recharge.inbox USING btree (order_id) WHERE (order_id IS NOT NULL);

CREATE INDEX message_to_work_on ON recharge.inbox USING btree (next_attempt_at) WHERE (state = ANY (ARRAY['pending'::text, 'parked'::text]));

CREATE UNIQUE INDEX one_open_refund_at_a_time ON recharge.refund USING btree (order_id) WHERE (state = ANY (ARRAY['reserving'::text, 'reserved'::text, 'posting'::text, 'voiding'::text]));

CREATE INDEX order_by_country ON recharge."order" USING btree (country, created_at DESC, id DESC);

CREATE INDEX order_by_state ON recharge."order" USING btree (state, changed_at, id);

CREATE INDEX order_newest_first ON recharge."order" USING btree (created_at DESC, id DESC);

CREATE INDEX order_of_a_user_newest_first ON recharge."order" USING btree (user_id, created_at DESC, id DESC);

CREATE INDEX order_to_ask_about ON recharge."order" USING btree (next_check_at) WHERE (next_check_at IS NOT NULL);

CREATE INDEX refund_open ON recharge.refund USING btree (created_at) WHERE (state = ANY (ARRAY['reserving'::text, 'reserved'::text, 'posting'::text, 'voiding'::text]));

CREATE INDEX refund_to_ask_about ON recharge.refund USING btree (next_check_at) WHERE (next_check_at IS NOT NULL);

CREATE INDEX hand_off_by_time ON users.hand_off USING btree (expires_at);

CREATE INDEX person_by_country ON users.person USING btree (country, created_at DESC, id DESC);

CREATE INDEX person_by_name ON users.person USING btree (lower(display_name) text_pattern_ops);

CREATE INDEX person_newest_first ON users.person USING btree (created_at DESC, id DESC);

CREATE INDEX restriction_of_person ON users.restriction USING btree (user_id, placed_at);

CREATE INDEX session_by_time ON users.session USING btree (seen_at);

CREATE INDEX session_of_operator ON users.session USING btree (operator_id) WHERE (operator_id IS NOT NULL);

CREATE INDEX session_of_person ON users.session USING btree (user_id) WHERE (user_id IS NOT NULL);

CREATE INDEX sign_in_attempt_by_email ON users.sign_in_attempt USING btree (email_hash, at);

CREATE INDEX sign_in_attempt_by_time ON users.sign_in_attempt USING btree (at);

CREATE INDEX lots_of_a_user ON wallet.lot USING btree (user_id);

CREATE TRIGGER a_note_never_changes BEFORE DELETE OR UPDATE OR TRUNCATE ON base.audit_note FOR EACH STATEMENT EXECUTE FUNCTION base.refuse_change();

CREATE TRIGGER an_act_never_changes BEFORE DELETE OR UPDATE OR TRUNCATE ON base.audit FOR EACH STATEMENT EXECUTE FUNCTION base.refuse_change();

CREATE TRIGGER the_audit_head_stays BEFORE DELETE OR TRUNCATE ON base.audit_head FOR EACH STATEMENT EXECUTE FUNCTION base.refuse_change();

CREATE TRIGGER gift_is_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON catalog.gift FOR EACH STATEMENT EXECUTE FUNCTION catalog.refuse_change();

CREATE TRIGGER gift_offer_is_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON catalog.gift_offer FOR EACH STATEMENT EXECUTE FUNCTION catalog.refuse_change();

CREATE TRIGGER gift_publication_is_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON catalog.gift_publication FOR EACH STATEMENT EXECUTE FUNCTION catalog.refuse_change();

CREATE TRIGGER pack_is_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON catalog.pack FOR EACH STATEMENT EXECUTE FUNCTION catalog.refuse_change();

CREATE TRIGGER price_list_is_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON catalog.price_list FOR EACH STATEMENT EXECUTE FUNCTION catalog.refuse_change();

CREATE TRIGGER publication_is_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON catalog.publication FOR EACH STATEMENT EXECUTE FUNCTION catalog.refuse_change();

CREATE TRIGGER region_is_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON catalog.region FOR EACH STATEMENT EXECUTE FUNCTION catalog.refuse_change();

CREATE TRIGGER a_proposal_is_for_ever BEFORE DELETE OR TRUNCATE ON console.proposal FOR EACH STATEMENT EXECUTE FUNCTION console.refuse_change();

CREATE TRIGGER a_proposal_keeps_its_content BEFORE UPDATE ON console.proposal FOR EACH ROW EXECUTE FUNCTION console.keep_what_was_proposed();

CREATE TRIGGER a_revision_never_changes BEFORE DELETE OR UPDATE OR TRUNCATE ON console.draft_revision FOR EACH STATEMENT EXECUTE FUNCTION console.refuse_change();

CREATE TRIGGER a_transfer_is_for_ever BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger.transfer FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

CREATE TRIGGER an_event_never_changes BEFORE DELETE OR UPDATE OR TRUNCATE ON recharge.event FOR EACH STATEMENT EXECUTE FUNCTION recharge.keep_the_story();

CREATE TRIGGER lot_is_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON wallet.lot FOR EACH STATEMENT EXECUTE FUNCTION wallet.refuse_change();

ALTER TABLE ONLY base.audit
    ADD CONSTRAINT audit_note_id_fkey FOREIGN KEY (note_id) REFERENCES base.audit_note(id);

ALTER TABLE ONLY catalog.price_list
    ADD CONSTRAINT a_list_belongs_to_a_region FOREIGN KEY (publication_id, region) REFERENCES catalog.region(publication_id, name);

ALTER TABLE ONLY catalog.gift_offer
    ADD CONSTRAINT an_offer_names_a_version FOREIGN KEY (number, id) REFERENCES catalog.gift(number, id);

ALTER TABLE ONLY catalog.gift_offer
    ADD CONSTRAINT gift_offer_publication_id_fkey FOREIGN KEY (publication_id) REFERENCES catalog.gift_publication(id);

ALTER TABLE ONLY catalog.pack
    ADD CONSTRAINT pack_price_list_id_fkey FOREIGN KEY (price_list_id) REFERENCES catalog.price_list(id);

ALTER TABLE ONLY catalog.region
    ADD CONSTRAINT region_publication_id_fkey FOREIGN KEY (publication_id) REFERENCES catalog.publication(id);

ALTER TABLE ONLY console.draft_revision
    ADD CONSTRAINT draft_revision_draft_id_fkey FOREIGN KEY (draft_id) REFERENCES console.draft(id);

ALTER TABLE ONLY limits.hold
    ADD CONSTRAINT hold_recharge_id_fkey FOREIGN KEY (recharge_id) REFERENCES limits.recharge(id);

ALTER TABLE ONLY limits.hold
    ADD CONSTRAINT hold_window_id_fkey FOREIGN KEY (window_id) REFERENCES limits."window"(id);

ALTER TABLE ONLY limits.recharge
    ADD CONSTRAINT recharge_user_id_fkey FOREIGN KEY (user_id) REFERENCES limits.person(user_id);

ALTER TABLE ONLY limits.setting
    ADD CONSTRAINT setting_user_id_fkey FOREIGN KEY (user_id) REFERENCES limits.person(user_id);

ALTER TABLE ONLY limits."window"
    ADD CONSTRAINT window_user_id_fkey FOREIGN KEY (user_id) REFERENCES limits.person(user_id);

ALTER TABLE ONLY notify.attempt
    ADD CONSTRAINT attempt_delivery_id_fkey FOREIGN KEY (delivery_id) REFERENCES notify.delivery(id) ON DELETE CASCADE;

ALTER TABLE ONLY notify.delivery
    ADD CONSTRAINT delivery_endpoint_id_fkey FOREIGN KEY (endpoint_id) REFERENCES notify.endpoint(id);

ALTER TABLE ONLY notify.delivery
    ADD CONSTRAINT delivery_position_fkey FOREIGN KEY ("position") REFERENCES notify.event("position");

ALTER TABLE ONLY notify.lane
    ADD CONSTRAINT lane_endpoint_id_fkey FOREIGN KEY (endpoint_id) REFERENCES notify.endpoint(id);

ALTER TABLE ONLY recharge.attempt
    ADD CONSTRAINT attempt_order_id_fkey FOREIGN KEY (order_id) REFERENCES recharge."order"(id);

ALTER TABLE ONLY recharge.event
    ADD CONSTRAINT event_order_id_fkey FOREIGN KEY (order_id) REFERENCES recharge."order"(id);

ALTER TABLE ONLY recharge.inbox
    ADD CONSTRAINT inbox_order_id_fkey FOREIGN KEY (order_id) REFERENCES recharge."order"(id);

ALTER TABLE ONLY recharge.refund
    ADD CONSTRAINT refund_order_id_fkey FOREIGN KEY (order_id) REFERENCES recharge."order"(id);

ALTER TABLE ONLY users.hand_off
    ADD CONSTRAINT hand_off_user_id_fkey FOREIGN KEY (user_id) REFERENCES users.person(id);

ALTER TABLE ONLY users.restriction
    ADD CONSTRAINT restriction_user_id_fkey FOREIGN KEY (user_id) REFERENCES users.person(id);

ALTER TABLE ONLY users.session
    ADD CONSTRAINT session_operator_id_fkey FOREIGN KEY (operator_id) REFERENCES users.operator(id);

ALTER TABLE ONLY users.session
    ADD CONSTRAINT session_user_id_fkey FOREIGN KEY (user_id) REFERENCES users.person(id);
