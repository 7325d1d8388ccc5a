//! Read leases: nobody else is writing to a file, and nobody begins unnoticed.
//!
//! `fcntl(2)`: a read lease is given only while no descriptor is open for writing. As long as it is
//! held, whoever opens the file for writing or truncates it waits until the holder lets go, at most
//! `/proc/sys/fs/lease-break-time` seconds (45 by default); the holder can ask whether somebody does.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// `F_SETSIG` of `include/uapi/asm-generic/fcntl.h`, which the libc crate lacks.
const F_SETSIG: libc::c_int = 10;

/// A read lease, held until it is dropped.
pub(super) struct Lease(File);

impl Lease {
    /// A lease on `file`, which is open for reading only. Refused while anybody has it open for
    /// writing, and on files of other users and file systems without leases.
    pub(super) fn take(file: File) -> io::Result<Self> {
        // By default the kernel tells of a break by SIGIO, which ends a process. SIGURG is ignored
        // unless a program asks for it; we look instead of listening.
        fcntl(&file, F_SETSIG, libc::SIGURG)?;
        fcntl(&file, libc::F_SETLEASE, libc::F_RDLCK)?;
        Ok(Self(file))
    }

    /// Whether nobody has begun to open the file for writing since the lease was taken.
    pub(super) fn is_whole(&self) -> bool {
        // While a break is pending, the answer is the type that it will become.
        matches!(fcntl(&self.0, libc::F_GETLEASE, 0), Ok(libc::F_RDLCK))
    }

    /// The file.
    pub(super) fn file(&self) -> &File {
        &self.0
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Copies of the descriptor would keep the lease. That it cannot be given back means that it is
        // gone already.
        let _ = fcntl(&self.0, libc::F_SETLEASE, libc::F_UNLCK);
    }
}

fn fcntl(file: &File, command: libc::c_int, argument: libc::c_int) -> io::Result<libc::c_int> {
    // SAFETY: the descriptor is open as long as `file` lives, and the three commands used here take an
    // integer and read or write no memory of ours.
    match unsafe { libc::fcntl(file.as_raw_fd(), command, argument) } {
        -1 => Err(io::Error::last_os_error()),
        answer => Ok(answer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::OpenOptions;
    use std::os::unix::fs::OpenOptionsExt;

    fn file() -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, b"bytes").unwrap();
        (dir, path)
    }

    #[test]
    fn is_refused_while_somebody_writes() {
        let (_dir, path) = file();
        let writer = OpenOptions::new().append(true).open(&path).unwrap();
        assert!(Lease::take(File::open(&path).unwrap()).is_err());
        drop(writer);
        assert!(Lease::take(File::open(&path).unwrap()).unwrap().is_whole());
    }

    #[test]
    fn tells_of_a_writer_and_lets_it_in_when_dropped() {
        let (_dir, path) = file();
        let lease = Lease::take(File::open(&path).unwrap()).unwrap();
        let open = || {
            OpenOptions::new()
                .append(true)
                .custom_flags(libc::O_NONBLOCK)
                .open(&path)
        };
        let refusal = open().unwrap_err();
        assert_eq!(refusal.raw_os_error(), Some(libc::EWOULDBLOCK));
        assert!(!lease.is_whole());
        drop(lease);
        assert!(open().is_ok());
    }
}
