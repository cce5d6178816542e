"""virtio's balloon, console and random numbers, as the default guest's drivers see them.

The guest runs a shell between the two ends of hvc0, so that all that a test wants to know comes through the console.
"""

import hashlib
import os
import pathlib
import random
import re
import socket
import subprocess
import tempfile
import time
import unittest

from ring3_programs import GUEST, SOURCE, SYSTEM, TIMEOUT, needs

MODULES = GUEST / "modules-virtio.cpio"
# Each line is a command. No echo and no terminal processing.
SCRIPT = """exec 3<> /dev/hvc0
stty raw -echo <&3
while IFS= read -r line <&3; do eval "$line" <&3 >&3 2>&3; done"""


def archive(name, content):
    """One file as an archive of the kernel's "newc" format, ended by a trailer."""
    def record(name, data, mode):
        fields = (1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        head = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
        return b"".join(part + bytes(-len(part) % 4) for part in (head, data))
    return record(name, content, 0o100600) + record("TRAILER!!!", b"", 0)


class Line:
    """The far end of a character device at a socket."""

    def __init__(self, path, process):
        self.socket = socket.socket(socket.AF_UNIX)
        end = time.monotonic() + TIMEOUT
        while True:
            try:
                self.socket.connect(str(path))
                break
            except OSError:
                if time.monotonic() > end or process.poll() is not None:
                    raise
                time.sleep(0.05)
        self.socket.settimeout(TIMEOUT / 2)
        self.text = ""

    def write(self, text):
        self.socket.sendall(text.encode())

    def until(self, word):
        """What came up to and without `word`."""
        while word not in self.text:
            piece = self.socket.recv(65536)
            if not piece:
                raise EOFError(f"no {word!r} in {self.text!r}")
            self.text += piece.decode(errors="replace").replace("\r", "")
        before, _, self.text = self.text.partition(word)
        return before


@needs(GUEST / "vmlinuz", GUEST / "initramfs.cpio.gz", MODULES)
class VirtioTestCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="ring3-test-"))
        cls.addClassCleanup(subprocess.run, ["rm", "-rf", str(cls.folder)], check=True)

    def start(self, *arguments):
        """A machine whose console and monitor lines are `self.console` and `self.monitor`."""
        initrd = self.folder / "initrd"
        parts = [(GUEST / "initramfs.cpio.gz").read_bytes(), MODULES.read_bytes(),
                 archive("ring3/command", b"sh\0-c\0" + SCRIPT.encode() + b"\0")]
        initrd.write_bytes(b"".join(part + bytes(-len(part) % 4) for part in parts))
        errors = open(self.folder / "errors", "w+", encoding="utf-8")
        self.addCleanup(errors.close)
        self.process = subprocess.Popen(
            [str(SYSTEM), "-display", "none", "-vga", "none", "-nic", "none", "-m", "256", "-no-reboot",
             "-serial", f"file:{self.folder / 'serial'}", "-serial", "null", "-serial", "null",
             "-monitor", f"unix:{self.folder / 'monitor'},server,nowait",
             "-chardev", f"socket,id=h,path={self.folder / 'console'},server=on,wait=off",
             "-device", "virtio-serial-pci", "-device", "virtconsole,chardev=h",
             "-kernel", str(GUEST / "vmlinuz"), "-initrd", str(initrd),
             "-append", "console=ttyS0 quiet panic=-1 ring3.mode=command ring3.modules=virtio", *arguments],
            stdin=subprocess.DEVNULL, stdout=errors, stderr=errors)
        self.addCleanup(self.end)
        self.monitor = Line(self.folder / "monitor", self.process)
        self.monitor.until("(qemu) ")
        self.console = Line(self.folder / "console", self.process)
        # What comes before the driver and the shell are there may be lost: ask until somebody answers.
        self.console.socket.settimeout(1)
        for _ in range(TIMEOUT):
            self.console.write("echo he''llo\n")
            try:
                self.console.until("hello\n")
                break
            except TimeoutError:
                self.assertIsNone(self.process.poll(), (self.folder / "errors").read_text())
        self.console.socket.settimeout(TIMEOUT / 2)
        self.guest(":")

    def end(self):
        for line in ("monitor", "console"):
            if hasattr(self, line):
                getattr(self, line).socket.close()
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(timeout=60)

    def guest(self, script):
        """What a line of script in the guest says."""
        mark = f"<{random.randrange(1 << 60):x}>"
        self.console.write(f"{script}\necho '{mark[:5]}''{mark[5:]}'\n")
        return self.console.until(mark + "\n")

    def operator(self, command):
        """What the monitor answers; it shows what is typed, and then the prompt."""
        self.monitor.write(command + "\n")
        self.monitor.until(command + "\n")
        return self.monitor.until("(qemu) ")

    def wait_for(self, value, wanted):
        """The first that is wanted of what `value()` gives."""
        end = time.monotonic() + TIMEOUT / 2
        while not wanted(now := value()):
            self.assertLess(time.monotonic(), end, f"still {now}")
            time.sleep(0.1)
        return now

    def host_megabytes(self):
        """What the host has given to guest RAM, the memfd that is not sparse any more."""
        links = pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir()
        files = [link.stat() for link in links if os.readlink(link).startswith("/memfd:")]
        return max(files, key=lambda file: file.st_size).st_blocks * 512 >> 20

    def guest_megabytes(self, name):
        return int(re.search(rf"{name}: *(\d+) kB", self.guest("cat /proc/meminfo")).group(1)) >> 10

    def test_a_balloon_takes_memory_and_gives_it_back(self):
        self.start("-device", "virtio-balloon-pci")
        actual = lambda: int(re.search(r"actual=(\d+)", self.operator("info balloon")).group(1))
        self.assertEqual(actual(), 256)
        # Every page has been written once, so that the host had to give it.
        self.guest("mkdir /tmp/full; mount -t tmpfs -o size=150m none /tmp/full; head -c 140m /dev/urandom > /tmp/full/f")
        before = self.host_megabytes()
        self.guest("umount /tmp/full")
        free = self.guest_megabytes("MemFree")
        self.assertGreater(before, 150)
        self.assertGreater(free, 150)
        self.assertEqual(self.operator("balloon 106"), "")
        self.wait_for(actual, lambda now: now == 106)
        self.assertLess(self.guest_megabytes("MemFree"), free - 140)
        self.assertLess(self.host_megabytes(), before - 100)
        self.operator("balloon 200")
        self.wait_for(actual, lambda now: now == 200)
        self.assertGreater(self.guest_megabytes("MemFree"), free - 66)
        self.operator("balloon 256")
        self.wait_for(actual, lambda now: now == 256)
        # What comes back is memory like any other.
        self.guest("mount -t tmpfs -o size=150m none /tmp/full; head -c 100m /dev/zero | tr '\\0' x > /tmp/full/f")
        wanted = hashlib.sha256(b"x" * (100 << 20)).hexdigest()
        self.assertEqual(self.guest("sha256sum < /tmp/full/f").split()[0], wanted)
        self.assertIn("usage: balloon MIB", self.operator("balloon much"))

    def test_a_console_and_random_numbers(self):
        self.start("-object", "rng-random,filename=/dev/urandom,id=rng0", "-device", "virtio-rng-pci,rng=rng0")
        self.check_random_numbers()
        text = "".join(random.choice("abcdefghijklmnopqrstuvwxyz\n") for _ in range(100_000))
        self.console.write(f"head -c {len(text)} | sha256sum; echo end\n")
        self.console.write(text)
        self.assertEqual(self.console.until(" ")[:64], hashlib.sha256(text.encode()).hexdigest())
        self.console.until("end\n")
        numbers = self.guest("seq 1 5000")
        self.assertEqual(numbers.split(), [str(number) for number in range(1, 5001)])
        # Who went away and comes back finds the same guest.
        self.guest("kept=yes")
        self.console.socket.close()
        self.console = Line(self.folder / "console", self.process)
        self.assertEqual(self.guest("echo $kept"), "yes\n")

    def check_random_numbers(self):
        self.assertIn("virtio_rng", self.guest("cat /sys/class/misc/hw_random/rng_current"))
        self.guest("for name in a b; do dd if=/dev/hwrng of=/tmp/$name bs=4096 count=64 iflag=fullblock 2> /dev/null; done")
        sums = self.guest("sha256sum /tmp/a /tmp/b | cut -c 1-64; wc -c < /tmp/a; gzip -c /tmp/a /tmp/b | wc -c").split()
        self.assertNotEqual(sums[0], sums[1])
        self.assertEqual(sums[2], str(64 * 4096))
        self.assertGreater(int(sums[3]), 2 * 64 * 4096)  # nothing repeats, no byte is more frequent than others
        zeroes = self.guest("od -An -v -tx1 -w8 /tmp/a /tmp/b | grep -c '00 00 00 00 00'")
        self.assertEqual(zeroes.strip(), "0")


if __name__ == "__main__":
    unittest.main()
