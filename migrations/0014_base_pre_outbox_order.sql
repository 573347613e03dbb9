-- News is taken out in the order of its numbers. A number is drawn when the row is written, so
-- whoever writes after having seen another's commit has the higher one.

ALTER TABLE base.outbox ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY;
ALTER TABLE base.outbox ALTER COLUMN transaction SET DEFAULT pg_current_xact_id();
DROP INDEX base.outbox_in_commit_order;
CREATE UNIQUE INDEX outbox_in_order ON base.outbox (number);
