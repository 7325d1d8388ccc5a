//! The keys of a store: from the environment, or from a file. They are in no message, and have no `Debug`.

use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::super::{Error, Result};

/// What the keys are called, in the environment and, in lower case, in a file.
const NAMES: [&str; 3] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
];

/// The keys of a store.
pub(super) struct Credentials {
    pub(super) key_id: String,
    pub(super) secret: String,
    pub(super) token: Option<String>,
}

impl Credentials {
    /// Those of the file, if one is named, or else of the environment. `store` is for the message.
    pub(super) fn find(store: &str, file: Option<&Path>) -> Result<Self> {
        match file {
            Some(path) => Self::read(store, path),
            None => Self::of(|name| env::var(name).ok()).ok_or_else(|| Error::Store {
                store: store.to_owned(),
                fault: "there are no keys for it: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a file \
                        that has them as `credentials` under [blobs] in librisfs.toml"
                    .into(),
            }),
        }
    }

    fn read(store: &str, path: &Path) -> Result<Self> {
        let refused = |fault: &str| Error::Store {
            store: store.to_owned(),
            fault: format!("{}: {fault}", path.display()),
        };
        let meta = fs::metadata(path).map_err(|e| Error::io(path, e))?;
        if meta.mode() & 0o007 != 0 {
            return Err(refused("everybody may read the keys in it: chmod 600"));
        }
        let text = fs::read_to_string(path).map_err(|e| Error::io(path, e))?;
        Self::parse(&text)
            .ok_or_else(|| refused("it has no aws_access_key_id and aws_secret_access_key"))
    }

    /// The file that the tools of AWS keep: `name = value`, under the section `[default]` or none.
    fn parse(text: &str) -> Option<Self> {
        let mut is_ours = true;
        let mut found = Vec::new();
        for line in text.lines().map(str::trim) {
            if let Some(section) = line.strip_prefix('[') {
                is_ours = section.trim_end_matches(']').trim() == "default";
            } else if let Some((name, value)) = line.split_once('=')
                && is_ours
                && !line.starts_with(['#', ';'])
            {
                found.push((name.trim().to_ascii_uppercase(), value.trim().to_owned()));
            }
        }
        Self::of(|name| Some(found.iter().find(|(found, _)| found == name)?.1.clone()))
    }

    fn of(value: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let [key_id, secret, token] =
            NAMES.map(|name| value(name).filter(|value| !value.is_empty()));
        Some(Self {
            key_id: key_id?,
            secret: secret?,
            token,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_of_the_tools_of_aws_is_read() {
        let text = "[other]\naws_access_key_id=no\n[default]\n# a = b\naws_access_key_id = ID\n\
                    aws_secret_access_key=a=b\n";
        let keys = Credentials::parse(text).unwrap();
        assert_eq!((keys.key_id.as_str(), keys.secret.as_str()), ("ID", "a=b"));
        assert!(keys.token.is_none());
        assert!(Credentials::parse("aws_access_key_id = ID\naws_secret_access_key =").is_none());
        assert!(Credentials::parse("").is_none());
    }

    #[test]
    fn a_file_that_everybody_reads_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys");
        fs::write(
            &path,
            "aws_access_key_id = ID\naws_secret_access_key = hush",
        )
        .unwrap();
        let find = || Credentials::find("s3://b", Some(&path));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let told = find().err().unwrap().to_string();
        assert!(
            told.contains("chmod 600") && !told.contains("hush"),
            "{told}"
        );
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(find().ok().unwrap().secret, "hush");
    }
}
