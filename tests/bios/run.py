#!/usr/bin/env python3
"""run.py --emulator PROGRAM [--switches WORDS] SOURCE.asm IMAGE: boots one program from a hard disk through the BIOS and
compares what it did with its header comment, as tests/guest/run.py does for kernels."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "guest"))
from run import main  # noqa: E402

DISK_SIZE = 1 << 20


def disk_options(image, folder):
    disk = folder / "disk"
    disk.write_bytes(image.read_bytes().ljust(DISK_SIZE, b"\0"))
    return ["-m", "64", "-drive", f"file={disk},format=raw,if=ide", "-nic", "none", "-rtc", "base=2001-02-03T04:05:06"]


if __name__ == "__main__":
    main(disk_options)
