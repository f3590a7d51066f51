-- Documents of projects: the files, until they are processed, and the chunks that are searched.

-- Ids are never given twice. error is a sentence for people, of a document that failed. lease names whoever processes the
-- document, until lease_until; tries counts the leases. chunks is 0 until they are all there.
CREATE TABLE documents (
    id          BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id  BIGINT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    filename    TEXT   NOT NULL,
    kind        TEXT   NOT NULL,
    charset     TEXT,
    bytes       BIGINT NOT NULL,
    status      TEXT   NOT NULL CHECK (status IN ('waiting', 'processing', 'completed', 'failed')),
    progress    BIGINT NOT NULL CHECK (progress BETWEEN 0 AND 100),
    error       TEXT,
    chunks      BIGINT NOT NULL,
    tries       BIGINT NOT NULL,
    lease       TEXT,
    lease_until BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);

CREATE INDEX documents_by_project ON documents (project_id, id);

-- What there is to process; a few rows at any time.
CREATE INDEX documents_to_process ON documents (id) WHERE status IN ('waiting', 'processing');

-- The files as they came, kept until they are processed.
CREATE TABLE uploads (
    document_id BIGINT NOT NULL PRIMARY KEY REFERENCES documents (id) ON DELETE CASCADE,
    content     BYTEA  NOT NULL
);

-- chunk_index counts from 0, page from 1. terms are what it is found by: the words of its content, each once, as
-- src/documents/terms.rs writes them, behind '#' and the project's id; separated by spaces.
CREATE TABLE chunks (
    id          BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    document_id BIGINT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    project_id  BIGINT NOT NULL,
    chunk_index BIGINT NOT NULL,
    page        BIGINT,
    content     TEXT   NOT NULL,
    terms       TEXT   NOT NULL,
    UNIQUE (document_id, chunk_index)
);

-- The index of terms. No parser of PostgreSQL's sees them: they are split at the spaces and nothing else.
CREATE INDEX chunk_terms ON chunks USING gin (array_to_tsvector(string_to_array(terms, ' ')));
