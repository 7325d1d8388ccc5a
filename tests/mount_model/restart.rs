//! Ending the daemon, and mounting again.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;

use librisfs::archive::{has_extension, is_scratch};

use crate::deeds::World;
use crate::support::{run, wait_until};

impl World {
    /// Closes all, unmounts, and mounts again: all is as before.
    pub fn remount(&mut self) {
        self.close_all();
        let mount = self.mount.take().expect("mounted");
        let mountpoint = mount.path().to_owned();
        // For a moment the kernel may count a file that was closed.
        wait_until("it can be unmounted", || {
            let mut umount = self.scratch.librisfs_with(&["umount"]);
            run(umount.arg(&mountpoint)).status.success()
        });
        let mut mount = mount;
        assert!(mount.daemon.wait().expect("our child").success());
        drop(mount);
        assert!(self.is_staging_settled(), "something is left in staging");
        self.mount = Some(self.scratch.mount());
        self.library.restarted();
        self.compare();
        self.compare_views();
    }

    /// Kills the daemon, and mounts again: what was closed is as it was, what was open is as it was at some time since it
    /// was safe.
    pub fn kill(&mut self) {
        let mut mount = self.mount.take().expect("mounted");
        mount.daemon.kill().expect("killed");
        mount.daemon.wait().expect("our child");
        self.handles.clear();
        drop(mount);
        self.mount = Some(self.scratch.mount());
        if self.twin.is_unsafe() {
            wait_until("what was left in staging is committed", || {
                self.is_staging_settled()
            });
            self.learn();
        }
        self.twin.all_is_safe();
        self.library.restarted();
        self.compare_views();
    }

    /// Lets the model learn what became of files that were open.
    fn learn(&mut self) {
        for path in self.twin.paths() {
            if self.twin.root().join(&path).is_file() {
                let found = fs::read(self.inbox().join(&path));
                let found = found.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                if let Err(error) = self.twin.settle(&path, &found) {
                    panic!("{error}");
                }
            }
        }
    }

    /// Whether nothing is noted in staging but what somebody writes to, and what has to wait by its name: its maker may rename
    /// it. The last note of a file counts; one without text is that there is nothing to survive.
    pub fn is_staging_settled(&self) -> bool {
        let staging = fs::read_dir(self.scratch.archive().join("staging")).expect("a folder");
        let mut sessions = staging.map(|session| session.expect("listed").path().join("notes"));
        sessions.all(|notes| {
            let notes = fs::read_to_string(notes).unwrap_or_default();
            let mut live = HashMap::new();
            for line in notes.lines() {
                let mut words = line.splitn(3, ' ').skip(1);
                live.insert(words.next(), words.next());
            }
            !live
                .into_values()
                .flatten()
                .any(|note| self.must_settle(note))
        })
    }

    fn must_settle(&self, line: &str) -> bool {
        let note: serde_json::Value = serde_json::from_str(line).expect("JSON");
        if note["made"].is_u64() {
            // Of a folder or a file that is not in the catalogue yet.
            return true;
        }
        let name = OsStr::new(note["to"]["name"].as_str().expect("noted"));
        let inbox = note["to"]["node"].as_u64();
        let may_wait = self.mount.is_some() && (is_scratch(name) || !has_extension(name));
        let is_open = inbox.is_some() && self.handles.iter().any(|handle| handle.node() == inbox);
        !may_wait && !is_open
    }
}
