-- What can be bought, by region, currency and channel. A publication is one version of the whole
-- catalogue; nothing in here is ever changed, so an order can name its price list for good.

CREATE SCHEMA catalog;

CREATE FUNCTION catalog.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'catalog.% is append-only: publish a new version instead', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TABLE catalog.publication (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    digest text NOT NULL,
    valid_from timestamptz NOT NULL,
    published_at timestamptz NOT NULL,
    published_by text NOT NULL,
    CONSTRAINT versions_are_counted UNIQUE (version),
    CONSTRAINT a_version_is_positive CHECK (version > 0),
    CONSTRAINT the_past_keeps_its_prices CHECK (valid_from >= published_at)
);

CREATE TABLE catalog.region (
    publication_id uuid NOT NULL REFERENCES catalog.publication (id),
    name text NOT NULL,
    currencies text[] NOT NULL,
    countries text[] NOT NULL,
    is_default boolean NOT NULL,
    PRIMARY KEY (publication_id, name),
    CONSTRAINT a_region_has_a_currency CHECK (cardinality(currencies) > 0)
);
CREATE UNIQUE INDEX one_region_takes_the_rest ON catalog.region (publication_id) WHERE is_default;

CREATE TABLE catalog.price_list (
    id uuid PRIMARY KEY,
    publication_id uuid NOT NULL,
    region text NOT NULL,
    currency text NOT NULL,
    channel text NOT NULL,
    unit_ppm bigint NOT NULL,
    step_minor bigint NOT NULL,
    coins_min bigint NOT NULL,
    coins_max bigint NOT NULL,
    CONSTRAINT a_list_belongs_to_a_region
        FOREIGN KEY (publication_id, region) REFERENCES catalog.region (publication_id, name),
    CONSTRAINT a_place_has_one_list UNIQUE (publication_id, region, currency, channel),
    CONSTRAINT a_currency_has_three_letters CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT a_channel_is_web_or_app CHECK (channel IN ('web', 'app')),
    CONSTRAINT a_coin_has_a_price CHECK (unit_ppm > 0),
    CONSTRAINT a_price_step_is_positive CHECK (step_minor > 0),
    CONSTRAINT bounds_are_in_order CHECK (0 < coins_min AND coins_min <= coins_max)
);

CREATE TABLE catalog.pack (
    price_list_id uuid NOT NULL REFERENCES catalog.price_list (id),
    id text NOT NULL,
    coins bigint NOT NULL,
    bonus_coins bigint NOT NULL,
    price_minor bigint NOT NULL,
    PRIMARY KEY (price_list_id, id),
    CONSTRAINT a_size_is_offered_once UNIQUE (price_list_id, coins),
    CONSTRAINT a_pack_has_coins CHECK (coins > 0),
    CONSTRAINT bonus_coins_are_not_negative CHECK (bonus_coins >= 0),
    CONSTRAINT a_pack_has_a_price CHECK (price_minor > 0)
);

CREATE TRIGGER publication_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON catalog.publication FOR EACH STATEMENT EXECUTE FUNCTION catalog.refuse_change();
CREATE TRIGGER region_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON catalog.region FOR EACH STATEMENT EXECUTE FUNCTION catalog.refuse_change();
CREATE TRIGGER price_list_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON catalog.price_list FOR EACH STATEMENT EXECUTE FUNCTION catalog.refuse_change();
CREATE TRIGGER pack_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON catalog.pack FOR EACH STATEMENT EXECUTE FUNCTION catalog.refuse_change();
