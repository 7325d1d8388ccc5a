"""How the times grow with the number of books; scripts/scale prepares and calls this."""
import argparse
import os
import re
import shutil
import statistics
import sys
import tempfile
import time

import measures
from archives import Archive

BEGIN, END = "<!-- made by scripts/scale: begin -->", "<!-- made by scripts/scale: end -->"


def written(figure, unit):
    if unit == measures.BYTES:
        return f"{figure / (1 << 20):.1f} MiB"
    if figure < 0.9995e-3:
        return f"{figure * 1e6:.3g} us"
    return f"{figure * 1e3:.3g} ms" if figure < 0.9995 else f"{figure:.3g} s"


def take_all(archives, rounds):
    """All figures by measure and archive: the archives by turns, the first round only warms what lies below."""
    figures = {}
    for round_number in range(rounds + 1):
        for measure in measures.ALL:
            for archive in archives:
                figure = measure.take(archive, round_number)
                print(f"{round_number} {archive.books:>10,} {measure.title:46} {written(figure, measure.unit)}", file=sys.stderr,
                      flush=True)
                if round_number:
                    figures.setdefault((measure.title, archive.books), []).append(figure)
    return {key: statistics.median(values) for key, values in figures.items()}


def table(archives, figures):
    head = ["books", *(f"{archive.books:,}" for archive in archives), "last over first", "at most"]
    lines = [head, ["---"] * len(head),
             ["catalogue", *(f"{archive.size_bytes() / (1 << 20):,.0f} MiB" for archive in archives), "-", "-"]]
    for measure in measures.ALL:
        row = [figures[measure.title, archive.books] for archive in archives]
        most = "-" if measure.most is None else f"{measure.most}"
        lines.append([measure.title, *(written(figure, measure.unit) for figure in row), f"{row[-1] / row[0]:.2f}", most])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def plot(archives, figures, path):
    """The times over those of the smallest archive."""
    import matplotlib
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "librisfs"
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(figsize=(10, 5))
    sizes = [archive.books for archive in archives]
    for measure in measures.ALL:
        row = [figures[measure.title, books] for books in sizes]
        axes.plot(sizes, [one / row[0] for one in row], "o-", markersize=4, label=measure.title)
    axes.set_xscale("log")
    axes.axhline(1.5, color="black", linewidth=0.8, linestyle="--")
    axes.set_xlabel("books")
    axes.set_ylabel("over the smallest archive")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None, "Creator": None})


def put_into(document, text):
    with open(document, encoding="utf-8") as file:
        before = file.read()
    after, found = re.subn(re.escape(BEGIN) + ".*?" + re.escape(END), lambda _: f"{BEGIN}\n\n{text}\n{END}", before, flags=re.S)
    if found != 1:
        raise ValueError(f"{document} lacks the marks for the table")
    with open(document, "w", encoding="utf-8") as file:
        file.write(after)


def main():
    words = argparse.ArgumentParser(prog="scripts/scale")
    words.add_argument("--rows", default="100000,1000000", metavar="N,N")
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--keep", metavar="FOLDER")
    words.add_argument("--write", action="store_true")
    words.add_argument("--librisfs", required=True, help=argparse.SUPPRESS)
    words.add_argument("--document", required=True, help=argparse.SUPPRESS)
    words.add_argument("--scratch", required=True, help=argparse.SUPPRESS)
    words = words.parse_args()
    folder = os.path.abspath(words.keep) if words.keep else tempfile.mkdtemp(prefix="scale.", dir=words.scratch)
    os.makedirs(folder, exist_ok=True)
    try:
        archives = [Archive(words.librisfs, folder, int(books)) for books in words.rows.split(",")]
        made = ""
        for archive in archives:
            for what, seconds in archive.make().items():
                print(f"{archive.books:,} books: {what} {seconds:.0f} s", file=sys.stderr, flush=True)
                if what == "reindex":
                    made = f" To reindex {archive.books:,} took {seconds:.0f} s."
        figures = take_all(archives, words.rounds)
        about = (f"Medians of {words.rounds} rounds, {time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores; the load at the end was "
                 f"{os.getloadavg()[0]:.1f}.{made}")
        text = f"{about}\n\n{table(archives, figures)}"
        print(text)
        if words.write:
            picture = os.path.join(os.path.dirname(words.document), "growth.svg")
            plot(archives, figures, picture)
            put_into(words.document, f"{text}\n![The times over those of the smallest archive](growth.svg)\n")
    finally:
        if not words.keep:
            shutil.rmtree(folder)


main()
