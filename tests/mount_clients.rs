//! Programs that people have, on a whole real mount: they succeed, agree with each other, and leave no
//! error in the daemon's log.

#[path = "support/samba.rs"]
mod samba;
mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use samba::Samba;
use support::{Account, Mount, Scratch, blob_at, epub, files_below, succeed, wait_until};

fn library() -> Scratch {
    let scratch = Scratch::new();
    for n in 0..60 {
        let author = format!("Author {}", n % 7);
        let book = epub(
            &format!("Book {n}: ¿Qué? «東»"),
            &[&author, "Second Author"],
            Some(1950 + n),
            "es",
            "",
        );
        scratch.write(format!("{n}.epub"), &book);
    }
    scratch.write("long.txt", &vec![b'x'; 3 << 20]);
    scratch.import();
    scratch
}

/// Unmounts, and asserts that nothing went wrong on the way.
fn assert_quiet(mount: Mount) {
    let log = mount.log();
    assert!(!log.contains("ERROR") && !log.contains("WARN"), "{log}");
    assert_eq!(mount.unmount(), Some(0));
}

fn shell(directory: &Path, script: &str) -> String {
    succeed(
        Command::new("sh")
            .args(["-euc", script])
            .current_dir(directory)
            .stdin(Stdio::null()),
    )
}

#[test]
fn walking_and_counting() {
    let scratch = library();
    let mount = scratch.mount();
    let files = files_below(mount.path()).len();
    let found = shell(mount.path(), "find . -type f | wc -l");
    assert_eq!(found.trim(), files.to_string());
    let listed = shell(mount.path(), "ls -lR . | grep -c ^-");
    assert_eq!(listed.trim(), files.to_string());
    let stored: u64 = files_below(&scratch.archive().join("blobs"))
        .iter()
        .map(|path| fs::metadata(path).expect("there").len())
        .sum();
    let apparent = shell(
        mount.path(),
        "find by-title -type f -printf '%s\\n' | awk '{ n += $1 } END { print n }'",
    );
    assert_eq!(apparent.trim(), stored.to_string());
    // Every file is at several paths and counted once.
    let once: u64 = shell(mount.path(), "du -sk by-title | cut -f1")
        .trim()
        .parse()
        .expect("a number");
    let whole: u64 = shell(mount.path(), "du -sk . | cut -f1")
        .trim()
        .parse()
        .expect("a number");
    assert_eq!(whole, once);
    assert_quiet(mount);
}

#[test]
fn copies_of_the_whole_mount_are_whole() {
    let scratch = library();
    let mount = scratch.mount();
    let copies = scratch.root().join("copies");
    fs::create_dir(&copies).expect("made");
    let here = mount.path().display();
    for (name, script) in [
        (
            "tar",
            format!("mkdir tar && tar -C '{here}' -cf - . | tar -C tar -xpf -"),
        ),
        ("cp", format!("cp -a '{here}' cp")),
        (
            "rsync",
            format!("rsync -aHX '{here}/' rsync/ && test -z \"$(rsync -aHXin '{here}/' rsync/)\""),
        ),
    ] {
        shell(&copies, &script);
        let copy = copies.join(name);
        for path in files_below(mount.path()) {
            let relative = path.strip_prefix(mount.path()).expect("below it");
            assert_eq!(
                blob_at(&copy.join(relative)).expect("copied"),
                blob_at(&path).expect("readable"),
                "{name}: {}",
                relative.display()
            );
        }
        let size: u64 = shell(&copies, &format!("du -sk '{name}' | cut -f1"))
            .trim()
            .parse()
            .expect("a number");
        let limit = shell(&copies, &format!("du -skl '{name}/by-title' | cut -f1"));
        let limit: u64 = limit.trim().parse().expect("a number");
        assert!(
            size < limit * 2,
            "{name} kept hard links: {size} KiB of {limit}"
        );
        shell(&copies, &format!("chmod -R u+w '{name}' && rm -r '{name}'"));
    }
    assert_quiet(mount);
}

#[test]
fn extended_attributes_say_what_the_catalogue_knows() {
    let scratch = Scratch::new();
    let book = epub("Solaris", &["Stanisław Lem"], Some(1961), "pl", "");
    scratch.write("s.epub", &book);
    scratch.import();
    let mount = scratch.mount();
    let shown = shell(
        &mount.join("by-year/1961"),
        "getfattr --absolute-names -d -m - *",
    );
    let blob = support::blob_of(&book);
    for expected in [
        "user.dublincore.title=\"Solaris\"".to_owned(),
        "user.dublincore.date=\"1961\"".to_owned(),
        "user.dublincore.language=\"pl\"".to_owned(),
        "user.dublincore.format=\"epub\"".to_owned(),
        format!("user.librisfs.md5=\"{}\"", blob.md5),
        format!("user.librisfs.sha1=\"{}\"", blob.sha1),
        "user.librisfs.book=".to_owned(),
        "user.librisfs.added=".to_owned(),
        "user.dublincore.creator=".to_owned(),
    ] {
        assert!(shown.contains(&expected), "{expected} is not in {shown}");
    }
    assert!(!shown.contains("publisher"), "absent, not empty: {shown}");
    let missing = Command::new("getfattr")
        .args(["-n", "user.nothing"])
        .arg(
            mount
                .join("by-year/1961")
                .join(&support::names(&mount.join("by-year/1961"))[0]),
        )
        .output()
        .expect("getfattr (apt install attr)");
    assert!(String::from_utf8_lossy(&missing.stderr).contains("No such attribute"));
    assert_quiet(mount);
}

