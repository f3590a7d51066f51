-- Sockets that a client may find again after its connection broke, at any switchboard.

-- pid is a secret of the client; rooms is a JSON list of session/channel. Sessions may be those that only another system
-- knows, so that nothing refers to them here.
CREATE TABLE recoverables (
    pid         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    sid         TEXT   NOT NULL,
    principal   TEXT   NOT NULL,
    rooms       TEXT   NOT NULL,
    is_watching BIGINT NOT NULL CHECK (is_watching IN (0, 1)),
    saved_at    BIGINT NOT NULL
);

-- The oldest are forgotten when their time is over.
CREATE INDEX recoverables_by_age ON recoverables (saved_at);
