-- On what terms coins came: how many, for what price. The coins themselves are in the ledger;
-- what is left of a lot is computed from the ledger's transfers and stored nowhere.

CREATE SCHEMA wallet;

CREATE FUNCTION wallet.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'wallet.% is append-only: what coins cost never changes', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TABLE wallet.lot (
    id uuid NOT NULL,
    kind text NOT NULL,
    user_id uuid NOT NULL,
    coins bigint NOT NULL,
    price_minor bigint,
    currency text,
    granted_at timestamptz NOT NULL,
    transfer_id numeric(39, 0) NOT NULL,
    CONSTRAINT an_order_makes_one_lot_of_a_kind PRIMARY KEY (id, kind),
    CONSTRAINT a_lot_is_paid_or_promotional CHECK (kind IN ('paid', 'promotional')),
    CONSTRAINT a_lot_has_coins CHECK (coins > 0),
    CONSTRAINT only_paid_lots_have_a_price CHECK (
        (kind = 'paid' AND price_minor > 0 AND currency ~ '^[A-Z]{3}$')
        OR (kind = 'promotional' AND price_minor IS NULL AND currency IS NULL)
    )
);
CREATE INDEX lots_of_a_user ON wallet.lot (user_id);

CREATE TRIGGER lot_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON wallet.lot FOR EACH STATEMENT EXECUTE FUNCTION wallet.refuse_change();
