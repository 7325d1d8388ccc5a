//! Searches that are kept: `mkdir` in `search/` saves one, `rmdir` forgets it, `mv` changes it.

use super::{Attributes, Error, FileSystem, Lookup, Pass, Result};
use crate::archive::{self, FolderId};
use crate::view::Place;

use super::{Inode, Target};

impl FileSystem {
    /// Saves a search.
    pub(super) fn save_search(&self, pass: &Pass<'_>, words: &str) -> Result<Attributes> {
        self.keep_search(words)?;
        match self.look_up_in_view(pass, Place::of(FolderId::SEARCH), words)? {
            Lookup::Found(attributes, _) => Ok(attributes),
            Lookup::Never => Err(Error::Invalid("this cannot be searched for")),
        }
    }

    fn keep_search(&self, words: &str) -> Result<()> {
        match self.catalogue().save_search(words) {
            Err(archive::catalogue::Error::BadQuery { .. }) => {
                Err(Error::Invalid("this cannot be searched for"))
            }
            saved => Ok(saved.map(drop)?),
        }
    }

    /// Forgets a saved search.
    pub(super) fn forget_search(&self, words: &str) -> Result<()> {
        let was_saved = self.catalogue().forget_search(words)?;
        if was_saved {
            Ok(())
        } else {
            Err(Error::NotFound)
        }
    }

    /// Changes a saved search.
    pub(super) fn rename_search(&self, old: &str, new: &str) -> Result<()> {
        self.keep_search(new)?;
        self.forget_search(old)
    }

    /// Whether the process `pid` is making a folder `words` in `search/`, or giving one that name, and it is not
    /// kept yet. Every search is there for who looks it up, and the kernel looks up what is to be made: to make
    /// it, there must be nothing. The protocol does not tell the two apart; the process does (`proc_pid_syscall(5)`).
    pub fn is_being_saved(&self, parent: Inode, words: &std::ffi::OsStr, pid: u32) -> bool {
        let is_search = matches!(parent.target(), Some(Target::Directory(place)) if place.folder == FolderId::SEARCH);
        let Some(words) = words.to_str().filter(|_| is_search) else {
            return false;
        };
        is_naming(pid) && matches!(self.catalogue().is_saved(words), Ok(false))
    }
}

/// The system calls that make or rename a folder.
#[cfg(target_arch = "x86_64")]
const NAMING: [libc::c_long; 5] = [
    libc::SYS_mkdir,
    libc::SYS_mkdirat,
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_renameat2,
];
/// The system calls that make or rename a folder.
#[cfg(not(target_arch = "x86_64"))]
const NAMING: [libc::c_long; 2] = [libc::SYS_mkdirat, libc::SYS_renameat2];

/// Whether a process is making or renaming something. Where we may not see its system call, its name decides; mv(1)
/// looks at the new name long before it renames.
fn is_naming(pid: u32) -> bool {
    let read = |what: &str| std::fs::read_to_string(format!("/proc/{pid}/{what}"));
    if read("comm").is_ok_and(|name| ["mkdir", "mv"].contains(&name.trim_end())) {
        return true;
    }
    let call = read("syscall").unwrap_or_default();
    let number = call
        .split(' ')
        .next()
        .and_then(|number| number.parse().ok());
    number.is_some_and(|number| NAMING.contains(&number))
}
