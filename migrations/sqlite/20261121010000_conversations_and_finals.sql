-- Conversations (uploaded recordings) in processing, and the finals of transcription sessions.

-- progress: percent.
CREATE TABLE conversations (
    id              TEXT    NOT NULL PRIMARY KEY,
    organization_id TEXT    NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name            TEXT    NOT NULL,
    state           TEXT    NOT NULL CHECK (state IN ('pending', 'started', 'processing', 'done', 'error')),
    progress        INTEGER NOT NULL CHECK (progress BETWEEN 0 AND 100),
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
) STRICT;

-- What is unfinished in an organization is asked for every few seconds while somebody watches.
CREATE INDEX conversations_by_state ON conversations (organization_id, state);

-- Append only. number orders the finals of a channel. Several switchboards may store the same publication: they
-- agree on the payload's digest (SHA-256, hexadecimal) and on how many like it came before (occurrence).
-- The session may be one that only another system knows, so that nothing refers to sessions here.
CREATE TABLE finals (
    session_id TEXT    NOT NULL,
    channel_id TEXT    NOT NULL,
    number     INTEGER NOT NULL,
    occurrence INTEGER NOT NULL,
    digest     TEXT    NOT NULL,
    stored_at  INTEGER NOT NULL,
    payload    TEXT    NOT NULL,
    PRIMARY KEY (session_id, channel_id, number),
    UNIQUE (session_id, channel_id, digest, occurrence)
) STRICT;

-- The oldest are removed when their time is over.
CREATE INDEX finals_by_age ON finals (stored_at);
