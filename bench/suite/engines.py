"""What runs the workloads: this machine's own kernel, ring3 with its switches, QEMU's translator."""

import os
import pathlib
import shutil

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("RING3_BUILD", SOURCE / "build/release"))
IMAGE = SOURCE / "build/bench"
KERNEL = SOURCE / "build/guest/vmlinuz"
RING3 = BUILD / "ring3-system-i386"
QEMU = shutil.which("qemu-system-i386")

# What --compare can vary. The first word of each list is what the others are compared with.
SWITCHES = {
    "engine": ["translate", "interpret"],
    "optimize": ["none", "link", "link,trace", "all"],
    "memory": ["soft", "window", "auto"],
    "tlb": ["rewrite", "asid"],
}


class Native:
    """The same programs in a chroot: what the others are measured against."""

    name = "native"
    is_guest = False

    def command(self, size, names, _statistics):
        return [str(SOURCE / "bench/run-native"), size, ",".join(names)]


class Emulator:
    """A program that takes QEMU's options."""

    is_guest = True

    def __init__(self, name, program, memory, options=(), has_statistics=False):
        self.name = name
        self.has_statistics = has_statistics
        self.program = [str(word) for word in program]
        self.memory = str(memory)
        self.options = list(options)

    def boot(self, initrd, memory, append):
        return [*self.program, *self.options, "-m", memory, "-nodefaults", "-display", "none", "-serial", "stdio",
                "-monitor", "none", "-no-reboot", "-kernel", str(KERNEL), "-initrd", str(IMAGE / initrd),
                "-append", f"console=ttyS0 quiet panic=-1 {append}"]

    def command(self, size, names, statistics):
        """`statistics` is the file for what the engine counts, where it counts; None: it shall not."""
        command = self.boot("big.cpio.zst", self.memory, f"bench.size={size} bench.only={','.join(names)}")
        return [*command, f"--stats={statistics}"] if self.has_statistics and statistics else command

    def boot_command(self, append=""):
        return self.boot("small.cpio.gz", "256", append)


def ring3(memory, options=(), name="ring3"):
    return Emulator(name, [RING3], memory, options, has_statistics=True)


def tcg(memory):
    return Emulator("tcg", [QEMU, "-accel", "tcg", "-cpu", "max"], memory)


def variants(switch, memory, options):
    """One ring3 for each word of a switch; the report tells them by name."""
    return [ring3(memory, [*options, f"--{switch}", word], f"{switch}={word}") for word in SWITCHES[switch]]
