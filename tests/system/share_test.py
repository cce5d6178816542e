"""Shared folders: the default guest at /share, and QEMU's -virtfs."""

import hashlib
import os
import pathlib
import stat
import subprocess
import tempfile
import unittest

from ring3_programs import GUEST, INPUT_OUTPUT, SYSTEM, TIMEOUT, USAGE, needs, ring3, system

MODULES = GUEST / "modules-share.cpio"
needs_disk = needs(GUEST / "vmlinuz", GUEST / "modules-disk.cpio", MODULES, pathlib.Path("/sbin/e2fsck"))
needs_share = needs(GUEST / "vmlinuz", GUEST / "initramfs.cpio.gz", MODULES)


def checksum(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def has_attributes(folder):
    try:
        os.setxattr(folder, "user.ring3", b"1")
    except OSError:
        return False
    return True


class Share(unittest.TestCase):
    def setUp(self):
        self.outside = pathlib.Path(tempfile.mkdtemp(prefix="ring3-test-"))
        self.addCleanup(subprocess.run, ["rm", "-rf", str(self.outside)], check=True)
        self.folder = self.outside / "shared"
        self.folder.mkdir()

    def guest(self, script, option="", **options):
        """Runs a shell script in the default guest, in the folder."""
        return ring3("run", "--share", f"{self.folder}{option}", "--", "sh", "-c", script, **options)

    @needs_share
    def test_large_files_go_both_ways(self):
        size = 40_000_003
        (self.folder / "in").write_bytes(os.urandom(size))
        ended = self.guest("pwd; sha256sum < in; dd if=in bs=1M of=out 2> /dev/null; dd if=in bs=100000 skip=17 count=5 |"
                           "sha256sum; mkdir -p a/b && mv out a/b/moved && ln a/b/moved hard && ln -s a/b link &&"
                           "chmod 640 hard && rm -r a/b/moved; stat -c '%s %a %F' hard link; exit 7")
        self.assertEqual(ended.returncode, 7, ended.stderr)
        data = (self.folder / "in").read_bytes()
        lines = ended.stdout.splitlines()
        self.assertEqual(lines[0], "/share")
        self.assertEqual(lines[1].split()[0], hashlib.sha256(data).hexdigest())
        self.assertEqual(lines[2].split()[0], hashlib.sha256(data[1_700_000:2_200_000]).hexdigest())
        self.assertEqual(lines[3:], [f"{size} 640 regular file", "3 777 symbolic link"])
        self.assertEqual(checksum(self.folder / "hard"), checksum(self.folder / "in"))
        self.assertEqual(stat.S_IMODE((self.folder / "hard").stat().st_mode), 0o640)
        self.assertEqual(os.readlink(self.folder / "link"), "a/b")
        self.assertEqual(list((self.folder / "a/b").iterdir()), [])

    @needs_share
    def test_many_files_and_input_and_output_of_the_command(self):
        for number in range(200):
            (self.folder / f"file-{number:03}").write_text(f"{number}\n")
        ended = self.guest("ls | wc -l; cat file-* | sha256sum; tr a-z A-Z > said; : > empty; echo oops >&2; false",
                           stdin="from the host\n")
        everything = "".join(f"{number}\n" for number in range(200)).encode()
        self.assertEqual(ended.stdout.split(), ["200", hashlib.sha256(everything).hexdigest(), "-"])
        self.assertEqual((ended.returncode, ended.stderr), (1, "oops\n"))
        self.assertEqual((self.folder / "said").read_text(), "FROM THE HOST\n")
        self.assertEqual((self.folder / "empty").read_bytes(), b"")

    @needs_share
    def test_nothing_leads_out_of_the_folder(self):
        secret = self.outside / "secret"
        secret.write_text("secret")
        (self.folder / "up").symlink_to("..")
        (self.folder / "file").symlink_to("../secret")
        (self.folder / "absolute").symlink_to(self.outside)
        os.mkfifo(self.folder / "fifo")
        ended = self.guest(f"cat ../secret up/secret file absolute/secret {secret}; echo x > file; echo x > up/new;"
                           "echo x > absolute/new; ln -s / root; cat root/../secret; mkdir -p d && cd d &&"
                           "cat ../../secret; mv ../up ../../moved; ls /share | wc -l; echo done")
        self.assertNotIn("secret\n", ended.stdout)
        self.assertEqual(ended.stdout.splitlines()[-1], "done", ended.stderr)
        self.assertEqual(ended.returncode, 0)
        self.assertEqual(secret.read_text(), "secret")
        self.assertEqual(sorted(path.name for path in self.outside.iterdir()), ["secret", "shared"])

    @needs_share
    def test_a_folder_may_be_read_only(self):
        (self.folder / "file").write_text("content")
        ended = self.guest("cat file; echo x > file; echo x > new; rm -f file; mkdir d; chmod 777 file; mv file g; touch file;"
                           "mount -o remount,rw /share; echo x > new; exit 3", ":ro")
        self.assertEqual((ended.stdout, ended.returncode), ("content", 3))
        self.assertEqual(ended.stderr.count("Read-only file system"), 8, ended.stderr)
        self.assertEqual((self.folder / "file").read_text(), "content")
        self.assertEqual([path.name for path in self.folder.iterdir()], ["file"])

    @needs_share
    def test_virtfs_with_mapped_owners(self):
        if not has_attributes(self.folder):
            self.skipTest("no extended attributes here")
        initrd = self.outside / "initrd"
        first = (GUEST / "initramfs.cpio.gz").read_bytes()
        initrd.write_bytes(first + bytes(-len(first) % 4) + MODULES.read_bytes())
        # What comes before the guest reads its serial port may be lost.
        script = ("#" * 100 + "\nmknod null c 1 3 && echo hello > file && chown 11:22 file && chmod 4711 file && ln -s /etc/passwd link &&"
                  "ls -ln | awk '{ print $1, $3, $4, $5, $6 }'; cat /sys/bus/virtio/devices/*/device;"
                  "poweroff -f\n")
        ended = subprocess.run(
            [str(SYSTEM), "-display", "none", "-m", "128", "-serial", "stdio", "-kernel", str(GUEST / "vmlinuz"),
             "-initrd", str(initrd), "-append", "console=ttyS0 quiet ring3.input=lines ring3.share=rw",
             "-virtfs", f"local,path={self.folder},mount_tag=share,security_model=mapped-xattr,id=share"],
            input=script, capture_output=True, text=True, errors="replace", timeout=TIMEOUT, check=False)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        output = ended.stdout.replace("\r", "")
        self.assertIn("-rws--x--x 11 22 6", output)
        self.assertIn("crw-r--r-- 0 0 1, 3", output)
        self.assertIn("lrwxrwxrwx 0 0 11", output)
        self.assertIn("0x0009", output)
        for name in ("file", "null", "link"):
            host = (self.folder / name).lstat()
            self.assertEqual(stat.filemode(host.st_mode), "-rw-------", name)
        self.assertEqual((self.folder / "link").read_text(), "/etc/passwd")

    @needs_disk
    def test_a_scratch_disk_and_images(self):
        image = self.outside / "disk.img"
        with open(image, "wb") as file:
            file.truncate(16 << 20)
        script = ("mke2fs -F /dev/vda > /dev/null && mount -t ext4 /dev/vda /mnt && cp big /mnt/copy;"
                  "df -k /scratch | awk 'NR > 1 { print $1, $6, ($2 > 500000) }'; cp big /scratch; cd /scratch; ls -1;"
                  "echo x 2> /dev/null > /dev/vdc || echo read-only; sha256sum big; exit 9")
        (self.folder / "big").write_bytes(os.urandom(9_000_000))
        (self.outside / "other").write_bytes(bytes(1 << 20))
        ended = ring3("run", "--share", self.folder, "--disk", image, "--disk", "600M",
                      "--disk", f"{self.outside / 'other'}:ro", "--",
                      "sh", "-c", "mkdir /mnt; " + script)
        self.assertEqual(ended.returncode, 9, ended.stderr)
        lines = ended.stdout.splitlines()
        self.assertEqual(lines[:-1], ["/dev/vdb /scratch 1", "big", "lost+found", "read-only"])
        self.assertEqual(lines[-1].split()[0], checksum(self.folder / "big"))
        # The guest's init has unmounted what the command has left mounted.
        checked = subprocess.run(["/sbin/e2fsck", "-f", "-n", image], capture_output=True, text=True, check=False)
        self.assertEqual(checked.returncode, 0, checked.stdout)

    def test_what_cannot_be_shared_is_named(self):
        ended = ring3("run", "--kernel", "/dev/null", "--initrd", "none", "--share", "a", "--share", "b")
        self.assertEqual((ended.returncode, ended.stdout), (USAGE, ""))
        self.assertEqual(ended.stderr, "ring3: option '--share': a guest has one shared folder\n")
        ended = system("-virtfs", "local,path=/,mount_tag=x,security_model=mapped-file")
        self.assertEqual(ended.returncode, USAGE)
        self.assertIn("security_model=mapped-file is not supported", ended.stderr)

    @needs_share
    def test_a_folder_that_is_not_there_is_named(self):
        ended = self.guest("true", "/nowhere")
        self.assertEqual(ended.returncode, INPUT_OUTPUT)
        self.assertEqual(ended.stderr, f"ring3: cannot share '{self.folder}/nowhere': No such file or directory\n")


if __name__ == "__main__":
    unittest.main()
