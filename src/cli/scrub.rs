//! `librisfs scrub`.

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::archive::{Access, Archive, DamagedBlob, ScrubOptions, ScrubReport};

use super::exit::Exit;
use super::failure::{Failure, Outcome};
use super::meter::Meter;
use super::output::{Output, OutputArgs};
use super::progress::{ProgressArgs, Unit};
use super::table::Facts;
use super::text::{Clean, Size, count, counted};

/// Check every blob against its hashes
///
/// Reads all bytes, and names what is missing or wrong with the documents that it belongs to. Exits with
/// 1 where anything is damaged.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  librisfs scrub ~/archive
  librisfs scrub ~/archive --sample 5          a random twentieth, for a nightly run
  librisfs scrub ~/archive --repair            wrong blobs go to quarantine; import heals them")]
pub struct ScrubArgs {
    /// The archive
    archive: PathBuf,

    /// Move damaged blobs into quarantine, so that good ones can take their place
    #[arg(long)]
    repair: bool,

    /// Read only so many percent of the blobs, chosen by chance
    #[arg(long, value_name = "P", value_parser = percent, default_value = "100")]
    sample: f64,

    /// Blobs read at once [default: one a core]
    #[arg(
        long,
        short,
        value_name = "N",
        env = "LIBRISFS_JOBS",
        hide_env_values = true
    )]
    jobs: Option<NonZeroUsize>,

    #[command(flatten)]
    output: OutputArgs,

    #[command(flatten)]
    progress: ProgressArgs,
}

/// `12`, `0.5`, `12%`: more than 0, at most 100.
fn percent(text: &str) -> Result<f64, &'static str> {
    text.strip_suffix('%')
        .unwrap_or(text)
        .parse()
        .ok()
        .filter(|percent| *percent > 0.0 && *percent <= 100.0)
        .ok_or("must be a percentage, more than 0 and at most 100")
}

/// Scrubs, and prints what was found.
pub fn run(args: &ScrubArgs) -> Outcome {
    let archive = Archive::open(&args.archive, Access::ReadWrite)?;
    let meter = Meter::new(args.progress, "scrub", Unit::Bytes)?;
    let options = ScrubOptions {
        repair: args.repair,
        sample_percent: args.sample,
        jobs: args.jobs.map(NonZeroUsize::get),
    };
    let report = archive.scrub(&options, &meter)?;
    let exit = meter.end(if report.is_clean() {
        Exit::Done
    } else {
        Exit::Failed
    });
    print(args, &report)?;
    Ok(exit)
}

fn print(args: &ScrubArgs, report: &ScrubReport) -> Result<(), Failure> {
    let mut output = Output::lock();
    if args.output.json {
        output.json(&ReportJson::from(report))?;
    } else {
        for blob in &report.damaged {
            print_damaged(blob, &mut output)?;
        }
        for fault in &report.catalogue_faults {
            writeln!(output, "catalogue: {}", Clean(fault))?;
        }
        facts(report).write(&mut output)?;
        if let Some(advice) = advice(args, report) {
            writeln!(output, "{advice}")?;
        }
    }
    output.finish()
}

fn print_damaged(damaged: &DamagedBlob, output: &mut Output) -> Result<(), Failure> {
    writeln!(
        output,
        "damaged: {}: {}",
        damaged.blob,
        Clean(&damaged.fault.to_string())
    )?;
    for file in &damaged.files {
        writeln!(output, "  of {}", file.name)?;
    }
    if let Some(path) = &damaged.quarantined {
        writeln!(output, "  moved to {}", Clean(&path.to_string_lossy()))?;
    }
    Ok(())
}

fn facts(report: &ScrubReport) -> Facts {
    let some = |number: u64| (number > 0).then(|| counted(number, "blob"));
    let mut facts = Facts::new();
    if report.cancelled {
        facts.add("interrupted", "the rest was not read");
    }
    facts
        .add(
            "intact",
            format_args!(
                "{}, {}",
                counted(report.intact, "blob"),
                Size(report.read_bytes)
            ),
        )
        .add("damaged", counted(report.damaged.len() as u64, "blob"))
        .add_some("destroyed by takedowns", some(report.purged))
        .add_some("without a row (see gc)", some(report.unreferenced))
        .add_some(
            "strays",
            (!report.strays.is_empty()).then(|| count(report.strays.len() as u64)),
        )
        .add_some(
            "catalogue faults",
            (!report.catalogue_faults.is_empty()).then_some(report.catalogue_faults.len()),
        );
    for path in &report.strays {
        facts.add("stray", path.display());
    }
    facts
}

fn advice(args: &ScrubArgs, report: &ScrubReport) -> Option<String> {
    let archive = args.archive.display();
    match (report.damaged.is_empty(), args.repair) {
        (true, _) => None,
        (false, true) => Some(format!(
            "import good copies to heal: librisfs import {archive} PATH..."
        )),
        (false, false) => Some(format!(
            "to put damaged blobs aside: librisfs scrub --repair {archive}"
        )),
    }
}

#[derive(Debug, Serialize)]
struct ReportJson {
    clean: bool,
    interrupted: bool,
    intact: u64,
    read_bytes: u64,
    purged: u64,
    unreferenced: u64,
    damaged: Vec<DamagedJson>,
    strays: Vec<String>,
    catalogue_faults: Vec<String>,
}

#[derive(Debug, Serialize)]
struct DamagedJson {
    md5: String,
    sha1: String,
    size_bytes: u64,
    fault: String,
    names: Vec<String>,
    quarantined: Option<String>,
}

impl From<&ScrubReport> for ReportJson {
    fn from(report: &ScrubReport) -> Self {
        Self {
            clean: report.is_clean(),
            interrupted: report.cancelled,
            intact: report.intact,
            read_bytes: report.read_bytes,
            purged: report.purged,
            unreferenced: report.unreferenced,
            damaged: report.damaged.iter().map(DamagedJson::from).collect(),
            strays: report
                .strays
                .iter()
                .map(|path| path.to_string_lossy().into_owned())
                .collect(),
            catalogue_faults: report.catalogue_faults.clone(),
        }
    }
}

impl From<&DamagedBlob> for DamagedJson {
    fn from(damaged: &DamagedBlob) -> Self {
        Self {
            md5: damaged.blob.md5.to_string(),
            sha1: damaged.blob.sha1.to_string(),
            size_bytes: damaged.blob.size_bytes,
            fault: damaged.fault.to_string(),
            names: damaged
                .files
                .iter()
                .map(|file| file.name.to_string())
                .collect(),
            quarantined: damaged
                .quarantined
                .as_ref()
                .map(|path| path.to_string_lossy().into_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_more_than_nothing_and_at_most_all() {
        for good in ["100", "5%", "0.1"] {
            assert!(percent(good).is_ok(), "{good}");
        }
        for bad in ["0", "101", "-1", "NaN", "inf", "", "%", "x"] {
            assert!(percent(bad).is_err(), "{bad}");
        }
    }
}
