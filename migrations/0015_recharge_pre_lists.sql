-- Lists of recharges for operators: newest first, by state, by the buyer's country at the time.

ALTER TABLE recharge."order" ADD COLUMN country text;
ALTER TABLE recharge."order" ADD CONSTRAINT a_country_has_two_letters
CHECK (country ~ '^[A-Z]{2}$');

CREATE INDEX order_newest_first ON recharge."order" (created_at DESC, id DESC);
CREATE INDEX order_by_state ON recharge."order" (state, changed_at, id);
CREATE INDEX order_by_country ON recharge."order" (country, created_at DESC, id DESC);
CREATE INDEX refund_open ON recharge.refund (created_at)
WHERE state IN ('reserving', 'reserved', 'posting', 'voiding');
