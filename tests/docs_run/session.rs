//! One shell that runs the commands of a document.

use std::env;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use super::script::Step;

/// What came of a command.
pub struct Outcome {
    /// Its exit code.
    pub status: i32,
    /// What it printed, on both outputs.
    pub output: String,
}

/// Stands between the outputs of two commands, before the exit code of the first.
const MARK: &str = "\u{1}status ";

/// Runs `steps` in `home` with these variables, and unmounts what they leave mounted. Those that were reached have an outcome.
pub fn run(home: &Path, steps: &[Step], environment: &[(&str, &str)]) -> Vec<Outcome> {
    let _unmounted = Unmounted(home);
    // A file and no pipe: a daemon may hold on to it.
    let printed = home.join(".printed");
    let output = File::create(&printed).expect("the home is ours");
    Command::new("bash")
        .arg("-c")
        .arg(script(steps))
        .current_dir(home)
        .env("HOME", home)
        .env("PATH", path())
        .env("LC_ALL", "C.UTF-8")
        .env("XDG_RUNTIME_DIR", home)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stderr(output.try_clone().expect("a descriptor"))
        .stdout(output)
        .status()
        .expect("there is bash");
    let printed = fs::read(&printed).expect("the shell wrote it");
    outcomes(&String::from_utf8_lossy(&printed))
}

/// All steps for one shell. Each sees the exit code of the one before.
fn script(steps: &[Step]) -> String {
    let mut script = String::from("__status=0\n");
    for step in steps {
        let command = &step.command;
        let _ = writeln!(script, "(exit $__status)");
        let _ = writeln!(script, "{command}");
        let _ = writeln!(script, "__status=$?; printf '\\001status %d\\n' $__status");
    }
    script
}

/// Tells the outcomes of what the shell printed.
fn outcomes(printed: &str) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let mut rest = printed;
    while let Some((output, after)) = rest.split_once(MARK) {
        let (status, next) = after.split_once('\n').unwrap_or((after, ""));
        outcomes.push(Outcome {
            status: status.parse().unwrap_or(-1),
            output: output.to_owned(),
        });
        rest = next;
    }
    outcomes
}

/// The path, with the program under test first.
fn path() -> std::ffi::OsString {
    let program = Path::new(env!("CARGO_BIN_EXE_librisfs"));
    let own = program.parent().expect("a program is in a folder");
    let others = env::var_os("PATH").unwrap_or_default();
    let all = [own.to_owned()]
        .into_iter()
        .chain(env::split_paths(&others));
    env::join_paths(all).expect("a path of paths")
}

/// Unmounts, at its end, what is mounted below a folder.
struct Unmounted<'a>(&'a Path);

impl Drop for Unmounted<'_> {
    fn drop(&mut self) {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        for line in mounts.lines() {
            // proc_pid_mountinfo(5): the fifth field is the mount point.
            let Some(place) = line.split(' ').nth(4) else {
                continue;
            };
            if Path::new(place).starts_with(self.0) {
                let _ = Command::new("fusermount3")
                    .args(["-u", "-z", place])
                    .status();
            }
        }
    }
}
