"""The commands that start no machine, and files that they write."""

import json
import pathlib
import tempfile
import unittest

from ring3_programs import RING3, SYSTEM, TINY, Machine, needs, run, system


class Programs(unittest.TestCase):
    def test_version_and_help(self):
        for program, argument in ((RING3, "version"), (RING3, "help"), (SYSTEM, "-version"), (SYSTEM, "-help")):
            done = run(program, argument, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("ring3", done.stdout)

    def test_doctor_says_one_finding_a_line(self):
        done = run(RING3, "doctor", timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertGreater(len(done.stdout.splitlines()), 2)

    def test_doctor_speaks_json(self):
        done = run(RING3, "doctor", "--json", timeout=120)
        self.assertTrue(json.loads(done.stdout))

    def test_isa_tries_every_sensitive_instruction_once(self):
        done = run(RING3, "isa", "--json", timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads(done.stdout)
        instructions = [one["instruction"] for one in report["instructions"]]
        self.assertEqual(len(set(instructions)), len(instructions))
        self.assertEqual(len(instructions), report["classes"]["sensitive"])
        here = {one["name"]: one for one in report["instructions"]}
        for name in ("cli", "hlt", "lgdt", "in", "out", "clts", "wrmsr", "invlpg"):
            self.assertEqual((here[name]["here"], here[name]["critical"]), ("traps", False), name)
        for name in ("popf", "pushf", "lar", "lsl", "verr", "verw", "lss", "iret"):
            self.assertEqual((here[name]["here"], here[name]["critical"]), ("runs", True), name)
            self.assertIn(name, report["critical"])
        self.assertFalse(report["condition_holds"])

    def test_isa_says_it_in_words_too(self):
        done = run(RING3, "isa", timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"(?m)^popfd +both +no +runs +yes ")
        self.assertIn("Popek and Goldberg's condition does not hold here", done.stdout)

    @needs(TINY)
    def test_serial_and_debug_console_go_to_files(self):
        with tempfile.TemporaryDirectory() as folder:
            serial, debug = pathlib.Path(folder, "serial"), pathlib.Path(folder, "debug")
            done = system("-nodefaults", "-kernel", TINY, "-serial", f"file:{serial}", "-debugcon", f"file:{debug}")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("tiny: powering off", serial.read_text())
            self.assertIn("tiny:", debug.read_text())

    @needs(TINY)
    def test_the_pid_file_names_the_process(self):
        with tempfile.TemporaryDirectory() as folder:
            pid_file = pathlib.Path(folder, "pid")
            with Machine("-kernel", TINY, "-nodefaults", "-no-shutdown", "-pidfile", pid_file) as machine:
                self.assertTrue(machine.wait_for_output("tiny: powering off"), machine.error_text())
                self.assertEqual(int(pid_file.read_text()), machine.process.pid)
                self.assertIsNone(machine.process.poll(), "-no-shutdown keeps the machine")


if __name__ == "__main__":
    unittest.main()
