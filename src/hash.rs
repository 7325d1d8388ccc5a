//! Content hashes: the identity of bytes.
//!
//! A blob is identified by MD5, SHA-1 and size together, because collisions of either hash alone
//! exist in the wild. Nothing in the program compares blobs by less than a whole [`BlobId`].

use std::fmt::{self, Write as _};
use std::str::FromStr;

use md5::{Digest, Md5 as Md5State};
use serde::{Deserialize, Serialize};
use sha1::Sha1 as Sha1State;

/// A text that is not a hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a hash: expected 32 (MD5) or 40 (SHA-1) hexadecimal digits")]
pub struct NotAHash(pub String);

/// Writes `bytes` as lower-case hexadecimal digits.
fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    // By hand: the place of a blob is made of 36 bytes whenever it is opened.
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    bytes.iter().try_for_each(|byte| {
        f.write_char(DIGITS[usize::from(byte >> 4)])?;
        f.write_char(DIGITS[usize::from(byte & 15)])
    })
}

/// Parses exactly `N` bytes of hexadecimal digits, of either case.
fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high << 4 | low).ok()?;
    }
    Some(bytes)
}

macro_rules! digest {
    ($(#[$doc:meta])* $name:ident, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// Number of bytes in this hash.
            pub const BYTES: usize = $bytes;

            /// Wraps a finished digest.
            pub const fn new(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }

            /// The digest's bytes.
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = NotAHash;

            fn try_from(bytes: &[u8]) -> Result<Self, NotAHash> {
                bytes
                    .try_into()
                    .map(Self)
                    .map_err(|_| NotAHash(format!("{} bytes", bytes.len())))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(f, &self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = NotAHash;

            fn from_str(text: &str) -> Result<Self, NotAHash> {
                parse_hex(text).map(Self).ok_or_else(|| NotAHash(text.to_owned()))
            }
        }
    };
}

digest! {
    /// An MD5 digest (RFC 1321).
    Md5, 16
}
digest! {
    /// A SHA-1 digest (RFC 3174).
    Sha1, 20
}

/// A hash as people write it: MD5 or SHA-1, told apart by its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Hash {
    /// 32 hexadecimal digits.
    Md5(Md5),
    /// 40 hexadecimal digits.
    Sha1(Sha1),
}

impl FromStr for Hash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        text.parse()
            .map(Self::Md5)
            .or_else(|_| text.parse().map(Self::Sha1))
    }
}

impl TryFrom<String> for Hash {
    type Error = NotAHash;

    fn try_from(text: String) -> Result<Self, NotAHash> {
        text.parse()
    }
}

impl From<Hash> for String {
    fn from(hash: Hash) -> Self {
        hash.to_string()
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Md5(md5) => md5.fmt(f),
            Self::Sha1(sha1) => sha1.fmt(f),
        }
    }
}

/// The identity of a blob. Two blobs are the same only if all three agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct BlobId {
    /// MD5 of the bytes.
    pub md5: Md5,
    /// SHA-1 of the bytes.
    pub sha1: Sha1,
    /// Number of bytes.
    pub size_bytes: u64,
}

impl BlobId {
    /// Whether `hash` is one of this blob's two.
    pub fn has(&self, hash: &Hash) -> bool {
        match hash {
            Hash::Md5(md5) => self.md5 == *md5,
            Hash::Sha1(sha1) => self.sha1 == *sha1,
        }
    }
}

impl TryFrom<String> for BlobId {
    type Error = NotAHash;

    fn try_from(text: String) -> Result<Self, NotAHash> {
        text.parse()
    }
}

impl From<BlobId> for String {
    fn from(blob: BlobId) -> Self {
        blob.to_string()
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.md5, self.sha1, self.size_bytes)
    }
}

impl FromStr for BlobId {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let not = || NotAHash(text.to_owned());
        let mut parts = text.splitn(3, '-');
        let mut next = || parts.next().ok_or_else(not);
        Ok(Self {
            md5: next()?.parse()?,
            sha1: next()?.parse()?,
            size_bytes: next()?.parse().map_err(|_| not())?,
        })
    }
}

macro_rules! hasher {
    ($(#[$doc:meta])* $name:ident, $state:ident, $digest:ident) => {
        $(#[$doc])*
        #[derive(Clone, Default)]
        pub struct $name($state);

        impl $name {
            /// Takes in the next bytes.
            pub fn update(&mut self, bytes: &[u8]) {
                self.0.update(bytes);
            }

            /// The digest of all bytes taken in.
            pub fn finish(self) -> $digest {
                $digest::new(self.0.finalize().into())
            }
        }
    };
}

hasher! {
    /// Computes an MD5 by itself.
    Md5Hasher, Md5State, Md5
}
hasher! {
    /// Computes a SHA-1 by itself.
    Sha1Hasher, Sha1State, Sha1
}

/// Computes a [`BlobId`] in one pass over the bytes, in constant memory.
#[derive(Clone, Default)]
pub struct BlobHasher {
    md5: Md5State,
    sha1: Sha1State,
    size_bytes: u64,
}

impl BlobHasher {
    /// Bytes hashed by both algorithms before the next are looked at, so that they stay in cache.
    const STEP_BYTES: usize = 16 * 1024;

    /// A hasher that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        for step in bytes.chunks(Self::STEP_BYTES) {
            self.md5.update(step);
            self.sha1.update(step);
        }
        self.size_bytes += bytes.len() as u64;
    }

    /// The identity of all bytes taken in.
    pub fn finish(self) -> BlobId {
        BlobId {
            md5: Md5::new(self.md5.finalize().into()),
            sha1: Sha1::new(self.sha1.finalize().into()),
            size_bytes: self.size_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_known_bytes() {
        let mut hasher = BlobHasher::new();
        hasher.update(b"The quick brown fox ");
        hasher.update(b"jumps over the lazy dog");
        let id = hasher.finish();
        assert_eq!(id.md5.to_string(), "9e107d9d372bb6826bd81d3542a419d6");
        assert_eq!(
            id.sha1.to_string(),
            "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12"
        );
        assert_eq!(id.size_bytes, 43);
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn each_hash_by_itself_is_that_of_both_together() {
        let bytes = b"The quick brown fox jumps over the lazy dog";
        let (mut md5, mut sha1) = (Md5Hasher::default(), Sha1Hasher::default());
        let mut both = BlobHasher::new();
        for part in bytes.chunks(7) {
            md5.update(part);
            sha1.update(part);
            both.update(part);
        }
        let both = both.finish();
        assert_eq!((md5.finish(), sha1.finish()), (both.md5, both.sha1));
    }

    #[test]
    fn a_long_update_is_the_sum_of_short_ones() {
        let bytes: Vec<u8> = (0..100_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let mut whole = BlobHasher::new();
        whole.update(&bytes);
        let mut parts = BlobHasher::new();
        bytes.chunks(977).for_each(|part| parts.update(part));
        assert_eq!(whole.finish(), parts.finish());
    }

    #[test]
    fn told_apart_by_length() {
        let md5 = "D41D8CD98F00B204E9800998ECF8427E";
        let sha1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
        assert!(matches!(md5.parse(), Ok(Hash::Md5(_))));
        assert!(matches!(sha1.parse(), Ok(Hash::Sha1(_))));
        for wrong in ["", "d41d", "g41d8cd98f00b204e9800998ecf8427e", "é"] {
            assert!(wrong.parse::<Hash>().is_err(), "{wrong}");
        }
    }
}
