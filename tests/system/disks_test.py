"""Disks from the guest's side, with SeaBIOS: own boot sectors from hard disk, floppy and CD-ROM, and GRUB's rescue images."""

import pathlib
import struct
import subprocess
import tempfile
import time
import unittest

from ring3_programs import SYSTEM, USAGE, Machine, needs, run

NASM = pathlib.Path("/usr/bin/nasm")
SEABIOS = pathlib.Path("/usr/share/seabios/bios-256k.bin")
GRUB = pathlib.Path("/usr/lib/grub-rescue")
MEMTEST_CD = pathlib.Path("/usr/lib/memtest86+/memtest86+ia32.iso")
HERE = pathlib.Path(__file__).parent
GOOD = 0x10 << 1 | 1  # isa-debug-exit
BLOCK = 2048


def boot_sector(folder, *defines):
    """The assembled boot sector."""
    path = pathlib.Path(folder, "sector")
    subprocess.run([NASM, "-f", "bin", *defines, "-o", path, HERE / "boot_sector.asm"], check=True)
    return path.read_bytes()


def disk_image(folder, size):
    """Boot sector, "PAYLOAD", and zeroes."""
    path = pathlib.Path(folder, "disk.img")
    path.write_bytes((boot_sector(folder) + b"PAYLOAD").ljust(size, b"\0"))
    return path


def cd_image(folder):
    """The least of an ISO 9660 image that firmware boots: a boot record and catalog (El Torito 1.0), no files."""
    catalog, image = 19, 20
    validation = struct.pack("<BBH24sHBB", 1, 0, 0, b"ring3", 0, 0x55, 0xAA)
    words = struct.unpack("<16H", validation)
    validation = validation[:28] + struct.pack("<H", -sum(words) & 0xFFFF) + validation[30:]
    entry = struct.pack("<BBHBBHI", 0x88, 0, 0, 0, 0, 4, image)  # bootable, no emulation, four sectors of 512 bytes
    blocks = {
        16: b"\x01CD001\x01".ljust(80, b"\0") + struct.pack("<I", 22) + struct.pack(">I", 22),
        17: b"\0CD001\x01" + b"EL TORITO SPECIFICATION".ljust(64, b"\0") + struct.pack("<I", catalog),
        18: b"\xffCD001\x01",
        catalog: validation + entry,
        image: boot_sector(folder, f"-DCD={image}"),
        image + 1: b"PAYLOAD",
    }
    path = pathlib.Path(folder, "cd.iso")
    path.write_bytes(b"".join(blocks.get(number, b"").ljust(BLOCK, b"\0") for number in range(40)))
    return path


def boot(*arguments):
    """The finished machine; its debug console is standard output."""
    return run(SYSTEM, "-display", "none", "-monitor", "none", "-nic", "none", "-debugcon", "stdio",
               "-device", "isa-debug-exit", *arguments, timeout=120)


@needs(NASM, SEABIOS)
class DisksTestCase(unittest.TestCase):
    def check_boot(self, *arguments):
        done = boot(*arguments)
        self.assertEqual(done.stdout, "started\ngood\n", done.stderr)
        self.assertEqual(done.returncode, GOOD)

    def test_boot_sector_from_hard_disk_floppy_and_cd(self):
        with tempfile.TemporaryDirectory() as folder:
            disk = disk_image(folder, 1 << 20)
            self.check_boot("-hda", disk)
            self.assertEqual(disk.read_bytes()[1024:1028], b"WROT")
            self.check_boot(disk)  # a disk's image alone
            self.check_boot("-drive", f"file={disk},format=raw,index=3")
            self.check_boot("-drive", f"file={disk},format=raw,if=virtio")
            none = f"file={disk},format=raw,if=none,id=d"
            self.check_boot("-drive", none, "-device", "virtio-blk-pci,drive=d,disable-modern=on")
            self.check_boot("-drive", none, "-device", "virtio-blk-pci-non-transitional,drive=d")
            floppy = disk_image(folder, 1_474_560)
            self.check_boot("-fda", floppy)
            self.assertEqual(floppy.read_bytes()[1024:1028], b"WROT")
            self.check_boot("-cdrom", cd_image(folder))

    def test_snapshots_leave_the_image_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            disk = disk_image(folder, 1 << 20)
            before = disk.read_bytes()
            self.check_boot("-snapshot", "-hda", disk)
            self.check_boot("-drive", f"file={disk},snapshot=on")
            self.assertEqual(disk.read_bytes(), before)

    def wait_until_written(self, disk):
        deadline = time.monotonic() + 60
        while disk.read_bytes()[1024:1028] != b"WROT":
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    def test_two_machines_do_not_write_one_image(self):
        with tempfile.TemporaryDirectory() as folder:
            disk = disk_image(folder, 1 << 20)
            with Machine("-nic", "none", "-hda", disk):
                self.wait_until_written(disk)
                second = boot("-hda", disk)
                self.assertNotIn("started", second.stdout)
                self.assertIn(str(disk), second.stderr)

    def test_a_killed_ring3_leaves_what_was_written(self):
        with tempfile.TemporaryDirectory() as folder:
            disk = disk_image(folder, 1 << 20)
            with Machine("-nic", "none", "-hda", disk) as machine:
                self.wait_until_written(disk)
                machine.process.kill()
                machine.process.wait()
            self.assertEqual(disk.read_bytes()[1024:1028], b"WROT")
            self.check_boot("-hda", disk)  # and nobody holds it

    def test_options_that_cannot_be_met_are_named(self):
        for arguments, word in ((["-drive", "file=x,if=scsi"], "scsi"), (["-drive", "file=x,bps=1"], "bps"),
                                (["-drive", "file=x,index=9"], "unit 9"), (["-hda", "/nonexistent/x"], "/nonexistent/x")):
            done = boot(*arguments)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(word, done.stderr)
            self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
        self.assertEqual(boot("-drive", "file=x,if=scsi").returncode, USAGE)


@needs(SEABIOS, GRUB / "grub-rescue-cdrom.iso")
class BootLoadersTestCase(unittest.TestCase):
    def check_screen(self, option, image, text=b"GNU GRUB"):
        """What is booted shows this text in time."""
        with tempfile.TemporaryDirectory() as folder:
            copy, screen = pathlib.Path(folder, "image"), pathlib.Path(folder, "screen.txt")
            copy.write_bytes(image.read_bytes())
            process = subprocess.Popen(
                [SYSTEM, "-display", "none", "-nic", "none", "-monitor", "stdio", option, str(copy)],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            try:
                deadline = time.monotonic() + 120
                while time.monotonic() < deadline:
                    time.sleep(0.5)
                    self.assertIsNone(process.poll(), option)
                    process.stdin.write(f"screendump {screen}\n".encode())
                    process.stdin.flush()
                    if screen.exists() and text in screen.read_bytes():
                        return
                self.fail(f"no {text} from {image}")
            finally:
                process.kill()
                process.communicate()

    def test_grub_rescue_images_show_their_menu(self):
        self.check_screen("-cdrom", GRUB / "grub-rescue-cdrom.iso")
        self.check_screen("-fda", GRUB / "grub-rescue-floppy.img")
        self.check_screen("-hda", GRUB / "grub-rescue-usb.img")

    @needs(MEMTEST_CD)
    def test_memtest_s_cd_tests_memory(self):
        self.check_screen("-cdrom", MEMTEST_CD, b"[Moving inversions")


if __name__ == "__main__":
    unittest.main()
