//! Documents of projects: their text is taken out of the files, cut into chunks, indexed, and searched for what questions
//! are about. Processing runs in tasks of its own, off the actors.

pub mod extract;
mod kind;
mod split;
mod stop_words;
pub mod terms;

pub use kind::DocumentKind;
