-- Projects, their chats, and what was said in them. Ids are numbers that JavaScript reads exactly.

CREATE TABLE projects (
    id              INTEGER NOT NULL PRIMARY KEY CHECK (id BETWEEN 1 AND 9007199254740991),
    organization_id TEXT    NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name            TEXT    NOT NULL,
    created_at      INTEGER NOT NULL
) STRICT;

-- Pages of an organization's projects are read in the order of their ids.
CREATE INDEX projects_by_organization ON projects (organization_id, id);

-- One row: the last id that was given to a project which did not bring its own.
CREATE TABLE project_ids (latest INTEGER NOT NULL) STRICT;
INSERT INTO project_ids (latest) VALUES (0);

-- Ids are never given twice. title is absent until somebody says something.
CREATE TABLE chats (
    id         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    title      TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE INDEX chats_by_project ON chats (project_id, id);

-- Append only; the ids order a chat. partial: the answer was stopped. sources and metadata are JSON.
CREATE TABLE messages (
    id         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    chat_id    INTEGER NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
    role       TEXT    NOT NULL CHECK (role IN ('user', 'assistant')),
    content    TEXT    NOT NULL,
    partial    INTEGER NOT NULL CHECK (partial IN (0, 1)),
    sources    TEXT,
    metadata   TEXT,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX messages_by_chat ON messages (chat_id, id);
