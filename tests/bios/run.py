#!/usr/bin/env python3
"""run.py --emulator PROGRAM [--switches WORDS] SOURCE.asm IMAGE: boots one program from a hard disk through the BIOS and
compares what it did with its header comment, as tests/guest/run.py does for kernels."""

import argparse
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "guest"))
from run import read_expectation  # noqa: E402

TIMEOUT = 60
DISK_SIZE = 1 << 20


def run(emulator, switches, image):
    """The exit status, the serial output, and what the emulator itself said."""
    with tempfile.TemporaryDirectory() as folder:
        serial = pathlib.Path(folder, "serial")
        disk = pathlib.Path(folder, "disk")
        disk.write_bytes(image.read_bytes().ljust(DISK_SIZE, b"\0"))
        command = [*emulator.split(), *switches, "-m", "64", "-drive", f"file={disk},format=raw,if=ide", "-nic", "none",
                   "-display", "none", "-serial", f"file:{serial}", "-rtc", "base=2001-02-03T04:05:06",
                   "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-no-reboot"]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT,
                                  check=False)
            status, said = done.returncode, done.stdout + done.stderr
        except subprocess.TimeoutExpired:
            status, said = None, f"still running after {TIMEOUT} s"
        output = serial.read_text(errors="replace") if serial.exists() else ""
        return status, output, said


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--emulator", required=True)
    parser.add_argument("--switches", default="", type=str.split)
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("image", type=pathlib.Path)
    arguments = parser.parse_args()
    wanted_status, wanted_line = read_expectation(arguments.source)
    status, output, said = run(arguments.emulator, arguments.switches, arguments.image)
    if status == wanted_status and wanted_line in output.splitlines():
        return
    print(f"status {status}, expected {wanted_status}; serial output, expected `{wanted_line}`:\n{output}\n{said}")
    sys.exit(1)


if __name__ == "__main__":
    main()
