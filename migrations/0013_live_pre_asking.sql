-- Above which amount a viewer wants to be asked before a gift is sent; without a row, the default.

CREATE TABLE live.asking (
    user_id uuid PRIMARY KEY,
    currency text NOT NULL,
    above_minor bigint NOT NULL,
    set_at timestamptz NOT NULL,
    CONSTRAINT asked_above_something CHECK (above_minor >= 0)
);
