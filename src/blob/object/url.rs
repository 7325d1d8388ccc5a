//! Where a store is: `s3://bucket/prefix?endpoint=URL&region=NAME`.

use std::fmt;
use std::str::FromStr;

/// Parameters that would carry a secret.
const SECRETS: [&str; 8] = [
    "access_key",
    "access_key_id",
    "aws_access_key_id",
    "aws_secret_access_key",
    "key",
    "secret",
    "secret_access_key",
    "token",
];

/// Why a text is not the address of a store. It never repeats the text, which may have a secret in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAStore {
    /// Keys in it would show in the process list, in the configuration and in messages.
    #[error(
        "keys do not belong into the URL of a store: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a \
         file that has them as `credentials` under [blobs] in librisfs.toml"
    )]
    Secret,
    /// It cannot be understood.
    #[error("{0}: expected s3://BUCKET/PREFIX?endpoint=URL&region=NAME")]
    Malformed(String),
}

/// The address of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreUrl {
    bucket: String,
    /// Without slashes at its ends; it may be empty.
    prefix: String,
    endpoint: Option<String>,
    region: Option<String>,
    /// Whether the bucket is part of the host's name instead of the path.
    virtual_host: bool,
}

impl StoreUrl {
    pub(super) fn bucket(&self) -> &str {
        &self.bucket
    }

    pub(super) fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    pub(super) fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    pub(super) fn is_virtual_host(&self) -> bool {
        self.virtual_host
    }

    /// The key of what is called `name` under the prefix.
    pub(super) fn key(&self, name: &str) -> String {
        if self.prefix.is_empty() {
            name.to_owned()
        } else {
            format!("{}/{name}", self.prefix)
        }
    }

    /// What the object of this key is called under the prefix.
    pub(super) fn name_of<'a>(&self, key: &'a str) -> Option<&'a str> {
        if self.prefix.is_empty() {
            Some(key)
        } else {
            key.strip_prefix(&self.prefix)?.strip_prefix('/')
        }
    }

    /// The bucket and what is called `name` in it, for people.
    pub(super) fn place(&self, name: &str) -> String {
        format!("s3://{}/{}", self.bucket, self.key(name))
    }
}

impl FromStr for StoreUrl {
    type Err = NotAStore;

    fn from_str(text: &str) -> Result<Self, NotAStore> {
        let malformed = |why: &str| NotAStore::Malformed(why.to_owned());
        let rest = text
            .strip_prefix("s3://")
            .ok_or_else(|| malformed("a store's URL begins with s3://"))?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
        if bucket.contains('@') {
            return Err(NotAStore::Secret);
        }
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        if bucket.is_empty() || !bucket.chars().all(is_plain) {
            return Err(malformed("that is no name of a bucket"));
        }
        let prefix = prefix.trim_matches('/');
        let is_name = |part: &str| {
            !part.is_empty() && part != "." && part != ".." && part.chars().all(is_plain)
        };
        if !prefix.is_empty() && !prefix.split('/').all(is_name) {
            return Err(malformed(
                "a prefix is letters, digits, `-`, `.`, `_` and single slashes",
            ));
        }
        let mut url = Self {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            endpoint: None,
            region: None,
            virtual_host: false,
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decoded(value).ok_or_else(|| malformed("a parameter is not UTF-8"))?;
            match name {
                "endpoint" => url.endpoint = Some(endpoint(&value)?),
                "region" if !value.is_empty() && value.chars().all(is_plain) => {
                    url.region = Some(value);
                }
                "region" => return Err(malformed("that is no name of a region")),
                "virtual_host" => {
                    url.virtual_host = match value.as_str() {
                        "true" => true,
                        "false" => false,
                        _ => return Err(malformed("`virtual_host` is true or false")),
                    }
                }
                name if SECRETS.contains(&name.to_ascii_lowercase().as_str()) => {
                    return Err(NotAStore::Secret);
                }
                _ => {
                    return Err(malformed(
                        "the parameters of a store are `endpoint`, `region` and `virtual_host`",
                    ));
                }
            }
        }
        Ok(url)
    }
}

