-- Limits that users set for themselves: what they say, their windows, and recharges on their way.
-- How much of a window is left is in the ledger; here is what it should be, and what was counted.

CREATE SCHEMA limits;

-- The row under whose lock a user's limits, windows and recharges change.
CREATE TABLE limits.person (
    user_id uuid PRIMARY KEY,
    wallet_account_id numeric(39, 0) NOT NULL,
    answered_at timestamptz,
    due_at timestamptz,
    marks bigint NOT NULL DEFAULT 0,
    CONSTRAINT a_wallet_is_one_persons UNIQUE (wallet_account_id)
);
CREATE INDEX person_to_count ON limits.person (due_at) WHERE due_at IS NOT NULL;

-- No mode: no limit now. The generation rises when a limit begins to hold, so that a limit that
-- was given up and set again begins with accounts of its own.
CREATE TABLE limits.setting (
    user_id uuid NOT NULL REFERENCES limits.person,
    kind text NOT NULL,
    period text NOT NULL,
    generation integer NOT NULL DEFAULT 0,
    mode text,
    amount bigint,
    currency text,
    set_at timestamptz NOT NULL,
    raise_asked_at timestamptz,
    raise_mode text,
    raise_amount bigint,
    raise_currency text,
    CONSTRAINT a_limit_is_set_once PRIMARY KEY (user_id, kind, period),
    CONSTRAINT a_limit_is_of_coins_or_money CHECK (kind IN ('coins', 'money')),
    CONSTRAINT a_limit_is_per_purchase_day_week_or_month CHECK (
        period IN ('purchase', 'day', 'week', 'month')
    ),
    CONSTRAINT a_limit_tells_or_stops CHECK (
        (mode IS NULL AND amount IS NULL AND currency IS NULL)
        OR (mode IN ('tell', 'stop') AND amount >= 0 AND (kind = 'money') = (currency IS NOT NULL))
    ),
    CONSTRAINT a_raise_is_of_a_limit CHECK (raise_asked_at IS NULL OR mode IS NOT NULL),
    CONSTRAINT a_raise_says_what_it_wants CHECK (
        (raise_mode IS NULL AND raise_amount IS NULL AND raise_currency IS NULL)
        OR (
            raise_asked_at IS NOT NULL AND raise_mode IN ('tell', 'stop') AND raise_amount >= 0
            AND (kind = 'money') = (raise_currency IS NOT NULL)
        )
    )
);

-- `counted` is what was spent in the window by transfers that carry no leg of it, of those up to
-- `counted_to_ns`. `adjusting` names the intent's subject while one is on its way.
CREATE TABLE limits."window" (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES limits.person,
    kind text NOT NULL,
    period text NOT NULL,
    generation integer NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    time_zone text NOT NULL,
    account_id numeric(39, 0) NOT NULL,
    used_account_id numeric(39, 0) NOT NULL,
    opened_at timestamptz,
    version integer NOT NULL DEFAULT 0,
    adjusting text,
    counted bigint NOT NULL DEFAULT 0,
    counted_to_ns bigint NOT NULL DEFAULT 0,
    told_percent integer NOT NULL DEFAULT 0,
    CONSTRAINT a_window_begins_once UNIQUE (user_id, kind, period, generation, starts_at),
    CONSTRAINT a_window_has_a_length CHECK (starts_at < ends_at),
    CONSTRAINT a_window_counts_up CHECK (counted >= 0 AND counted_to_ns >= 0)
);

-- Every recharge, limited or not, so that a limit that is set meanwhile counts it.
CREATE TABLE limits.recharge (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES limits.person,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    state text NOT NULL,
    counts_at timestamptz NOT NULL,
    due_at timestamptz,
    CONSTRAINT a_recharge_has_a_known_state CHECK (
        state IN ('asked', 'held', 'refused', 'taken', 'free')
    ),
    CONSTRAINT a_recharge_is_of_money CHECK (amount_minor > 0)
);
CREATE INDEX recharge_of_a_user ON limits.recharge (user_id, counts_at);
CREATE INDEX recharge_to_finish ON limits.recharge (due_at) WHERE due_at IS NOT NULL;

-- The room that a recharge holds in a window: a pending transfer, posted or voided by us.
CREATE TABLE limits.hold (
    recharge_id uuid NOT NULL REFERENCES limits.recharge,
    window_id uuid NOT NULL REFERENCES limits."window",
    transfer_id numeric(39, 0) NOT NULL,
    state text NOT NULL DEFAULT 'held',
    CONSTRAINT a_recharge_holds_a_window_once PRIMARY KEY (recharge_id, window_id),
    CONSTRAINT a_hold_has_a_known_state CHECK (state IN ('held', 'taken', 'free'))
);
CREATE INDEX hold_in_a_window ON limits.hold (window_id);
