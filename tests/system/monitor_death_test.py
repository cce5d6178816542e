"""A monitor that dies takes its guest along, is reported in one line, and nothing else happens."""

import os
import signal
import unittest

from ring3_programs import INTERNAL, MEMTEST, Machine, needs


class MonitorDeath(unittest.TestCase):
    @needs(MEMTEST)
    def test_a_killed_monitor_is_reported(self):
        for number in (signal.SIGSEGV, signal.SIGKILL, signal.SIGSYS):
            with Machine("-kernel", MEMTEST, "-append", "console=ttyS0", "-m", "32", "-nodefaults") as machine:
                self.assertTrue(machine.wait_for_output("Memtest86+"), machine.error_text())
                monitors = machine.children()
                self.assertEqual(len(monitors), 1)
                os.kill(monitors[0], number)
                self.assertEqual(machine.process.wait(timeout=60), INTERNAL)
                text = machine.error_text()
                self.assertIn("monitor", text.splitlines()[0])
                self.assertRegex(text.splitlines()[0], rf"{number.name}|signal {number.value}")


if __name__ == "__main__":
    unittest.main()
