//! `librisfs.toml`: what an archive is and how it is to be used.
//!
//! The file is made by `librisfs init` and belongs to the user from then on. A key that is not known
//! is an error that names it, so that a misspelt setting is never silently without effect.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::blob::{NotAStore, StoreUrl};
use crate::time::UnixSeconds;

use super::{CatalogueConfig, Error, Result};

/// The configuration of one archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Version of the archive's layout on disk.
    pub format: u32,
    /// The archive's identity: 32 hexadecimal digits.
    pub id: String,
    /// What the mount and messages call it.
    pub name: String,
    /// Where its catalogue is; `None`: in its folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalogue: Option<CatalogueConfig>,
    /// How it is mounted.
    #[serde(default)]
    pub mount: MountConfig,
    /// How long the trash is kept.
    #[serde(default)]
    pub trash: TrashConfig,
    /// Where the blobs are.
    #[serde(default, skip_serializing_if = "BlobsConfig::is_default")]
    pub blobs: BlobsConfig,
}

/// How an archive is mounted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MountConfig {
    /// A folder with more entries is shown as buckets. 0: none ever is.
    pub bucket_threshold: u64,
}

impl Default for MountConfig {
    fn default() -> Self {
        Self {
            bucket_threshold: 2000,
        }
    }
}

/// How long the trash is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrashConfig {
    /// A collection removes for good what has been in the trash for longer. 0: nothing ever.
    pub keep_days: u32,
}

impl TrashConfig {
    /// What was put into the trash before this moment has been kept for long enough at `now`; `None`: nothing
    /// has.
    pub(super) fn expired_before(&self, now: UnixSeconds) -> Option<UnixSeconds> {
        const DAY_SECONDS: i64 = 24 * 60 * 60;
        let kept_seconds = i64::from(self.keep_days) * DAY_SECONDS;
        (kept_seconds > 0).then(|| UnixSeconds(now.0.saturating_sub(kept_seconds)))
    }
}

/// Where the blobs are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BlobsConfig {
    /// The URL of an object store, which has no keys in it; without, they are in a folder of the archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// A file with the keys of the object store; without, they are in the environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<PathBuf>,
    /// Most bytes of the object store that are kept on the local disk. 16 MiB are used in any case.
    pub cache_bytes: u64,
}

impl Default for BlobsConfig {
    fn default() -> Self {
        Self {
            url: None,
            credentials: None,
            cache_bytes: 10 << 30,
        }
    }
}

impl BlobsConfig {
    /// Blobs in the store at `url`, or in a folder.
    pub(super) fn at(url: Option<&str>) -> Result<Self> {
        let url = url.map(str::parse::<StoreUrl>).transpose()?;
        Ok(Self {
            url: url.map(|url| url.to_string()),
            ..Self::default()
        })
    }

    /// The address of the object store that the archive at `dir` is configured with.
    pub(super) fn store_url(&self, dir: &Path) -> Result<StoreUrl> {
        let url = self.url.as_deref().unwrap_or_default();
        url.parse().map_err(|fault: NotAStore| Error::Config {
            path: dir.join(Config::FILE),
            fault: format!("`url` under [blobs]: {fault}"),
        })
    }

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Config {
    /// The file's name in the archive.
    pub const FILE: &'static str = "librisfs.toml";
    /// The layout that this program makes, and the newest that it knows.
    pub const FORMAT: u32 = 1;

    /// The configuration of a new archive, with an identity of its own.
    pub(super) fn new(name: String) -> Result<Self> {
        let mut id = [0_u8; 16];
        rustix::rand::getrandom(&mut id, rustix::rand::GetRandomFlags::empty())
            .map_err(|e| Error::io("/dev/urandom", e.into()))?;
        Ok(Self {
            format: Self::FORMAT,
            id: format!("{:032x}", u128::from_be_bytes(id)),
            name,
            catalogue: None,
            mount: MountConfig::default(),
            trash: TrashConfig::default(),
            blobs: BlobsConfig::default(),
        })
    }

    /// Reads the configuration of the archive at `dir`.
    pub(super) fn read(dir: &Path) -> Result<Self> {
        use io::ErrorKind::{NotADirectory, NotFound};
        let path = dir.join(Self::FILE);
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(dir, &text),
            Err(e) if matches!(e.kind(), NotFound | NotADirectory) => {
                Err(Error::NoSuchArchive { dir: dir.into() })
            }
            Err(e) => Err(Error::io(path, e)),
        }
    }

    /// Writes it durably to the folder `dir`, which has none yet.
    pub(super) fn write(&self, dir: &Path) -> Result<()> {
        let path = dir.join(Self::FILE);
        let text = toml::to_string(self).map_err(|e| Error::Config {
            path: path.clone(),
            fault: e.to_string(),
        })?;
        File::create_new(&path)
            .and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                file.sync_all()
            })
            .map_err(|e| Error::io(path, e))
    }

    fn parse(dir: &Path, text: &str) -> Result<Self> {
        let fault = |e: toml::de::Error| Error::Config {
            path: dir.join(Self::FILE),
            fault: told(&e, text),
        };
        let FormatOnly { format } = toml::from_str(text).map_err(fault)?;
        if format > Self::FORMAT {
            return Err(Error::TooNew {
                dir: dir.into(),
                found: format,
                known: Self::FORMAT,
            });
        }
        toml::from_str(text).map_err(fault)
    }
}

