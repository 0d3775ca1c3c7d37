"""`python -m loadtest.replicas`: what more classifiers bring, and what callers see when one dies, freezes, starts or joins.

Real processes and 50 recommendations a second, each of a prompt that was never asked before; some three minutes, alone on
the machine. The first table asks classifiers themselves, 32 calls at a time.
"""

import os
import tempfile
from pathlib import Path

from tests.faults.scenarios import Outcome, Throughput, fleet_of, freeze_one, join_one, kill_one, quantile_ms, start_cold, throughput

REPLICAS = 3
NOTHING = "-"
THROUGHPUT_HEAD = "| classifiers | calls a second | p50 / p99 ms | processor a call, ms |\n| --- | --- | --- | --- |"
HEAD = (
    "| of three | requests | failed | by rules | p50 / p99 ms before | while it lasts | out after | back after |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- |"
)


def throughput_row(done: Throughput) -> str:
    """One line of the first table."""
    calls = done.calls
    latencies = f"{calls.quantile_ms(0.5):.0f} / {calls.quantile_ms(0.99):.0f}"
    return f"| {len(done.shares)} | {calls.rate:.0f} | {latencies} | {done.cpu_ms_per_call:.1f} |"


def row(name: str, outcome: Outcome) -> str:
    """One line of the second table."""
    before, during = (f"{quantile_ms(asked, 0.5):.0f} / {quantile_ms(asked, 0.99):.0f}" for asked in (outcome.before, outcome.during))
    out, back = (NOTHING if seconds is None else f"{seconds:.1f} s" for seconds in (outcome.out_after_s, outcome.back_after_s))
    return f"| {name} | {outcome.all_count} | {outcome.failed_count} | {outcome.degraded_count} | {before} | {during} | {out} | {back} |"


def main() -> None:
    """Measure and print."""
    load = os.getloadavg()[0]
    print(f"{len(os.sched_getaffinity(0))} cores; {load:.1f} processes were running or waiting for one in the minute before\n")
    with tempfile.TemporaryDirectory() as folder, fleet_of(REPLICAS, Path(folder)) as fleet:
        print(THROUGHPUT_HEAD)
        for count in range(1, REPLICAS + 1):
            print(throughput_row(throughput(fleet.replicas[:count])), flush=True)
        print(f"\n{HEAD}")
        print(row("one is killed", kill_one(fleet)), flush=True)
        print(row("it is started anew", start_cold(fleet).outcome), flush=True)
        print(row("one is frozen for 20 s", freeze_one(fleet)), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        print(row("a fourth joins, connections living 5 s", join_one(Path(folder))), flush=True)


if __name__ == "__main__":
    main()
