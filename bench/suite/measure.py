"""Running one engine over the workloads, or over a boot, and reading what it says on the serial port."""

import dataclasses
import os
import pathlib
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
    """One run of one workload: by its own clock, by the host's, and the host's processor time within the first."""
    engine: str
    repetition: int
    workload: str
    seconds: float
    host_seconds: float
    cpu_seconds: float
    rate: float
    status: int

    def cost(self, clock):
        """What ratios are made of: seconds, or for a rate its inverse. `cpu` leaves out what neighbours took."""
        if clock == "cpu":
            return self.cpu_seconds / self.seconds / self.rate if self.rate else self.cpu_seconds
        return 1 / self.rate if self.rate else self.seconds

    def clock_is_off(self):
        return abs(self.seconds - self.host_seconds) > LINE_SECONDS + CLOCK_TOLERANCE * self.host_seconds


def cpu_seconds(pid):
    """Processor time of a process and of those below it, ended ones included."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    own = sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")
    return own + sum(cpu_seconds(int(child)) for child in children)


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

    def cpu_seconds(self):
        try:
            return cpu_seconds(self.process.pid)
        except OSError:  # one of them has just ended
            return 0.0

    def note(self, now, line):
        text = line.decode(errors="replace").rstrip("\r")
        if self.log:
            print(f"{now:9.3f} {text}", file=self.log, flush=True)
        return text[max(text.find("@@"), 0):]  # the kernel may have begun the line


def run_workloads(engine, repetition, size, names, timeout, log, statistics):
    """Yields a Result for each workload as it ends."""
    with Console(engine.command(size, names, statistics), timeout, log) as console:
        began = cpu_began = 0.0
        for now, line in console.lines():
            words = line.split()
            if line.startswith("@@B "):
                began, cpu_began = now, console.cpu_seconds()
            elif line.startswith("@@R ") and len(words) == 7:
                seconds, user, system = (float(word) for word in words[2:5])
                if engine.is_guest:  # the host's figure covers what starts the program too: it gives the share
                    cpu = seconds * (console.cpu_seconds() - cpu_began) / (now - began)
                else:  # exact, where the other counts in ticks
                    cpu = user + system
                yield Result(engine.name, repetition, words[1], seconds, now - began, max(cpu, 1e-4), float(words[6]),
                             int(words[5]))


def time_boot(engine, timeout, log=None):
    """Seconds from the start of the program to the first line of the guest's first process; None: it never came."""
    with Console(engine.boot_command(), timeout, log) as console:
        for now, line in console.lines():
            if line.startswith("@@INIT"):
                return now
    return None