/// A fault in words. They show the line, unless somebody may have written a password there.
fn told(error: &toml::de::Error, text: &str) -> String {
    let start = error.span().map_or(0, |span| span.start).min(text.len());
    let before = text.get(..start).unwrap_or_default();
    let line = text.lines().nth(before.matches('\n').count());
    if line.is_some_and(|line| line.contains("password") || line.contains("://")) {
        format!(
            "line {}: {}; a password belongs into a file that password_file names",
            before.matches('\n').count() + 1,
            error.message()
        )
    } else {
        error.to_string().trim_end().to_owned()
    }
}

/// Read first and by itself: a newer format may have keys that are not known here.
#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config> {
        Config::parse(Path::new("/archive"), text)
    }

    #[test]
    fn what_is_written_reads_back() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config::new("Böcher \"quoted\"\n".into()).unwrap();
        config.write(dir.path()).unwrap();
        assert_eq!(Config::read(dir.path()).unwrap(), config);
        assert_ne!(Config::new(String::new()).unwrap().id, config.id);
    }

    #[test]
    fn settings_have_defaults() {
        let config = parse("format = 1\nid = 'x'\nname = 'n'").unwrap();
        assert_eq!(config.mount.bucket_threshold, 2000);
        let config = parse("format = 1\nid = 'x'\nname = 'n'\n[mount]\nbucket_threshold = 5");
        assert_eq!(config.unwrap().mount.bucket_threshold, 5);
        let config = parse("format = 1\nid = 'x'\nname = 'n'").unwrap();
        assert_eq!(config.trash.keep_days, 0);
        let config = parse("format = 1\nid = 'x'\nname = 'n'\n[trash]\nkeep_days = 30");
        assert_eq!(config.unwrap().trash.keep_days, 30);
    }

    #[test]
    fn a_store_is_kept_without_what_is_default() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::new("name".into()).unwrap();
        config.write(dir.path()).unwrap();
        let text = fs::read_to_string(dir.path().join(Config::FILE)).unwrap();
        assert!(!text.contains("[blobs]"), "{text}");
        fs::remove_file(dir.path().join(Config::FILE)).unwrap();

        config.blobs = BlobsConfig::at(Some("s3://b/p/?region=r")).unwrap();
        config.write(dir.path()).unwrap();
        let read = Config::read(dir.path()).unwrap();
        assert_eq!(read, config);
        assert_eq!(read.blobs.url.as_deref(), Some("s3://b/p?region=r"));
        let store = read.blobs.store_url(dir.path()).unwrap();
        assert_eq!(store.to_string(), "s3://b/p?region=r");
        assert!(matches!(
            BlobsConfig::at(Some("s3://key:hush@b")),
            Err(Error::NotAStore(NotAStore::Secret))
        ));
        let wrong =
            parse("format = 1\nid = 'x'\nname = 'n'\n[blobs]\nurl = 's3://b?key=hush'").unwrap();
        let told = wrong.blobs.store_url(Path::new("/archive")).unwrap_err();
        assert!(!told.to_string().contains("hush"), "{told}");
    }

    #[test]
    fn the_trash_is_kept_for_days_or_for_ever() {
        for (keep_days, now, before) in [
            (0, 1_000_000, None),
            (1, 1_000_000, Some(913_600)),
            (30, 0, Some(-2_592_000)),
            (u32::MAX, i64::MIN, Some(i64::MIN)),
        ] {
            let config = TrashConfig { keep_days };
            assert_eq!(
                config.expired_before(UnixSeconds(now)),
                before.map(UnixSeconds),
                "{keep_days} {now}"
            );
        }
    }

    #[test]
    fn faults_are_named() {
        for (text, named) in [
            ("format = 1\nid = 'x'\nname = 'n'\ncolour = 'red'", "colour"),
            (
                "format = 1\nid = 'x'\nname = 'n'\n[mount]\nbuckets = 1",
                "buckets",
            ),
            (
                "format = 1\nid = 'x'\nname = 'n'\n[trash]\nkeep_weeks = 1",
                "keep_weeks",
            ),
            (
                "format = 1\nid = 'x'\nname = 'n'\n[trash]\nkeep_days = -1",
                "keep_days",
            ),
            (
                "format = 1\nid = 'x'\nname = 'n'\n[blobs]\ncache_megabytes = 1",
                "cache_megabytes",
            ),
            ("format = 1\nid = 'x'", "name"),
            ("id = 'x'", "format"),
            ("format = ", "format"),
        ] {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.contains(named), "{message}");
            assert!(message.contains("/archive/librisfs.toml"), "{message}");
        }
    }

    #[test]
    fn the_catalogue_may_be_elsewhere() {
        let config = parse("format = 1\nid = 'x'\nname = 'n'").unwrap();
        assert_eq!(config.catalogue, None);
        let config = parse(
            "format = 1\nid = 'x'\nname = 'n'\n[catalogue]\nurl = 'mysql://u@h/b'\npassword_file = 'p'",
        );
        let catalogue = config.unwrap().catalogue.unwrap();
        assert_eq!(catalogue.url, "mysql://u@h/b");
        assert_eq!(catalogue.password_file.as_deref(), Some(Path::new("p")));
    }

    #[test]
    fn a_password_in_it_is_refused_and_not_repeated() {
        for line in [
            "password = 'SECRET'",
            "url = 'mysql://u:SECRET@h/b",
            "password = SECRET",
        ] {
            let text = format!("format = 1\nid = 'x'\nname = 'n'\n[catalogue]\n{line}\n");
            let said = parse(&text).unwrap_err().to_string();
            assert!(
                said.contains("line 5") && !said.contains("SECRET"),
                "{said}"
            );
        }
    }

    #[test]
    fn a_newer_format_is_told_from_a_fault() {
        let answer = parse("format = 2\nunheard = 'of'");
        assert!(matches!(
            answer,
            Err(Error::TooNew {
                found: 2,
                known: 1,
                ..
            })
        ));
    }
}
