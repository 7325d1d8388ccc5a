"""What is measured of an archive."""
import ctypes
import os
import random
import statistics
import subprocess
import time

LOOKUPS = 2000
SECONDS, BYTES = "s", "B"


class Measure:
    """A figure: what it is, and how much larger it may be than in the smallest archive."""

    def __init__(self, title, unit, most, take):
        self.title, self.unit, self.most, self.take = title, unit, most, take


def each(function, paths):
    """The median of the times of a call."""
    taken = []
    for path in paths:
        started = time.perf_counter()
        try:
            function(path)
        except FileNotFoundError:
            pass
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def read(path):
    with open(path, "rb", buffering=0) as file:
        file.read()


def over(function, *names_of):
    """A call on names that the kernel has not seen: they go to the daemon and to the catalogue."""

    def take(archive, round_number):
        rows = archive.sample(random.Random(round_number), LOOKUPS)
        with archive.mounted() as mount:
            return each(function, [mount.path(*(part(row) if callable(part) else part for part in names_of)) for row in rows])

    return take


def texts_read(archive, round_number):
    """Documents that can be opened: the texts, by a draw of their own."""
    with archive.mounted() as mount:
        folder = mount.path("by-author", "Tess Texter")
        names = [os.path.join(bucket.path, name) for bucket in os.scandir(folder) if bucket.is_dir()
                 for name in os.listdir(bucket)] or [entry.path for entry in os.scandir(folder)]
        return each(read, random.Random(round_number).sample(names, 1000))


def largest(archive, view):
    """The folder with the most entries in a view, which is shown in buckets."""
    if not hasattr(archive, "largest"):
        archive.largest = {}
    if view not in archive.largest:
        with archive.mounted() as mount:
            buckets = [entry.name for entry in os.scandir(mount.path(view)) if entry.is_dir()]
            archive.largest[view] = max(buckets, key=lambda bucket: sum(1 for _ in os.scandir(mount.path(view, bucket))))
    return os.path.join(view, archive.largest[view])


def first_page(view):
    """The time until a large folder has told its first entries, as many as fit into 32 KiB."""
    buffer = ctypes.create_string_buffer(1 << 15)
    getdents64 = 217
    libc = ctypes.CDLL(None, use_errno=True)

    def take(archive, _):
        name = largest(archive, view)
        with archive.mounted() as mount:
            folder = os.open(mount.path(name), os.O_RDONLY | os.O_DIRECTORY)
            started = time.perf_counter()
            told = libc.syscall(getdents64, folder, buffer, len(buffer))
            seconds = time.perf_counter() - started
            os.close(folder)
            if told <= 0:
                raise SystemExit(f"{name} tells nothing")
            return seconds

    return take


def entry_of_listing(archive, _):
    """The time for one entry of a large folder that is listed to its end."""
    name = largest(archive, "by-title")
    with archive.mounted() as mount:
        started = time.perf_counter()
        count = sum(1 for _ in os.scandir(mount.path(name)))
        return (time.perf_counter() - started) / count


def mounting(archive, _):
    with archive.mounted() as mount:
        return mount.seconds


def memory(archive, round_number):
    """After look-ups, and a large listing."""
    rows = archive.sample(random.Random(round_number), LOOKUPS)
    name = largest(archive, "by-title")
    with archive.mounted() as mount:
        each(os.stat, [mount.path("by-title", row[0]) for row in rows])
        for entry in os.scandir(mount.path(name)):
            entry.stat()
        return mount.memory_bytes()


def takedown(archive, round_number):
    """From the commit of a takedown until a path that the kernel knows is gone."""
    row = archive.sample(random.Random(round_number), 1)[0]
    catalogue = archive.catalogue()
    with archive.mounted() as mount:
        path = mount.path("by-title", row[0])
        os.stat(path)
        with catalogue:
            catalogue.execute("INSERT INTO deleted_hashes (md5, reason) VALUES (?, 'growth')", (bytes.fromhex(row[1]),))
        committed = time.perf_counter()
        while os.path.exists(path):
            if time.perf_counter() - committed > 60:
                raise SystemExit("a takedown had no effect")
        seconds = time.perf_counter() - committed
        with catalogue:
            catalogue.execute("DELETE FROM deleted_hashes WHERE reason = 'growth'")
    catalogue.close()
    return seconds


def copying(archive, round_number):
    """A small new document into the inbox, until all are on the disk."""
    folder = archive.texts(f"copied {time.time_ns()}", 500)
    with archive.mounted() as mount:
        started = time.perf_counter()
        subprocess.run(["cp", "-r", folder, mount.path("inbox")], check=True)
        subprocess.run(["sync", "-f", mount.path("inbox")], check=True)
        seconds = time.perf_counter() - started
    subprocess.run(["rm", "-r", folder], check=True)
    del round_number
    return seconds / 500


def importing(archive, round_number):
    folder = archive.texts(f"imported {time.time_ns()}", 2000)
    started = time.perf_counter()
    subprocess.run([archive.program, "import", archive.path, folder], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    seconds = time.perf_counter() - started
    subprocess.run(["rm", "-r", folder], check=True)
    del round_number
    return seconds / 2000


def renaming(archive, round_number):
    """`mv` of a document to another title, and back."""
    rows = archive.sample(random.Random(round_number), 50)
    with archive.mounted() as mount:
        def there_and_back(path):
            other = os.path.join(os.path.dirname(path), "Another " + os.path.basename(path))
            os.rename(path, other)
            os.rename(other, path)
        return each(there_and_back, [mount.path("by-title", row[0]) for row in rows if len(row[0].encode()) < 200]) / 2


def searching(archive, _):
    """A search folder is looked into: its first entries."""
    words = ["river author:Anna", "title:history year:1990..1999", "garden city", "театр", "мир война", "night format:pdf"]
    def list_some(path):
        with os.scandir(path) as entries:
            next(entries, None)
    with archive.mounted() as mount:
        return each(list_some, [mount.path("search", word) for word in words])


def name(row):
    return row[0]


def md5(row):
    return row[1]


def sha1(row):
    return row[2]


def nothing(row):
    return f"not {row[0]}"


ALL = [
    Measure("look-up by name", SECONDS, 1.5, over(os.stat, "by-title", name)),
    Measure("look-up by MD5", SECONDS, 1.5, over(os.stat, "by-hash", md5)),
    Measure("look-up by SHA-1", SECONDS, 1.5, over(os.stat, "by-hash", sha1)),
    Measure("look-up of a name that is not there", SECONDS, 1.5, over(os.stat, "by-title", nothing)),
    Measure("look-up, open, read, close", SECONDS, 1.5, texts_read),
    Measure("first page of the largest folder of by-title", SECONDS, 1.5, first_page("by-title")),
    Measure("first page of the largest folder of by-author", SECONDS, 1.5, first_page("by-author")),
    Measure("an entry of a listing", SECONDS, 1.5, entry_of_listing),
    Measure("mount to first answer", SECONDS, 1.5, mounting),
    Measure("memory after look-ups and a listing", BYTES, 1.1, memory),
    Measure("takedown, until the path is gone", SECONDS, None, takedown),
    Measure("a small new document copied into the inbox", SECONDS, None, copying),
    Measure("a small new document imported", SECONDS, None, importing),
    Measure("a document renamed", SECONDS, None, renaming),
    Measure("first page of a search", SECONDS, None, searching),
]
