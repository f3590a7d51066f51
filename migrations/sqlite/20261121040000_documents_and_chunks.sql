-- Documents of projects: the files, until they are processed, and the chunks that are searched.

-- Ids are never given twice. error is a sentence for people, of a document that failed. lease names whoever processes the
-- document, until lease_until; tries counts the leases. chunks is 0 until they are all there.
CREATE TABLE documents (
    id          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    project_id  INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    filename    TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    charset     TEXT,
    bytes       INTEGER NOT NULL,
    status      TEXT    NOT NULL CHECK (status IN ('waiting', 'processing', 'completed', 'failed')),
    progress    INTEGER NOT NULL CHECK (progress BETWEEN 0 AND 100),
    error       TEXT,
    chunks      INTEGER NOT NULL,
    tries       INTEGER NOT NULL,
    lease       TEXT,
    lease_until INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT;

CREATE INDEX documents_by_project ON documents (project_id, id);

-- What there is to process; a few rows at any time.
CREATE INDEX documents_to_process ON documents (id) WHERE status IN ('waiting', 'processing');

-- The files as they came, kept until they are processed.
CREATE TABLE uploads (
    document_id INTEGER NOT NULL PRIMARY KEY REFERENCES documents (id) ON DELETE CASCADE,
    content     BLOB    NOT NULL
) STRICT;

-- chunk_index counts from 0, page from 1. terms are what it is found by: the words of its content, each once, as
-- src/documents/terms.rs writes them, behind '#' and the project's id; separated by spaces.
CREATE TABLE chunks (
    id          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    document_id INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    project_id  INTEGER NOT NULL,
    chunk_index INTEGER NOT NULL,
    page        INTEGER,
    content     TEXT    NOT NULL,
    terms       TEXT    NOT NULL,
    UNIQUE (document_id, chunk_index)
) STRICT;

-- The index of terms. This tokenizer splits at the spaces and changes nothing: all that is not ASCII belongs to a term.
CREATE VIRTUAL TABLE chunk_terms USING fts5 (
    terms, content = '', contentless_delete = 1, detail = 'column', tokenize = "ascii tokenchars '#'"
);

CREATE TRIGGER chunk_added AFTER INSERT ON chunks BEGIN
    INSERT INTO chunk_terms (rowid, terms) VALUES (new.id, new.terms);
END;

-- Also of those that go with their document, or with its project.
CREATE TRIGGER chunk_deleted AFTER DELETE ON chunks BEGIN
    DELETE FROM chunk_terms WHERE rowid = old.id;
END;
