//! Who uses a mount, by what `/proc` tells of processes (proc(5)). Nothing in the mount is looked at: its
//! daemon may be silent. Of other users' processes only root sees all.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A process that keeps a mount from being unmounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its id.
    pub pid: u32,
    /// Its name.
    pub program: String,
    /// What it has there: `its working folder`, or an open path.
    pub uses: String,
}

/// The processes that use something under `mountpoint`, by id. `proc` is `/proc`.
pub fn holders(mountpoint: &Path, proc: &Path) -> Vec<Holder> {
    let Ok(entries) = fs::read_dir(proc) else {
        return Vec::new();
    };
    let mut holders: Vec<_> = entries
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let uses = first_use(&entry.path(), mountpoint)?;
            let program = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
            Some(Holder {
                pid,
                program: program.trim_end().to_owned(),
                uses,
            })
        })
        .collect();
    holders.sort_by_key(|holder| holder.pid);
    holders
}

/// The first thing under `mountpoint` that the process at `process` holds.
fn first_use(process: &Path, mountpoint: &Path) -> Option<String> {
    let leads_there = |link: &Path| {
        let target = fs::read_link(link).ok()?;
        target.starts_with(mountpoint).then_some(target)
    };
    [
        ("cwd", "its working folder"),
        ("root", "its root"),
        ("exe", "the program itself"),
    ]
    .iter()
    .find_map(|(link, what)| leads_there(&process.join(link)).map(|_| (*what).to_owned()))
    .or_else(|| {
        let open = fs::read_dir(process.join("fd")).ok()?.flatten();
        open.map(|fd| fd.path())
            .find_map(|fd| leads_there(&fd))
            .map(|path| format!("open {}", path.display()))
    })
    .or_else(|| mapped(process, mountpoint).map(|path| format!("mapped {}", path.display())))
}

/// A path under `mountpoint` in the process's memory map: the sixth field of a line, to its end.
fn mapped(process: &Path, mountpoint: &Path) -> Option<PathBuf> {
    let maps = fs::read(process.join("maps")).ok()?;
    maps.split(|byte| *byte == b'\n')
        .filter_map(|line| {
            line.iter()
                .position(|byte| *byte == b'/')
                .map(|at| &line[at..])
        })
        .map(|path| Path::new(OsStr::from_bytes(path)))
        .find(|path| path.starts_with(mountpoint))
        .map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn finds_each_kind_of_use_and_no_other() {
        let proc = tempfile::tempdir().expect("a folder");
        let process = |pid: &str, link: Option<(&str, &str)>, maps: &str| {
            let dir = proc.path().join(pid);
            fs::create_dir_all(dir.join("fd")).expect("a folder");
            fs::write(dir.join("comm"), format!("p{pid}\n")).expect("a file");
            fs::write(dir.join("maps"), maps).expect("a file");
            if let Some((name, target)) = link {
                symlink(target, dir.join(name)).expect("a link");
            }
        };
        process("30", Some(("cwd", "/mnt/b")), "");
        process("4", Some(("fd/7", "/mnt/b/by-title/x")), "");
        process("5", None, "7f-8f r--p 0 00:32 9    /mnt/b/a b.pdf\n");
        process(
            "6",
            Some(("fd/1", "/mnt/bb/x")),
            "7f-8f r--p 0 00:32 9    /usr/lib/x\n",
        );
        process("self", Some(("cwd", "/mnt/b")), "");

        let found: Vec<_> = holders(Path::new("/mnt/b"), proc.path())
            .into_iter()
            .map(|holder| (holder.pid, holder.program, holder.uses))
            .collect();
        let expected = [
            (4, "p4", "open /mnt/b/by-title/x"),
            (5, "p5", "mapped /mnt/b/a b.pdf"),
            (30, "p30", "its working folder"),
        ]
        .map(|(pid, program, uses)| (pid, program.to_owned(), uses.to_owned()));
        assert_eq!(found, expected);
    }
}
