//! The real and the hostile documents on a real mount: what is listed, under which names, with whose
//! bytes, and what that costs.
//!
//! Bytes are told apart by the SHA-256 that coreutils give, so neither our own hashes nor the pairs made
//! to collide in them can hide a mistake.

mod claims;
#[path = "../corpus_support/mod.rs"]
mod corpus_support;
mod escape;
mod import;
mod shown;
mod sources;
#[path = "../support/mod.rs"]
mod support;
mod whole;
