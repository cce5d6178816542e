"""What the whole-system tests share: where the programs and guests lie, and how to run them.

RING3_BUILD names the build directory (CTest sets it). Timeouts are generous: a busy machine is no failure.
"""

import os
import pathlib
import pty
import select
import subprocess
import tempfile
import time
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("RING3_BUILD", SOURCE / "build/release"))
RING3 = BUILD / "ring3"
SYSTEM = BUILD / "ring3-system-i386"
GUEST = SOURCE / "build/guest"
TINY = BUILD / "guests/tiny.elf"
FLAT = BUILD / "guests/flat.bin"
FAULTS = BUILD / "tests/guest/faults_arithmetic.bin"
MEMTEST = pathlib.Path("/boot/memtest86+ia32.bin")

os.environ["RING3_GUEST"] = str(GUEST)  # also for a build directory elsewhere

TIMEOUT = 600

# Exit statuses (README): even ones are ring3's own, odd ones come from isa-debug-exit.
USAGE, INTERNAL, INPUT_OUTPUT, CONFIGURATION = 64, 70, 74, 78


def run(program, *arguments, stdin=None, timeout=TIMEOUT):
    """The finished process, with output as text. No `stdin`: at its end from the start."""
    options = {"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}
    return subprocess.run([str(program), *map(str, arguments)], capture_output=True, text=True, errors="replace",
                          timeout=timeout, check=False, **options)


def ring3(*arguments, **options):
    return run(RING3, *arguments, **options)


def system(*arguments, **options):
    """ring3-system-i386 without a screen."""
    return run(SYSTEM, "-display", "none", *arguments, **options)


def needs(*paths):
    """Skips a test where a guest could not be fetched or a package is missing."""
    missing = [str(path) for path in paths if not path.exists()]
    return unittest.skipIf(missing, "missing: " + ", ".join(missing))


needs_debian = needs(GUEST / "vmlinuz", GUEST / "initramfs.cpio.gz")


class Machine:
    """ring3-system-i386 in the background, its first serial port in a file. A context manager: ends what still runs."""

    def __init__(self, *arguments):
        self.folder = tempfile.TemporaryDirectory()
        self.serial = pathlib.Path(self.folder.name, "serial")
        self.errors = open(pathlib.Path(self.folder.name, "errors"), "w+", encoding="utf-8", errors="replace")
        self.process = subprocess.Popen(
            [str(SYSTEM), "-display", "none", "-serial", f"file:{self.serial}", *map(str, arguments)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.errors)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.errors.close()
        self.folder.cleanup()

    def output(self):
        return self.serial.read_text(errors="replace") if self.serial.exists() else ""

    def error_text(self):
        self.errors.seek(0)
        return self.errors.read()

    def wait_for_output(self, text, timeout=TIMEOUT):
        """True once the serial port has said `text`."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if text in self.output():
                return True
            if self.process.poll() is not None:
                return text in self.output()
            time.sleep(0.1)
        return False

    def children(self):
        """The process ids of the monitors."""
        path = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(word) for word in path.read_text().split()]


class Terminal:
    """A program on a terminal of its own, and a person who types. A context manager: ends what still runs."""

    def __init__(self, program, *arguments):
        self.output = ""
        self.terminal, other_end = pty.openpty()
        self.process = subprocess.Popen([str(program), *map(str, arguments)], stdin=other_end, stdout=other_end,
                                        stderr=other_end, start_new_session=True)
        os.close(other_end)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.terminal)

    def type(self, text):
        os.write(self.terminal, text.encode())

    def read(self):
        """What has come within a moment; False at the end."""
        ready, _, _ = select.select([self.terminal], [], [], 0.1)
        try:
            text = os.read(self.terminal, 65536) if ready else b""
        except OSError:  # the other end is closed
            return False
        self.output += text.decode(errors="replace")
        return True

    def wait_for(self, text, timeout=TIMEOUT / 4):
        """True once `text` has been shown; what came up to there is forgotten."""
        end = time.monotonic() + timeout
        while text not in self.output and time.monotonic() < end:
            if not self.read():
                break
        before, found, self.output = self.output.partition(text)
        self.output = self.output if found else before
        return bool(found)

    def wait_for_end(self, timeout=TIMEOUT):
        """The exit status; what is still said is read, so that nothing blocks."""
        end = time.monotonic() + timeout
        while time.monotonic() < end and self.process.poll() is None and self.read():
            pass
        return self.process.wait(timeout=30)
