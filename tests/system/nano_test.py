"""The guest that times what kernels do: here only that it comes to its end and says something about everything.

Its interrupts, faults, address spaces and transitions between levels are what matters; figures are for `make bench-nano`.
"""

import re
import unittest

from ring3_programs import BUILD, SOURCE, needs, system

NANO = BUILD / "bench/nano.bin"
DEBUG_EXIT = ["-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
PASSED = 33
LINE = re.compile(r"^(\w+) (\d+\.\d) (\d+\.\d) (\d+)$", re.MULTILINE)


def run_nano(words):
    return system("-nodefaults", "-serial", "stdio", *DEBUG_EXIT, "-no-reboot", "-kernel", NANO, "-append", words)


def names_in_source():
    """What the guest's table names, and the two lines that its timer part prints."""
    source = (SOURCE / "bench/nano/nano.asm").read_text()
    return re.findall(r'^    timed "(\w+)"', source, re.MULTILINE) + ["timer_interrupt", "timer_latency"]


@needs(NANO)
class Nano(unittest.TestCase):
    def test_it_prints_every_line_and_passes(self):
        done = run_nano("quick")
        self.assertEqual(done.returncode, PASSED, done.stdout + done.stderr)
        self.assertEqual([line[0] for line in LINE.findall(done.stdout)], names_in_source())
        self.assertRegex(done.stdout, r"(?m)^tsc_khz [1-9]\d{5,}$")

    def test_words_choose_what_is_timed(self):
        done = run_nano("quick int80 cr3_same")
        self.assertEqual(done.returncode, PASSED, done.stdout + done.stderr)
        self.assertEqual([line[0] for line in LINE.findall(done.stdout)], ["int80", "cr3_same"])


if __name__ == "__main__":
    unittest.main()
