"""What tests of disks share: a small Linux that writes to ext4 on its disks (storage_init), and its judges."""

import os
import pathlib
import random
import re
import subprocess
import time

from ring3_programs import GUEST, RING3, Machine, needs

PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"
SPARE = pathlib.Path(__file__).parent
DISK_MEGABYTES = 64
MODULES = {"ide": "disk-ide", "virtio": "disk"}  # of the default guest's (scripts/pack-initramfs)

needs_storage = needs(GUEST / "vmlinuz", GUEST / "busybox", GUEST / "modules-disk-ide.cpio",
                      pathlib.Path("/usr/bin/qemu-img"), pathlib.Path("/usr/sbin/mke2fs"))


def tool(*command):
    """A finished program's status and all that it said."""
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False, timeout=300,
                          env=os.environ | {"PATH": PATH})
    return done.returncode, done.stdout


def must(*command):
    status, text = tool(*command)
    assert status == 0, f"{command}: {status}\n{text}"
    return text


def make_initrd(folder, modules="disk-ide"):
    """busybox, storage_init and the drivers, as the archive of an initramfs."""
    path = pathlib.Path(folder, "initrd")
    must(SPARE.parents[1] / "scripts/pack-initramfs", GUEST / "busybox", SPARE / "storage_init", path)
    archive = path.read_bytes()
    path.write_bytes(archive + b"\0" * (-len(archive) % 4) + (GUEST / f"modules-{modules}.cpio").read_bytes())
    return path


def make_file_system(path, label, megabytes=DISK_MEGABYTES):
    """A raw image that is all ext4, with a small journal that is often full."""
    must("truncate", "-s", f"{megabytes}M", path)
    must("mke2fs", "-q", "-F", "-t", "ext4", "-L", label, "-b", "1024", "-J", "size=4", "-O",
         "^metadata_csum_seed,^orphan_file", path)


def machine(initrd, mode, disks, *arguments, modules="disk-ide", files=0):
    return Machine("-m", "128", "-nic", "none", "-vga", "none", "-no-reboot", "-kernel", GUEST / "vmlinuz", "-initrd",
                   initrd, "-append", f"console=ttyS0 quiet panic=-1 storage.modules={modules} storage.mode={mode} "
                                      f"storage.files={files} storage.disks={','.join(disks)}", *arguments)


def file_system_problem(raw):
    """What e2fsck has against the file system after its journal was replayed; None if nothing."""
    status, text = tool("e2fsck", "-p", raw)
    if status in (0, 1):
        status, text = tool("e2fsck", "-fn", raw)
    return None if status == 0 else f"e2fsck: {status}\n{text}"


class KilledDisks:
    """A qcow2 image and a virtual disk of a volume whose guest is killed again and again while it writes to both."""

    def __init__(self, folder, interface="ide"):
        self.folder = pathlib.Path(folder)
        self.modules = MODULES[interface]
        self.initrd = make_initrd(folder, self.modules)
        self.qcow2, self.volume = self.folder / "disk.qcow2", self.folder / "volume"
        self.sources = {"qcow2": self.qcow2, "volume": f"volume:{self.volume}/disk"}
        self.arguments = ["-drive", f"file={self.qcow2},format=qcow2,if={interface}",
                          "-drive", f"file=volume:{self.volume}/disk,format=raw,if={interface}"]
        raw = self.folder / "empty"
        make_file_system(raw, "qcow2")
        must("qemu-img", "convert", "-O", "qcow2", raw, self.qcow2)
        make_file_system(raw, "volume")
        must(RING3, "disk", "init", self.volume, f"{DISK_MEGABYTES + 16}M")
        must(RING3, "disk", "create", self.volume, "disk", f"{DISK_MEGABYTES}M")
        must(RING3, "image", "convert", "-q", "-n", "-f", "raw", raw, f"volume:{self.volume}/disk")
        raw.unlink()
        self.safe_files = 0

    def kill_once(self, seconds):
        """Lets the guest write for a while, kills ring3; what is wrong with the disks then, or None."""
        with machine(self.initrd, "write", self.sources, *self.arguments, modules=self.modules) as guest:
            for name in self.sources:
                if not guest.wait_for_output(f"safe {name} ", timeout=120):
                    return f"the guest does not write to {name}:\n{guest.output()}\n{guest.error_text()}"
            time.sleep(seconds)
            guest.process.kill()
            guest.process.wait()
            text = guest.output()
        if "failed" in text:
            return f"the guest had errors:\n{text}"
        problems = [self.judge(name, text) for name in self.sources]
        return next((problem for problem in problems if problem), None)

    def judge(self, name, text):
        of_image = name == "qcow2"
        status, said = tool("qemu-img", "check", self.qcow2) if of_image else tool(RING3, "disk", "list", self.volume)
        if status not in (0, 3):  # 3: leaked clusters, which cost room and no data
            return f"{name}: {status}\n{said}"
        raw = self.folder / "raw"
        must(RING3, "image", "convert", "-q", "-f", "qcow2" if of_image else "raw", "-O", "raw",
             self.sources[name], raw)
        problem = file_system_problem(raw)
        if problem:
            return f"{name}: {problem}"
        # The last line may be cut off, and of the files before, the oldest may be gone again.
        safe = [tuple(map(int, line.split())) for line in re.findall(rf"safe {name} (\d+ \d+)\r?\n", text)]
        for number, size in safe[-15:]:
            self.safe_files += 1
            word = f"{name}-{number}\n".encode()
            wanted = (word * (size // len(word) + 1))[:size]
            copy = self.folder / "file"
            tool("debugfs", "-R", f"dump /f{number} {copy}", raw)
            if not copy.exists() or copy.read_bytes() != wanted:
                found = copy.read_bytes() if copy.exists() else b""
                return (f"{name}: file {number} of {size} bytes was safe and is lost: there are {len(found)} bytes, "
                        f"right up to {len(os.path.commonprefix([found, wanted]))}")
            copy.unlink()
        raw.unlink()
        return None

    def kill(self, times, random_numbers=random.Random(), say=lambda line: None):
        """None, or what was wrong."""
        for number in range(1, times + 1):
            seconds = random_numbers.uniform(0, 1.5)
            problem = self.kill_once(seconds)
            say(f"kill {number}: after {seconds:.2f} s of writing, {self.safe_files} safe files were found so far")
            if problem:
                return problem
        return None
