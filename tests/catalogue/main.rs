//! The catalogue: one suite for every database, and what is particular to SQLite.

mod conformance;
mod conformance_edit;
mod conformance_inbox;
mod fixture;
mod sqlite;
