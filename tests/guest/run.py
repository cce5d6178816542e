#!/usr/bin/env python3
"""run.py --emulator PROGRAM [--switches WORDS] SOURCE.asm IMAGE: runs one guest program and compares what it did with
its header comment.

The comment has a line `; Expect: status N, output "TEXT"`: the emulator's exit status, and a line that the guest sends
to the serial port. The emulator may be anything that takes QEMU's options; WORDS are handed to it as they are.
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

EXPECT = re.compile(r'^; Expect: status (\d+), output "([^"]*)"$', re.MULTILINE)
TIMEOUT = 150


def read_expectation(source):
    found = EXPECT.search(source.read_text())
    if not found:
        sys.exit(f"{source}: no line `; Expect: status N, output \"TEXT\"`")
    return int(found.group(1)), found.group(2)


def kernel_options(image, _folder):
    """The emulator's options to run the image, which is a kernel; other tests have other images."""
    return ["-cpu", "max", "-device", "pc-testdev", "-kernel", str(image), "-nodefaults"]


def run(emulator, switches, image, options_for=kernel_options):
    """The exit status, the serial output, and what the emulator itself said."""
    with tempfile.TemporaryDirectory() as folder:
        serial = pathlib.Path(folder, "serial")
        command = [*emulator.split(), *switches, *options_for(image, pathlib.Path(folder)), "-display", "none",
                   "-serial", f"file:{serial}", "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-no-reboot"]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT,
                                  check=False)
            status, said = done.returncode, done.stdout + done.stderr
        except subprocess.TimeoutExpired:
            status, said = None, f"still running after {TIMEOUT} s"
        output = serial.read_text(errors="replace") if serial.exists() else ""
        return status, output, said


def main(options_for=kernel_options):
    parser = argparse.ArgumentParser()
    parser.add_argument("--emulator", required=True)
    parser.add_argument("--switches", default="", type=str.split)
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("image", type=pathlib.Path)
    arguments = parser.parse_args()
    wanted_status, wanted_line = read_expectation(arguments.source)
    status, output, said = run(arguments.emulator, arguments.switches, arguments.image, options_for)
    if status == wanted_status and wanted_line in output.splitlines():
        return
    print(f"status {status}, expected {wanted_status}; serial output, expected `{wanted_line}`:\n{output}\n{said}")
    sys.exit(1)


if __name__ == "__main__":
    main()
