-- Organizations, their members, their transcription sessions and the sessions' channels.
-- Ids are text (contract: opaque to the program), compared by their bytes; times are milliseconds since the epoch, UTC.
-- TEXT and BIGINT only: what the program's driver reads on every database.

CREATE TABLE organizations (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- role: 1 member, 2 uploader, 3 quick_meeting, 4 meeting_manager, 5 maintainer, 6 admin.
CREATE TABLE members (
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id         TEXT COLLATE "C" NOT NULL,
    role            BIGINT NOT NULL CHECK (role BETWEEN 1 AND 6),
    PRIMARY KEY (organization_id, user_id)
);

-- password_hash is a PHC string (argon2id), absent for sessions without a password.
CREATE TABLE sessions (
    id              TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name            TEXT   NOT NULL,
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    visibility      TEXT   NOT NULL CHECK (visibility IN ('public', 'organization', 'private')),
    owner           TEXT,
    password_hash   TEXT,
    record          BIGINT NOT NULL CHECK (record IN (0, 1)),
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);

-- Pages of an organization's sessions are read in the order of their ids.
CREATE INDEX sessions_by_organization ON sessions (organization_id, id);

CREATE TABLE channels (
    session_id    TEXT COLLATE "C" NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    channel_index BIGINT NOT NULL CHECK (channel_index >= 0),
    name          TEXT   NOT NULL,
    language      TEXT   NOT NULL,
    PRIMARY KEY (session_id, channel_index)
);
