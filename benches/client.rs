//! What `scripts/bench` measures with: one loop over a path, timed inside, so that nothing but the loop counts.
//!
//! ```text
//! read ROOT LIST THREADS    opens, reads and closes each file of LIST (paths below ROOT, one a line)
//! stat ROOT LIST            asks for the attributes of each
//! sequential FILE           reads a file from its start to its end
//! random FILE COUNT         reads COUNT blocks of 4 KiB at places drawn from the whole file, fewer when it takes
//!                           longer than some seconds
//! walk ROOT                 lists all folders below ROOT and asks for the attributes of all that is there
//! run OUTPUT PROGRAM...     runs a program to its end, its output in the file OUTPUT
//! ```
//!
//! It prints nanoseconds, the number of files or blocks, and bytes. Only the standard library is used.

use std::error::Error;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// What `cp` reads at once, about.
const BUFFER_BYTES: usize = 256 << 10;
const BLOCK_BYTES: usize = 4096;
const RANDOM_AT_MOST: Duration = Duration::from_secs(4);

/// What a loop went over.
#[derive(Default, Clone, Copy)]
struct Work {
    count: u64,
    bytes: u64,
}

impl std::iter::Sum for Work {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), |sum, part| Self {
            count: sum.count + part.count,
            bytes: sum.bytes + part.bytes,
        })
    }
}

/// An error that names the path.
fn at<T>(path: &Path, result: std::io::Result<T>) -> Result<T> {
    result.map_err(|e| format!("{}: {e}", path.display()).into())
}

/// The paths that a list names.
fn listed(root: &str, list: &str) -> Result<Vec<PathBuf>> {
    let names = at(Path::new(list), fs::read_to_string(list))?;
    Ok(names
        .lines()
        .map(|name| Path::new(root).join(name))
        .collect())
}

fn read_file(path: &Path, buffer: &mut [u8]) -> Result<u64> {
    let mut file = at(path, File::open(path))?;
    let mut bytes = 0;
    loop {
        match at(path, file.read(buffer))? {
            0 => return Ok(bytes),
            n => bytes += n as u64,
        }
    }
}

/// Every `threads`-th path, from `first` on.
fn read_some(paths: &[PathBuf], first: usize, threads: usize) -> Result<Work> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut work = Work::default();
    for path in paths.iter().skip(first).step_by(threads) {
        work.bytes += read_file(path, &mut buffer)?;
        work.count += 1;
    }
    Ok(work)
}

fn read(paths: &[PathBuf], threads: usize) -> Result<Work> {
    thread::scope(|scope| {
        let started: Vec<_> = (0..threads)
            .map(|first| scope.spawn(move || read_some(paths, first, threads)))
            .collect();
        let parts = started.into_iter().map(|thread| {
            thread
                .join()
                .unwrap_or_else(|_| Err("a thread panicked".into()))
        });
        parts.sum()
    })
}

fn stat(paths: &[PathBuf]) -> Result<Work> {
    let mut work = Work::default();
    for path in paths {
        work.bytes += at(path, fs::symlink_metadata(path))?.len();
        work.count += 1;
    }
    Ok(work)
}

/// The places are the same in each run (xorshift64).
fn random(path: &Path, count: u64) -> Result<Work> {
    let file = at(path, File::open(path))?;
    let blocks = at(path, file.metadata())?.len() / BLOCK_BYTES as u64;
    let mut block = [0; BLOCK_BYTES];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let until = Instant::now() + RANDOM_AT_MOST;
    let mut done = 0;
    // The clock is asked seldom, to cost nothing.
    while done < count && (done % 64 != 0 || Instant::now() < until) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        at(
            path,
            file.read_exact_at(&mut block, state % blocks * BLOCK_BYTES as u64),
        )?;
        done += 1;
    }
    Ok(Work {
        count: done,
        bytes: done * BLOCK_BYTES as u64,
    })
}

fn walk(folder: &Path) -> Result<Work> {
    let mut work = Work::default();
    for entry in at(folder, fs::read_dir(folder))? {
        let path = at(folder, entry)?.path();
        let metadata = at(&path, fs::symlink_metadata(&path))?;
        if metadata.is_dir() {
            let below = walk(&path)?;
            work = [work, below].into_iter().sum();
        } else {
            work.count += 1;
            work.bytes += metadata.len();
        }
    }
    Ok(work)
}

fn run(output: &Path, program: &[String]) -> Result<Work> {
    let (name, arguments) = program.split_first().ok_or("no program is named")?;
    let output = at(output, File::create(output))?;
    let status = Command::new(name)
        .args(arguments)
        .stdout(output)
        .status()
        .map_err(|e| format!("{name}: {e}"))?;
    if !status.success() {
        return Err(format!("{name}: {status}").into());
    }
    Ok(Work::default())
}

/// The time that a loop takes, with what it went over.
fn timed(work: impl FnOnce() -> Result<Work>) -> Result<(Duration, Work)> {
    let started = Instant::now();
    let work = work()?;
    Ok((started.elapsed(), work))
}

fn measure(words: &[String]) -> Result<(Duration, Work)> {
    let word = |n: usize| {
        let word = words.get(n).map(String::as_str);
        word.ok_or_else(|| format!("{} wants more arguments", words[0]))
    };
    match words.first().map(String::as_str) {
        Some("read") => {
            let (paths, threads) = (listed(word(1)?, word(2)?)?, word(3)?.parse()?);
            timed(|| read(&paths, threads))
        }
        Some("stat") => {
            let paths = listed(word(1)?, word(2)?)?;
            timed(|| stat(&paths))
        }
        Some("sequential") => {
            let path = [PathBuf::from(word(1)?)];
            timed(|| read(&path, 1))
        }
        Some("random") => {
            let (path, count) = (PathBuf::from(word(1)?), word(2)?.parse()?);
            timed(|| random(&path, count))
        }
        Some("walk") => {
            let root = PathBuf::from(word(1)?);
            timed(|| walk(&root))
        }
        Some("run") => {
            let output = PathBuf::from(word(1)?);
            timed(|| run(&output, &words[2..]))
        }
        _ => Err("see the head of benches/client.rs: scripts/bench calls this".into()),
    }
}

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    // `cargo bench` runs each bench with this: there is nothing to do without a path.
    if words.iter().any(|word| word == "--bench") {
        return Ok(());
    }
    let (time, work) = measure(&words)?;
    println!("{} {} {}", time.as_nanos(), work.count, work.bytes);
    Ok(())
}
