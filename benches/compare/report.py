"""Medians, ratios, the table, the plot."""
import re
import statistics

from rows import LIBRISFS, MD5SUM, NATIVE

BEGIN, END = "<!-- made by scripts/bench: begin -->", "<!-- made by scripts/bench: end -->"


class Samples:
    """All figures: by row, state and system, one a round."""

    def __init__(self):
        self.figures = {}
        self.memory = {}
        self.failures = []

    def add(self, round_number, row, state, peer, figure, memory):
        self.figures.setdefault((row.name, state, peer), {})[round_number] = figure
        if memory:
            self.memory.setdefault(peer, []).append(memory)

    def median(self, row, state, peer):
        figures = self.figures.get((row.name, state, peer))
        return statistics.median(figures.values()) if figures else None

    def ratio(self, row, state, peer):
        """The median of the ratios of each round: both figures of one come from the same minute."""
        base = row.base(state)
        if not base:
            return self.median(row, state, peer)
        base = self.figures.get((row.name, base[1], base[0]), {})
        ratios = [figure / base[at]
                  for at, figure in self.figures.get((row.name, state, peer), {}).items() if at in base]
        return statistics.median(ratios) if ratios else None


def written(figure, unit):
    if figure is None:
        return "-"
    if unit == "MiB":
        return f"{figure:.0f} MiB"
    if figure < 0.9995e-3:
        return f"{figure * 1e6:.0f} us"
    return f"{figure * 1e3:.3g} ms" if figure < 0.9995 else f"{figure:.3g} s"


def times(ratio):
    if ratio is None:
        return "-"
    return f"{ratio:.2f}" if ratio < 9.995 else f"{ratio:.1f}" if ratio < 99.95 else f"{ratio:.0f}"


class Line:
    """One row and state, as it is shown."""

    def __init__(self, samples, row, state, peers):
        self.row, self.state, self.goal = row, state, row.goals[state]
        self.is_ratio = row.base(state) is not None
        base = row.base(state)
        self.base = samples.figures.get((row.name, base[1], base[0])) if base else None
        self.base = statistics.median(self.base.values()) if self.base else None
        self.time = samples.median(row, state, LIBRISFS)
        self.ratio = samples.ratio(row, state, LIBRISFS)
        self.others = {peer: samples.ratio(row, state, peer) for peer in peers if peer != LIBRISFS}
        rivals = {peer: ratio for peer, ratio in self.others.items() if ratio and peer != NATIVE}
        self.best = min(rivals, key=rivals.get) if rivals else None
        self.over_best = self.ratio / rivals[self.best] if self.best and self.ratio else None

    def is_missed(self):
        return self.ratio is None or self.ratio > self.goal

    def figure(self, ratio):
        return times(ratio) if self.is_ratio else written(ratio, self.row.unit)

    def cells(self):
        others = [self.figure(ratio) if peer != NATIVE or self.row.base(self.state)[0] == MD5SUM else None
                  for peer, ratio in self.others.items() if peer != NATIVE or self.is_ratio]
        if not self.is_ratio:
            others = [None, *others]
        others[0] = others[0] or "1" if self.is_ratio and self.state != "fresh" else others[0] or "-"
        return [f"{self.row.title}, {self.state}", written(self.base, "seconds"), written(self.time, self.row.unit),
                f"**{self.figure(self.ratio)}**", self.figure(self.goal), "no" if self.is_missed() else "yes",
                f"{times(self.over_best)} ({self.best})" if self.best else "-", *others]


def lines(samples, rows, peers):
    return [Line(samples, row, state, peers) for row in rows for state in row.goals
            if samples.median(row, state, LIBRISFS) is not None]


def table(samples, rows, peers):
    """The table, and what failed, as Markdown."""
    others = [peer for peer in peers if peer != LIBRISFS]
    head = ["work", "base", "librisfs", "over base", "goal", "reached", "over the best peer", *others]
    body = [head, ["---"] * len(head), *(line.cells() for line in lines(samples, rows, peers))]
    text = "".join(f"| {' | '.join(cells)} |\n" for cells in body)
    most = ", ".join(f"{peer} {max(samples.memory[peer]):.0f}" for peer in peers if peer in samples.memory)
    if most:
        text += f"\nThe most memory that a daemon held after any of these, in MiB: {most}.\n"
    for failure in dict.fromkeys(samples.failures):
        text += f"\n- Not measured: {failure}\n"
    return text


def plot(samples, rows, peers, path):
    """The ratios on a scale of powers, a line a row; the goal is a mark."""
    import matplotlib
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "librisfs"
    from matplotlib import pyplot
    shown = [line for line in lines(samples, rows, peers) if line.is_ratio][::-1]
    figure, axes = pyplot.subplots(figsize=(10, 1.2 + 0.28 * len(shown)))
    for peer in peers:
        if peer in (NATIVE, LIBRISFS):
            continue
        points = [(line.others[peer], at) for at, line in enumerate(shown) if line.others[peer]]
        if points:
            axes.plot(*zip(*points), "o", markersize=4, alpha=0.7, label=peer)
    axes.plot([line.goal for line in shown], range(len(shown)), "|", color="black", markersize=12, label="goal")
    axes.plot([line.ratio for line in shown], range(len(shown)), "D", color="crimson", markersize=6, label=LIBRISFS)
    axes.set_xscale("log")
    axes.set_yticks(range(len(shown)), [f"{line.row.name}, {line.state}" for line in shown])
    axes.axvline(1, color="gray", linewidth=0.8)
    axes.set_xlabel("time over that of the native file system (of md5sum for cp-big); less is better")
    axes.grid(axis="x", alpha=0.3)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None, "Creator": None})


def put_into(document, text):
    """Replaces what lies between the marks of a document."""
    with open(document, encoding="utf-8") as file:
        before = file.read()
    marked = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.S)
    after, found = marked.subn(lambda _: f"{BEGIN}\n\n{text}\n{END}", before)
    if found != 1:
        raise ValueError(f"{document} lacks the marks for the table")
    with open(document, "w", encoding="utf-8") as file:
        file.write(after)
