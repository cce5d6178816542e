"""Kernels that nobody here wrote, beside the default one."""

import unittest

from ring3_programs import GUEST, MEMTEST, SYSTEM, Machine, Terminal, needs, ring3

PAE = GUEST / "pae/vmlinuz"


class OtherKernels(unittest.TestCase):
    @needs(PAE, GUEST / "initramfs.cpio.gz")
    def test_debian_s_pae_kernel_runs_a_command(self):
        done = ring3("run", "--kernel", PAE, "--", "sh", "-c", "uname -r; grep -c ' pae ' /proc/cpuinfo")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"^6\.1\.0-\d+-686-pae\n1\n$")

    @needs(MEMTEST)
    def test_memtest_shows_its_screen_and_begins_testing(self):
        with Machine("-kernel", MEMTEST, "-append", "console=ttyS0", "-m", "32", "-nodefaults") as machine:
            self.assertTrue(machine.wait_for_output("Memtest86+"), machine.error_text())
            self.assertTrue(machine.wait_for_output("#0  [Address test"), machine.output())
            self.assertTrue(machine.wait_for_output("[Moving inversions"), machine.output())
            self.assertIn("Errors: 0 ", machine.output())

    @needs(MEMTEST)
    def test_ctrl_a_x_leaves_whatever_the_guest_does(self):
        with Terminal(SYSTEM, "-kernel", MEMTEST, "-append", "console=ttyS0", "-m", "32", "-nographic") as terminal:
            self.assertTrue(terminal.wait_for("Memtest86+"), terminal.output)
            terminal.type("\x01x")
            self.assertEqual(terminal.wait_for_end(), 0)


if __name__ == "__main__":
    unittest.main()
