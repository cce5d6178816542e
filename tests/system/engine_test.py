"""The engine's switches and its statistics: the same guest under each of them, and what is said about it at the end."""

import json
import pathlib
import tempfile
import unittest

from ring3_programs import INPUT_OUTPUT, SOURCE, TINY, needs, system

QUIET = ["-nodefaults", "-serial", "stdio", "-kernel", TINY]

SWITCHES = (["--engine", "interpret"], ["--engine", "translate"], ["--optimize", "none"], ["--optimize", "link"],
            ["--optimize", "link,trace"], ["--optimize", "cache"], ["--memory", "soft"], ["--memory", "window"],
            ["--memory", "auto"], ["--tlb", "rewrite"], ["--tlb", "asid"], ["--cache-size", "1"], ["--verify"],
            ["--check-code"], ["-accel", "tcg,tb-size=64"])


@needs(TINY)
class Engine(unittest.TestCase):
    def statistics(self, *arguments):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "statistics.json")
            done = system(*QUIET, f"--stats={file}", *arguments)
            self.assertEqual(done.returncode, 0, done.stderr)
            return json.loads(file.read_text())

    def test_a_guest_sees_the_same_machine_under_every_switch(self):
        for switch in SWITCHES:
            with self.subTest(switch=switch):
                done = system(*QUIET, *switch)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                for line in ("timer: 10 interrupts came", "task: ended with status 42", "tiny: powering off"):
                    self.assertIn(line, done.stdout)

    def test_statistics_as_json_add_up(self):
        counted = self.statistics("--optimize=link", "--cache-size=8")
        parts = sum(counted[name] for name in ("direct", "inlined", "callouts", "interpreted"))
        self.assertEqual(counted["guest_instructions"], parts)
        self.assertGreater(counted["guest_instructions"], 10000)
        self.assertGreater(counted["interrupts"], 9)
        self.assertEqual(counted["monitors"], 1)
        self.assertTrue(0 <= counted["efficiency"] <= 1)
        self.assertEqual(counted["options"]["optimize"], "link")
        self.assertEqual(counted["options"]["cache_mib"], 8)

    def test_statistics_of_the_interpreter_count_its_instructions(self):
        counted = self.statistics("--engine", "interpret")
        self.assertGreater(counted["instructions"], 10000)
        self.assertEqual((counted["blocks"], counted["direct"]), (0, 0))

    def test_every_counter_is_in_the_manual(self):
        manual = pathlib.Path(SOURCE, "docs/ring3.1").read_text().split(".Sh STATISTICS")[1].split(".Sh ")[0]
        for name in self.statistics():
            self.assertIn(name, manual.replace(",", " ").split(), "docs/ring3.1, STATISTICS")

    def test_statistics_as_a_table_go_to_standard_error(self):
        done = system(*QUIET, "-stats")
        self.assertEqual(done.returncode, 0)
        self.assertIn("guest instructions, by how they ran", done.stderr)
        self.assertIn("interpreted", done.stderr)
        self.assertNotIn("interpreted", done.stdout)

    def test_a_file_that_cannot_be_written_is_found_out_before_the_guest_runs(self):
        done = system(*QUIET, "--stats=/nonexistent/file")
        self.assertEqual(done.returncode, INPUT_OUTPUT)
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertEqual(done.stdout, "")


if __name__ == "__main__":
    unittest.main()
