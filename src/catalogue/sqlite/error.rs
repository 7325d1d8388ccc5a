//! What SQLite says, in the words of the catalogue.

use rusqlite::ErrorCode;

use crate::catalogue::Error;

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        let said = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy(said),
            Some(ErrorCode::DiskFull) => Self::Full(said),
            Some(ErrorCode::CannotOpen | ErrorCode::SystemIoFailure) => Self::Unreachable(said),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Failed(format!(
                "{said}: the database file is damaged; stop using it, keep a copy, and restore a backup"
            )),
            Some(ErrorCode::ReadOnly) => {
                Self::Failed(format!("{said}: the catalogue is open for reading only"))
            }
            _ => Self::Failed(said),
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    fn of(code: i32) -> Error {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), None).into()
    }

    #[test]
    fn each_refusal_has_its_own_word() {
        for code in [
            ffi::SQLITE_BUSY,
            ffi::SQLITE_BUSY_SNAPSHOT,
            ffi::SQLITE_LOCKED,
        ] {
            assert!(matches!(of(code), Error::Busy(_)), "{code}");
        }
        for code in [
            ffi::SQLITE_CANTOPEN,
            ffi::SQLITE_IOERR,
            ffi::SQLITE_IOERR_READ,
        ] {
            assert!(matches!(of(code), Error::Unreachable(_)), "{code}");
        }
        assert!(matches!(of(ffi::SQLITE_FULL), Error::Full(_)));
        for code in [ffi::SQLITE_CORRUPT, ffi::SQLITE_NOTADB] {
            let said = of(code).to_string();
            assert!(said.contains("restore a backup"), "{said}");
        }
    }
}
