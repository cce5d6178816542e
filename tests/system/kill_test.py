"""Guests that write to ext4 on a qcow2 image and on a virtual disk, while ring3 is killed or the host's disk is full."""

import os
import pathlib
import signal
import subprocess
import tempfile
import time
import unittest

from ring3_programs import GUEST, SYSTEM
from storage_guest import KilledDisks, file_system_problem, make_file_system, make_initrd, must, needs_storage

# In a mount namespace of its own, so that no right of the host's is needed.
UNSHARE = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
SMALL_HOST = r"""
set -e
mount -t tmpfs -o size=8m none "$1/small"
qemu-img convert -O qcow2 "$1/empty" "$1/small/disk.qcow2"
( read line < "$1/more" && mount -o remount,size=200m none "$1/small" && echo done > "$1/enlarged" ) <&- &
waiter=$!
folder=$1
shift
"$@" || echo "status $?" >&2
kill $waiter 2> /dev/null || true # if nobody asked for more room
cp "$folder/small/disk.qcow2" "$folder/result.qcow2"
"""


def can_mount():
    return subprocess.run([*UNSHARE, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False).returncode == 0


@needs_storage
class KillTest(unittest.TestCase):
    def test_ten_disks_of_killed_guests_are_sound_and_have_what_was_synced(self):
        for interface, kills in (("ide", 3), ("virtio", 2)):  # two disks each
            with tempfile.TemporaryDirectory() as folder:
                self.assertIsNone(KilledDisks(folder, interface).kill(kills), interface)


@needs_storage
@unittest.skipUnless(can_mount(), "no right to mount a small file system, and no user namespaces")
class FullHostTest(unittest.TestCase):
    def start(self, folder, policy):
        """A guest that fills its disk, which lies on a host file system of 8 MiB."""
        self.folder = pathlib.Path(folder)
        make_file_system(self.folder / "empty", "full")
        (self.folder / "small").mkdir()
        os.mkfifo(self.folder / "more")
        command = [SYSTEM, "-m", "128", "-display", "none", "-vga", "none", "-nic", "none", "-no-reboot", "-kernel",
                   GUEST / "vmlinuz", "-initrd", make_initrd(folder), "-append",
                   "console=ttyS0 quiet panic=-1 storage.modules=disk-ide storage.mode=fill storage.files=16 "
                   "storage.disks=full", "-serial", f"file:{folder}/serial", "-monitor", "stdio",
                   "-drive", f"file={folder}/small/disk.qcow2,werror={policy}"]
        with open(self.folder / "said", "wb") as said:
            return subprocess.Popen([*UNSHARE, "sh", "-c", SMALL_HOST, "sh", folder, *map(str, command)],
                                    stdin=subprocess.PIPE, stdout=said, stderr=subprocess.STDOUT, start_new_session=True)

    @staticmethod
    def end(process):
        """The shell and what it started."""
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)

    def text(self, name):
        path = self.folder / name
        return path.read_text(errors="replace") if path.exists() else ""

    def wait_for(self, process, name, text, ask=None):
        end = time.monotonic() + 200
        while text not in self.text(name):
            self.assertTrue(time.monotonic() < end and process.poll() is None,
                            f"no '{text}':\n{self.text('said')}\n{self.text('serial')}")
            if ask:
                self.tell(process, ask)
            time.sleep(0.2)

    @staticmethod
    def tell(process, command):
        process.stdin.write(f"{command}\n".encode())
        process.stdin.flush()

    def check_result(self, journal_is_whole=True):
        must("qemu-img", "check", "-q", self.folder / "result.qcow2")
        must("qemu-img", "convert", "-O", "raw", self.folder / "result.qcow2", self.folder / "raw")
        if journal_is_whole:
            self.assertIsNone(file_system_problem(self.folder / "raw"))

    def fill_and_go_on(self, policy):
        with tempfile.TemporaryDirectory() as folder, self.start(folder, policy) as process:
            try:
                self.wait_for(process, "said", "paused", ask="info status")
                (self.folder / "more").write_text("more\n")
                self.wait_for(process, "enlarged", "done")
                self.tell(process, "cont")
                self.wait_for(process, "serial", "good full 16")
                self.assertNotIn("failed", self.text("serial"))
                process.wait(timeout=100)
                self.check_result()
            finally:
                self.end(process)

    def test_a_machine_whose_host_is_full_waits_for_room_and_loses_nothing(self):
        self.fill_and_go_on("enospc")

    def test_a_guest_may_hear_of_the_full_host_instead(self):
        with tempfile.TemporaryDirectory() as folder, self.start(folder, "report") as process:
            try:
                self.wait_for(process, "serial", "failed")
                process.wait(timeout=100)
                self.check_result(journal_is_whole=False)
            finally:
                self.end(process)


if __name__ == "__main__":
    unittest.main()
