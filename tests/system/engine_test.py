"""The engine's switches change how fast a guest runs and nothing that it can see."""

import json
import pathlib
import tempfile
import unittest

import boots
from ring3_programs import TINY, needs, needs_debian, system

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


@needs_debian
class Boots(unittest.TestCase):
    def test_several_boots_in_a_row_print_the_same(self):
        self.assertIsNone(boots.check_boots(BOOTS, [], print))


if __name__ == "__main__":
    unittest.main()
