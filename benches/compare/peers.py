"""The systems that are compared: how each is set up, mounted, and where it shows the documents."""
import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import time

PATIENCE_SECONDS = 120
# A folder of more files stays until the end of the run: ext4 without a journal does not use the inodes of removed
# files again for minutes, and looks for others one by one, so that whoever makes files next would pay for it.
FEW = 1000


class Failed(Exception):
    """A system did not do what is measured."""


def call(*command, **options):
    """Runs a command that must succeed; returns what it printed."""
    done = subprocess.run(command, text=True, capture_output=True, check=False, **options)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}: {done.stderr.strip()[-500:]}")
    return done.stdout


def documents(folder):
    """The files below a folder, as paths below it."""
    return sorted(
        os.path.relpath(os.path.join(parent, name), folder) for parent, _, names in os.walk(folder) for name in names)


def contents(folder, paths):
    """The path of each content, by its hash."""
    found = {}
    for path in paths:
        with open(os.path.join(folder, path), "rb") as file:
            found[hashlib.file_digest(file, "sha1").digest()] = path
    return found


def remove(folder):
    """Removes what is not needed any more, if it is few files."""
    if os.path.isdir(folder) and len(documents(folder)) <= FEW:
        shutil.rmtree(folder)


class Peer:
    """A system, mounted or not. `parts` of the workload are books, flat, big, and write, which is empty at first."""

    name = ""
    program = ""
    takes_writes = True

    def __init__(self, bench):
        self.bench = bench
        self.workload = bench.workload
        self.folder = os.path.join(bench.folder, self.name)
        self.mountpoint = os.path.join(self.folder, "mnt")
        self.process = None
        # Counts what is made anew each time.
        self.turn = 0
        os.makedirs(self.mountpoint)

    def is_installed(self):
        return shutil.which(self.program) is not None

    def set_up(self):
        """Makes what is mounted, once."""

    def command(self, part):
        """The command that mounts and stays."""
        raise NotImplementedError

    def environment(self):
        return dict(os.environ)

    def shown(self, part):
        """The folder that shows a part of the workload."""
        return self.mountpoint if part == "write" else os.path.join(self.mountpoint, part)

    def walked(self):
        """The folder below which everything is."""
        return self.mountpoint

    def backing(self, part):
        """The folder that holds a part's bytes, and that what is written goes to."""
        return self.stored() if part == "write" else self.workload.path(part)

    def stored(self):
        return os.path.join(self.folder, f"stored-{self.turn}")

    def names(self, part, paths):
        """The names that it has for these documents of a part."""
        del part
        return paths

    def empty(self):
        """Prepares an empty target for writing."""
        self.turn += 1
        os.mkdir(self.stored())

    def source(self, part):
        return self.stored() if part == "write" else self.workload.folder

    def mount(self, part):
        """Mounts; returns the seconds to the first answer."""
        with open(os.path.join(self.folder, "log"), "w", encoding="utf-8") as log:
            started = time.perf_counter()
            self.process = subprocess.Popen(self.command(part), env=self.environment(), stdout=log, stderr=log)
        above = os.stat(self.folder).st_dev
        while not self.answers(part, above):
            seconds = time.perf_counter() - started
            if self.process.poll() is not None or seconds > PATIENCE_SECONDS:
                raise Failed(f"{self.name} does not mount: {self.log()}")
            time.sleep(0.0005)
        return time.perf_counter() - started

    def answers(self, part, above):
        try:
            return os.stat(self.mountpoint).st_dev != above and os.listdir(self.first_folder(part)) is not None
        except OSError:
            return False

    def first_folder(self, part):
        """What is asked first."""
        return self.shown(part)

    def log(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as log:
            return log.read()[-500:]

    def unmount(self):
        for _ in range(50):
            if not os.path.ismount(self.mountpoint):
                break
            subprocess.run(["umount", self.mountpoint], stderr=subprocess.DEVNULL, check=False)
            time.sleep(0.1 if os.path.ismount(self.mountpoint) else 0)
        else:
            subprocess.run(["umount", "-l", self.mountpoint], check=False)
        if self.process:
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGKILL)
                self.process.wait()
            self.process = None

    def memory(self):
        """The daemon's resident memory, in MiB."""
        if not self.process:
            return None
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as status:
            values = dict(line.split(":", 1) for line in status)
        return int(values["VmRSS"].split()[0]) / 1024

    def settle(self, count):
        """Waits until `count` written files have reached the target, where it writes late."""


class Native(Peer):
    """A folder of the file system itself."""

    name = "native"
    program = "cp"

    def mount(self, part):
        return 0.0

    def unmount(self):
        pass

    def shown(self, part):
        return self.backing(part)

    def walked(self):
        return self.workload.folder


