//! Programs that people have, on a whole real mount: they succeed, agree with each other, and leave no
//! error in the daemon's log.

mod support;

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use support::{Mount, Scratch, blob_at, epub, files_below, succeed, wait_until};

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

/// A private smbd on loopback, ended when dropped.
struct Samba {
    child: Child,
    port: u16,
}

impl Samba {
    fn serve(scratch: &Scratch, mount: &Mount) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .expect("a port")
            .local_addr()
            .expect("bound")
            .port();
        let home = scratch.root().join("samba");
        fs::create_dir(&home).expect("made");
        let config = home.join("smb.conf");
        let home = home.display();
        let text = format!(
            "[global]\nserver role = standalone server\nmap to guest = Bad User\nguest account = root\n\
             interfaces = 127.0.0.1/8\nbind interfaces only = yes\nsmb ports = {port}\ndisable netbios = yes\n\
             private dir = {home}\nlock directory = {home}\nstate directory = {home}\ncache directory = {home}\n\
             pid directory = {home}\nncalrpc dir = {home}/ncalrpc\nlog file = {home}/log\nload printers = no\n\
             printcap name = /dev/null\n[books]\npath = {}\nguest ok = yes\nread only = yes\n",
            mount.path().display()
        );
        fs::write(&config, text).expect("written");
        let child = Command::new("smbd")
            .args(["--foreground", "--configfile"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("smbd (apt install samba)");
        let samba = Self { child, port };
        wait_until("smbd answers", || samba.command("ls").is_ok());
        samba
    }

    fn command(&self, commands: &str) -> Result<String, String> {
        let output = Command::new("smbclient")
            .args([
                "//127.0.0.1/books",
                "-N",
                "-p",
                &self.port.to_string(),
                "-c",
                commands,
            ])
            .stdin(Stdio::null())
            .output()
            .expect("smbclient (apt install smbclient)");
        let said =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        if output.status.success() {
            Ok(said.into_owned())
        } else {
            Err(said.into_owned())
        }
    }
}

impl Drop for Samba {
    fn drop(&mut self) {
        let _ = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        let _ = self.child.wait();
    }
}

#[test]
fn a_samba_share_of_the_mount_lists_and_gives() {
    let scratch = library();
    let mount = scratch.mount();
    let samba = Samba::serve(&scratch, &mount);
    let listed = samba.command("recurse ON; ls").expect("lists");
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
        .command(&format!(
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
