//! What a session notes of its files: a short text for each that is to survive the process.
//!
//! ```text
//! <md5 of the rest> <number> <text>     the file of this number is to survive, and what is known of it
//! <md5 of the rest> <number>            it is not, or no longer
//! ```
//!
//! Lines are only ever appended, each whole by one `write(2)`, and the latest for a number counts. A line that was
//! cut short, or that a power cut has turned into something else, is passed over. When most lines have
//! been overtaken the file is written anew beside itself and renamed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::blob::{Error, Result};
use crate::hash::Md5Hasher;

/// The file, in the session's folder.
pub(super) const NOTES: &str = "notes";
/// What it is called while it is written anew.
pub(super) const NOTES_NEW: &str = "notes.new";
/// Smaller files are not written anew.
const LARGE_BYTES: u64 = 1 << 20;

/// The notes of one session.
pub(super) struct Notes {
    path: PathBuf,
    file: Option<File>,
    live: BTreeMap<u64, String>,
    /// About what the lines that count take.
    live_bytes: u64,
    size_bytes: u64,
    /// Whether the last line lacks its end: then the next begins with one.
    is_torn: bool,
    large_bytes: u64,
}

impl Notes {
    /// The notes in the session folder `dir`; none if there is no such file.
    pub(super) fn read(dir: &Path) -> Result<Self> {
        let path = dir.join(NOTES);
        let bytes = read(&path)?;
        let live = parse(&bytes);
        Ok(Self {
            path,
            file: None,
            live_bytes: live.values().map(|text| weight(text)).sum(),
            live,
            size_bytes: bytes.len() as u64,
            is_torn: bytes.last().is_some_and(|last| *last != b'\n'),
            large_bytes: LARGE_BYTES,
        })
    }

    /// The files that are to survive, by number, and what is noted of them.
    pub(super) fn live(&self) -> &BTreeMap<u64, String> {
        &self.live
    }

    /// Notes `text`, which is one line, of a file; `None`: it need not survive any longer.
    pub(super) fn set(&mut self, number: u64, text: Option<&str>) -> Result<()> {
        if self.live.get(&number).map(String::as_str) == text {
            return Ok(());
        }
        self.write(&line(number, text))?;
        let former = match text {
            Some(text) => self.live.insert(number, text.to_owned()),
            None => self.live.remove(&number),
        };
        self.live_bytes += text.map_or(0, weight);
        self.live_bytes -= former.as_deref().map_or(0, weight);
        self.tidy();
        Ok(())
    }

    /// Takes the notes of files back, by one write.
    pub(super) fn forget(&mut self, numbers: &[u64]) -> Result<()> {
        let live = numbers
            .iter()
            .filter(|number| self.live.contains_key(number));
        let live: Vec<_> = live.copied().collect();
        if live.is_empty() {
            return Ok(());
        }
        let lines: String = live.iter().map(|number| line(*number, None)).collect();
        self.write(&lines)?;
        for number in live {
            let former = self.live.remove(&number);
            self.live_bytes -= former.as_deref().map_or(0, weight);
        }
        self.tidy();
        Ok(())
    }

    fn write(&mut self, lines: &str) -> Result<()> {
        if self.is_torn {
            self.append(format!("\n{lines}").as_bytes())
        } else {
            self.append(lines.as_bytes())
        }
    }

    /// Writes the file anew if it is worth it.
    fn tidy(&mut self) {
        if self.is_mostly_dead()
            && let Err(error) = self.rewrite()
        {
            tracing::warn!("the notes are not written anew: {error}");
        }
    }

    /// Makes all notes durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.as_ref().map_or(Ok(()), File::sync_data)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let mut file = match &self.file {
            Some(file) => file,
            None => self.file.insert(open(&self.path)?),
        };
        match file.write(bytes) {
            Ok(written) if written == bytes.len() => {
                self.size_bytes += written as u64;
                self.is_torn = false;
                return Ok(());
            }
            Ok(_) => {}
            Err(e) => return Err(Error::io(&self.path, e)),
        }
        // Cut short by a full disk. What cannot be taken back is passed over when it is read.
        self.is_torn = file.set_len(self.size_bytes).is_err() || self.is_torn;
        Err(Error::Full {
            path: self.path.clone(),
        })
    }

    fn is_mostly_dead(&self) -> bool {
        self.size_bytes > self.large_bytes && self.live_bytes < self.size_bytes / 2
    }

    fn rewrite(&mut self) -> Result<()> {
        let new = self.path.with_file_name(NOTES_NEW);
        let lines: String = self
            .live
            .iter()
            .map(|(number, text)| line(*number, Some(text)))
            .collect();
        let written = fs::write(&new, &lines).and_then(|()| {
            let file = open_plain(&new)?;
            // What the old file had made durable must be so in the new one.
            file.sync_all()?;
            fs::rename(&new, &self.path)?;
            Ok(file)
        });
        let file = written.map_err(|e| {
            // The first error is the one to tell.
            let _ = fs::remove_file(&new);
            Error::io(&new, e)
        })?;
        self.file = Some(file);
        self.size_bytes = lines.len() as u64;
        self.is_torn = false;
        if let Some(dir) = self.path.parent() {
            super::session::sync_dir(dir)?;
        }
        Ok(())
    }
}

