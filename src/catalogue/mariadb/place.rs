//! Where a catalogue is: `mysql://user@host:port/database`, and the password, which is never part of it.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use crate::catalogue::{Error, Result};

/// The port where none is named.
const PORT: u16 = 3306;

/// Where a database is. Shown, it is the URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub(super) user: String,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) database: String,
    /// The server's socket on this machine, instead of host and port.
    pub(super) socket: Option<String>,
}

/// A password. It shows itself to nobody.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// This password.
    pub fn new(password: impl Into<String>) -> Self {
        Self(password.into())
    }

    pub(super) fn reveal(&self) -> Option<&str> {
        Some(self.0.as_str()).filter(|password| !password.is_empty())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

impl FromStr for Place {
    type Err = Error;

    /// Takes a URL apart. No error repeats it: it may hold a password, which is refused.
    fn from_str(url: &str) -> Result<Self> {
        let fault = |fault: &str| {
            Error::Failed(format!(
                "the catalogue's URL {fault}; it looks like mysql://user@host:3306/database"
            ))
        };
        let rest = url
            .strip_prefix("mysql://")
            .or_else(|| url.strip_prefix("mariadb://"))
            .ok_or_else(|| fault("does not begin with mysql://"))?;
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query)),
            None => (rest, None),
        };
        let (authority, database) = rest
            .split_once('/')
            .ok_or_else(|| fault("names no database"))?;
        let (user, host) = authority
            .rsplit_once('@')
            .ok_or_else(|| fault("names no user"))?;
        if user.contains(':') {
            return Err(Error::Failed(format!(
                "a password must not be part of the catalogue's URL, where everybody could see it: set the environment \
                 variable {}, or write it to a file and name that with --password-file",
                super::PASSWORD_VARIABLE
            )));
        }
        let (host, port) = host_and_port(host).ok_or_else(|| fault("has a port that is none"))?;
        let socket = match query {
            None => None,
            Some(query) => match query.strip_prefix("socket=") {
                Some(path) if path.starts_with('/') && !path.contains('&') => Some(path.to_owned()),
                _ => return Err(fault("may only say ?socket=/path behind the database")),
            },
        };
        let is_word = |text: &str| {
            let may = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '$');
            !text.is_empty() && text.chars().all(may)
        };
        if !is_word(user) {
            return Err(fault("has an odd name of a user"));
        }
        if !is_word(database) {
            return Err(fault("has an odd name of a database"));
        }
        let is_host = |host: &str| is_word(host) || host.parse::<Ipv6Addr>().is_ok();
        if !is_host(&host) {
            return Err(fault("has an odd name of a host"));
        }
        Ok(Self {
            user: user.to_owned(),
            host,
            port,
            database: database.to_owned(),
            socket,
        })
    }
}

/// Takes `host:port` apart; an IPv6 address is in brackets.
fn host_and_port(text: &str) -> Option<(String, u16)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            (
                host,
                if after.is_empty() {
                    None
                } else {
                    Some(after.strip_prefix(':')?)
                },
            )
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = port.map_or(Ok(PORT), str::parse).ok()?;
    Some((host.to_owned(), port))
}

impl Place {
    /// The host, an IPv6 address in brackets.
    pub(super) fn host_for_urls(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.host_for_urls();
        write!(
            f,
            "mysql://{}@{host}:{}/{}",
            self.user, self.port, self.database
        )?;
        match &self.socket {
            Some(socket) => write!(f, "?socket={socket}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_urls_apart_and_shows_them() {
        for (url, shown) in [
            (
                "mysql://me@db.example.org:3307/books",
                "mysql://me@db.example.org:3307/books",
            ),
            (
                "mariadb://me@10.0.0.1/my_books",
                "mysql://me@10.0.0.1:3306/my_books",
            ),
            ("mysql://me@[::1]:33/b", "mysql://me@[::1]:33/b"),
            (
                "mysql://me@localhost/b?socket=/run/s",
                "mysql://me@localhost:3306/b?socket=/run/s",
            ),
        ] {
            let place: Place = url.parse().expect(url);
            assert_eq!(place.to_string(), shown);
            assert_eq!(shown.parse::<Place>().expect(shown), place);
        }
    }

    #[test]
    fn refuses_what_is_no_url_and_never_repeats_it() {
        for (url, fault) in [
            ("postgres://me:SECRET@h/b", "does not begin with"),
            ("mysql://me:SECRET@h/b", "LIBRISFS_MYSQL_PASSWORD"),
            ("mysql://me:SECRET@x@h/b", "LIBRISFS_MYSQL_PASSWORD"),
            ("mysql://me:@h/b", "--password-file"),
            ("mysql://h/SECRET", "names no user"),
            ("mysql://SECRET@h", "names no database"),
            ("mysql://SECRET@h:x/b", "port"),
            ("mysql://SECRET@h/", "database"),
            ("mysql://SECRET@/b", "host"),
            ("mysql://SECRET@h/b;c", "database"),
            ("mysql://me@h/b?password=SECRET", "socket"),
        ] {
            let said = url.parse::<Place>().expect_err(url).to_string();
            assert!(said.contains(fault), "{url}: {said}");
            assert!(!said.contains("SECRET"), "{said}");
        }
    }

    #[test]
    fn a_password_shows_itself_to_nobody() {
        let password = Password::new("SECRET");
        assert_eq!(format!("{password:?}"), "Password");
        assert_eq!(password.reveal(), Some("SECRET"));
        assert_eq!(Password::default().reveal(), None);
    }
}
