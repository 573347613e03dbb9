CREATE SCHEMA base;

CREATE SCHEMA catalog;

CREATE SCHEMA ledger;

CREATE SCHEMA recharge;

CREATE SCHEMA users;

CREATE SCHEMA wallet;

CREATE FUNCTION catalog.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'catalog.% is append-only: publish a new version instead', TG_TABLE_NAME
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

CREATE TABLE base.outbox (
    id uuid NOT NULL,
    kind text NOT NULL,
    subject uuid NOT NULL,
    body jsonb NOT NULL,
    at timestamp with time zone NOT NULL,
    transaction xid8 NOT NULL
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

ALTER TABLE ONLY base.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (id);

ALTER TABLE ONLY catalog.price_list
    ADD CONSTRAINT a_place_has_one_list UNIQUE (publication_id, region, currency, channel);

ALTER TABLE ONLY catalog.pack
    ADD CONSTRAINT a_size_is_offered_once UNIQUE (price_list_id, coins);

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

ALTER TABLE ONLY ledger.failed
    ADD CONSTRAINT a_failure_has_its_own_instant UNIQUE ("timestamp");

ALTER TABLE ONLY ledger.pending
    ADD CONSTRAINT a_hold_has_one_status PRIMARY KEY (id);

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

CREATE INDEX outbox_in_commit_order ON base.outbox USING btree (transaction, id);

CREATE UNIQUE INDEX one_region_takes_the_rest ON catalog.region USING btree (publication_id) WHERE is_default;

CREATE UNIQUE INDEX a_hold_is_resolved_once ON ledger.transfer USING btree (pending_id) WHERE (pending_id <> '00000000-0000-0000-0000-000000000000'::uuid);

CREATE INDEX intent_open ON ledger.intent USING btree (created_at, id) WHERE (state = 'open'::text);

CREATE INDEX pending_due ON ledger.pending USING btree (expires_at_ns, id) WHERE ((status = 1) AND (expires_at_ns > 0));

CREATE INDEX transfer_credits ON ledger.transfer USING btree (credit_account_id, "timestamp");

CREATE INDEX transfer_debits ON ledger.transfer USING btree (debit_account_id, "timestamp");

CREATE INDEX event_by_any_id ON recharge.event USING gin (refs);

CREATE INDEX event_of_an_order ON recharge.event USING btree (order_id, id);

CREATE INDEX message_of_an_order ON recharge.inbox USING btree (order_id) WHERE (order_id IS NOT NULL);

CREATE INDEX message_to_work_on ON recharge.inbox USING btree (next_attempt_at) WHERE (state = ANY (ARRAY['pending'::text, 'parked'::text]));

CREATE UNIQUE INDEX one_open_refund_at_a_time ON recharge.refund USING btree (order_id) WHERE (state = ANY (ARRAY['reserving'::text, 'reserved'::text, 'posting'::text, 'voiding'::text]));

CREATE INDEX order_of_a_user_newest_first ON recharge."order" USING btree (user_id, created_at DESC, id DESC);

CREATE INDEX order_to_ask_about ON recharge."order" USING btree (next_check_at) WHERE (next_check_at IS NOT NULL);

CREATE INDEX refund_to_ask_about ON recharge.refund USING btree (next_check_at) WHERE (next_check_at IS NOT NULL);

CREATE INDEX hand_off_by_time ON users.hand_off USING btree (expires_at);

CREATE INDEX person_by_name ON users.person USING btree (lower(display_name) text_pattern_ops);

CREATE INDEX restriction_of_person ON users.restriction USING btree (user_id, placed_at);

CREATE INDEX session_by_time ON users.session USING btree (seen_at);

CREATE INDEX session_of_operator ON users.session USING btree (operator_id) WHERE (operator_id IS NOT NULL);

CREATE INDEX session_of_person ON users.session USING btree (user_id) WHERE (user_id IS NOT NULL);

CREATE INDEX sign_in_attempt_by_email ON users.sign_in_attempt USING btree (email_hash, at);

CREATE INDEX sign_in_attempt_by_time ON users.sign_in_attempt USING btree (at);

CREATE INDEX lots_of_a_user ON wallet.lot USING btree (user_id);

CREATE TRIGGER pack_is_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON catalog.pack FOR EACH STATEMENT EXECUTE FUNCTION catalog.refuse_change();

CREATE TRIGGER price_list_is_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON catalog.price_list FOR EACH STATEMENT EXECUTE FUNCTION catalog.refuse_change();

CREATE TRIGGER publication_is_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON catalog.publication FOR EACH STATEMENT EXECUTE FUNCTION catalog.refuse_change();

CREATE TRIGGER region_is_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON catalog.region FOR EACH STATEMENT EXECUTE FUNCTION catalog.refuse_change();

CREATE TRIGGER a_transfer_is_for_ever BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger.transfer FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

CREATE TRIGGER an_event_never_changes BEFORE DELETE OR UPDATE OR TRUNCATE ON recharge.event FOR EACH STATEMENT EXECUTE FUNCTION recharge.keep_the_story();

CREATE TRIGGER lot_is_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON wallet.lot FOR EACH STATEMENT EXECUTE FUNCTION wallet.refuse_change();

ALTER TABLE ONLY catalog.price_list
    ADD CONSTRAINT a_list_belongs_to_a_region FOREIGN KEY (publication_id, region) REFERENCES catalog.region(publication_id, name);

ALTER TABLE ONLY catalog.pack
    ADD CONSTRAINT pack_price_list_id_fkey FOREIGN KEY (price_list_id) REFERENCES catalog.price_list(id);

ALTER TABLE ONLY catalog.region
    ADD CONSTRAINT region_publication_id_fkey FOREIGN KEY (publication_id) REFERENCES catalog.publication(id);

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
