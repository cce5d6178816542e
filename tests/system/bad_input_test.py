"""Input that cannot work gives one clear line and the right status, never a crash."""

import pathlib
import random
import tempfile
import unittest

from ring3_programs import CONFIGURATION, GUEST, INPUT_OUTPUT, RING3, SYSTEM, TINY, USAGE, needs, needs_debian, run

BOUND = 60


class BadInput(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def file(self, name, content):
        path = pathlib.Path(self.folder.name, name)
        path.write_bytes(content)
        return path

    def assert_refused(self, status, word, *arguments, program=SYSTEM):
        """One line on the error stream with `word` in it, nothing on the output, and the status."""
        extra = ["-display", "none", "-nodefaults", "-no-reboot"] if program == SYSTEM else []
        done = run(program, *extra, *arguments, timeout=BOUND)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
        self.assertIn(word, done.stderr)
        self.assertEqual(done.stdout, "")

    def test_a_missing_kernel(self):
        self.assert_refused(INPUT_OUTPUT, "/nonexistent/kernel", "-kernel", "/nonexistent/kernel")

    @needs(TINY)
    def test_a_missing_initrd(self):
        self.assert_refused(INPUT_OUTPUT, "/nonexistent/initrd", "-kernel", TINY, "-initrd", "/nonexistent/initrd")

    def test_a_folder_as_kernel(self):
        self.assert_refused(INPUT_OUTPUT, self.folder.name, "-kernel", self.folder.name)

    def test_an_empty_kernel(self):
        self.assert_refused(CONFIGURATION, "empty", "-kernel", self.file("empty", b""))

    def test_random_bytes_as_kernel(self):
        generator = random.Random(1)
        for size in (1, 100, 512, 4096, 100000):
            path = self.file("noise", generator.randbytes(size))
            self.assert_refused(CONFIGURATION, "noise", "-kernel", path)

    @needs_debian
    def test_a_truncated_kernel(self):
        whole = (GUEST / "vmlinuz").read_bytes()
        for size in (600, 1000, 20000, len(whole) // 2):
            path = self.file("short", whole[:size])
            self.assert_refused(CONFIGURATION, "short", "-kernel", path)

    @needs_debian
    def test_an_initrd_larger_than_memory(self):
        path = self.file("huge", b"")
        with open(path, "wb") as file:
            file.truncate(200 << 20)
        self.assert_refused(CONFIGURATION, "huge", "-kernel", GUEST / "vmlinuz", "-initrd", path, "-m", "64")

    @needs(TINY)
    def test_no_memory(self):
        self.assert_refused(USAGE, "-m", "-kernel", TINY, "-m", "0")

    @needs(TINY)
    def test_senseless_memory(self):
        for size in ("-5", "lots", "1T", ""):
            self.assert_refused(USAGE, "memory", "-kernel", TINY, "-m", size)

    def test_an_unknown_option(self):
        self.assert_refused(USAGE, "-frobnicate", "-frobnicate")

    @needs(TINY)
    def test_what_other_emulators_have_and_ring3_has_not(self):
        for option in (["-drive", "if=scsi,file=x"], ["-vnc", ":0"], ["-device", "nvme"], ["-usb"], ["-smp", "2"],
                       ["-full-screen"], ["-gdb", "tcp::1234"], ["-cpu", "z80"], ["-machine", "isapc"]):
            self.assert_refused(USAGE, option[0], "-kernel", TINY, *option)

    @needs(TINY)
    def test_values_that_the_engines_switches_do_not_have(self):
        for option, value, words in (("--engine", ["guess"], "interpret or translate"),
                                     ("-optimize", ["link,fast"], "none, all or a list of link, trace and cache"),
                                     ("--memory", ["hard"], "soft, window or auto"), ("-tlb", ["x"], "rewrite or asid"),
                                     ("--cache-size", ["257"], "from 1 to 256"),
                                     ("--verify=no", [], "every, sample or off")):
            self.assert_refused(USAGE, words, "-kernel", TINY, option, *value)
            self.assert_refused(USAGE, words, "run", "--" + option.lstrip("-"), *value, program=RING3)

    def test_an_option_without_its_value(self):
        self.assert_refused(USAGE, "-kernel", "-kernel")

    def test_parts_of_a_kernel_without_the_kernel(self):
        self.assert_refused(USAGE, "-kernel", "-initrd", "x")
        self.assert_refused(USAGE, "-kernel", "-append", "x")

    def test_disks_that_are_not_there(self):
        for option in ("-hda", "-cdrom", "-fda"):
            self.assert_refused(INPUT_OUTPUT, "/nonexistent/disk", option, "/nonexistent/disk")

    def test_ring3_names_what_it_does_not_know(self):
        self.assert_refused(USAGE, "frobnicate", "frobnicate", program=RING3)
        self.assert_refused(USAGE, "--frobnicate", "run", "--frobnicate", program=RING3)
        self.assert_refused(INPUT_OUTPUT, "/nonexistent", "run", "--kernel", "/nonexistent", program=RING3)


if __name__ == "__main__":
    unittest.main()
