//! One connection, as the rest of this room uses it: statements with values, answered whole.
//!
//! Every answer is read to its end before the next statement, so that statements may be asked while another's rows are gone
//! through. A statement is prepared once a connection.

use std::cell::RefCell;

use mysql::prelude::{FromValue, Queryable};
use mysql::{Conn, Params, Value};

use crate::catalogue::{Error, Result};

/// A connection that one thread works with.
pub(super) struct Db(RefCell<Conn>);

impl Db {
    pub(super) fn new(connection: Conn) -> Self {
        Self(RefCell::new(connection))
    }

    /// The connection, for others.
    pub(super) fn into_inner(self) -> Conn {
        self.0.into_inner()
    }

    /// Runs statements without values, several between semicolons.
    pub(super) fn plain(&self, statements: &str) -> Result<()> {
        let mut connection = self.0.borrow_mut();
        let mut answers = connection.query_iter(statements)?;
        // Every statement's own answer, since each may be a refusal.
        while let Some(answer) = answers.iter() {
            for row in answer {
                row?;
            }
        }
        Ok(())
    }

    /// All rows of the answer.
    pub(super) fn rows(&self, sql: &str, values: impl Into<Params>) -> Result<Vec<Row>> {
        let mut connection = self.0.borrow_mut();
        let answer = connection.exec_iter(sql, values)?;
        answer.map(|row| Ok(Row(row?))).collect()
    }

    /// The first row of the answer.
    pub(super) fn row(&self, sql: &str, values: impl Into<Params>) -> Result<Option<Row>> {
        Ok(self.rows(sql, values)?.into_iter().next())
    }

    /// Changes rows. Returns how many the statement is about, changed or not.
    pub(super) fn run(&self, sql: &str, values: impl Into<Params>) -> Result<u64> {
        let mut connection = self.0.borrow_mut();
        connection.exec_drop(sql, values)?;
        Ok(connection.affected_rows())
    }

    /// Inserts one row into a table that counts its rows. Returns its number.
    pub(super) fn insert(&self, sql: &str, values: impl Into<Params>) -> Result<i64> {
        let mut connection = self.0.borrow_mut();
        connection.exec_drop(sql, values)?;
        connection
            .last_insert_id()
            .try_into()
            .map_err(|_| Error::Failed("a row's number is out of range".to_owned()))
    }

    /// The one number that `sql` answers with, if it answers.
    pub(super) fn number(&self, sql: &str, values: impl Into<Params>) -> Result<Option<i64>> {
        let row = self.row(sql, values)?;
        Ok(row.map(|row| row.get(0)).transpose()?.flatten())
    }

    /// Whether `sql` answers with any row.
    pub(super) fn any(&self, sql: &str, values: impl Into<Params>) -> Result<bool> {
        Ok(self.row(sql, values)?.is_some())
    }

    /// Inserts many rows of `columns` values, as many with one statement as is wise. `values` are those of all rows, one
    /// after another.
    pub(super) fn insert_all(&self, into: &str, columns: usize, values: Vec<Value>) -> Result<()> {
        /// Powers of this many rows: few different statements, and few of them.
        const SIZES: [usize; 4] = [256, 32, 4, 1];
        let mut rest = values.into_iter();
        for size in SIZES {
            while rest.len() >= size * columns {
                let row = format!("({})", vec!["?"; columns].join(", "));
                let sql = format!("INSERT INTO {into} VALUES {}", vec![row; size].join(", "));
                let some: Vec<Value> = rest.by_ref().take(size * columns).collect();
                self.run(&sql, some)?;
            }
        }
        Ok(())
    }
}

/// Values for `IN (...)`, as many in one statement as is wise: the question marks and the values. Some are said twice, so
/// that there are few different statements to prepare.
pub(super) fn lists(values: &[Value]) -> impl Iterator<Item = (String, Vec<Value>)> {
    const MOST: usize = 256;
    values.chunks(MOST).map(|some| {
        let mut list = some.to_vec();
        list.resize(some.len().next_power_of_two(), some[0].clone());
        (vec!["?"; list.len()].join(", "), list)
    })
}

/// A row of an answer.
#[derive(Debug)]
pub(super) struct Row(mysql::Row);

impl Row {
    /// The value of a column.
    pub(super) fn get<T: FromValue>(&self, at: usize) -> Result<T> {
        match self.0.get_opt::<T, usize>(at) {
            Some(Ok(value)) => Ok(value),
            Some(Err(error)) => Err(Error::Failed(format!("column {at} of an answer: {error}"))),
            None => Err(Error::Failed(format!("an answer without column {at}"))),
        }
    }

    /// Whether a column has no value.
    pub(super) fn is_null(&self, at: usize) -> bool {
        matches!(self.0.as_ref(at), None | Some(Value::NULL))
    }

    /// The bytes of a column, if it has any.
    pub(super) fn bytes(&self, at: usize) -> Option<&[u8]> {
        match self.0.as_ref(at) {
            Some(Value::Bytes(bytes)) => Some(bytes),
            _ => None,
        }
    }
}
