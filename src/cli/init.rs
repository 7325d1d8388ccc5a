//! `librisfs init`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use crate::archive::{Archive, CatalogueConfig, InitOptions};

use super::exit::Exit;
use super::failure::{Failure, Outcome};
use super::output::Output;

/// Make an archive
///
/// An archive is a folder with a catalogue, the documents' bytes and a configuration, librisfs.toml. The
/// folder must be new or empty.
///
/// The catalogue may be in a MariaDB database, for several machines. The password of its user is taken from the environment
/// variable `LIBRISFS_MYSQL_PASSWORD`, or from a file.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  librisfs init ~/archive
  librisfs init /srv/archive --name library
  librisfs init ~/archive --blobs 's3://bucket/prefix?endpoint=https://s3.example.org&region=eu'
  librisfs init /srv/archive --catalogue mysql://books@db.example.org/books --password-file /etc/librisfs/password
  librisfs init /srv/archive --catalogue mysql://books@db.example.org/books --join      on a second machine

The keys of an object store are in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or later on in a file that
librisfs.toml names; never in the URL.")]
pub struct InitArgs {
    /// The folder to make it in
    archive: PathBuf,

    /// What the mount and messages call it [default: the folder's name]
    #[arg(long)]
    name: Option<String>,

    /// The object store to keep the documents' bytes in [default: a folder of the archive]
    #[arg(long, value_name = "URL")]
    blobs: Option<String>,
    /// Where the catalogue is to be: mysql://USER@HOST:PORT/DATABASE, an empty database [default: in the folder]
    #[arg(long, value_name = "URL")]
    catalogue: Option<String>,

    /// A file with the password of the database's user, which nobody else may read
    #[arg(long, value_name = "FILE", requires = "catalogue")]
    password_file: Option<PathBuf>,

    /// Use the catalogue that is in the database already, with those who made it
    #[arg(long, requires = "catalogue")]
    join: bool,
}

/// Makes the archive.
pub fn run(args: &InitArgs) -> Outcome {
    let password_file = match &args.password_file {
        // The archive may be elsewhere than where this is run.
        Some(file) => Some(std::path::absolute(file).map_err(|error| Failure::io(file, &error))?),
        None => None,
    };
    let options = InitOptions {
        name: args.name.clone(),
        blobs: args.blobs.clone(),
        catalogue: args
            .catalogue
            .clone()
            .map(|url| CatalogueConfig { url, password_file }),
        join: args.join,
    };
    let archive = Archive::init(&args.archive, &options)?;
    let mut output = Output::lock();
    writeln!(
        output,
        "made the archive {} in {}",
        archive.name(),
        archive.dir().display()
    )?;
    let archive = args.archive.display();
    writeln!(
        output,
        "next: librisfs import {archive} FOLDER..., librisfs mount {archive} MOUNTPOINT"
    )?;
    output.finish()?;
    Ok(Exit::Done)
}
