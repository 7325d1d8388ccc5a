//! What is read out of real and of odd documents, and what that costs.

mod agreement;
mod claims;
#[path = "../corpus_support/mod.rs"]
mod corpus_support;
mod limits;

use std::fs::File;
use std::path::Path;

use librisfs::document::{Description, describe};

fn describe_path(path: &Path) -> Description {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    describe(&file, path.file_name().unwrap(), None)
}
