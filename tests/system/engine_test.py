"""The engine's switches change how fast a guest runs and nothing that it can see."""

import json
import pathlib
import tempfile
import unittest

import boots
from ring3_programs import FAULTS, TINY, needs, needs_debian, system

BOOTS = 5

# Each switch away from its default, and some that lean on each other.
WAYS = ["--engine=interpret", "--optimize=none", "--optimize=link", "--optimize=trace", "--optimize=cache",
        "--memory=soft", "--memory=window", "--tlb=rewrite", "--cache-size=1", "--check-code", "--verify",
        "--memory=soft --tlb=rewrite --optimize=none", "--memory=window --tlb=rewrite --cache-size=1",
        "--memory=window --verify=sample --check-code"]
QUIET = ["-nodefaults", "-serial", "stdio"]


def without_numbers(text):
    """The tiny kernel's words; its times and counts of ticks are its own."""
    return ["".join(letter for letter in line if not letter.isdigit()) for line in text.splitlines()]


@needs(TINY)
class Switches(unittest.TestCase):
    def test_the_tiny_kernel_says_the_same_under_every_switch(self):
        usual = system(*QUIET, "-kernel", TINY, "-append", "hello there")
        self.assertEqual(usual.returncode, 0, usual.stderr)
        for way in WAYS:
            with self.subTest(way):
                done = system(*way.split(), *QUIET, "-kernel", TINY, "-append", "hello there")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(without_numbers(done.stdout), without_numbers(usual.stdout))

    def test_a_task_that_trespasses_is_stopped_under_every_switch(self):
        for way in WAYS:
            with self.subTest(way):
                done = system(*way.split(), *QUIET, "-kernel", TINY, "-append", "trespass")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn("task: stopped after a page fault", done.stdout)

    def test_statistics_are_written_at_exit(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "statistics")
            done = system(*QUIET, f"--stats={path}", "-kernel", TINY)
            self.assertEqual(done.returncode, 0, done.stderr)
            report = json.loads(path.read_text())
        counts = [report[name] for name in ("direct", "inlined", "callouts", "interpreted")]
        self.assertEqual(sum(counts), report["guest_instructions"])
        self.assertTrue(all(count >= 0 for count in counts))
        self.assertTrue(0 <= report["efficiency"] <= 1)
        self.assertGreater(report["port_accesses"], 0)
        self.assertGreater(report["time_devices"], 0)


@needs(FAULTS)
class Counts(unittest.TestCase):
    def test_translated_code_counts_as_many_instructions_as_the_interpreter_although_it_faults(self):
        counts = {}
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "statistics")
            for way in ("--engine=interpret", "--memory=window", "--memory=soft"):
                system(way, "-nodefaults", "-serial", "null", "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
                       "-no-reboot", f"--stats={path}", "-kernel", FAULTS)
                counts[way] = json.loads(path.read_text())["guest_instructions"]
        # 2,000 faults of 15 million instructions; waiting for the serial port is a few more or less.
        self.assertLess(max(counts.values()) - min(counts.values()), 100, counts)


@needs_debian
class Boots(unittest.TestCase):
    def test_several_boots_in_a_row_print_the_same(self):
        self.assertIsNone(boots.check_boots(BOOTS, [], print))


if __name__ == "__main__":
    unittest.main()
