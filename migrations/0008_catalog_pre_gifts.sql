-- Gifts: what coins can be given as. A gift's row is one version of it, for good: its number is a
-- hash of what it is, so the ledger can name it for ever and a restored database never gives the
-- number to another gift. A publication says which versions are on offer, and in which order.

CREATE TABLE catalog.gift (
    number bigint PRIMARY KEY,
    id text NOT NULL,
    name text NOT NULL,
    coins bigint NOT NULL,
    art text NOT NULL,
    published_at timestamptz NOT NULL,
    CONSTRAINT a_version_belongs_to_its_gift UNIQUE (number, id),
    CONSTRAINT a_number_fits_beside_a_count CHECK (number > 0 AND number < 140737488355328),
    CONSTRAINT a_gift_costs_coins CHECK (coins > 0)
);

CREATE TABLE catalog.gift_publication (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    digest text NOT NULL,
    valid_from timestamptz NOT NULL,
    published_at timestamptz NOT NULL,
    published_by text NOT NULL,
    CONSTRAINT gift_versions_are_counted UNIQUE (version),
    CONSTRAINT a_gift_version_is_positive CHECK (version > 0),
    CONSTRAINT the_past_keeps_its_gifts CHECK (valid_from >= published_at)
);

CREATE TABLE catalog.gift_offer (
    publication_id uuid NOT NULL REFERENCES catalog.gift_publication (id),
    place integer NOT NULL,
    id text NOT NULL,
    number bigint NOT NULL,
    PRIMARY KEY (publication_id, place),
    CONSTRAINT a_gift_is_offered_once UNIQUE (publication_id, id),
    CONSTRAINT an_offer_names_a_version
        FOREIGN KEY (number, id) REFERENCES catalog.gift (number, id),
    CONSTRAINT a_place_is_counted CHECK (place > 0)
);

CREATE TRIGGER gift_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON catalog.gift FOR EACH STATEMENT EXECUTE FUNCTION catalog.refuse_change();
CREATE TRIGGER gift_publication_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON catalog.gift_publication FOR EACH STATEMENT EXECUTE FUNCTION catalog.refuse_change();
CREATE TRIGGER gift_offer_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON catalog.gift_offer FOR EACH STATEMENT EXECUTE FUNCTION catalog.refuse_change();
