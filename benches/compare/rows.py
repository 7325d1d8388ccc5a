"""What is measured: the rows of the table, each with its goal."""
import os
import random
import subprocess
import time

from peers import Failed, call, documents, remove

NATIVE, LIBRISFS, MD5SUM, RESTIC = "native", "librisfs", "md5sum", "restic"
MIB = 1 << 20


class Row:
    """One work, in one or several states. A goal is a time over that of `base`, a system and a state; where there
    is no base, it is a figure of its own in `unit`."""

    unit = "seconds"

    def __init__(self, name, title, goals):
        self.name, self.title, self.goals = name, title, goals

    def base(self, state):
        del state
        return NATIVE, "warm"

    def takes(self, peer):
        """Whether a system can do this."""
        del peer
        return True

    def measure(self, bench, peer):
        """Yields the states with their figures."""
        raise NotImplementedError


class Reading(Row):
    """Read twice: fresh, on what has just been mounted while the bytes below are in the kernel's cache, and warm,
    once more on the same mount. Native is warm always."""

    def __init__(self, name, title, part, work, fresh, warm):
        super().__init__(name, title, {"fresh": fresh, "warm": warm})
        self.part, self.work = part, work

    def measure(self, bench, peer):
        # The names of the documents are found out on a mount of their own.
        bench.prepare(peer, self.part)
        bench.warm(peer.backing(self.part))
        peer.mount(self.part)
        states = ("before", "warm") if peer.name == NATIVE else ("fresh", "warm")
        for state in states:
            seconds, found = self.work(bench, peer, self.part)
            bench.expect(self.name, found, peer)
            if state != "before":
                yield state, seconds


def loop(*words, sample=None):
    """A loop of the client over the sampled documents of a part, or over its large file."""

    def work(bench, peer, part):
        name, *rest = words
        if sample:
            return bench.client(name, peer.shown(part), bench.sampled(peer, part, sample), *rest)
        (one,) = peer.names(part, ["one.bin"])
        return bench.client(name, os.path.join(peer.shown(part), one))

    return work


def random_reads(count):
    """What slow systems do in some seconds stands for all `count` blocks."""

    def work(bench, peer, part):
        (one,) = peer.names(part, ["one.bin"])
        seconds, (done, _) = bench.client("random", os.path.join(peer.shown(part), one), str(count))
        return seconds * count / done, count

    return work


def program(*words, found):
    """A real program over a part; `found` makes of each line that it prints what is added up and compared."""

    def work(bench, peer, part):
        seconds, _ = bench.client("run", bench.output, *words, peer.shown(part))
        with open(bench.output, "rb") as output:
            return seconds, sum(map(found, output))

    return work


def stat_of_all(bench, peer, part):
    seconds, _ = bench.client("run", bench.output, "find", peer.shown(part), "-type", "f", "-printf", "%s\\n")
    with open(bench.output, "rb") as output:
        return seconds, sum(map(int, output))


def find(bench, peer, part):
    seconds, _ = bench.client("run", bench.output, "find", peer.shown(part), "-type", "f")
    with open(bench.output, "rb") as output:
        return seconds, sum(1 for _ in output)


def listed_file(line):
    return line.startswith(b"-")


class Copying(Row):
    """`cp -r` into the mount and on to the disk: bytes that are new, the same bytes again, and, for large
    files, new bytes by four programs at once."""

    def __init__(self, name, title, goals, base):
        super().__init__(name, title, goals)
        self.base_name = base

    def base(self, state):
        return (MD5SUM, "new") if self.base_name == MD5SUM else (self.base_name, state)

    def takes(self, peer):
        return peer.takes_writes

    def sources(self, bench):
        return [bench.workload.path("big", "many") if self.base_name == MD5SUM else bench.workload.path("source")]

    def measure(self, bench, peer):
        (source,) = self.sources(bench)
        bench.warm(source)
        peer.empty()
        peer.mount("write")
        yield "new", self.copy(bench, peer, [[source, "new"]])
        yield "duplicates", self.copy(bench, peer, [[source, "again"]])
        if "4 streams" in self.goals:
            peer.unmount()
            remove(peer.stored())
            peer.empty()
            peer.mount("write")
            files = sorted(os.scandir(source), key=lambda entry: entry.name)
            jobs = [[*(file.path for file in files[first::4]), f"stream-{first}"] for first in range(4)]
            yield "4 streams", self.copy(bench, peer, jobs)
        peer.unmount()
        remove(peer.stored())

    def copy(self, bench, peer, jobs):
        """Each job is sources and a target; several run at once."""
        target = peer.shown("write")
        jobs = [[*sources, os.path.join(target, name)] for *sources, name in jobs]
        expected = [bench.client("walk", source)[1] if os.path.isdir(source) else (1, os.path.getsize(source))
                    for *sources, _ in jobs for source in sources]
        expected = tuple(map(sum, zip(*expected)))
        before = bench.client("walk", target)[1]
        if len(jobs) > 1:
            for *_, folder in jobs:
                os.mkdir(folder)
        os.sync()
        started = time.perf_counter()
        running = [subprocess.Popen(["cp", "-r", *job]) for job in jobs]
        if any([copier.wait() for copier in running]):
            raise Failed("cp failed")
        peer.settle(before[0] + expected[0])
        for folder in (target, peer.backing("write")):
            call("sync", "-f", folder)
        seconds = time.perf_counter() - started
        after = bench.client("walk", target)[1]
        arrived = after[0] - before[0], after[1] - before[1]
        if arrived != expected:
            raise Failed(f"{peer.name} took {arrived} (files, bytes), not {expected}")
        return seconds