/// The address of a server: a scheme, a host and perhaps a port.
fn endpoint(value: &str) -> Result<String, NotAStore> {
    let malformed = || NotAStore::Malformed("an endpoint is http://HOST or https://HOST".into());
    let host = value
        .strip_prefix("https://")
        .or_else(|| value.strip_prefix("http://"))
        .ok_or_else(malformed)?
        .trim_end_matches('/');
    if host.contains('@') {
        return Err(NotAStore::Secret);
    }
    let is_host = |c: char| c.is_ascii_alphanumeric() || "-._:[]/".contains(c);
    if host.is_empty() || !host.chars().all(is_host) {
        return Err(malformed());
    }
    Ok(value.trim_end_matches('/').to_owned())
}

/// Without `%41` and the like (RFC 3986, section 2.1).
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first == b'%' {
            let (digits, tail) = rest.split_at_checked(2)?;
            let digits = std::str::from_utf8(digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = tail;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.bucket)?;
        if !self.prefix.is_empty() {
            write!(f, "/{}", self.prefix)?;
        }
        let host = self.virtual_host.then(|| "true".to_owned());
        let parameters = [
            ("endpoint", &self.endpoint),
            ("region", &self.region),
            ("virtual_host", &host),
        ];
        let mut mark = '?';
        for (name, value) in parameters {
            if let Some(value) = value {
                write!(f, "{mark}{name}={value}")?;
                mark = '&';
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        for (text, written, key) in [
            ("s3://b", "s3://b", "ab/x"),
            ("s3://b/", "s3://b", "ab/x"),
            ("s3://b/p/q/", "s3://b/p/q", "p/q/ab/x"),
            (
                "s3://b/p?endpoint=http%3A%2F%2F127.0.0.1%3A3900/&region=garage",
                "s3://b/p?endpoint=http://127.0.0.1:3900&region=garage",
                "p/ab/x",
            ),
            (
                "s3://b?virtual_host=true&endpoint=https://[::1]:1",
                "s3://b?endpoint=https://[::1]:1&virtual_host=true",
                "ab/x",
            ),
        ] {
            let url: StoreUrl = text.parse().unwrap();
            assert_eq!(url.to_string(), written);
            assert_eq!(url.to_string().parse(), Ok(url.clone()));
            assert_eq!(url.key("ab/x"), key);
            assert_eq!(url.name_of(key), Some("ab/x"));
        }
        let url: StoreUrl = "s3://b/p".parse().unwrap();
        assert_eq!(url.name_of("pq/x"), None);
        assert_eq!(url.place("quarantine/x"), "s3://b/p/quarantine/x");
    }

    #[test]
    fn keys_are_refused_and_not_repeated() {
        for text in [
            "s3://AKID:hush@b/p",
            "s3://b/p?secret=hush",
            "s3://b/p?AWS_SECRET_ACCESS_KEY=hush",
            "s3://b?endpoint=http://k:hush@host",
        ] {
            let error = text.parse::<StoreUrl>().unwrap_err();
            assert_eq!(error, NotAStore::Secret, "{text}");
            let told = error.to_string();
            assert!(told.contains("AWS_SECRET_ACCESS_KEY") && !told.contains("hush"));
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "b/p",
            "https://b/p",
            "s3://",
            "s3:///p",
            "s3://b c",
            "s3://b/../p",
            "s3://b/p//q",
            "s3://b/é",
            "s3://b?region=",
            "s3://b?region=a%20b",
            "s3://b?colour=hush",
            "s3://b?endpoint=ftp://h",
            "s3://b?endpoint=https://",
            "s3://b?endpoint=%zz",
            "s3://b?virtual_host=1",
        ] {
            let error = text.parse::<StoreUrl>().unwrap_err();
            assert!(matches!(error, NotAStore::Malformed(_)), "{text}");
            assert!(!error.to_string().contains("hush"));
        }
    }
}
