"""Machines that start with SeaBIOS: its log, its screen, its menu, and what it hands over."""

import pathlib
import subprocess
import tempfile
import time
import unittest

from ring3_programs import CONFIGURATION, INPUT_OUTPUT, SYSTEM, USAGE, run

SEABIOS = pathlib.Path("/usr/share/seabios/bios-256k.bin")
BOUND = 60


@unittest.skipUnless(SEABIOS.exists(), "seabios is not installed")
class Firmware(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.log = self.path("log")

    def path(self, name):
        return pathlib.Path(self.folder.name, name)

    def start(self, *arguments, console=("-monitor", "stdio")):
        """A machine whose operator's console, unless another is named, is this test."""
        command = [SYSTEM, "-m", "64", "-display", "none", "-nic", "none", "-no-reboot", *console, "-chardev",
                   f"file,id=log,path={self.log}", "-device", "isa-debugcon,iobase=0x402,chardev=log"]
        process = subprocess.Popen([*map(str, command), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.stdin.close)
        return process

    def wait_for(self, word):
        """Until the firmware's log has the word; the log."""
        end = time.monotonic() + BOUND
        while time.monotonic() < end:
            text = self.log.read_text(errors="replace") if self.log.exists() else ""
            if word in text:
                return text
            time.sleep(0.02)
        self.fail(f"no '{word}' in the log:\n{text}")

    def screen(self, process, name="screen.txt"):
        """What the console's screendump writes: complete, because the line that follows it is answered after it."""
        process.stdin.write(f"screendump {self.path(name)}\ninfo status\n".encode())
        process.stdin.flush()
        answer = b""
        while b"VM status" not in answer:
            piece = process.stdout.read1(4096)
            self.assertTrue(piece, answer)
            answer += piece
        return self.path(name).read_bytes()

    def wait_for_screen(self, process, word):
        """The firmware's log runs ahead of its screen, so that who looks once may come too early."""
        end = time.monotonic() + BOUND
        while time.monotonic() < end:
            text = self.screen(process).decode()
            if word in text:
                return
            time.sleep(0.02)
        self.fail(f"no '{word}' on the screen:\n{text}")

    def reach_the_end(self, *arguments):
        process = self.start(*arguments)
        text = self.wait_for("No bootable device.")
        self.assertIn("SeaBIOS (version", text)
        self.assertIn("fw_cfg DMA interface supported", text)
        self.assertIn("Start SeaVGABIOS", text)
        self.wait_for_screen(process, "No bootable device.")

    def test_nothing_to_boot_is_said_on_the_screen(self):
        self.reach_the_end()

    def test_the_interpreter_alone_gets_there_too(self):
        self.reach_the_end("--engine=interpret")

    def test_a_machine_without_graphics(self):
        self.start("-vga", "none")
        text = self.wait_for("No bootable device.")
        self.assertIn("No VGA found", text)

    def test_pictures_of_the_screen(self):
        process = self.start()
        self.wait_for("No bootable device.")
        png = self.screen(process, "screen.png")
        self.assertEqual(png[:8], b"\x89PNG\r\n\x1a\n")
        self.assertTrue(self.screen(process, "screen.ppm").startswith(b"P6\n720 400\n255\n"))

    def test_the_tables_are_installed(self):
        self.start("-smbios", "type=1,product=Thing")
        text = self.wait_for("No bootable device.")
        self.assertIn("Copying SMBIOS", text)
        self.assertNotIn("ACPI DSDT=", text, "the firmware has made tables of its own")
        self.assertNotIn("WARNING", text)

    def test_the_menu_comes_on_the_serial_line(self):
        process = self.start("-boot", "menu=on,splash-time=10000", console=["-nographic"])
        output = b""
        while b"Press ESC for boot menu" not in output:
            piece = process.stdout.read1(4096)
            self.assertTrue(piece, output)
            output += piece
        process.stdin.write(b"\x1b")
        process.stdin.flush()
        while b"Select boot device" not in output:
            piece = process.stdout.read1(4096)
            self.assertTrue(piece, output)
            output += piece

    def test_the_menu_takes_keys_of_the_keyboard(self):
        process = self.start("-boot", "menu=on,splash-time=10000")
        self.wait_for("Press ESC for boot menu")
        process.stdin.write(b"sendkey esc\n")
        process.stdin.flush()
        self.wait_for_screen(process, "Select boot device")

    def refused(self, status, word, *arguments):
        done = run(SYSTEM, "-display", "none", *arguments, timeout=BOUND)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
        self.assertIn(word, done.stderr)

    def test_bootindex_says_which_disk_is_first(self):
        for number in (1, 2):  # a boot sector that ends the run with its number: mov al, N; mov dx, 501h; out dx, al
            code = bytes([0xB0, number, 0xBA, 0x01, 0x05, 0xEE, 0xEB, 0xFE])
            self.path(f"disk{number}").write_bytes(code.ljust(510, b"\0") + b"\x55\xaa" + bytes(512 * 2000))
        for indexes, first in [((3, 7), 1), ((7, 3), 2), ((None, 0), 2)]:
            words = ["-device", "isa-debug-exit", "-nic", "none"]
            for number, index in zip((1, 2), indexes):
                words += ["-drive", f"if=none,id=d{number},file={self.path(f'disk{number}')},format=raw", "-device",
                          f"ide-hd,drive=d{number}" + ("" if index is None else f",bootindex={index}")]
            self.assertEqual(run(SYSTEM, "-display", "none", *words, timeout=BOUND).returncode, 2 * first + 1, indexes)

    def test_a_structure_of_the_smbios_comes_from_a_file(self):
        structure = self.path("structure")
        structure.write_bytes(b"\x80\x04\x80\x00one text\0\0")
        done = run(SYSTEM, "-display", "none", "-smbios", f"file={structure}", "-S", "-monitor", "stdio", stdin="quit\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        structure.write_bytes(b"\x80\x44\x80\x00")
        self.refused(CONFIGURATION, "no SMBIOS structure", "-smbios", f"file={structure}")

    def test_what_is_no_firmware_is_refused(self):
        odd = self.path("odd.bin")
        odd.write_bytes(bytes(1000))
        self.refused(CONFIGURATION, "odd.bin", "-bios", odd)
        self.refused(INPUT_OUTPUT, "nowhere.bin", "-bios", "nowhere.bin")
        self.refused(USAGE, "-boot", "-boot", "order=q")
        self.refused(USAGE, "opt/a", "-fw_cfg", "name=opt/a")
        self.refused(INPUT_OUTPUT, "/nonexistent", "-fw_cfg", "name=opt/a,file=/nonexistent")
        self.refused(USAGE, "not '2'", "-smbios", "type=2")

    def test_noise_as_firmware_harms_nobody(self):
        noise = self.path("noise.bin")
        noise.write_bytes(bytes((i * i * 31 + i * 7) % 251 for i in range(0x10000)))
        process = self.start("-bios", str(noise))
        try:
            process.wait(1)
        except subprocess.TimeoutExpired:
            process.stdin.write(b"quit\n")
            process.stdin.flush()
        self.assertIn(process.wait(BOUND), (0, 1))


if __name__ == "__main__":
    unittest.main()
