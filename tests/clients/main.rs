//! What real programs do to a writable mount: each client in a view and in the inbox, as root and as an ordinary
//! user.
//!
//! A case is a shell script, run with `$S` the folder in the mount, `$M` the mount, `$A` the archive, and in `$D`, a
//! folder with documents to work with. It must end with 0, leave no error in the mount's log, and nothing in staging
//! when the mount has ended.

#[path = "../support/mod.rs"]
mod support;

mod cases;
mod desktop;

use std::path::Path;

use support::{Account, Mount, Scratch, succeed};

/// The folders of the mount that a case is run in, each on a mount of its own.
type Folders = &'static [&'static str];

/// A view.
const VIEW: Folders = &["by-title"];
/// The inbox.
const INBOX: Folders = &["inbox"];
/// Both.
const EVERYWHERE: Folders = &["by-title", "inbox"];

/// Makes the documents that the cases work with.
const DOCUMENTS: &str = r"
for n in 1 2 3; do printf 'Text of document %s, %0*d.\n' $n $((n * 7)) 0 > doc$n.txt; done
head -c 3000000 /dev/urandom > big.bin
mkdir -p tree/sub tree/empty && cp doc1.txt tree/one.txt && cp doc2.txt tree/sub/two.txt && echo three > tree/three.md
touch -d '2001-02-03 04:05:06' doc2.txt tree/sub/two.txt
";

/// What the cases are written with.
const WORDS: &str = r#"
trap 'echo "this failed: $BASH_COMMAND" >&2' ERR
# eventually COMMAND...: waits until it succeeds.
eventually() {
  local tries=0
  until "$@"; do
    [ $((tries += 1)) -le 2000 ] || { echo "never happened: $*" >&2; return 1; }
    sleep 0.01
  done
}
# settled: waits until all that was written and closed is committed. The last note of a file counts; one without
# text is that it was.
settled() { eventually is_settled; }
is_settled() { awk '{ noted[$2] = NF > 2 } END { for (n in noted) if (noted[n]) exit 1 }' "$A"/staging/*/notes; }
# silent COMMAND...: it must succeed and say nothing.
silent() {
  "$@" > "$D/said" 2>&1 && [ ! -s "$D/said" ] || { echo "$* said: $(cat "$D/said")" >&2; return 1; }
}
# fails COMMAND...: it must fail. What it says is in the file `said` of $D.
fails() {
  ! "$@" 2> "$D/said" || { echo "did not fail: $*" >&2; return 1; }
}
# a_bus: a message bus of this script's own, as a desktop has one. All that runs in the background ends with the script.
a_bus() {
  trap 'kill $(jobs -p) 2> /dev/null || true; wait' EXIT
  mkdir -m 700 "$D/run"
  export XDG_RUNTIME_DIR="$D/run" GVFS_DISABLE_FUSE=1
  dbus-daemon --session --nofork --print-address=3 3> "$D/bus" 2> /dev/null &
  eventually [ -s "$D/bus" ]
  DBUS_SESSION_BUS_ADDRESS=$(cat "$D/bus")
  export DBUS_SESSION_BUS_ADDRESS
}
# calibre_here: calibre with settings of its own, and a book.
calibre_here() {
  mkdir -m 700 "$D/run"
  export CALIBRE_CONFIG_DIRECTORY="$D/config" QT_QPA_PLATFORM=offscreen XDG_RUNTIME_DIR="$D/run"
  ebook-convert doc1.txt book.epub --title "First Title" --authors "Ann Author" > /dev/null
}
"#;

/// Makes two tests of each case: as root, and as an ordinary user, who mounts as such.
macro_rules! clients {
    ($($(#[$attribute:meta])* $name:ident in $folders:ident: $script:expr;)+) => {$(
        mod $name {
            #[test]
            $(#[$attribute])*
            fn by_root() {
                crate::run(crate::Account::Root, super::$folders, $script);
            }

            #[test]
            $(#[$attribute])*
            fn by_a_user() {
                crate::run(crate::Account::Nobody, super::$folders, $script);
            }
        }
    )+};
}
use clients;

/// Runs `script` in `folder` of the mount, as `account`.
fn bash(account: Account, script: &str, folder: &Path, scratch: &Scratch, mount: &Mount) {
    let documents = scratch.sources();
    succeed(
        account
            .command("bash")
            .args(["-euo", "pipefail", "-c", &format!("{WORDS}{script}")])
            .env("S", folder)
            .env("M", mount.path())
            .env("A", scratch.archive())
            .env("D", &documents)
            .env("HOME", &documents)
            .current_dir(&documents),
    );
}

/// Runs a case in each of `folders`, as somebody who mounts an archive of their own.
fn run(account: Account, folders: Folders, script: &str) {
    for folder in folders {
        let scratch = Scratch::of(account);
        let mount = scratch.mount();
        bash(account, DOCUMENTS, &scratch.sources(), &scratch, &mount);
        bash(account, script, &mount.join(folder), &scratch, &mount);
        assert_all_is_well(&scratch, mount);
    }
}

/// Unmounts; nothing may have gone wrong, and nothing may be left to do.
fn assert_all_is_well(scratch: &Scratch, mount: Mount) {
    let log = mount.log();
    assert!(!log.contains("ERROR") && !log.contains("panicked"), "{log}");
    assert_eq!(mount.unmount(), Some(0));
    let say = |command: &str| {
        let mut command = scratch.librisfs_with(&[command, "--json"]);
        succeed(command.arg(scratch.archive()))
    };
    let status: serde_json::Value = serde_json::from_str(&say("status")).expect("JSON");
    assert_eq!(
        (&status["staged"], &status["drafts"]),
        (&0.into(), &0.into()),
        "{status}"
    );
    let scrub = say("scrub");
    assert!(scrub.contains("\"damaged\": []"), "{scrub}");
}
