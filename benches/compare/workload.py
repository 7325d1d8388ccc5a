"""The documents that the systems are compared on: made up, and the same ones each time.

    books/<Author>/<Title (Year)>.<ext>   10,000 files of 2 to 8 KiB in some 3,300 folders, no two alike
    flat/Volume <number>.<ext>            10,000 such files in one folder
    big/one.bin, big/many/<number>.bin    1 GiB, and 64 files of 16 MiB
    source/...                            as books, other ones, one in twenty a copy of another: to be copied in

Nothing in them can be compressed. They lie on the disk in no particular order, as in a grown collection.
"""
import os
import random

MIB = 1 << 20
FIRST = ("Anna Boris Carla David Elena Fyodor Gustav Hannah Ivan Jorge Karin Leo Maria Nadia Olga Pavel Quentin Rosa "
         "Sergei Tomas Ursula Viktor Wanda Xenia Yuri Zoë André Łukasz Ólafur Алексей Мария Борис 明 さくら").split()
SYLLABLES = ("ba be bo da den dov el er fa gar hol in jan ka ko lam len lev mar mil nik nov ol or pet ra ros sen ska "
             "son ta tov ul van ver win za zi").split()
WORDS = ("the a of and night winter river stone theory notes on introduction to history lost algebra garden city "
         "small collected works letters house glass machine quiet atlas sea language logic number war peace field "
         "topology manual life days memory road light shadow island museum war élan être ночь мир 雪").split()
EXTENSIONS = ["epub"] * 50 + ["pdf"] * 30 + ["mobi"] * 9 + ["djvu"] * 4 + ["txt"] * 4 + ["azw3"] * 3
PROLIFIC = (.03, .025, .02, .017, .015, .013, .012, .011, .0105, .01)


class Workload:
    """The documents below one folder; `scale` is 1, or less for a trial."""

    def __init__(self, folder, scale):
        self.folder = folder
        self.books_count = int(10_000 * scale)
        self.big_bytes = int(1024 * scale) * MIB
        self.many_bytes = max(1, int(16 * scale)) * MIB

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def make(self):
        books(self.path("books"), self.books_count, seed=1, copies=0)
        books(self.path("source"), self.books_count, seed=2, copies=.05)
        self.make_flat()
        self.make_big()
        os.sync()

    def make_flat(self):
        draw = random.Random(3)
        os.mkdir(self.path("flat"))
        numbers = list(range(self.books_count))
        draw.shuffle(numbers)
        for number in numbers:
            write(self.path("flat", f"Volume {number:05}.{draw.choice(EXTENSIONS)}"), small(draw))

    def make_big(self):
        draw = random.Random(4)
        os.makedirs(self.path("big", "many"))
        with open(self.path("big", "one.bin"), "wb") as one:
            for _ in range(self.big_bytes // MIB):
                one.write(draw.randbytes(MIB))
        for number in range(64):
            with open(self.path("big", "many", f"{number:02}.bin"), "wb") as file:
                for _ in range(self.many_bytes // MIB):
                    file.write(draw.randbytes(MIB))


def small(draw):
    return draw.randbytes(draw.randint(2048, 8192))


def write(path, content):
    with open(path, "wb") as file:
        file.write(content)


def books_by_author(draw, count):
    """How many books each author has: a few very many, most two or three."""
    counts = [max(1, round(count * part)) for part in PROLIFIC]
    left, authors = count - sum(counts), max(len(counts) + 1, count // 3)
    tail = []
    while left > 0:
        some = min(left, 1 + int(draw.expovariate(1 / 2)))
        if len(tail) < authors - len(counts):
            tail.append(some)
        else:
            tail[draw.randrange(len(tail))] += some
        left -= some
    return counts + tail


def new_author(draw, known):
    while True:
        last = "".join(draw.choice(SYLLABLES) for _ in range(draw.randint(2, 4))).capitalize()
        initial = f" {chr(65 + draw.randrange(26))}." if draw.random() < .4 else ""
        name = f"{last}, {draw.choice(FIRST)}{initial}"
        if name not in known:
            known.add(name)
            return name


def new_title(draw, known):
    while True:
        title = " ".join(draw.choice(WORDS) for _ in range(draw.randint(2, 7))).capitalize()
        name = f"{title} ({draw.randint(1850, 2024)}).{draw.choice(EXTENSIONS)}"
        if name not in known:
            known.add(name)
            return name


def books(folder, count, seed, copies):
    draw = random.Random(seed)
    authors, paths = set(), []
    for number in books_by_author(draw, count):
        author, titles = new_author(draw, authors), set()
        paths += [os.path.join(author, new_title(draw, titles)) for _ in range(number)]
    for author in authors:
        os.makedirs(os.path.join(folder, author))
    draw.shuffle(paths)
    earlier = []
    for path in paths:
        content = draw.choice(earlier) if earlier and draw.random() < copies else small(draw)
        earlier.append(content)
        write(os.path.join(folder, path), content)
