//! Language models over HTTP: both protocols, and whatever may go wrong with them.
