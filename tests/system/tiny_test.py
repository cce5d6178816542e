"""The project's own kernel: multiboot, modules, timer, ring 3, and the ways a machine ends."""

import pathlib
import tempfile
import unittest

from ring3_programs import FLAT, TINY, needs, system

STDIO = ["-nodefaults", "-serial", "stdio"]
DEBUG_EXIT = ["-device", "isa-debug-exit,iobase=0xf4,iosize=4"]


@needs(TINY)
class Tiny(unittest.TestCase):
    def test_it_takes_interrupts_runs_a_task_and_powers_off(self):
        done = system(*STDIO, "-kernel", TINY, "-append", "hello there")
        self.assertEqual(done.returncode, 0, done.stderr)
        for line in ("timer: 10 interrupts came", "task: ended with status 42", "tiny: powering off"):
            self.assertIn(line, done.stdout)
        self.assertIn("hello there", done.stdout)

    def test_a_task_that_trespasses_is_stopped(self):
        done = system(*STDIO, "-kernel", TINY, "-append", "trespass")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("task: stopped after a page fault", done.stdout)

    def test_debug_exit_ends_with_twice_its_value_and_one(self):
        for value, status in ((16, 33), (0, 1), (17, 35), (127, 255)):
            done = system(*STDIO, *DEBUG_EXIT, "-kernel", TINY, "-append", f"exit={value}")
            self.assertEqual(done.returncode, status, done.stderr)

    def test_modules_arrive_whole_with_their_arguments(self):
        with tempfile.TemporaryDirectory() as folder:
            first, second = pathlib.Path(folder, "first"), pathlib.Path(folder, "second")
            first.write_bytes(bytes(range(256)) * 100)
            second.write_bytes(b"x")
            done = system(*STDIO, "-kernel", TINY, "-initrd", f"{first} some arguments,{second}")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("modules: 2", done.stdout)
        self.assertIn(f"some arguments', 25600 bytes, sum {sum(range(256)) * 100}", done.stdout)
        self.assertIn(f"', 1 bytes, sum {ord('x')}", done.stdout)
        self.assertNotIn("not on a page", done.stdout)

    def test_memory_is_what_was_asked_for(self):
        for megabytes in (16, 64, 3000):
            done = system(*STDIO, "-kernel", TINY, "-m", megabytes)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(" RAM", done.stdout)

    @needs(FLAT)
    def test_a_flat_multiboot_file_boots_too(self):
        done = system(*STDIO, *DEBUG_EXIT, "-kernel", FLAT, timeout=60)
        self.assertNotIn("error", done.stderr)


if __name__ == "__main__":
    unittest.main()
