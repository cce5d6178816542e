"""Debian installed on a disk: boots through BIOS and GRUB, is reached by ssh, keeps its files."""

import hashlib
import os
import pathlib
import unittest

from installed_debian import KEY, InstalledDebian, image
from ring3_programs import needs

SEABIOS = pathlib.Path("/usr/share/seabios/bios-256k.bin")
COMPLAINTS = ["unstable", "BUG:", "Oops", "WARNING:", "soft lockup", "nobody cared", "I/O error", "failed command", "Call Trace"]


@needs(image(), KEY, SEABIOS, pathlib.Path("/usr/bin/ssh"), pathlib.Path("/usr/bin/qemu-img"))
class InstalledDebianTest(unittest.TestCase):
    def run_and_check(self, megabytes, **machine):
        """Boots, copies a file in and out, powers off by the button, and looks at the disk."""
        with InstalledDebian(**machine) as debian:
            self.assertTrue(debian.wait_for_ssh(), debian.said())
            content = os.urandom(1 << 20) * megabytes
            wanted = hashlib.sha256(content).hexdigest()
            done = debian.ssh("cat > /root/file && sync && sha256sum < /root/file", stdin=content)
            self.assertEqual(done.stdout.decode().split()[:1], [wanted], done.stderr)
            # Read from the disk again, not from memory.
            back = debian.ssh("echo 3 > /proc/sys/vm/drop_caches; cat /root/file").stdout
            self.assertEqual(hashlib.sha256(back).hexdigest(), wanted)
            log = debian.ssh("dmesg; systemctl --failed --no-legend").stdout.decode()
            self.assertIn("Linux version 6.1", log)
            for complaint in COMPLAINTS:
                self.assertNotIn(complaint, log)
            debian.tell("system_powerdown")
            self.assertEqual(debian.wait(), 0, debian.said())
            self.assertIsNone(debian.check_disk())

    def test_debian_boots_from_an_ide_disk_and_is_reached_by_ssh(self):
        self.run_and_check(12, disk="if=ide", card="e1000")

    def test_debian_boots_from_a_virtio_disk(self):
        self.run_and_check(12, disk="if=virtio", card="virtio-net-pci")


if __name__ == "__main__":
    unittest.main()
