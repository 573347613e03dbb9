-- How far each reader of the feed has come: it moves in the transaction that does the reader's work.

CREATE TABLE ledger.reader (
    name text NOT NULL,
    position_ns bigint NOT NULL DEFAULT 0,
    passed_count bigint NOT NULL DEFAULT 0,
    CONSTRAINT a_reader_has_one_position PRIMARY KEY (name),
    CONSTRAINT a_reader_goes_forward_from_zero CHECK (position_ns >= 0 AND passed_count >= 0)
) WITH (fillfactor = 50);
