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
    pub(super) fn insert_all(&self, into: &str, columns: usize, values: &[Value]) -> Result<()> {
        let mut rest = values;
        while !rest.is_empty() {
            let rows = wise(rest, columns);
            let (some, others) = rest.split_at((rows * columns).min(rest.len()));
            let row = format!("({})", vec!["?"; columns].join(", "));
            let sql = format!("INSERT INTO {into} VALUES {}", vec![row; rows].join(", "));
            self.run(&sql, some.to_vec())?;
            rest = others;
        }
        Ok(())
    }
}

/// How many rows of `columns` values to insert with one statement. Few different numbers, so that there are few statements to
/// prepare, and no more bytes than any server takes.
fn wise(values: &[Value], columns: usize) -> usize {
    const ROWS: [usize; 3] = [256, 32, 4];
    const MOST_BYTES: usize = 1 << 20;
    let bytes = |value: &Value| match value {
        Value::Bytes(bytes) => bytes.len(),
        _ => 8,
    };
    let fits = |rows: &&usize| {
        let some = values.get(..**rows * columns);
        some.is_some_and(|some| some.iter().map(bytes).sum::<usize>() <= MOST_BYTES)
    };
    ROWS.iter().find(fits).copied().unwrap_or(1)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_go_together_until_they_are_too_many_or_too_long() {
        let short = |rows: usize| vec![Value::from(1); 2 * rows];
        for (rows, together) in [(1, 1), (3, 1), (4, 4), (31, 4), (255, 32), (1000, 256)] {
            assert_eq!(wise(&short(rows), 2), together, "{rows}");
        }
        let long = |bytes: usize| vec![Value::from("x".repeat(bytes)); 600];
        for (bytes, together) in [(1 << 10, 256), (1 << 12, 32), (1 << 16, 4), (1 << 20, 1)] {
            assert_eq!(wise(&long(bytes), 2), together, "{bytes}");
        }
    }

    #[test]
    fn lists_have_few_lengths_and_no_other_values() {
        for count in [1_usize, 2, 3, 200, 256, 257, 600] {
            let values: Vec<Value> = (0..count).map(Value::from).collect();
            let mut seen = Vec::new();
            for (marks, list) in lists(&values) {
                assert_eq!(marks.matches('?').count(), list.len());
                assert!(list.len().is_power_of_two() && list.len() <= 256);
                seen.extend(list);
            }
            assert!(values.iter().all(|value| seen.contains(value)));
            assert!(seen.iter().all(|value| values.contains(value)));
        }
        assert_eq!(lists(&[]).count(), 0);
    }
}
