//! `librisfs backup`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use crate::archive::{Access, Archive};

use super::exit::Exit;
use super::failure::Outcome;
use super::output::Output;
use super::progress::{Progress, ProgressArgs, Unit};
use super::text::Clean;

/// Copy the catalogue, consistently, while the archive is in use
///
/// Writes the catalogue and the configuration into a new folder. The documents' bytes are not copied: blobs
/// never change once written, so any copying program serves for them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  librisfs backup ~/archive /media/stick/catalogue
  rsync -a ~/archive/blobs /media/stick/catalogue/      with the blobs it is an archive again")]
pub struct BackupArgs {
    /// The archive
    archive: PathBuf,

    /// The new folder to write into
    dest: PathBuf,

    #[command(flatten)]
    progress: ProgressArgs,
}

/// Copies.
pub fn run(args: &BackupArgs) -> Outcome {
    let archive = Archive::open(&args.archive, Access::ReadOnly)?;
    let progress = Progress::new(args.progress, "backup", Unit::Items);
    archive.backup(&args.dest, &mut |done, total| progress.set(done, total))?;
    drop(progress);
    let mut output = Output::lock();
    writeln!(output, "wrote {}", Clean(&args.dest.to_string_lossy()))?;
    output.finish()?;
    Ok(Exit::Done)
}
