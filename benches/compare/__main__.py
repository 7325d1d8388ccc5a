"""Runs the rows on all systems by turns and reports; scripts/bench prepares and calls this."""
import argparse
import os
import platform
import re
import signal
import subprocess
import sys
import time

import peers
import report
import rows
from workload import Workload

BLOCK = 1 << 20


class Bench:
    """A run: where things are, and what the rows use."""

    def __init__(self, words):
        self.folder = words.folder
        self.client_path, self.librisfs, self.ratarmount = words.client, words.librisfs, words.ratarmount
        self.output = os.path.join(self.folder, "output")
        self.workload = Workload(os.path.join(self.folder, "workload"), 0.05 if words.quick else 1)
        self.samples = report.Samples()
        self.round = 0
        self.lists = {}
        self.expected = {}
        self.documents = {}
        os.mkdir(self.workload.folder)

    def client(self, *words):
        """A loop of benches/client.rs: seconds, and what it went over."""
        printed = peers.call(self.client_path, *words, env=dict(os.environ, LC_ALL="C"))
        nanoseconds, count, size = map(int, printed.split())
        return nanoseconds / 1e9, (count, size)

    def warm(self, folder):
        """Brings all bytes below a folder into the kernel's cache."""
        for path in peers.documents(folder):
            with open(os.path.join(folder, path), "rb", buffering=0) as file:
                while file.read(BLOCK):
                    pass

    def prepare(self, peer, part):
        """Finds out, on a mount of its own, under which names a system shows the documents of a part."""
        if (peer.name, part) in self.lists:
            return
        peer.mount(part)
        try:
            peer.names(part, [])
            for (of, sample), paths in self.documents.items():
                if of == part:
                    path = os.path.join(peer.folder, f"{part}-{sample}")
                    with open(path, "w", encoding="utf-8") as file:
                        file.writelines(f"{name}\n" for name in peer.names(part, paths))
                    self.lists[peer.name, part, sample] = path
        finally:
            peer.unmount()
        self.lists[peer.name, part] = True

    def sampled(self, peer, part, sample):
        return self.lists[peer.name, part, sample]

    def expect(self, row, found, peer):
        """All systems must find the same: one that loses files must not look fast."""
        if self.expected.setdefault(row, found) != found:
            raise peers.Failed(f"{row}: {peer.name} gave {found}, not {self.expected[row]}")

    def record(self, row, state, peer, figure, memory=None):
        self.samples.add(self.round, row, state, peer, figure, memory)
        print(f"{self.round} {row.name:13} {state:10} {peer:10} {report.written(figure, row.unit)}", flush=True,
              file=sys.stderr)

    def turn(self, row, peer):
        """One row on one system."""
        try:
            for state, figure in row.measure(self, peer):
                self.record(row, state, peer.name, figure, peer.memory())
        except (peers.Failed, OSError) as failure:
            self.samples.failures.append(f"{row.name} with {peer.name}: {failure}")
            print(self.samples.failures[-1], file=sys.stderr)
        finally:
            peer.unmount()

    def run(self, chosen, systems, rounds):
        self.documents = rows.samples(self.workload)
        for self.round in range(rounds):
            for row in chosen:
                # Nobody is always the first.
                first = self.round % len(systems)
                # The time of native is the base that others are checked against, so it begins the first round.
                for peer in systems[first:] + systems[:first]:
                    if row.takes(peer):
                        self.turn(row, peer)


def set_up(bench):
    """The systems that are here, ready to be mounted."""
    systems = []
    print("Making the documents and setting up the systems", file=sys.stderr)
    bench.workload.make()
    for kind in peers.ALL:
        peer = kind(bench)
        if not peer.is_installed():
            bench.samples.failures.append(f"{peer.name}, which is not installed")
            continue
        try:
            peer.set_up()
            systems.append(peer)
        except peers.Failed as failure:
            peer.unmount()
            if peer.name == rows.LIBRISFS:
                raise
            bench.samples.failures.append(f"{peer.name}: {failure}")
    return systems


def circumstances(rounds, folder):
    """What the figures were measured on."""
    kind = subprocess.run(["findmnt", "-no", "FSTYPE", "-T", folder], capture_output=True, text=True, check=False)
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        model = re.search(r"model name\s*: (.*)", info.read())
    release = ".".join(platform.release().split(".")[:2])
    return (f"Medians of {rounds} round{'s' * (rounds > 1)}, {time.strftime('%Y-%m-%d')}; {os.cpu_count()} cores "
            f"({model.group(1) if model else platform.machine()}), Linux {release}, {kind.stdout.strip()}; the load before it "
            f"began was {os.getloadavg()[0]:.1f}.")


def arguments(known):
    words = argparse.ArgumentParser(prog="scripts/bench")
    words.add_argument("rows", nargs="*", metavar="ROW", choices=[[], *known])
    words.add_argument("--rounds", type=int)
    words.add_argument("--quick", action="store_true")
    for name in ("folder", "client", "librisfs", "ratarmount", "document"):
        words.add_argument(f"--{name}", required=True, help=argparse.SUPPRESS)
    words = words.parse_args()
    words.rounds = words.rounds or (1 if words.quick else 5)
    return words


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    table = rows.all_rows()
    words = arguments([row.name for row in table])
    about = circumstances(words.rounds, words.folder)
    bench = Bench(words)
    systems = set_up(bench)
    chosen = [row for row in table if not words.rows or row.name in words.rows]
    bench.run(chosen, systems, words.rounds)
    names = [peer.name for peer in systems]
    text = f"{about}\n\n{report.table(bench.samples, chosen, names)}"
    print(text)
    if not words.rows and not words.quick:
        picture = os.path.splitext(words.document)[0] + ".svg"
        report.plot(bench.samples, chosen, names, picture)
        report.put_into(words.document, f"{text}\n![The ratios of the table]({os.path.basename(picture)})\n")


main()