class Librisfs(Peer):
    """The program that users get, with its defaults. Each part of the workload is an archive."""

    name = "librisfs"
    VIEWS = {"books": "by-author", "flat": "by-title/V", "big": "by-title", "write": "inbox"}

    def __init__(self, bench):
        super().__init__(bench)
        self.program = bench.librisfs
        self.known = {}

    def set_up(self):
        for part in ("books", "flat", "big"):
            call(self.program, "init", self.source(part))
        call(self.program, "import", self.source("flat"), self.workload.path("flat"))
        call(self.program, "import", self.source("big"), self.workload.path("big"))
        self.mount("books")
        # A folder in by-author says who wrote what is dropped into it.
        call("cp", "-r", self.workload.path("books", "."), self.shown("books"))
        self.unmount()

    def names(self, part, paths):
        if part not in self.known:
            shown = self.shown(part)
            names = contents(shown, documents(shown))
            originals = contents(self.workload.path(part), documents(self.workload.path(part)))
            missing = originals.keys() - names.keys()
            if missing or len(names) != len(originals):
                raise Failed(f"librisfs lacks {len(missing)} documents of {part}")
            self.known[part] = {path: names[content] for content, path in originals.items()}
        return [self.known[part][path] for path in paths]

    def command(self, part):
        return [self.program, "mount", "--foreground", self.source(part), self.mountpoint]

    def source(self, part):
        return self.stored() if part == "write" else os.path.join(self.folder, part)

    def shown(self, part):
        shown = os.path.join(self.mountpoint, self.VIEWS[part])
        # A folder of few is shown whole, without a folder for each letter.
        return os.path.dirname(shown) if part == "flat" and self.workload.books_count < 2000 else shown

    def backing(self, part):
        return self.source(part)

    def empty(self):
        self.turn += 1
        call(self.program, "init", self.stored())

    def settle(self, count):
        """What is closed survives the daemon, and is committed when more has come together."""
        until = time.monotonic() + PATIENCE_SECONDS
        committed = "SELECT count(*) FROM inbox WHERE hash_id IS NOT NULL"
        catalogue = sqlite3.connect(f"file:{self.stored()}/catalogue.sqlite?mode=ro", uri=True)
        try:
            while catalogue.execute(committed).fetchone()[0] < count:
                if time.monotonic() > until:
                    raise Failed("librisfs does not commit what it took")
                time.sleep(0.005)
        finally:
            catalogue.close()


class Bindfs(Peer):
    """Passes all through."""

    name = "bindfs"
    program = "bindfs"

    def command(self, part):
        return ["bindfs", "-f", self.source(part), self.mountpoint]


class Mergerfs(Peer):
    """Joins folders; here one."""

    name = "mergerfs"
    program = "mergerfs"

    def command(self, part):
        return ["mergerfs", "-f", "-o", "use_ino,cache.files=auto-full", self.source(part), self.mountpoint]


class Rclone(Peer):
    """A remote as a mount; here a local folder."""

    name = "rclone"
    program = "rclone"

    def __init__(self, bench):
        super().__init__(bench)
        self.caches = 0

    def command(self, part):
        self.caches += 1
        return ["rclone", "mount", self.source(part), self.mountpoint, "--vfs-cache-mode", "full", "--cache-dir",
                self.cache(), "--vfs-write-back", "0s", "--config", "/dev/null"]

    def cache(self):
        return os.path.join(self.folder, f"cache-{self.caches}")

    def unmount(self):
        super().unmount()
        remove(self.cache())

    def settle(self, count):
        until = time.monotonic() + PATIENCE_SECONDS
        while sum(not name.endswith(".partial") for name in documents(self.stored())) < count:
            if time.monotonic() > until:
                raise Failed("rclone does not write what it took")
            time.sleep(0.05)


class Restic(Peer):
    """A backup as a mount."""

    name = "restic"
    program = "restic"
    takes_writes = False

    def set_up(self):
        call("restic", "init", env=self.environment())
        call("restic", "backup", "--quiet", self.workload.folder, env=self.environment())

    def environment(self):
        return dict(super().environment(), RESTIC_PASSWORD="none", RESTIC_REPOSITORY=self.repository(),
                    RESTIC_CACHE_DIR=os.path.join(self.folder, "cache"))

    def repository(self):
        return os.path.join(self.folder, "repository")

    def command(self, part):
        return ["restic", "--quiet", "mount", self.mountpoint]

    def walked(self):
        return os.path.join(self.mountpoint, "snapshots", "latest") + self.workload.folder

    def shown(self, part):
        return os.path.join(self.walked(), part)

    def first_folder(self, part):
        return self.walked()

    def backing(self, part):
        return self.repository()


class Ratarmount(Peer):
    """An archive of tar as a mount."""

    name = "ratarmount"
    takes_writes = False

    def __init__(self, bench):
        super().__init__(bench)
        self.program = bench.ratarmount

    def set_up(self):
        os.mkdir(self.backing(""))
        call("tar", "-cf", self.tar(), "-C", self.workload.folder, "books", "flat", "big")
        # The first mount makes the index.
        self.mount("books")
        self.unmount()

    def backing(self, part):
        return os.path.join(self.folder, "tar")

    def tar(self):
        return os.path.join(self.backing(""), "all.tar")

    def command(self, part):
        return [self.program, "-f", "--index-file", self.tar() + ".index", self.tar(), self.mountpoint]


ALL = (Native, Librisfs, Bindfs, Mergerfs, Rclone, Restic, Ratarmount)
