-- Live rooms. Who gave what is the ledger's to say; a room only says where, and whether it is open.

CREATE SCHEMA live;

CREATE TABLE live.room (
    id uuid PRIMARY KEY,
    creator_id uuid NOT NULL,
    title text NOT NULL,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz,
    CONSTRAINT a_room_closes_after_it_opened CHECK (closed_at >= opened_at),
    CONSTRAINT a_room_has_a_title CHECK (title <> '')
);
CREATE UNIQUE INDEX one_open_room_a_creator ON live.room (creator_id) WHERE closed_at IS NULL;
CREATE INDEX rooms_by_opening ON live.room (opened_at DESC, id DESC);
CREATE INDEX rooms_of_a_creator ON live.room (creator_id, opened_at DESC, id DESC);

-- What readers of the ledger's feed make of the gifts (`coinwell rebuild live.rooms`): every gift of
-- a room numbered from one in the order of the feed, the room's totals, and who gave how much.

CREATE TABLE live.event (
    room_id uuid NOT NULL,
    number bigint NOT NULL,
    transfer_id uuid NOT NULL,
    at_ns bigint NOT NULL,
    sender_id uuid NOT NULL,
    creator_id uuid NOT NULL,
    gift_number bigint NOT NULL,
    count integer NOT NULL,
    coins bigint NOT NULL,
    CONSTRAINT a_rooms_events_are_numbered PRIMARY KEY (room_id, number),
    CONSTRAINT an_event_counts_from_one CHECK (number > 0)
);

CREATE TABLE live.room_total (
    room_id uuid NOT NULL,
    number bigint NOT NULL,
    coins bigint NOT NULL,
    gifts bigint NOT NULL,
    CONSTRAINT a_room_has_one_total PRIMARY KEY (room_id)
) WITH (fillfactor = 50);

-- Who reached a sum first stands before who reached the same sum later.
CREATE TABLE live.board (
    room_id uuid NOT NULL,
    sender_id uuid NOT NULL,
    coins bigint NOT NULL,
    gifts bigint NOT NULL,
    reached_at_ns bigint NOT NULL,
    CONSTRAINT a_sender_has_one_line_a_room PRIMARY KEY (room_id, sender_id)
) WITH (fillfactor = 50);
CREATE INDEX board_in_order ON live.board (room_id, coins DESC, reached_at_ns);
