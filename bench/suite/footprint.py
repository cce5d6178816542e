"""How much memory a monitor has for itself, beside its guest's, once Linux is up."""

import pathlib
import re
import time

from . import measure

GUEST_RAM = "memfd:ring3-ram"
SETTLE = 2.0


def children(pid):
    return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def resident_beside_guest(pid):
    """KiB: what is resident, but for the guest's RAM, and the page tables that map it.

    Windows map guest RAM in thousands of places; those pages are the guest's, the tables they need are the monitor's.
    """
    total, counts = 0, False
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            counts = GUEST_RAM not in line
        elif counts and line.startswith("Rss:"):
            total += int(line.split()[1])
    tables = re.search(r"^VmPTE:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return total + int(tables.group(1))


def monitor_mebibytes(engine, timeout):
    """Of the monitor of a small Linux that has booted and sleeps; None where it does not boot."""
    with measure.Console(engine.boot_command("bench.stay"), timeout) as console:
        for _, line in console.lines():
            if line.startswith("@@INIT"):
                time.sleep(SETTLE)
                return sum(resident_beside_guest(pid) for pid in children(console.process.pid)) / 1024
    return None
