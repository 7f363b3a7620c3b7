"""Tests of many random rounds. DM_ROUNDS says how many (a few if it is not set), DM_SEED repeats a run: both are printed, as are the
figures at the end, which pytest shows with -s (`make fence`) or when a round fails; DM_FIGURES is a file that gets them as well."""
import collections
import os
import random
import time


class Rounds:
    """Iterated: numbers of rounds from 1 on. `rng` is the only source of chance."""

    def __init__(self, name, few):
        self.name, self.count = name, int(os.environ.get("DM_ROUNDS") or few)
        self.seed = int(os.environ.get("DM_SEED") or random.SystemRandom().randrange(1 << 30))
        self.rng = random.Random(f"{name}/{self.seed}")
        self.figures, self.times, self.begin = collections.Counter(), collections.defaultdict(list), time.monotonic()

    def say(self, text):
        line = f"{self.name}: {time.monotonic() - self.begin:6.1f} s  {text}"
        print(line, flush=True)
        if os.environ.get("DM_FIGURES"):
            with open(os.environ["DM_FIGURES"], "a") as file:
                file.write(line + "\n")

    def __iter__(self):
        self.say(f"{self.count} rounds, DM_SEED={self.seed}")
        for number in range(1, self.count + 1):
            yield number
            self.figures["rounds"] += 1
        self.report()

    def report(self):
        self.say(", ".join(f"{count} {what}" for what, count in self.figures.items()))
        for what, times in self.times.items():
            times = sorted(times)
            self.say(f"{what}: median {times[len(times) // 2]:.1f} s, longest {times[-1]:.1f} s, {len(times)} times")


def lost_and_doubled(upstream, downstream, table):
    """How many rows are missing downstream, and how many are too many, as multisets."""
    up, down = (collections.Counter(server.run(f"SELECT * FROM {table}")) for server in (upstream, downstream))
    return sum((up - down).values()), sum((down - up).values())
