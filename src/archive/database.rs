//! Which database an archive's catalogue is in.
//!
//! Without `[catalogue]` in the configuration it is an SQLite file in the archive. With it, it is in MariaDB, and several
//! archives, one a host, may share it: they have one identity, which the database knows, too.
//!
//! The password of the database's user is in the environment or in a file, which nobody but its owner and group may read. It
//! is never in the configuration, in arguments, or in a message.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::catalogue::mariadb::{Identity, MariadbCatalogue, PASSWORD_VARIABLE, Password, Place};
use crate::catalogue::sqlite::SqliteCatalogue;
use crate::catalogue::{self, Access, Catalogue};

use super::{Config, Error, Layout, Result};

/// Where the catalogue is, if it is not in the archive's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogueConfig {
    /// `mysql://user@host:port/database`, without a password.
    pub url: String,
    /// A file with the user's password, relative to the archive; the environment comes first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<std::path::PathBuf>,
}

impl CatalogueConfig {
    fn place(&self) -> Result<Place> {
        Ok(self.url.parse()?)
    }

    fn password(&self, dir: &Path) -> Result<Password> {
        if let Some(password) = std::env::var_os(PASSWORD_VARIABLE) {
            let password = password.into_string();
            let password =
                password.map_err(|_| failed(format!("{PASSWORD_VARIABLE} is not UTF-8")))?;
            return Ok(Password::new(password));
        }
        match &self.password_file {
            None => Ok(Password::default()),
            Some(file) => read_password(&dir.join(file)),
        }
    }
}

/// The first line of a file.
fn read_password(path: &Path) -> Result<Password> {
    let io = |error: io::Error| Error::io(path, error);
    if fs::metadata(path).map_err(io)?.mode() & 0o007 != 0 {
        return Err(failed(format!(
            "{}: everybody on this machine can read the password in it; run `chmod 600` on it",
            path.display()
        )));
    }
    let text = fs::read_to_string(path).map_err(io)?;
    Ok(Password::new(text.lines().next().unwrap_or_default()))
}

fn failed(said: String) -> Error {
    catalogue::Error::Failed(said).into()
}

/// Makes the catalogue of a new archive, in whose folder `dir` nothing is yet.
pub(super) fn create(dir: &Path, config: &Config) -> Result<()> {
    match &config.catalogue {
        None => drop(SqliteCatalogue::create(&Layout::of(dir).catalogue())?),
        Some(database) => {
            let identity = Identity {
                id: config.id.clone(),
                name: config.name.clone(),
            };
            MariadbCatalogue::create(&database.place()?, &database.password(dir)?, &identity)?;
        }
    }
    Ok(())
}

/// Gives the configuration of an archive that is to share a catalogue the identity of those that have it; and their name, if
/// it has none of its own.
pub(super) fn join(dir: &Path, config: &mut Config, name: Option<&str>) -> Result<()> {
    let Some(database) = &config.catalogue else {
        return Err(failed("joining needs the URL of a catalogue".to_owned()));
    };
    let (place, password) = (database.place()?, database.password(dir)?);
    let opened = MariadbCatalogue::open(&place, &password, Access::ReadOnly)?;
    let Identity { id, name: theirs } = opened.identity().clone();
    config.id = id;
    config.name = name.map_or(theirs, str::to_owned);
    Ok(())
}

/// Opens the catalogue of the archive in `dir`.
pub(super) fn open(dir: &Path, config: &Config, access: Access) -> Result<Box<dyn Catalogue>> {
    let Some(database) = &config.catalogue else {
        return Ok(Box::new(SqliteCatalogue::open(
            &Layout::of(dir).catalogue(),
            access,
        )?));
    };
    let place = database.place()?;
    let opened = MariadbCatalogue::open(&place, &database.password(dir)?, access)?;
    let theirs = opened.identity();
    if theirs.id != config.id {
        return Err(failed(format!(
            "{place} holds the catalogue of another archive, `{}` ({}), and not of this one ({})",
            theirs.name, theirs.id, config.id
        )));
    }
    Ok(Box::new(opened))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_password_that_everybody_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        fs::write(&path, "SECRET\nmore\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let said = read_password(&path).unwrap_err().to_string();
        assert!(
            said.contains("chmod 600") && !said.contains("SECRET"),
            "{said}"
        );
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(read_password(&path).unwrap() == Password::new("SECRET"));
        let missing = dir.path().join("missing");
        assert!(
            read_password(&missing)
                .unwrap_err()
                .to_string()
                .contains("missing")
        );
    }
}
