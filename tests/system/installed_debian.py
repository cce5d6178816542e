"""A Debian that lives on a disk (scripts/make-debian-disk), run from a throw-away overlay and reached by ssh."""

import os
import pathlib
import socket
import subprocess
import tempfile
import time

from ring3_programs import GUEST, SYSTEM

KEY = GUEST / "debian-key"
PARTITION = 2048 * 512  # where the file system begins


def image(variant="small"):
    return GUEST / f"debian-{variant}.img"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class InstalledDebian:
    """A machine that boots an overlay on the image through the BIOS. A context manager: ends what still runs.

    `disk` and `card` are drive and network card in QEMU's words; `ssh` runs a command in the guest.
    """

    def __init__(self, *arguments, variant="small", disk="if=ide", card="e1000", program=SYSTEM):
        self.folder = tempfile.TemporaryDirectory()
        self.overlay = pathlib.Path(self.folder.name, "overlay.qcow2")
        self.serial = pathlib.Path(self.folder.name, "serial")
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", image(variant), "-F", "raw", self.overlay],
                       check=True)
        self.port = free_port()
        self.key = pathlib.Path(self.folder.name, "key")  # ssh wants it to be nobody else's
        self.key.write_bytes(KEY.read_bytes())
        self.key.chmod(0o600)
        # Not a pipe: what the machine says at its end must not hold it up.
        self.errors = open(pathlib.Path(self.folder.name, "errors"), "w+", encoding="utf-8", errors="replace")
        self.process = subprocess.Popen(
            [str(program), "-m", "256", "-display", "none", "-no-reboot", "-serial", f"file:{self.serial}",
             "-drive", f"file={self.overlay},format=qcow2,{disk}", "-device", f"{card},netdev=net",
             "-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{self.port}-:22", "-monitor", "stdio",
             *map(str, arguments)],
            stdin=subprocess.PIPE, stdout=self.errors, stderr=subprocess.STDOUT)

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
        self.process.stdin.close()
        self.errors.close()
        self.folder.cleanup()

    def said(self):
        """What there is to show when something went wrong."""
        self.errors.seek(0)
        serial = self.serial.read_text(errors="replace") if self.serial.exists() else ""
        return f"{self.errors.read()[-2000:]}\n{serial[-3000:]}"

    def ssh(self, command, stdin=None, timeout=300):
        """The finished ssh, with bytes for output."""
        options = {"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}
        return subprocess.run(
            ["ssh", "-F", "none", "-i", self.key, "-p", str(self.port), "-o", "BatchMode=yes",
             "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
             "-o", "ConnectTimeout=20", "root@127.0.0.1", command],
            capture_output=True, timeout=timeout, check=False, **options)

    def wait_for_ssh(self, timeout=400):
        """True once the guest lets us in."""
        end = time.monotonic() + timeout
        while time.monotonic() < end and self.process.poll() is None:
            try:
                if self.ssh("true", timeout=60).returncode == 0:
                    return True
            except subprocess.TimeoutExpired:
                pass
            time.sleep(0.5)
        return False

    def tell(self, command):
        """A command for the operator's console."""
        self.process.stdin.write(f"{command}\n".encode())
        self.process.stdin.flush()

    def wait(self, timeout=300):
        """The exit status."""
        return self.process.wait(timeout=timeout)

    def check_disk(self):
        """What qemu-img and e2fsck say about the overlay, when the machine is off; None if they are content."""
        raw = pathlib.Path(self.folder.name, "raw")
        steps = [["qemu-img", "check", "-q", str(self.overlay)],
                 ["qemu-img", "convert", "-O", "raw", str(self.overlay), str(raw)],
                 ["e2fsck", "-fn", f"{raw}?offset={PARTITION}"]]
        for step in steps:
            done = subprocess.run(step, capture_output=True, text=True, errors="replace", timeout=300, check=False,
                                  env=os.environ | {"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"})
            if done.returncode:
                return f"{' '.join(step)}: {done.returncode}\n{done.stdout}{done.stderr}"
        raw.unlink()
        return None
