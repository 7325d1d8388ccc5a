//! What real programs do to a writable mount: each client in a view and in the inbox.
//!
//! A case is a shell script, run with `$S` the folder in the mount, `$D` a folder with documents to work with, `$M` the mount.
//! It must end with 0, leave no error in the mount's log, and nothing in staging when the mount has ended.

#[path = "../support/mod.rs"]
mod support;

mod cases;

use std::path::Path;
use std::process::Command;

use support::{Mount, Scratch, librisfs, succeed};

/// Makes the documents that the cases work with.
const DOCUMENTS: &str = r"
for n in 1 2 3; do printf 'Text of document %s, %0*d.\n' $n $((n * 7)) 0 > doc$n.txt; done
head -c 3000000 /dev/urandom > big.bin
mkdir -p tree/sub tree/empty && cp doc1.txt tree/one.txt && cp doc2.txt tree/sub/two.txt && echo three > tree/three.md
touch -d '2001-02-03 04:05:06' doc2.txt tree/sub/two.txt
";

fn bash(script: &str, folder: &Path, mount: &Mount, documents: &Path) {
    succeed(
        Command::new("bash")
            .args(["-euo", "pipefail", "-c", script])
            .env("S", folder)
            .env("M", mount.path())
            .env("D", documents)
            .env("HOME", documents)
            .current_dir(documents),
    );
}

/// Runs a case in `folder` of a mount.
fn run(folder: &str, script: &str) {
    let scratch = Scratch::new();
    let documents = scratch.sources();
    let mount = scratch.mount();
    bash(DOCUMENTS, &documents, &mount, &documents);
    bash(script, &mount.join(folder), &mount, &documents);
    let log = mount.log();
    assert!(!log.contains("ERROR") && !log.contains("panicked"), "{log}");
    assert_eq!(mount.unmount(), Some(0));
    let status = succeed(librisfs().args(["status", "--json"]).arg(scratch.archive()));
    let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
    assert_eq!(
        (&status["staged"], &status["drafts"]),
        (&0.into(), &0.into()),
        "{status}"
    );
    let scrub = succeed(librisfs().args(["scrub", "--json"]).arg(scratch.archive()));
    assert!(scrub.contains("\"damaged\": []"), "{scrub}");
}
