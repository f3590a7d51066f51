-- Projects, their chats, and what was said in them. Ids are numbers that JavaScript reads exactly.

CREATE TABLE projects (
    id              BIGINT NOT NULL PRIMARY KEY CHECK (id BETWEEN 1 AND 9007199254740991),
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name            TEXT   NOT NULL,
    created_at      BIGINT NOT NULL
);

-- Pages of an organization's projects are read in the order of their ids.
CREATE INDEX projects_by_organization ON projects (organization_id, id);

-- One row: the last id that was given to a project which did not bring its own.
CREATE TABLE project_ids (latest BIGINT NOT NULL);
INSERT INTO project_ids (latest) VALUES (0);

-- Ids are never given twice. title is absent until somebody says something.
CREATE TABLE chats (
    id         BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id BIGINT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    title      TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE INDEX chats_by_project ON chats (project_id, id);

-- Append only; the ids order a chat. partial: the answer was stopped. sources and metadata are JSON.
CREATE TABLE messages (
    id         BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    chat_id    BIGINT NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
    role       TEXT   NOT NULL CHECK (role IN ('user', 'assistant')),
    content    TEXT   NOT NULL,
    partial    BIGINT NOT NULL CHECK (partial IN (0, 1)),
    sources    TEXT,
    metadata   TEXT,
    created_at BIGINT NOT NULL
);

CREATE INDEX messages_by_chat ON messages (chat_id, id);