#[test]
fn a_samba_share_of_the_mount_lists_and_gives() {
    let scratch = library();
    let mount = scratch.mount();
    let samba = Samba::share(Account::Root, &scratch, mount.path());
    let listed = samba.say("recurse ON; ls").expect("lists");
    for path in files_below(&mount.join("by-title")) {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("UTF-8");
        if !name.contains(['?', ':']) {
            assert!(listed.contains(name), "{name} is not in {listed}");
        }
    }
    let hash_path = files_below(&mount.join("by-hash")).pop().expect("a file");
    let relative = hash_path
        .strip_prefix(mount.path())
        .expect("below")
        .display()
        .to_string();
    let target = scratch.root().join("got");
    samba
        .say(&format!(
            "get \"{}\" \"{}\"",
            relative.replace('/', "\\"),
            target.display()
        ))
        .expect("gives");
    assert_eq!(
        blob_at(&target).expect("got"),
        blob_at(&hash_path).expect("readable")
    );
    drop(samba);
    assert_quiet(mount);
}

/// What a Windows machine does to a share, by somebody who shares their own mount.
fn a_samba_share_takes(account: Account) {
    let scratch = Scratch::of(account);
    let one = scratch.root().join("one.txt");
    let two = scratch.root().join("two.txt");
    let three = scratch.root().join("three.txt");
    let got = scratch.root().join("got");
    fs::write(&three, "a third text").expect("written");
    fs::write(&one, "one text").expect("written");
    fs::write(&two, "another text ".repeat(200_000)).expect("written");
    let (one, two, three, got) = (one.display(), two.display(), three.display(), got.display());
    let mount = scratch.mount();
    let samba = Samba::share(account, &scratch, mount.path());
    for folder in ["by-title", "inbox"] {
        let say = |commands: &str| {
            let said = samba.say(&format!("cd {folder}; {commands}"));
            said.unwrap_or_else(|said| panic!("{folder}: {commands}: {said}"))
        };
        let has = |name: &str, bytes: &dyn std::fmt::Display| {
            // By Samba, and by whoever else looks into the mount.
            say(&format!("get {name} {got}"));
            for copy in [got.to_string().into(), mount.join(folder).join(name)] {
                succeed(account.command("cmp").arg(bytes.to_string()).arg(copy));
            }
        };
        say(&format!("put {one} a.txt"));
        has("a.txt", &one);
        for source in [&two, &one] {
            say(&format!("put {source} a.txt"));
            has("a.txt", source);
            wait_until("it is a document", || {
                let mut status = scratch.librisfs_with(&["status", "--json"]);
                let status = succeed(status.arg(scratch.archive()));
                status.contains("\"drafts\": 0,")
            });
            has("a.txt", source);
        }
        // The server copies by itself.
        say("scopy a.txt b.txt");
        has("b.txt", &one);
        say(&format!("put {three} b.txt; rename b.txt c.txt"));
        has("c.txt", &three);
        has("a.txt", &one);
        say("rename c.txt a.txt -f; utimes a.txt -1 -1 2001:02:03-04:05:06 -1");
        has("a.txt", &three);
        let listed = say("ls");
        assert!(
            !listed.contains("b.txt") && !listed.contains("c.txt"),
            "{folder}: {listed}"
        );
        assert!(
            listed.contains("Feb  3 04:05:06 2001"),
            "{folder}: {listed}"
        );
        let refused = samba.say(&format!("cd {folder}; get b.txt {got}"));
        assert!(refused.is_err_and(|said| said.contains("OBJECT_NAME_NOT_FOUND")));
        say("del a.txt");
        let refused = samba.say(&format!("cd {folder}; get a.txt {got}"));
        assert!(refused.is_err_and(|said| said.contains("OBJECT_NAME_NOT_FOUND")));
    }
    let four = scratch.root().join("four.txt");
    fs::write(&four, "a fourth text").expect("written");
    let four = four.display();
    samba
        .say(&format!(
            "cd by-author; mkdir Zed; cd Zed; put {four} x.txt; cd ../../inbox; mkdir y; put {one} y/x.txt; \
             rename y z; rename z/x.txt x.txt; rmdir z"
        ))
        .expect("folders");
    wait_until("what was put there is that author's", || {
        let mut list = account.command("ls");
        succeed(list.arg(mount.join("by-author/Zed"))).contains("x - Zed.txt")
    });
    let listed = samba.say("cd inbox; ls").expect("lists");
    assert!(
        listed.contains("x.txt") && !listed.contains("  z "),
        "{listed}"
    );
    drop(samba);
    assert_quiet(mount);
}

#[test]
fn a_samba_share_takes_from_root() {
    a_samba_share_takes(Account::Root);
}

#[test]
fn a_samba_share_takes_from_a_user() {
    a_samba_share_takes(Account::Nobody);
}
