"""Whole runs side by side with what people use today; prints ratios and writes build/bench.json."""
import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile

from common import ROOT, machine
from floor import floor
from full import DATA, THREADS, full
from memory import Memory
from replication import NATIVE_THREADS, bulk, catch_up, hot, latency, oltp

WHAT = ("full", "full-big", "catchup", "hot", "bulk", "latency", "memory", "floor")


def median(pairs, key):
    return statistics.median(pair[key] for pair in pairs)


def run_full(options, directory):
    name = "big" if options.now == "full-big" else "small"
    tables, rows = DATA[name]
    print(f"full migration of sysbench {tables} x {rows:,} rows, {THREADS} threads")
    pairs = full(directory, name, options.runs)
    print(f"  median ratio to mydumper + myloader: {median(pairs, 'ratio'):.2f}")
    return {"pairs": pairs, "ratio": median(pairs, "ratio")}


def run_catch_up(options, directory):
    size = options.transactions
    load = {"catchup": lambda: oltp(size or 200_000), "hot": lambda: hot(size or 100_000), "bulk": lambda: bulk(size or 2_000)}[options.now]()
    print(f"catching up: {load.what}")
    safe = options.now == "catchup"
    pairs = catch_up(directory, load, options.runs, options.threads, safe)
    result = {"what": load.what, "pairs": pairs}
    for key in ("ratio", "cpu_us_per_row") + (("ratio_safe_mode",) if safe else ()):
        result[key] = median(pairs, key)
    print(f"  median ratio to the best native replica: {result['ratio']:.2f}"
          + (f", in safe mode {result['ratio_safe_mode']:.2f}" if safe else "")
          + f"; {result['cpu_us_per_row']:.2f} us of dm-worker's CPU a row event")
    return result


def run_latency(options, directory):
    print("from commit to visible at 500 transactions a second")
    results = []
    for _ in range(options.runs):
        results.append(latency(directory, 500, options.seconds))
        shutil.rmtree(directory)
        os.makedirs(directory)
        native, dm = results[-1]["native"], results[-1]["dm"]
        print(f"  at {results[-1]['tps']:.0f} tps: native replica p50 {native['p50']:.1f} p99 {native['p99']:.1f} ms   "
              f"dm p50 {dm['p50']:.1f} p99 {dm['p99']:.1f} ms", flush=True)
    middle = {who: {p: statistics.median(r[who][p] for r in results) for p in ("p50", "p99")} for who in ("native", "dm")}
    print(f"  medians: native replica p50 {middle['native']['p50']:.1f} p99 {middle['native']['p99']:.1f} ms   "
          f"dm p50 {middle['dm']['p50']:.1f} p99 {middle['dm']['p99']:.1f} ms")
    return {"runs": results, "medians": middle}


def run_memory(options, directory):
    print("peak memory of dm-worker")
    cases = Memory(directory).run(options.case)
    above = [case for case in cases if case["peak_mib"] > case["limit_mib"]]
    return {"cases": cases, "failed": [case["case"] for case in above]}


def run_floor(options, directory):
    print("the bulk load's rows, inserted into MariaDB in several ways")
    return {"ways": floor(directory, options.runs, options.rows, options.way)}


def main():
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__)
    parser.add_argument("what", nargs="*", help=f"of {', '.join(WHAT)}; default: all")
    parser.add_argument("--runs", type=int, default=5, help="pairs of each (5)")
    parser.add_argument("--threads", type=int, nargs="+", default=NATIVE_THREADS, help="of the native replica; the best counts (4 8 16)")
    parser.add_argument("--transactions", type=int, help="of a backlog")
    parser.add_argument("--seconds", type=float, default=30, help="of each latency run (30)")
    parser.add_argument("--case", action="append", help="one case of memory, may be repeated")
    parser.add_argument("--rows", type=int, default=400_000, help="of each way of floor (400000)")
    parser.add_argument("--way", help="only those ways of floor whose name has this text")
    options = parser.parse_args()
    what = options.what or WHAT
    unknown = sorted(set(what) - set(WHAT))
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}")
    print(machine(), flush=True)
    result = {"machine": machine()}
    runners = {"full": run_full, "full-big": run_full, "latency": run_latency, "memory": run_memory, "floor": run_floor}
    failed = []
    for name in what:
        options.now = name
        directory = tempfile.mkdtemp(prefix="dm-bench-")
        try:
            result[name] = runners.get(name, run_catch_up)(options, directory)
            failed += result[name].get("failed", [])
        finally:
            shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(os.path.join(ROOT, "build"), exist_ok=True)
    with open(os.path.join(ROOT, "build", "bench.json"), "w") as out:
        json.dump(result, out, indent=2)
    if failed:
        sys.exit(f"above the limit: {', '.join(failed)}")


main()
