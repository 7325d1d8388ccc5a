//! The catalogue: one suite for every database, and what is particular to each.

mod by_program;
mod conformance;
mod conformance_edit;
mod conformance_inbox;
mod fixture;
mod mariadb;
mod random;
mod random_inbox;
#[path = "../support/mariadb.rs"]
mod server;
mod sqlite;
mod trash_by_program;
