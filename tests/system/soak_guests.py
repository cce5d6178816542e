#!/usr/bin/env python3
"""soak_guests.py KILLS: whole guests for longer than `make test` has time for. A guest that writes to ext4 on a qcow2
image and on a virtual disk of a volume is killed until KILLS disks have been killed; a full Debian boots from its disk
with both its kernels and gets files in and out. Prints a line for each; the exit status is 1 after the first failure.
"""

import hashlib
import os
import subprocess
import sys
import tempfile

from installed_debian import InstalledDebian
from ring3_programs import SOURCE
from storage_guest import KilledDisks


def say(text):
    print(text, flush=True)


def copy_files(debian, megabytes):
    """None, or what was wrong with a large file that went in and came out again."""
    content = os.urandom(1 << 20) * megabytes
    wanted = hashlib.sha256(content).hexdigest()
    there = debian.ssh("cat > /root/file && sync && sha256sum < /root/file", stdin=content, timeout=1200).stdout.decode()
    back = debian.ssh("echo 3 > /proc/sys/vm/drop_caches; cat /root/file", timeout=1200).stdout
    if there.split()[:1] != [wanted]:
        return f"the file went in as {there}, not {wanted}"
    return None if hashlib.sha256(back).hexdigest() == wanted else "the file came back changed"


def boot_debian(kernel, disk, card):
    with InstalledDebian("-smbios", f"type=1,product=linux-{kernel}", variant="full", disk=disk, card=card) as debian:
        if not debian.wait_for_ssh():
            return debian.said()
        release = debian.ssh("uname -r").stdout.decode().strip()
        if not release.endswith(f"-{kernel}"):
            return f"the kernel is {release}, not {kernel}"
        problem = copy_files(debian, 256)
        if problem:
            return problem
        if debian.ssh("fio --name=v --directory=/root --size=64m --bs=4k --rw=randwrite --verify=crc32c --fallocate=none "
                      "--end_fsync=1 --minimal", timeout=1200).returncode:
            return "fio found other bytes than it had written"
        debian.ssh("poweroff")
        status = debian.wait()
        return f"status {status}" if status else debian.check_disk()


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for interface in ("ide", "virtio"):
        with tempfile.TemporaryDirectory() as folder:
            wrong = KilledDisks(folder, interface).kill(int(sys.argv[1]) // 4, say=say)
        if wrong:
            say(f"{interface}: {wrong}")
            sys.exit(1)
    subprocess.run([SOURCE / "scripts/make-debian-disk", "full"], check=True)
    for kernel, disk, card in (("686", "if=ide", "e1000"), ("686-pae", "if=virtio", "virtio-net-pci")):
        wrong = boot_debian(kernel, disk, card)
        say(f"Debian with the kernel {kernel}: {wrong or 'good'}")
        if wrong:
            sys.exit(1)


if __name__ == "__main__":
    main()