class Hashing(Copying):
    """As copying, against the time that md5sum takes for the same bytes; measured in the turn of native."""

    def measure(self, bench, peer):
        if peer.name == NATIVE:
            source = self.sources(bench)[0]
            bench.warm(source)
            files = sorted(entry.path for entry in os.scandir(source))
            bench.record(self, "new", MD5SUM, bench.client("run", bench.output, "md5sum", *files)[0])
        yield from super().measure(bench, peer)


class Importing(Row):
    """Taking a folder in without a mount, on to the disk."""

    def __init__(self, name, title, part, goal):
        super().__init__(name, title, {"new": goal})
        self.part = part

    def base(self, state):
        return NATIVE, state

    def takes(self, peer):
        return peer.name in (NATIVE, LIBRISFS, RESTIC)

    def measure(self, bench, peer):
        source = bench.workload.path(*self.part)
        bench.warm(source)
        peer.turn += 1
        target = os.path.join(peer.folder, f"imported-{peer.turn}")
        environment = peer.environment()
        if peer.name == LIBRISFS:
            call(peer.program, "init", target)
            command = [peer.program, "import", target, source]
        elif peer.name == RESTIC:
            environment["RESTIC_REPOSITORY"] = target
            call("restic", "init", env=environment)
            command = ["restic", "backup", "--quiet", source]
        else:
            command = ["cp", "-r", source, target]
        os.sync()
        started = time.perf_counter()
        call(*command, env=environment)
        call("sync", "-f", target)
        yield "new", time.perf_counter() - started
        remove(target)


class Mounting(Row):
    """From the start of the command to the first answer."""

    def base(self, state):
        return None

    def takes(self, peer):
        return peer.name != NATIVE

    def measure(self, bench, peer):
        del bench
        yield "fresh", peer.mount("books")


class Memory(Row):
    """What the daemon holds after a walk of all that it shows; of librisfs, all views."""

    unit = "MiB"

    def base(self, state):
        return None

    def takes(self, peer):
        return peer.name != NATIVE

    def measure(self, bench, peer):
        peer.mount("books")
        bench.client("walk", peer.walked())
        yield "walked", peer.memory()


def samples(workload):
    """The documents that rows with a sample go over, by part and sample."""
    draw = random.Random(5)
    books = documents(workload.path("books"))
    return {
        ("books", "half"): draw.sample(books, len(books) // 2),
        ("books", "twice"): draw.choices(books, k=2 * len(books)),
        ("big", "many"): sorted(os.path.join("many", name) for name in os.listdir(workload.path("big", "many"))),
    }


def all_rows():
    return [
        Reading("sequential", "1 GiB read from start to end", "big", loop("sequential"), 1.02, 1.02),
        Reading("streams", "64 files of 16 MiB, 4 streams", "big", loop("read", "4", sample="many"), 1.2, 1.2),
        Reading("random", "random 4 KiB reads", "big", random_reads(32_768), 1.05, 1.05),
        Reading("small-1", "5,000 small files opened and read", "books", loop("read", "1", sample="half"), 10, 4),
        Reading("small-4", "the same by 4 threads", "books", loop("read", "4", sample="half"), 15, 4),
        Reading("find", "`find` over all", "books", find, 6, 1.5),
        Reading("stat", "stat of all", "books", stat_of_all, 6, 1.5),
        Reading("ls-lR", "`ls -lR`", "books", program("ls", "-lR", found=listed_file), 5, 1.5),
        Reading("stat-random", "20,000 random stats", "books", loop("stat", sample="twice"), 10, 1.2),
        Reading("ls-flat", "`ls -l` of one folder of 10,000", "flat", program("ls", "-l", found=listed_file), 4, 1),
        Hashing("cp-big", "`cp -r` of 64 files of 16 MiB, to the disk, over `md5sum`",
                {"new": 1.05, "duplicates": 1.05, "4 streams": 0.35}, MD5SUM),
        Copying("cp-small", "`cp -r` of 10,000 small files, to the disk", {"new": 2.5, "duplicates": 2.5}, NATIVE),
        Importing("import-small", "`librisfs import` of the 10,000, to the disk, over `cp -r`", ["source"], 1.3),
        Importing("import-big", "`librisfs import` of the 64, to the disk, over `cp -r`", ["big", "many"], 1.5),
        Mounting("mount", "mount to first answer", {"fresh": 0.020}),
        Memory("memory", "memory after a walk of everything", {"walked": 32}),
    ]
