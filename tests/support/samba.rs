//! A private smbd on loopback: it shares one folder, as whoever starts it.

#![allow(dead_code, reason = "each test program uses a part")]

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::support::{Account, Scratch, run, wait_until};

/// The server, ended when dropped. Its files lie in the scratch folder, and it reads no other configuration.
pub struct Samba {
    daemon: Child,
    port: u16,
}

impl Samba {
    /// Shares `folder` as `books`, for everybody to read and to write, with the rights of `account`.
    pub fn share(account: Account, scratch: &Scratch, folder: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a port")
            .port();
        let home = scratch.root().join("samba");
        fs::create_dir(&home).expect("made");
        account.own(&home);
        let config = home.join("smb.conf");
        fs::write(&config, configuration(account, &home, folder, port)).expect("written");
        let daemon = account
            .command("smbd")
            .args(["--foreground", "--configfile"])
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("smbd (apt install samba)");
        let samba = Self { daemon, port };
        wait_until("smbd answers", || samba.say("ls").is_ok());
        samba
    }

    /// Has smbclient run these commands on the share, and returns what it printed; `Err` where one failed.
    pub fn say(&self, commands: &str) -> Result<String, String> {
        let mut client = Command::new("smbclient");
        client
            .args(["//127.0.0.1/books", "-N", "-p", &self.port.to_string()])
            .args(["-c", commands])
            .stdin(Stdio::null());
        let output = run(&mut client);
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
            .arg(self.daemon.id().to_string())
            .status();
        let _ = self.daemon.wait();
    }
}

/// All of its files in `home`, nobody asked who they are.
fn configuration(account: Account, home: &Path, folder: &Path, port: u16) -> String {
    let (home, folder) = (home.display(), folder.display());
    let guest = match account {
        Account::Root => "root",
        Account::Nobody => "nobody",
    };
    format!(
        "[global]\nserver role = standalone server\nmap to guest = Bad User\nguest account = {guest}\n\
         interfaces = 127.0.0.1/8\nbind interfaces only = yes\nsmb ports = {port}\ndisable netbios = yes\n\
         private dir = {home}\nlock directory = {home}\nstate directory = {home}\ncache directory = {home}\n\
         pid directory = {home}\nncalrpc dir = {home}/ncalrpc\nlog file = {home}/log\nload printers = no\n\
         printcap name = /dev/null\n[books]\npath = {folder}\nguest ok = yes\nread only = no\n"
    )
}
