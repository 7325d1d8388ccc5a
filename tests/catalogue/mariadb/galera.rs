//! Hosts on different nodes of a Galera cluster, where rows are locked on one node only: what two do at once is found out when
//! they commit.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use librisfs::catalogue::Access;
use librisfs::catalogue::mariadb::{MariadbCatalogue, Password};
use tempfile::TempDir;

use super::{Mariadb, place, several};
use crate::server::Server;

/// Two nodes, ended at the end.
struct Cluster {
    process: Child,
    folder: TempDir,
}

impl Cluster {
    fn start() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("galera")
            .tempdir()
            .expect("a folder");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/galera.sh");
        let port = 20_000 + std::process::id() % 10_000;
        let process = Command::new(script)
            .arg(folder.path())
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .spawn()
            .expect("started");
        let mut cluster = Self { process, folder };
        let started = Instant::now();
        while !cluster.folder.path().join("ready").exists() {
            let ended = cluster.process.try_wait().expect("asked");
            let log = || fs::read_to_string(cluster.folder.path().join("log")).unwrap_or_default();
            assert!(
                ended.is_none() && started.elapsed() < Duration::from_mins(3),
                "no cluster: {}",
                log()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        cluster
    }

    /// A node. It lives as long as the program.
    fn node(&self, number: u8) -> &'static Server {
        Box::leak(Box::new(Server::at(
            self.folder.path().join(number.to_string()),
        )))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        // It ends both nodes first.
        let _ = self.process.wait();
    }
}

#[test]
#[ignore = "a cluster takes half a minute to form; scripts/soak runs it"]
fn hosts_on_different_nodes_do_not_mix() {
    let cluster = Cluster::start();
    let nodes = [cluster.node(1), cluster.node(2)];
    // What was committed on one node is to be seen on the other by whoever looks next.
    for node in nodes {
        node.sql("", "SET GLOBAL wsrep_sync_wait = 15");
    }
    let races: [fn(&Mariadb, &[MariadbCatalogue; 2]); 4] = [
        several::what_many_bring_at_once_is_kept_once_under_different_names_on,
        several::a_takedown_and_an_arrival_at_once_never_show_the_blob_on,
        several::everything_at_once_stays_sound_on,
        several::ids_and_names_are_given_to_one_alone_on,
    ];
    for race in races {
        let bench = Mariadb::on(nodes[0].database());
        let hosts = nodes.map(|node| {
            let url = node.url(&bench.database.name);
            MariadbCatalogue::open(&place(&url), &Password::default(), Access::ReadWrite)
                .expect("opens")
        });
        race(&bench, &hosts);
    }
}
