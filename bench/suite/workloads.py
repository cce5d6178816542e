"""The list of workloads, which the image reads too."""

import collections
import pathlib

LIST = pathlib.Path(__file__).resolve().parents[1] / "guest/workloads.tsv"

# user: mostly user mode; smc: code that changes itself; kernel: mostly the kernel; more: no target names these
SETS = ("user", "smc", "kernel", "more")

Workload = collections.namedtuple("Workload", "name set")


def load():
    rows = (line.split("\t") for line in LIST.read_text().splitlines() if line and not line.startswith("#"))
    return [Workload(row[0], row[1]) for row in rows]


def choose(words):
    """Workloads by names and @sets, in the list's order. ValueError names what there is not."""
    workloads = load()
    known = {workload.name for workload in workloads} | {f"@{name}" for name in SETS} | {"all"}
    unknown = [word for word in words if word not in known]
    if unknown:
        raise ValueError(f"no such workload: {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    return [workload for workload in workloads
            if workload.name in words or f"@{workload.set}" in words or "all" in words]
