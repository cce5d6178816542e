"""Debian's unmodified kernel: the commands of the README."""

import re
import unittest

from ring3_programs import RING3, Terminal, needs_debian, ring3

COMPLAINTS = ["unstable", "Unable to calibrate", "BUG:", "Oops", "soft lockup", "rcu_sched self-detected",
              "irq 0: nobody cared", "timer doesn't work", "IO-APIC + timer"]


@needs_debian
class Debian(unittest.TestCase):
    def test_a_command_prints_the_kernel_version(self):
        done = ring3("run", "--", "uname", "-srm")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"^Linux 6\.1\.0-\d+-686 i686\n$")

    def test_a_command_s_streams_and_status_come_out_apart(self):
        done = ring3("run", "--", "sh", "-c", "echo to output; echo to errors >&2; exit 7")
        self.assertEqual(done.returncode, 7, done.stderr)
        self.assertEqual(done.stdout, "to output\n")
        self.assertEqual(done.stderr, "to errors\n")

    def test_a_command_reads_standard_input(self):
        text = "one\ntwo \x04 \x03 \x16 three\n" + "long " * 2000 + "end without a newline"
        done = ring3("run", "--", "cat", stdin=text)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, text)

    def test_a_whole_boot_is_the_same_interpreted_and_translated(self):
        done = ring3("run", "--verify=sample", "--", "uname", "-s")
        self.assertEqual((done.returncode, done.stdout), (0, "Linux\n"), done.stderr)

    def test_an_unknown_command_ends_with_127(self):
        done = ring3("run", "--", "no-such-command")
        self.assertEqual(done.returncode, 127)
        self.assertIn("no-such-command", done.stderr)

    def test_the_kernel_finds_nothing_to_complain_about(self):
        done = ring3("run", "--", "dmesg")
        self.assertEqual(done.returncode, 0, done.stderr)
        for complaint in COMPLAINTS:
            self.assertNotIn(complaint, done.stdout)
        self.assertRegex(done.stdout, r"tsc: (Detected|Refined)|tsc: Initial|TSC calibration")

    def test_the_shell_runs_a_script_from_standard_input(self):
        done = ring3("run", stdin="echo $((6 * 7)) is the answer\nls /proc/self/exe\nmount | grep -c proc\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("42 is the answer", done.stdout)
        self.assertIn("/proc/self/exe", done.stdout)

    def test_the_shell_ends_with_standard_input_and_the_guest_powers_off(self):
        done = ring3("run")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(re.search(r"# ", done.stdout), "a prompt")

    def test_a_person_types_at_the_shell(self):
        with Terminal(RING3, "run") as terminal:
            def type_and_wait(text, answer):
                terminal.type(text)
                self.assertTrue(terminal.wait_for(answer), f"{answer} behind {text}: {terminal.output}")

            self.assertTrue(terminal.wait_for("# "), terminal.output)
            type_and_wait("echo $((6 * 7)) is the answer\r", "\n42 is the answer")
            # A program that runs already: what is typed before goes to the shell's line editor.
            type_and_wait("echo ready; while read line; do echo got-$line; done\r", "\nready")
            type_and_wait("one\r", "got-one")
            type_and_wait("\x04", "# ")  # Ctrl-D ends the loop, not the shell
            type_and_wait("echo ready; sleep 1000\r", "\nready")
            type_and_wait("\x03", "# ")
            terminal.type("exit 3\r")
            self.assertEqual(terminal.wait_for_end(), 0, "the guest powered off, whatever its shell said")


if __name__ == "__main__":
    unittest.main()
