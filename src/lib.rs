//! librisfs mounts a document archive as a drive.
//!
//! The layers, from the top; arrows run down only (`tests/layers.rs` holds them to it):
//!
//! ```text
//! cli         one file a command: arguments, progress, printing
//! fuse        the only place that names `fuser`: translate, call, reply
//! fs          what a file system call means here: inodes, handles, attributes, errno
//! view        paths to places in the catalogue, and back
//! archive     the one owner of "blob first, then rows"
//! document    what documents say of themselves
//! catalogue   the tables; `sqlite` is the only place that names `rusqlite`, `mariadb` the only one that names `mysql`
//! blob        the bytes
//! hash name book author language text time  the vocabulary
//! ```

pub mod archive;
pub mod author;
pub mod blob;
pub mod book;
pub mod catalogue;
pub mod cli;
pub mod document;
pub mod fs;
pub mod fuse;
pub mod hash;
pub mod language;
pub mod name;
pub mod text;
pub mod time;
pub mod view;
