//! One archive on several machines: the whole program with a catalogue in MariaDB.

mod support;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use support::mariadb::{Database, OwnServer, shared};
use support::{librisfs, names, run, succeed, wait_until};

/// A database, and folders for machines.
struct World {
    folder: tempfile::TempDir,
    database: Database,
}

impl World {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            database: shared().database(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes the part of an archive that is on one machine.
    fn init(&self, name: &str, arguments: &[&str]) -> Output {
        let mut init = librisfs();
        init.arg("init").arg(self.path(name));
        init.arg("--catalogue").arg(self.database.url());
        run(init.args(arguments))
    }

    fn import(&self, archive: &str, name: &str, text: &str) {
        let document = self.path(name);
        fs::write(&document, text).expect("written");
        succeed(
            librisfs()
                .arg("import")
                .arg(self.path(archive))
                .arg(document),
        );
    }

    fn status(&self, archive: &str) -> serde_json::Value {
        let said = succeed(
            librisfs()
                .args(["status", "--json"])
                .arg(self.path(archive)),
        );
        serde_json::from_str(&said).expect("JSON")
    }
}

fn stderr(output: &Output) -> String {
    assert!(!output.status.success(), "refused");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A mount in the background, ended at the end.
struct Mounted(PathBuf);

impl Mounted {
    fn new(archive: &Path, place: PathBuf) -> Self {
        fs::create_dir(&place).expect("made");
        succeed(librisfs().arg("mount").arg(archive).arg(&place));
        Self(place)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let umount = librisfs().arg("umount").arg(&self.0).status();
        assert!(umount.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

#[test]
fn two_machines_share_one_archive() {
    let world = World::new();
    assert!(world.init("one", &["--name", "library"]).status.success());
    world.import("one", "Ann Writer - First (2001).txt", "first text");
    assert!(world.init("two", &["--join"]).status.success());
    let (one, two) = (world.status("one"), world.status("two"));
    for fact in ["name", "id", "files"] {
        assert_eq!(one[fact], two[fact], "{fact}");
    }
    assert_eq!(
        (&two["name"], &two["files"]),
        (&"library".into(), &1.into())
    );
    assert!(!world.path("two").join("catalogue.sqlite").exists());

    let mounts = [("one", "m1"), ("two", "m2")]
        .map(|(archive, place)| Mounted::new(&world.path(archive), world.path(place)));
    let titles = |mount: &Mounted| names(&mount.0.join("by-title"));
    assert_eq!(titles(&mounts[1]), ["First - Ann Writer (2001).txt"]);
    // Written on one, seen on the other; and taken down on the other, gone on the one.
    fs::write(
        mounts[0].0.join("by-author/Ann Writer/Second.txt"),
        "second text",
    )
    .expect("written");
    let second = "Second - Ann Writer.txt".to_owned();
    wait_until("the second machine shows it", || {
        titles(&mounts[1]).contains(&second)
    });
    let hash = support::blob_of(b"second text").md5.to_string();
    succeed(librisfs().arg("takedown").arg(world.path("two")).arg(&hash));
    wait_until("the first machine hides it", || {
        !titles(&mounts[0]).contains(&second)
    });
    let again = fs::File::create(mounts[0].0.join("by-title/Again.txt")).expect("made");
    (&again).write_all(b"second text").expect("taken");
    let refused = again.sync_all().expect_err("refused on the first machine");
    assert_eq!(refused.raw_os_error(), Some(libc::EPERM));
}

#[test]
fn an_archive_is_not_joined_by_mistake() {
    let world = World::new();
    let said = stderr(&world.init("one", &["--join"]));
    assert!(said.contains("no catalogue"), "{said}");
    assert!(!world.path("one").exists());
    assert!(world.init("one", &[]).status.success());
    let said = stderr(&world.init("two", &[]));
    assert!(
        said.contains("--join") && !world.path("two").exists(),
        "{said}"
    );
    // A configuration that names the catalogue of another archive.
    let other = shared().database();
    let mut init = librisfs();
    succeed(
        init.arg("init")
            .arg(world.path("three"))
            .arg("--catalogue")
            .arg(other.url()),
    );
    let file = world.path("three").join("librisfs.toml");
    let text = fs::read_to_string(&file).expect("read");
    fs::write(&file, text.replace(&other.name, &world.database.name)).expect("written");
    let said = stderr(&run(librisfs().arg("status").arg(world.path("three"))));
    assert!(said.contains("another archive"), "{said}");
}

#[test]
fn a_password_is_shown_nowhere() {
    let world = World::new();
    let user = format!("u{}", world.database.name);
    world.database.sql(&format!(
        "CREATE USER {user}@localhost IDENTIFIED BY 'THE-SECRET'; GRANT ALL ON {}.* TO {user}@localhost",
        world.database.name
    ));
    let url = world.database.url().replace("root@", &format!("{user}@"));
    let init = |url: &str| {
        let mut init = librisfs();
        init.arg("init")
            .arg(world.path("archive"))
            .arg("--catalogue")
            .arg(url);
        init
    };
    let said = stderr(&run(&mut init(&url.replace('@', ":THE-SECRET@"))));
    assert!(
        said.contains("LIBRISFS_MYSQL_PASSWORD") && !said.contains("SECRET"),
        "{said}"
    );
    let said = stderr(&run(
        init(&url).env("LIBRISFS_MYSQL_PASSWORD", "WRONG-SECRET")
    ));
    assert!(
        said.contains("password") && !said.contains("SECRET"),
        "{said}"
    );

    let secret = world.path("secret");
    fs::write(&secret, "THE-SECRET\n").expect("written");
    let mode = |mode| {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&secret, fs::Permissions::from_mode(mode)).expect("set");
    };
    mode(0o644);
    let said = stderr(&run(init(&url).arg("--password-file").arg(&secret)));
    assert!(said.contains("chmod 600"), "{said}");
    mode(0o600);
    succeed(init(&url).arg("--password-file").arg(&secret));
    // The environment comes first.
    let wrong = stderr(&run(librisfs()
        .arg("status")
        .arg(world.path("archive"))
        .env("LIBRISFS_MYSQL_PASSWORD", "WRONG-SECRET")));
    assert!(!wrong.contains("SECRET"), "{wrong}");
    let mounted = Mounted::new(&world.path("archive"), world.path("mnt"));
    fs::write(mounted.0.join("by-title/Text.txt"), "text").expect("written");
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("read");
    let log = fs::read_to_string(world.path("archive").join("mount.log")).unwrap_or_default();
    let config = fs::read_to_string(world.path("archive").join("librisfs.toml")).expect("read");
    for shown in [mounts, log, config] {
        assert!(!shown.contains("SECRET"), "{shown}");
    }
    let backup = stderr(&run(librisfs()
        .arg("backup")
        .arg(world.path("archive"))
        .arg(world.path("copy"))));
    assert!(
        backup.contains("mariadb-dump") && !world.path("copy").exists(),
        "{backup}"
    );
    drop(mounted);
    world.database.sql(&format!("DROP USER {user}@localhost"));
}

#[test]
fn a_catalogue_that_cannot_be_reached_is_said_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let nobody = folder.path().join("nobody");
    let url = format!("mysql://root@localhost/books?socket={}", nobody.display());
    let mut init = Command::new(env!("CARGO_BIN_EXE_librisfs"));
    init.arg("init")
        .arg(folder.path().join("archive"))
        .arg("--catalogue")
        .arg(&url);
    let said = stderr(&run(&mut init));
    assert!(said.contains("cannot be reached"), "{said}");
    assert!(!folder.path().join("archive").exists());
    init.args(["--join"]);
    let said = stderr(&run(&mut init));
    assert!(said.contains("cannot be reached"), "{said}");
}

/// Whether an outcome is an input/output error.
fn is_eio<T>(outcome: std::io::Result<T>) -> bool {
    outcome.is_err_and(|error| error.raw_os_error() == Some(libc::EIO))
}

#[test]
fn a_mount_outlives_its_server() {
    const BOUND: Duration = Duration::from_secs(15);
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = OwnServer::new();
    server.server().sql("", "CREATE DATABASE books");
    let archive = folder.path().join("archive");
    let mut init = librisfs();
    succeed(
        init.arg("init")
            .arg(&archive)
            .arg("--catalogue")
            .arg(server.server().url("books")),
    );
    let mounted = Mounted::new(&archive, folder.path().join("mnt"));
    for author in ["Ann", "Bob"] {
        fs::create_dir(mounted.0.join("by-author").join(author)).expect("made");
    }
    fs::write(mounted.0.join("by-author/Ann/One.txt"), "one").expect("written");
    let count = |server: &OwnServer| {
        server.server().sql(
            "books",
            "SELECT count(*) FROM books_to_hashes WHERE name = 'One - Ann.txt'",
        )
    };
    wait_until("it is in the catalogue", || count(&server) == "1\n");
    for stop in [OwnServer::kill, |server: &mut OwnServer| {
        server.freeze(true);
    }] {
        stop(&mut server);
        // Everything ends, in time, and says so.
        let started = Instant::now();
        std::thread::scope(|scope| {
            let looks = [
                scope.spawn(|| is_eio(fs::metadata(mounted.0.join("by-author/Nobody")))),
                scope.spawn(|| is_eio(fs::create_dir(mounted.0.join("by-author/Somebody")))),
                scope.spawn(|| is_eio(fs::remove_file(mounted.0.join("by-title/Nothing.txt")))),
            ];
            for look in looks {
                assert!(look.join().expect("no panic"));
            }
        });
        assert!(started.elapsed() < BOUND, "{:?}", started.elapsed());
        if server.is_running() {
            server.freeze(false);
        } else {
            server.start();
        }
        wait_until("it is there again", || {
            mounted.0.join("by-author/Ann").is_dir()
        });
        let absent = fs::metadata(mounted.0.join("by-author/Nobody")).expect_err("absent");
        assert_eq!(absent.raw_os_error(), Some(libc::ENOENT));
        let new = mounted.0.join("by-author/Bob/Two.txt");
        fs::write(&new, "two").expect("written");
        wait_until("what is written is shown", || {
            names(&mounted.0.join("by-title")).contains(&"Two - Bob.txt".to_owned())
        });
        fs::remove_file(&new).expect("removed");
    }
    // Changes by others are followed again.
    server.server().sql(
        "books",
        "UPDATE books_metadata SET author = 'Eve' WHERE title = 'One'",
    );
    wait_until("it is followed again", || {
        mounted.0.join("by-author/Eve/One - Eve.txt").exists()
    });
    drop(mounted);
}
