-- Who is calling, and what they may do. Secrets are never here: of tokens, keys and passwords
-- only hashes are kept, and of an age check only its number.

CREATE SCHEMA users;

CREATE TABLE users.person (
    id uuid PRIMARY KEY,
    external_id text NOT NULL,
    display_name text NOT NULL,
    birth_on date,
    age_method text,
    age_reference text,
    age_at timestamptz,
    age_min integer,
    country text NOT NULL,
    language text NOT NULL,
    time_zone text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT an_external_id_names_one_person UNIQUE (external_id),
    CONSTRAINT an_external_id_is_not_empty CHECK (length(external_id) BETWEEN 1 AND 200),
    CONSTRAINT a_person_has_a_name CHECK (length(display_name) BETWEEN 1 AND 80),
    CONSTRAINT a_country_has_two_letters CHECK (country ~ '^[A-Z]{2}$'),
    CONSTRAINT age_evidence_is_whole_or_absent CHECK (
        num_nonnulls(age_method, age_reference, age_at, age_min) IN (0, 4)
    ),
    CONSTRAINT a_proven_age_is_positive CHECK (age_min > 0)
);
CREATE INDEX person_by_name ON users.person (lower(display_name) text_pattern_ops);

CREATE TABLE users.restriction (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users.person (id),
    scope text NOT NULL,
    reason_code text NOT NULL,
    sentence text NOT NULL,
    next_step text NOT NULL,
    expires_at timestamptz,
    placed_by text NOT NULL,
    placed_at timestamptz NOT NULL,
    lifted_at timestamptz,
    lifted_by text,
    lift_reason text,
    CONSTRAINT a_restriction_stops_something
        CHECK (scope IN ('recharge', 'gift', 'promote', 'cash_out')),
    CONSTRAINT a_restriction_says_why CHECK (sentence <> '' AND next_step <> ''),
    CONSTRAINT a_restriction_ends_after_it_begins CHECK (expires_at > placed_at),
    CONSTRAINT a_lift_says_who_and_why CHECK (
        num_nonnulls(lifted_at, lifted_by, lift_reason) IN (0, 3) AND lift_reason <> ''
    )
);
CREATE INDEX restriction_of_person ON users.restriction (user_id, placed_at);

CREATE TABLE users.operator (
    id uuid PRIMARY KEY,
    email text NOT NULL,
    display_name text NOT NULL,
    role text NOT NULL,
    password_hash text NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    disabled_at timestamptz,
    CONSTRAINT an_email_names_one_operator UNIQUE (email),
    CONSTRAINT an_email_is_in_lower_case CHECK (email = lower(email)),
    CONSTRAINT a_role_is_known CHECK (role IN ('support', 'finance', 'admin')),
    CONSTRAINT a_password_is_hashed CHECK (password_hash LIKE '$argon2id$%')
);

-- One row an attempt, taken back when it succeeds. The e-mail is hashed: it may be anybody's.
CREATE TABLE users.sign_in_attempt (
    id uuid PRIMARY KEY,
    email_hash bytea NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX sign_in_attempt_by_email ON users.sign_in_attempt (email_hash, at);
CREATE INDEX sign_in_attempt_by_time ON users.sign_in_attempt (at);

CREATE TABLE users.hand_off (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users.person (id),
    landing text NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT a_link_is_used_in_time CHECK (used_at < expires_at)
);
CREATE INDEX hand_off_by_time ON users.hand_off (expires_at);

CREATE TABLE users.session (
    token_hash bytea PRIMARY KEY,
    user_id uuid REFERENCES users.person (id),
    operator_id uuid REFERENCES users.operator (id),
    began_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    ended_at timestamptz,
    CONSTRAINT a_session_has_one_owner CHECK (num_nonnulls(user_id, operator_id) = 1),
    CONSTRAINT a_token_hash_is_sha256 CHECK (length(token_hash) = 32)
);
CREATE INDEX session_of_person ON users.session (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX session_of_operator ON users.session (operator_id) WHERE operator_id IS NOT NULL;
CREATE INDEX session_by_time ON users.session (seen_at);

CREATE TABLE users.api_key (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    environment text NOT NULL,
    hint text NOT NULL,
    key_hash bytea NOT NULL,
    scopes text[] NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz,
    CONSTRAINT a_key_is_made_once UNIQUE (key_hash),
    CONSTRAINT a_key_is_for_test_or_live CHECK (environment IN ('test', 'live')),
    CONSTRAINT a_key_hash_is_sha256 CHECK (length(key_hash) = 32)
);
