-- Lists of people for operators, newest first.

CREATE INDEX person_newest_first ON users.person (created_at DESC, id DESC);
CREATE INDEX person_by_country ON users.person (country, created_at DESC, id DESC);
