//! Documents of projects: what is uploaded, processed and searched.

pub mod embeddings;
pub mod extract;
pub mod kind;
pub mod split;

pub use kind::DocumentKind;