/// What the file `path` notes, by number.
pub(super) fn read_live(path: &Path) -> Result<BTreeMap<u64, String>> {
    Ok(parse(&read(path)?))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    match fs::read(path) {
        Ok(bytes) => Ok(bytes),
        Err(e)
            if matches!(
                e.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(Vec::new())
        }
        Err(e) => Err(Error::io(path, e)),
    }
}

fn open(path: &Path) -> Result<File> {
    open_plain(path).map_err(|e| Error::io(path, e))
}

fn open_plain(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// About what a line takes, its sum and number too.
fn weight(text: &str) -> u64 {
    text.len() as u64 + 48
}

fn sum_of(rest: &str) -> String {
    let mut hasher = Md5Hasher::default();
    hasher.update(rest.as_bytes());
    hasher.finish().to_string()
}

fn line(number: u64, text: Option<&str>) -> String {
    let mut rest = number.to_string();
    if let Some(text) = text {
        // Writing to a string does not fail.
        let _ = write!(rest, " {text}");
    }
    format!("{} {rest}\n", sum_of(&rest))
}

fn parse(bytes: &[u8]) -> BTreeMap<u64, String> {
    let mut live = BTreeMap::new();
    for (number, text) in bytes.split(|byte| *byte == b'\n').filter_map(parse_line) {
        match text {
            Some(text) => live.insert(number, text),
            None => live.remove(&number),
        };
    }
    live
}

fn parse_line(line: &[u8]) -> Option<(u64, Option<String>)> {
    let (sum, rest) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    if sum != sum_of(rest) {
        return None;
    }
    match rest.split_once(' ') {
        Some((number, text)) => Some((number.parse().ok()?, Some(text.to_owned()))),
        None => Some((rest.parse().ok()?, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notes(dir: &tempfile::TempDir) -> Notes {
        Notes::read(dir.path()).unwrap()
    }

    fn kept(dir: &tempfile::TempDir) -> Vec<(u64, String)> {
        notes(dir).live.into_iter().collect()
    }

    #[test]
    fn the_latest_line_of_a_number_counts() {
        let dir = tempfile::tempdir().unwrap();
        let mut notes = notes(&dir);
        notes.set(1, Some("one")).unwrap();
        notes.set(2, Some("two words")).unwrap();
        notes.set(1, Some("another")).unwrap();
        notes.set(3, Some("three")).unwrap();
        notes.set(3, None).unwrap();
        let left = [(1, "another".to_owned()), (2, "two words".to_owned())];
        assert_eq!(kept(&dir), left);
    }

    #[test]
    fn many_are_forgotten_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let mut notes = notes(&dir);
        for number in 1..=3 {
            notes.set(number, Some("noted")).unwrap();
        }
        notes.forget(&[1, 3, 4]).unwrap();
        assert_eq!(kept(&dir), [(2, "noted".to_owned())]);
        assert_eq!(notes.live_bytes, weight("noted"));
    }

    #[test]
    fn what_changes_nothing_writes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut notes = notes(&dir);
        notes.set(7, None).unwrap();
        assert!(!dir.path().join(NOTES).exists());
        notes.set(7, Some("seven")).unwrap();
        let size_bytes = notes.size_bytes;
        notes.set(7, Some("seven")).unwrap();
        assert_eq!(notes.size_bytes, size_bytes);
    }

    #[test]
    fn a_torn_line_is_passed_over_and_takes_no_other_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut first = notes(&dir);
        first.set(1, Some("one")).unwrap();
        first.set(2, Some("two")).unwrap();
        let path = dir.path().join(NOTES);
        let whole = fs::read(&path).unwrap();
        for cut in 1..line(2, Some("two")).len() {
            fs::write(&path, &whole[..whole.len() - cut]).unwrap();
            let mut torn = notes(&dir);
            // Without its end alone a line is whole.
            assert_eq!(torn.live.len(), if cut == 1 { 2 } else { 1 });
            torn.set(3, Some("three")).unwrap();
            assert_eq!(notes(&dir).live, torn.live);
        }
    }

    #[test]
    fn a_line_that_has_rotted_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let mut first = notes(&dir);
        first.set(1, Some("one")).unwrap();
        first.set(2, Some("two")).unwrap();
        let path = dir.path().join(NOTES);
        let rotten = fs::read_to_string(&path).unwrap().replace("one", "once");
        fs::write(&path, rotten).unwrap();
        assert_eq!(kept(&dir), [(2, "two".to_owned())]);
        fs::write(&path, [0; 4096]).unwrap();
        assert_eq!(kept(&dir), []);
    }

    #[test]
    fn what_is_mostly_dead_is_written_anew() {
        let dir = tempfile::tempdir().unwrap();
        let mut notes = Notes {
            large_bytes: 4096,
            ..notes(&dir)
        };
        notes.set(1, Some("kept")).unwrap();
        for number in 2..1000 {
            notes.set(number, Some("passing")).unwrap();
            notes.set(number, None).unwrap();
        }
        notes.set(1001, Some("last")).unwrap();
        assert!(fs::metadata(dir.path().join(NOTES)).unwrap().len() <= 4200);
        assert!(!dir.path().join(NOTES_NEW).exists());
        let left = [(1, "kept".to_owned()), (1001, "last".to_owned())];
        assert_eq!(kept(&dir), left);
    }
}
