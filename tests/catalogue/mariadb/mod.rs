//! MariaDB.

mod failure;
mod galera;
mod opening;
mod proxy;
mod several;

use librisfs::catalogue::mariadb::{Identity, MariadbCatalogue, Password, Place};
use librisfs::catalogue::{Access, Catalogue};
use mysql::prelude::Queryable as _;

use crate::fixture::{Bench, SHOWN_THOUGH_TAKEN_DOWN, said};
use crate::server::{self, Database};

/// A new catalogue in a database of its own.
pub struct Mariadb {
    pub catalogue: MariadbCatalogue,
    pub database: Database,
}

/// Whose the catalogues here are.
pub fn identity() -> Identity {
    Identity {
        id: "0123456789abcdef0123456789abcdef".to_owned(),
        name: "tests".to_owned(),
    }
}

pub fn place(url: &str) -> Place {
    url.parse().expect("a URL")
}

impl Mariadb {
    pub fn new() -> Self {
        Self::on(server::shared().database())
    }

    /// One in this database.
    pub fn on(database: Database) -> Self {
        let catalogue =
            MariadbCatalogue::create(&place(&database.url()), &Password::default(), &identity());
        Self {
            catalogue: catalogue.expect("creates"),
            database,
        }
    }

    /// The catalogue, opened once more, as another host would.
    pub fn opened(&self) -> MariadbCatalogue {
        let place = place(&self.database.url());
        MariadbCatalogue::open(&place, &Password::default(), Access::ReadWrite).expect("opens")
    }

    /// A connection that knows nothing of us.
    pub fn connection(&self) -> mysql::Conn {
        let options = mysql::OptsBuilder::new()
            .socket(Some(self.database.server.socket()))
            .user(Some("root"))
            .db_name(Some(&self.database.name))
            .prefer_socket(false);
        mysql::Conn::new(options).expect("connects")
    }
}

impl Bench for Mariadb {
    fn catalogue(&self) -> &dyn Catalogue {
        &self.catalogue
    }

    fn by_hand(&self, statements: &str) {
        let mut other = self.connection();
        other.query_drop("BEGIN").expect("begins");
        // What the dialects say differently.
        let statements = statements.replace(" OR IGNORE ", " IGNORE ");
        let mut answers = other.query_iter(statements).expect("runs");
        while let Some(answer) = answers.iter() {
            answer.for_each(|row| drop(row.expect("runs")));
        }
        drop(answers);
        other.query_drop("COMMIT").expect("commits");
    }

    fn by_program(&self, statements: &str) -> Result<String, String> {
        let mut statements = statements.to_owned();
        for (sqlite, mariadb) in [
            ("randomblob", "random_bytes"),
            ("zeroblob(200000)", "repeat(char(0), 200000)"),
            ("CAST(x'fffe00' AS TEXT)", "char(0 USING utf8mb4)"),
            ("CAST(x'66ff' AS TEXT)", "x'66ff'"),
            (
                "PRAGMA ignore_check_constraints = ON",
                "SET check_constraint_checks = 0",
            ),
        ] {
            statements = statements.replace(sqlite, mariadb);
        }
        let output = self
            .database
            .server
            .program(&self.database.name, &statements);
        said(&output).map(|text| text.replace('\t', "|"))
    }

    fn shown_though_taken_down(&self) -> i64 {
        let shown = self.connection().query_first(SHOWN_THOUGH_TAKEN_DOWN);
        shown.expect("answers").expect("a row")
    }

    fn derived(&self) -> Vec<String> {
        let queries = [
            "SELECT concat_ws(' ', folder, bucket, file, name, size, mtime, ctime, links) \
             FROM entries ORDER BY folder, bucket, file",
            "SELECT concat_ws(' ', id, parent, bucket, name, children) FROM folders \
             WHERE children > 0 OR id > 1000 ORDER BY id",
            "SELECT concat_ws(' ', id, name) FROM books_to_hashes ORDER BY id",
            "SELECT concat_ws(' ', CAST(word AS CHAR), file, fields) FROM words ORDER BY word, file",
        ];
        let mut db = self.connection();
        let answers = queries.map(|query| db.query::<String, _>(query).expect("answers"));
        answers.concat()
    }

    fn spoil(&self) {
        self.by_hand(
            "DELETE FROM entries WHERE file % 2; UPDATE entries SET name = 'spoilt', links = 99; \
             INSERT INTO entries VALUES (3, 65, 999999999, 'stray', 0, 0, 0, 0), (3, 4294967295, 1024, 'odd', 0, 0, 0, 0); \
             UPDATE words SET word = concat(word, 'x'); INSERT INTO words VALUES ('stray', 999999999, 1); \
             UPDATE folders SET children = children + 7 WHERE parent <> 1 OR id IN (2, 3)",
        );
    }
}

crate::conformance! { Mariadb::new }
crate::conformance_edit! { Mariadb::new }
crate::conformance_inbox! { Mariadb::new }
crate::random! { Mariadb::new, 12 }
crate::random_inbox! { Mariadb::new, 12 }
crate::by_program! { Mariadb::new }
crate::trash_by_program! { Mariadb::new }
