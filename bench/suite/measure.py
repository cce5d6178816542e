"""Running one engine over the workloads, or over a boot, and reading what it says on the serial port."""

import dataclasses
import os
import selectors
import signal
import subprocess
import time

# A guest whose clock runs otherwise than the host's would flatter or slander itself. Starting the program and the way
# of a line to the host belong to one and not to the other: a second is allowed for that.
CLOCK_TOLERANCE = 0.1
LINE_SECONDS = 1.0


@dataclasses.dataclass
class Result:
    """One run of one workload. Cost is what ratios are made of: seconds, or for a rate its inverse."""
    engine: str
    repetition: int
    workload: str
    seconds: float
    host_seconds: float
    rate: float
    status: int

    @property
    def cost(self):
        return 1 / self.rate if self.rate else self.seconds

    def clock_is_off(self):
        return abs(self.seconds - self.host_seconds) > LINE_SECONDS + CLOCK_TOLERANCE * self.host_seconds


class Console:
    """A program and the lines that it prints, with the moments at which they came. Ends it when left."""

    def __init__(self, command, timeout, log=None):
        self.began = time.monotonic()
        self.deadline = self.began + timeout
        self.log = log
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, start_new_session=True)
        os.set_blocking(self.process.stdout.fileno(), False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.stdout.close()
        self.process.wait()

    def lines(self):
        """(seconds since the start, text) until the end; TimeoutError when that does not come."""
        rest = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while True:
                if not selector.select(max(0, self.deadline - time.monotonic())):
                    raise TimeoutError
                chunk = self.process.stdout.read(65536)
                now = time.monotonic() - self.began
                if not chunk:
                    return
                *whole, rest = (rest + chunk).split(b"\n")
                for line in whole:
                    yield now, self.note(now, line)

    def note(self, now, line):
        text = line.decode(errors="replace").rstrip("\r")
        if self.log:
            print(f"{now:9.3f} {text}", file=self.log, flush=True)
        return text[max(text.find("@@"), 0):]  # the kernel may have begun the line


def run_workloads(engine, repetition, size, names, timeout, log, statistics):
    """Yields a Result for each workload as it ends."""
    with Console(engine.command(size, names, statistics), timeout, log) as console:
        began = 0.0
        for now, line in console.lines():
            words = line.split()
            if line.startswith("@@B "):
                began = now
            elif line.startswith("@@R ") and len(words) == 7:
                yield Result(engine.name, repetition, words[1], float(words[2]), now - began, float(words[6]),
                             int(words[5]))


def time_boot(engine, timeout, log=None):
    """Seconds from the start of the program to the first line of the guest's first process; None: it never came."""
    with Console(engine.boot_command(), timeout, log) as console:
        for now, line in console.lines():
            if line.startswith("@@INIT"):
                return now
    return None
