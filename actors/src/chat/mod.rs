//! Chats over documents: who is in which project's room, and the answers that run.
//!
//! [`family`] serves the clients' events. The [`projects`] registry counts who is in the [`room`] of each project and brings
//! what is published of projects there; [`answers`] starts an actor for each question, which asks the ports for sources
//! and for the answer and tells the socket that asked, and nobody else.

pub mod answers;
mod arguments;
pub mod family;
pub mod projects;
pub mod room;
