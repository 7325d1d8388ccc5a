//! What is mounted, by `/proc/self/mountinfo` (`proc_pid_mountinfo(5)`).

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// The file system type of our mounts.
pub const TYPE: &str = "fuse.librisfs";

/// What our mounts' sources begin with; the archive's name follows.
pub const SOURCE_PREFIX: &str = "librisfs:";

const MOUNTINFO: &str = "/proc/self/mountinfo";

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where it is.
    pub mountpoint: PathBuf,
    /// Its type.
    pub fs_type: String,
    /// Its source.
    pub source: String,
    /// Whether it is read-only, by itself or here.
    pub read_only: bool,
}

impl Mount {
    /// Whether it is a mounted archive.
    pub fn is_ours(&self) -> bool {
        self.fs_type == TYPE
    }

    /// The archive's name.
    pub fn archive(&self) -> &str {
        self.source
            .strip_prefix(SOURCE_PREFIX)
            .unwrap_or(&self.source)
    }
}

/// All mounts that this process sees, in the order in which they were made.
pub fn mounts() -> io::Result<Vec<Mount>> {
    Ok(parse(&fs::read(MOUNTINFO)?))
}

/// The mounts in `text`. Lines that are none are passed over.
fn parse(text: &[u8]) -> Vec<Mount> {
    text.split(|byte| *byte == b'\n')
        .filter_map(parse_line)
        .collect()
}

/// `36 35 98:0 /root /mountpoint ro,noatime shared:1 - type source rw,errors=continue`
fn parse_line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let mountpoint = unescape(fields.nth(4)?);
    let options = fields.next()?;
    let mut after_dash = fields.skip_while(|field| *field != b"-").skip(1);
    let fs_type = text_of(after_dash.next()?);
    let source = text_of(after_dash.next()?);
    let super_options = after_dash.next().unwrap_or_default();
    Some(Mount {
        mountpoint: OsString::from_vec(mountpoint).into(),
        fs_type,
        source,
        read_only: is_read_only(options) || is_read_only(super_options),
    })
}

fn is_read_only(options: &[u8]) -> bool {
    options
        .split(|byte| *byte == b',')
        .any(|option| option == b"ro")
}

fn text_of(field: &[u8]) -> String {
    String::from_utf8_lossy(&unescape(field)).into_owned()
}

/// Undoes the kernel's octal escapes (`\040` for a space; `mangle_path` in `fs/seq_file.c`).
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, tail)) = rest.split_first() {
        if let Some(escaped) = octal(rest) {
            plain.push(escaped);
            rest = &rest[4..];
        } else {
            plain.push(byte);
            rest = tail;
        }
    }
    plain
}

/// The byte that `text` begins with, if it begins with `\` and three octal digits.
fn octal(text: &[u8]) -> Option<u8> {
    let [b'\\', digits @ ..] = text.get(..4)? else {
        return None;
    };
    let value = digits.iter().try_fold(0_u16, |value, digit| {
        matches!(digit, b'0'..=b'7').then(|| value * 8 + u16::from(digit - b'0'))
    })?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn reads_the_kernels_lines() {
        let text = b"22 1 0:20 / /proc rw,nosuid shared:5 - proc proc rw\n\
            90 22 0:50 / /mnt/my\\040books\\134\\303\\251\xff rw,nosuid,nodev shared:7 master:2 - fuse.librisfs librisfs:My\\040Books ro,user_id=0\n\
            91 22 0:51 / /mnt/x ro - fuse.librisfs librisfs:x rw\n\
            nonsense\n";
        let mounts = parse(text);
        assert_eq!(mounts.len(), 3);
        assert!(!mounts[0].is_ours());
        assert!(!mounts[0].read_only);
        assert_eq!(
            mounts[1].mountpoint.as_os_str().as_bytes(),
            b"/mnt/my books\\\xc3\xa9\xff"
        );
        assert_eq!(mounts[1].archive(), "My Books");
        assert!(mounts[1].is_ours() && mounts[1].read_only);
        assert!(mounts[2].read_only);
    }

    #[test]
    fn leaves_alone_what_is_no_escape() {
        for (given, plain) in [
            (r"a\040b", "a b"),
            (r"a\04", r"a\04"),
            (r"\08x", r"\08x"),
            (r"\777", r"\777"),
            ("", ""),
        ] {
            assert_eq!(unescape(given.as_bytes()), plain.as_bytes(), "{given}");
        }
    }

    #[test]
    fn this_machine_has_a_root() {
        let mounts = mounts().expect("mountinfo is readable");
        assert!(
            mounts
                .iter()
                .any(|mount| mount.mountpoint.as_os_str() == "/")
        );
    }
}
