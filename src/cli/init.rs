//! `librisfs init`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use crate::archive::{Archive, InitOptions};

use super::exit::Exit;
use super::failure::Outcome;
use super::output::Output;

/// Make an archive
///
/// An archive is a folder with a catalogue, the documents' bytes and a configuration, librisfs.toml. The
/// folder must be new or empty.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  librisfs init ~/archive
  librisfs init /srv/archive --name library
  librisfs init ~/archive --blobs 's3://bucket/prefix?endpoint=https://s3.example.org&region=eu'

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
}

/// Makes the archive.
pub fn run(args: &InitArgs) -> Outcome {
    let options = InitOptions {
        name: args.name.clone(),
        blobs: args.blobs.clone(),
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
