//! What MariaDB and the client say, in the words of the catalogue.
//!
//! [`Error::Busy`] and [`Error::Unreachable`] are what may go away by itself: `pool` tries again on them. Nothing here
//! repeats a password: the server says of one only whether there was any.

use mysql::DriverError;

use crate::catalogue::Error;

impl From<mysql::Error> for Error {
    fn from(error: mysql::Error) -> Self {
        match error {
            mysql::Error::MySqlError(refusal) => of_code(refusal.code, refusal.message),
            mysql::Error::IoError(error) => lost(&error.to_string()),
            mysql::Error::CodecError(error) => lost(&error.to_string()),
            mysql::Error::DriverError(error) => of_driver(&error),
            mysql::Error::UrlError(error) => Self::Failed(error.to_string()),
            error @ (mysql::Error::FromValueError(_) | mysql::Error::FromRowError(_)) => {
                Self::Failed(error.to_string())
            }
        }
    }
}

/// A connection that failed. What a timeout of a socket says would help nobody.
fn lost(said: &str) -> Error {
    let timed_out = std::io::Error::from(rustix::io::Errno::WOULDBLOCK).to_string();
    Error::Unreachable(if said.contains(&timed_out) {
        NO_ANSWER.to_owned()
    } else {
        said.to_owned()
    })
}

/// What is said of a server that does not answer in time.
const NO_ANSWER: &str = "the server does not answer";

fn of_driver(error: &DriverError) -> Error {
    match error {
        DriverError::ConnectTimeout | DriverError::Timeout => {
            Error::Unreachable(NO_ANSWER.to_owned())
        }
        DriverError::CouldNotConnect(Some((_, said, _))) => Error::Unreachable(said.clone()),
        DriverError::CouldNotConnect(None)
        | DriverError::PacketOutOfSync
        | DriverError::UnexpectedPacket
        | DriverError::SetupError => Error::Unreachable(error.to_string()),
        other => Error::Failed(other.to_string()),
    }
}

/// By the server's number (<https://mariadb.com/kb/en/mariadb-error-code-reference/>).
fn of_code(code: u16, said: String) -> Error {
    match code {
        // Lock wait timeout, deadlock (on Galera also a conflict with another node), record changed, statement timeout.
        1205 | 1213 | 1020 | 1969 => Error::Busy(said),
        // Not ready on Galera, shutting down, killed, aborted, too many connections, failed at commit.
        1040
        | 1047
        | 1053
        | 1129
        | 1152
        | 1158..=1161
        | 1180
        | 1203
        | 1226
        | 1317
        | 1927
        | 2006
        | 2013 => Error::Unreachable(said),
        1021 | 1114 => Error::Full(said),
        1030 if said.contains("28 ") || said.contains("No space left") => Error::Full(said),
        1044 | 1045 | 1698 => Error::Failed(format!(
            "{said}; its password belongs into the environment variable {PASSWORD_VARIABLE}, or into a file \
             that librisfs.toml names as password_file",
            PASSWORD_VARIABLE = super::PASSWORD_VARIABLE
        )),
        1049 => Error::Missing {
            place: format!("{said}; make it with CREATE DATABASE"),
        },
        1419 => Error::Failed(format!(
            "{said}; let the server's administrator run SET GLOBAL log_bin_trust_function_creators = 1"
        )),
        1665 => Error::Failed(format!(
            "{said}; the server must have binlog_format = ROW or MIXED"
        )),
        1792 => Error::Failed(format!("{said}: the catalogue is open for reading only")),
        _ => Error::Failed(said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_own_word() {
        let of = |code| of_code(code, "said".to_owned());
        for code in [1205, 1213] {
            assert!(matches!(of(code), Error::Busy(_)), "{code}");
        }
        for code in [1040, 1047, 1053, 1180, 1927] {
            assert!(matches!(of(code), Error::Unreachable(_)), "{code}");
        }
        for code in [1021, 1114] {
            assert!(matches!(of(code), Error::Full(_)), "{code}");
        }
        assert!(of(1045).to_string().contains("LIBRISFS_MYSQL_PASSWORD"));
        assert!(matches!(of(1049), Error::Missing { .. }));
    }
}
