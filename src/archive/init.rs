//! Making an archive.
//!
//! A new folder is made under another name beside its own and renamed at the end, so that it is there
//! with all that belongs in it or not at all. A folder that exists already, empty, keeps its owner and
//! mode: it is filled in place, `librisfs.toml` last, and emptied again if that fails.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{
    Access, Archive, BlobsConfig, CatalogueConfig, Config, Error, Layout, Result, database,
};

/// What a new archive is to be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InitOptions {
    /// Its name; `None`: that of its folder.
    pub name: Option<String>,
    /// The URL of the store of its blobs; `None`: a folder in it.
    pub blobs: Option<String>,
    /// Where its catalogue is to be; `None`: in its folder.
    pub catalogue: Option<CatalogueConfig>,
    /// Whether to share the catalogue that is there: this is another host's part of an archive that exists.
    pub join: bool,
}

impl Archive {
    /// Makes an archive in `dir`, which is new or empty, and opens it. After an error nothing is left.
    pub fn init(dir: &Path, options: &InitOptions) -> Result<Self> {
        let dir = std::path::absolute(dir).map_err(|e| Error::io(dir, e))?;
        if let Some(archive) = archive_around(&dir) {
            return Err(Error::InsideArchive { dir, archive });
        }
        let mut config = Config::new(options.name.clone().unwrap_or_else(|| name_of(&dir)))?;
        config.blobs = BlobsConfig::at(options.blobs.as_deref())?;
        config.catalogue.clone_from(&options.catalogue);
        if options.join {
            database::join(&dir, &mut config, options.name.as_deref())?;
        }
        match fs::read_dir(&dir) {
            Ok(mut entries) => match entries.next() {
                Some(_) => return Err(taken(dir)),
                None => fill_in_place(&dir, &config, options.join)?,
            },
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                make_beside(&dir, &config, options.join)?;
            }
            Err(e) if e.kind() == io::ErrorKind::NotADirectory => return Err(taken(dir)),
            Err(e) => return Err(Error::io(dir, e)),
        }
        Self::open(&dir, Access::ReadWrite)
    }
}

/// The archive that `dir` would lie in. What is there of the path is followed through its links.
fn archive_around(dir: &Path) -> Option<PathBuf> {
    let parent = dir
        .ancestors()
        .skip(1)
        .find_map(|above| above.canonicalize().ok())?;
    let archive = parent
        .ancestors()
        .find(|above| above.join(Config::FILE).exists())?;
    Some(archive.to_owned())
}

/// Why nothing can be made at `dir`.
fn taken(dir: PathBuf) -> Error {
    if dir.join(Config::FILE).exists() {
        Error::AlreadyAnArchive { dir }
    } else {
        Error::NotEmpty { path: dir }
    }
}

/// The name of an archive that was given none: that of its folder.
fn name_of(dir: &Path) -> String {
    let name = dir.file_name().unwrap_or(dir.as_os_str());
    name.to_string_lossy().into_owned()
}

fn make_beside(dir: &Path, config: &Config, joins: bool) -> Result<()> {
    let parent = dir.parent().unwrap_or(dir);
    fs::create_dir_all(parent).map_err(|e| Error::io(parent, e))?;
    let unfinished = parent.join(format!(".librisfs-init-{}", config.id));
    fs::create_dir(&unfinished).map_err(|e| Error::io(&unfinished, e))?;
    let made = fill(&unfinished, config, joins).and_then(|()| {
        // Replaces nothing but an empty folder that somebody has made meanwhile.
        fs::rename(&unfinished, dir).map_err(|e| Error::io(dir, e))
    });
    if made.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_dir_all(&unfinished);
    }
    made?;
    sync(parent)
}

fn fill_in_place(dir: &Path, config: &Config, joins: bool) -> Result<()> {
    fill(dir, config, joins).inspect_err(|_| {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            // The first error is the one to tell.
            let path = entry.path();
            let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
        }
    })
}

/// Makes all that belongs in an archive, the configuration last.
fn fill(dir: &Path, config: &Config, joins: bool) -> Result<()> {
    let layout = Layout::of(dir);
    layout.create_store(config)?;
    if !joins {
        database::create(dir, config)?;
    }
    config.write(dir)?;
    sync(dir)
}

/// Makes the names in `dir` durable.
pub(super) fn sync(dir: &Path) -> Result<()> {
    fs::File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(|e| Error::io(dir, e))
}
