"""Archives of many made-up books, and their mounts."""
import os
import shutil
import sqlite3
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Small real texts on top of the made-up books: those can be opened.
TEXTS = 2000


def run(*command):
    """Runs a command that must succeed; returns the seconds that it took."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


class Archive:
    """An archive of so many books, made where it is not there yet."""

    def __init__(self, program, folder, books):
        self.program, self.books = program, books
        self.path = os.path.join(folder, f"{books}")
        self.mountpoint = os.path.join(folder, "mnt")
        os.makedirs(self.mountpoint, exist_ok=True)

    def make(self):
        """Returns what was done, with the seconds that it took."""
        ready = os.path.join(self.path, "made")
        if os.path.exists(ready):
            return {}
        shutil.rmtree(self.path, ignore_errors=True)
        run(self.program, "init", self.path)
        times = {
            "synthesize": run(os.path.join(ROOT, "scripts", "synthesize"), self.path, "--books", str(self.books)),
            "reindex": run(self.program, "reindex", self.path),
        }
        texts = self.texts("texts", TEXTS)
        run(self.program, "import", self.path, texts)
        shutil.rmtree(texts)
        with open(ready, "w", encoding="utf-8"):
            pass
        return times

    def texts(self, name, count):
        """A folder of so many small texts that are in no archive yet."""
        folder = f"{self.path}-{name}"
        os.mkdir(folder)
        for number in range(count):
            with open(os.path.join(folder, f"{name.capitalize()} {number} - Tess Texter.txt"), "w", encoding="utf-8") as text:
                text.write(f"{name} {number}\n" * 100)
        return folder

    def catalogue(self):
        return sqlite3.connect(os.path.join(self.path, "catalogue.sqlite"), timeout=60)

    def size_bytes(self):
        return os.path.getsize(os.path.join(self.path, "catalogue.sqlite"))

    def sample(self, draw, count):
        """Names, MD5 and SHA-1 of random files that are shown."""
        with self.catalogue() as catalogue:
            last = catalogue.execute("SELECT max(id) FROM books_to_hashes").fetchone()[0]
            rows = []
            while len(rows) < count:
                row = catalogue.execute(
                    "SELECT f.name, lower(hex(h.md5)), lower(hex(h.sha1)) FROM books_to_hashes AS f "
                    "JOIN books_hashes AS h ON h.id = f.hash_id WHERE f.id = ? AND f.trashed IS NULL",
                    (draw.randint(1024, last),)).fetchone()
                if row and row[0]:
                    rows.append(row)
        catalogue.close()
        return rows

    def mounted(self):
        return Mount(self)


class Mount:
    """A mount of an archive, for a `with`."""

    def __init__(self, archive):
        self.archive = archive

    def __enter__(self):
        started = time.perf_counter()
        run(self.archive.program, "mount", self.archive.path, self.archive.mountpoint)
        os.listdir(self.archive.mountpoint)
        self.seconds = time.perf_counter() - started
        return self

    def __exit__(self, *_):
        # What was just closed may count as busy for a moment.
        for _ in range(50):
            done = subprocess.run([self.archive.program, "umount", self.archive.mountpoint], stderr=subprocess.DEVNULL,
                                  check=False)
            if done.returncode == 0:
                return
            time.sleep(0.1)
        raise SystemExit(f"{self.archive.mountpoint} cannot be unmounted")

    def path(self, *names):
        return os.path.join(self.archive.mountpoint, *names)

    def memory_bytes(self):
        """The daemon's resident memory."""
        found = subprocess.run(["pgrep", "-f", f"mount --foreground.*{self.archive.path} "], capture_output=True, text=True,
                               check=True)
        with open(f"/proc/{found.stdout.split()[0]}/status", encoding="utf-8") as status:
            values = dict(line.split(":", 1) for line in status)
        return int(values["VmRSS"].split()[0]) * 1024
