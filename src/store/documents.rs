//! The store's documents: what REST changes, what whoever processes them writes, and what questions are looked for in.

use std::time::Duration;

use bytes::Bytes;
use switchboard_protocol::ids::{DocumentId, ProjectId};

use super::document_model::{Document, FoundChunk, Frequencies, Lease, NewChunk, NewDocument};
use super::error::StoreError;
use super::{MAX_PAGE, Store};
use crate::documents::terms::Term;

impl Store {
    /// Puts a file into a project; it waits to be processed. Fails with [`StoreError::UnknownProject`] or
    /// [`StoreError::TooManyDocuments`].
    pub async fn create_document(&self, new: NewDocument) -> Result<Document, StoreError> {
        self.database
            .in_time(self.database.create_document(new))
            .await
    }

    /// The document of this id, in whatever project.
    pub async fn document(&self, id: DocumentId) -> Result<Option<Document>, StoreError> {
        self.database.in_time(self.database.document(id)).await
    }

    /// A page of a project's documents by ascending id, those after the id `after`: at most `limit`, and never more
    /// than 500. An empty page is the end.
    pub async fn documents_of(
        &self,
        project: ProjectId,
        after: Option<DocumentId>,
        limit: u32,
    ) -> Result<Vec<Document>, StoreError> {
        let limit = limit.min(MAX_PAGE);
        self.database
            .in_time(self.database.documents_of(project, after, limit))
            .await
    }

    /// Deletes a document with its chunks; `false` if there was none. Whoever processes it loses its lease.
    pub async fn delete_document(&self, id: DocumentId) -> Result<bool, StoreError> {
        self.database
            .in_time(self.database.delete_document(id))
            .await
    }

    /// The right to process the oldest document that nobody works on, for so long; none if there is no such document.
    pub async fn take_document(&self, time: Duration) -> Result<Option<Lease>, StoreError> {
        self.database
            .in_time(self.database.take_document(time))
            .await
    }

    /// The file.
    pub async fn upload(&self, lease: &Lease) -> Result<Bytes, StoreError> {
        self.database.in_time(self.database.upload(lease)).await
    }

    /// Keeps a lease for so long from now.
    pub async fn renew_lease(&self, lease: &Lease, time: Duration) -> Result<(), StoreError> {
        self.database
            .in_time(self.database.renew_lease(lease, time))
            .await
    }

    /// Makes room for so many chunks, removes what an earlier try has left, and takes note of the progress. Fails with
    /// [`StoreError::TooManyChunks`].
    pub async fn begin_chunks(
        &self,
        lease: &Lease,
        chunks: usize,
        progress: u8,
    ) -> Result<(), StoreError> {
        self.database
            .in_time(self.database.begin_chunks(lease, chunks, progress))
            .await
    }

    /// Adds chunks, which nobody finds before [`complete_document`](Self::complete_document), and takes note of the
    /// progress.
    pub async fn add_chunks(
        &self,
        lease: &Lease,
        chunks: &[NewChunk],
        progress: u8,
    ) -> Result<(), StoreError> {
        self.database
            .in_time(self.database.add_chunks(lease, chunks, progress))
            .await
    }

    /// Ends the processing: the document's chunks are found from here on, and the file is forgotten.
    pub async fn complete_document(&self, lease: &Lease, chunks: usize) -> Result<(), StoreError> {
        self.database
            .in_time(self.database.complete_document(lease, chunks))
            .await
    }

    /// Ends the processing without a chunk, for the reason `error`, a sentence for people; the file is forgotten.
    pub async fn fail_document(&self, lease: &Lease, error: &str) -> Result<(), StoreError> {
        self.database
            .in_time(self.database.fail_document(lease, error))
            .await
    }

    /// Gives a document back, without a chunk, to be processed in `pause` at the earliest. `is_try` says whether it counts
    /// as a try.
    pub async fn release_document(
        &self,
        lease: &Lease,
        pause: Duration,
        is_try: bool,
    ) -> Result<(), StoreError> {
        self.database
            .in_time(self.database.release_document(lease, pause, is_try))
            .await
    }

    /// How often these terms occur in a project. No more than 64 of them.
    pub async fn frequencies(
        &self,
        project: ProjectId,
        terms: &[Term],
    ) -> Result<Frequencies, StoreError> {
        self.database
            .in_time(self.database.frequencies(project, terms))
            .await
    }

    /// The chunks of a project in which the most of these terms occur, each counted with its weight, most first: at most
    /// `limit`. No more than 64 terms.
    pub async fn best_chunks(
        &self,
        project: ProjectId,
        terms: &[(&Term, u32)],
        limit: u32,
    ) -> Result<Vec<FoundChunk>, StoreError> {
        self.database
            .in_time(self.database.best_chunks(project, terms, limit))
            .await
    }
}
