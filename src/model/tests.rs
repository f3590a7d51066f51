//! The parts that need no network: what may be wished, what is held, and how a stream of bytes becomes an answer.

mod bounds;
mod streams;
