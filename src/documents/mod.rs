//! Documents of projects: their text is taken out of the files, cut into chunks, indexed, and searched for what questions
//! are about. Processing runs in tasks of its own, off the actors.

pub mod embeddings;
pub(crate) mod events;
pub mod extract;
mod intake;
pub mod kind;
mod meaning;
mod processor;
mod retrieval;
mod score;
pub mod split;
mod stop_words;
pub mod terms;

pub use intake::Intake;
pub use kind::DocumentKind;
pub use meaning::{Meaning, MeaningError};
pub use processor::{Processor, Wake};
pub use retrieval::DocumentSearch;
