"""`ring3 image` beside qemu-img: what one makes the other reads, and both say the same."""

import json
import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import time
import unittest

from disks_test import GOOD, NASM, SEABIOS, boot, disk_image
from ring3_programs import CONFIGURATION, INPUT_OUTPUT, RING3, USAGE, needs, run

needs_qemu = unittest.skipUnless(shutil.which("qemu-img") and shutil.which("qemu-io"), "missing: qemu-utils")


def image(*arguments, **options):
    return run(RING3, "image", *arguments, timeout=120, **options)


def qemu(*arguments):
    return run("qemu-img", *arguments, timeout=120)


def qemu_io(path, *commands):
    """Writes and reads of qemu-io."""
    words = [word for command in commands for word in ("-c", command)]
    return run("qemu-io", *words, path, timeout=120)


def extents(text):
    """The entries of `map`, without what they say of zeroes within data: that depends on how the host stores files."""
    joined = []
    for entry in json.loads(text):
        if entry["data"]:
            entry["zero"] = False
        last = joined[-1] if joined else {}
        before = {key: last.get(key) for key in entry if key not in ("start", "length", "offset")}
        is_next = "offset" not in entry or last.get("offset", 0) + last.get("length", 0) == entry["offset"]
        if is_next and before == {key: entry[key] for key in before} and ("offset" in last) == ("offset" in entry):
            last["length"] += entry["length"]
        else:
            joined.append(entry)
    return joined


class FolderTestCase(unittest.TestCase):
    def setUp(self):
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = tempfile.TemporaryDirectory(dir=memory)
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return str(pathlib.Path(self.folder.name, name))

    def done(self, process, status=0):
        self.assertEqual(process.returncode, status, process.stdout + process.stderr)
        return process.stdout

    def make_chain(self):
        """base <- middle <- top, with data, zeroes and holes in each; the top one is larger."""
        base, middle, top = (self.path(name) for name in ("base.qcow2", "middle.qcow2", "top.qcow2"))
        self.done(qemu("create", "-f", "qcow2", base, "4M"))
        self.done(qemu_io(base, "write -P 1 0 300k", "write -P 2 2M 64k", "write -z 3M 128k"))
        self.done(qemu("create", "-f", "qcow2", "-o", "cluster_size=4k", "-b", "base.qcow2", "-F", "qcow2", middle, "5M"))
        self.done(qemu_io(middle, "write -P 3 100k 10k", "write -z 2M 20k", "write -P 4 4500k 9k"))
        self.done(image("create", "-f", "qcow2", "-b", "middle.qcow2", "-F", "qcow2", top, "6M"))
        self.done(qemu_io(top, "write -P 5 1M 100k", "write -P 6 5500k 3k"))
        return base, middle, top


@needs_qemu
class Formats(FolderTestCase):
    def test_info_says_what_qemu_img_says(self):
        plain, old = self.path("plain"), self.path("old")
        base, middle, top = self.make_chain()
        self.done(image("create", plain, "1000"))
        self.done(image("create", "-f", "qcow2", "-o", "compat=0.10,cluster_size=1k", old, "3M"))
        zstd = self.path("zstd")
        self.done(image("create", "-f", "qcow2", "-o", "compression_type=zstd,refcount_bits=1,lazy_refcounts=on", zstd, "3M"))
        for path in (plain, old, base, middle, top, zstd):
            ours, theirs = (json.loads(self.done(one("info", "--output=json", path))) for one in (image, qemu))
            self.assertEqual(ours, theirs)
            self.assertEqual(self.done(image("info", path)), self.done(qemu("info", path)))
        chain = [json.loads(self.done(one("info", "--backing-chain", "--output=json", top))) for one in (image, qemu)]
        self.assertEqual(*chain)
        self.assertEqual(len(chain[0]), 3)

    def test_map_shows_what_qemu_img_shows(self):
        base, middle, top = self.make_chain()
        packed = self.path("packed")
        self.done(qemu("convert", "-c", "-O", "qcow2", top, packed))
        for path in (base, middle, top, packed):
            ours, theirs = (extents(self.done(one("map", "--output=json", path))) for one in (image, qemu))
            self.assertEqual(ours, theirs)
        self.assertIn(top, self.done(image("map", top)))
        ours, theirs = (extents(self.done(one("map", "--output=json", "-s", "64k", "-l", "2M", top)))
                        for one in (image, qemu))
        self.assertEqual(ours, theirs)

    def test_convert_makes_disks_that_qemu_img_finds_identical(self):
        top = self.make_chain()[2]
        ways = {
            "raw": ["-O", "raw"],
            "qcow2": ["-O", "qcow2"],
            "v2": ["-O", "qcow2", "-o", "compat=0.10"],
            "small": ["-O", "qcow2", "-o", "cluster_size=512,refcount_bits=64"],
            "packed": ["-c", "-O", "qcow2"],
            "packed_small": ["-c", "-O", "qcow2", "-o", "cluster_size=1k,refcount_bits=1"],
            "zstd": ["-c", "-O", "qcow2", "-o", "compression_type=zstd"],
            "full": ["-O", "raw", "-S", "0"],
            "backed": ["-O", "qcow2", "-B", "middle.qcow2", "-F", "qcow2"],
            "reserved": ["-O", "qcow2", "-o", "preallocation=metadata"],
        }
        for name, options in ways.items():
            with self.subTest(name):
                target, back = self.path(name), self.path("back")
                self.done(image("convert", *options, top, target))
                self.assertEqual(self.done(qemu("compare", top, target)), "Images are identical.\n")
                self.assertEqual(self.done(image("compare", target, top)), "Images are identical.\n")
                if "qcow2" in options:
                    self.done(qemu("check", target))
                    self.done(image("check", target))
                self.done(image("convert", target, back))
                self.done(qemu("compare", top, back))
                self.done(image("compare", "-s", top, back))
        self.assertLess(os.stat(self.path("packed")).st_size, os.stat(self.path("qcow2")).st_size)
        self.assertLess(os.stat(self.path("raw")).st_blocks, os.stat(self.path("full")).st_blocks)

    def test_reads_what_qemu_img_packs(self):
        source = self.path("source")
        generator = random.Random(4)
        pathlib.Path(source).write_bytes(b"".join(generator.choice([generator.randbytes(3000), b"text" * 2000, bytes(9000)])
                                                  for _ in range(300)))
        for options in ("compression_type=zlib", "compression_type=zstd,cluster_size=8k", "cluster_size=2M"):
            with self.subTest(options):
                packed, back = self.path("packed"), self.path("back")
                self.done(qemu("convert", "-c", "-O", "qcow2", "-o", options, source, packed))
                self.done(image("convert", "-p", packed, back))
                self.assertEqual(pathlib.Path(back).read_bytes()[:os.stat(source).st_size],
                                 pathlib.Path(source).read_bytes())

    def test_check_counts_what_qemu_img_counts(self):
        path = self.path("disk")
        self.done(qemu("create", "-f", "qcow2", path, "8M"))
        self.done(qemu_io(path, "write 0 1M", "write -c 2M 64k", "write 3M 64k"))
        self.done(qemu("snapshot", "-c", "one", path))
        self.done(qemu_io(path, "write 512k 128k"))
        ours, theirs = (json.loads(self.done(one("check", "--output=json", path))) for one in (image, qemu))
        self.assertEqual(ours, theirs)
        self.assertEqual(self.done(image("info", path)).count("one"), 1)
        os.truncate(path, 40 * 65536)
        with open(path, "r+b") as file:  # the refcount block is the third cluster
            file.seek(2 * 65536 + 2 * 30)
            file.write(b"\0\1")
        self.done(image("check", path), 3)
        with open(path, "r+b") as file:
            file.seek(2 * 65536 + 2 * 7)
            file.write(b"\0\0")
        self.done(image("check", path), 2)
        self.done(image("check", "-r", "leaks", path), 2)
        self.done(image("check", "-r", "all", path))
        self.done(qemu("check", path))
        self.done(image("check", self.path("missing")), 1)
        self.done(image("create", self.path("raw"), "1M"))
        self.done(image("check", self.path("raw")), 63)

    def test_resize_and_compare(self):
        path, other = self.path("disk"), self.path("other")
        self.done(image("create", "-q", "-f", "qcow2", path, "1M"))
        self.done(qemu_io(path, "write -P 7 1000k 24k"))
        shutil.copy(path, other)
        self.done(image("resize", path, "+100G"))
        self.done(qemu("check", path))
        self.done(image("compare", path, other))
        self.assertIn("Strict mode", self.done(image("compare", "-s", path, other), 1))
        self.done(image("resize", path, "-50G"), USAGE)
        self.done(image("resize", "--shrink", path, "1000k"))
        self.done(image("resize", path, "1M"))
        self.done(qemu("check", path))
        self.assertEqual(self.done(image("compare", path, other), 1), "Content mismatch at offset 1024000!\n")
        self.done(image("compare", path, self.path("missing")), 2)

    def test_what_is_not_supported_is_named(self):
        path = self.path("disk")
        cases = {
            "extended_l2=on": "extended L2 entries",
            f"data_file={self.path('data')}": "external data file",
        }
        for option, name in cases.items():
            self.done(qemu("create", "-f", "qcow2", "-o", option, path, "1M"))
            failed = image("info", path)
            self.done(failed, CONFIGURATION)
            self.assertIn(name, failed.stderr)
            os.remove(path)
        failed = image("create", "-f", "vmdk", path, "1M")
        self.done(failed, USAGE)
        self.assertIn("vmdk", failed.stderr)
        self.done(image("create", "-f", "qcow2", "-o", "nonsense=1", path, "1M"), USAGE)
        self.done(image("create", "-f", "qcow2", path), USAGE)
        self.done(image("info", self.path("missing")), INPUT_OUTPUT)
        pathlib.Path(path).write_bytes(b"QFI\xfb" + bytes(1000))
        self.done(image("info", path), CONFIGURATION)

    def test_a_full_disk_is_one_clear_error_and_no_harm(self):
        source, target = self.path("source"), self.path("target")
        pathlib.Path(source).write_bytes(random.Random(8).randbytes(3 << 20))
        words = f"ulimit -f 2000; exec {RING3} image convert -O qcow2 {source} {target}"
        failed = run("bash", "-c", words, timeout=120)
        self.done(failed, INPUT_OUTPUT)
        self.assertIn("File too large", failed.stderr)
        self.assertIn(image("check", target).returncode, (0, 3))

    def test_a_chain_that_leads_to_itself_is_refused(self):
        one, other = self.path("one"), self.path("other")
        self.done(image("create", "-f", "qcow2", "-u", "-b", "other", "-F", "qcow2", one, "1M"))
        self.done(image("create", "-f", "qcow2", "-u", "-b", "one", "-F", "qcow2", other, "1M"))
        failed = image("map", one)
        self.done(failed, CONFIGURATION)
        self.assertIn("backing file of itself", failed.stderr)


@needs_qemu
class Locks(FolderTestCase):
    def test_qemu_and_ring3_keep_out_of_each_others_images(self):
        path = self.path("disk")
        self.done(image("create", "-f", "qcow2", path, "1M"))
        holder = subprocess.Popen(["qemu-io", path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            holder.stdin.write("write 0 64k\n")
            holder.stdin.flush()
            while "ops" not in holder.stdout.readline():
                pass
            failed = image("check", path)
            self.assertIn("in use", failed.stderr)
            self.done(image("resize", path, "2M"), INPUT_OUTPUT)
            self.done(image("info", "-U", path))
        finally:
            holder.stdin.close()
            holder.wait(60)
            holder.stdout.close()
        self.done(image("resize", path, "2M"))


@needs_qemu
@unittest.skipUnless(shutil.which("qemu-nbd"), "missing: qemu-utils")
class Servers(FolderTestCase):
    def serve(self, *arguments):
        socket = self.path("socket")
        server = subprocess.Popen(["qemu-nbd", "--persistent", "--socket", socket, *arguments])
        self.addCleanup(server.wait, 60)
        self.addCleanup(server.terminate)
        for _ in range(600):
            if os.path.exists(socket):
                return f"nbd+unix:///?socket={socket}"
            time.sleep(0.1)
        self.fail("qemu-nbd does not listen")

    def test_a_vmdk_is_read_and_written_through_qemu_nbd(self):
        source, disk, back = self.path("source"), self.path("disk.vmdk"), self.path("back")
        pathlib.Path(source).write_bytes(random.Random(5).randbytes(300000) + bytes(3 << 20) + b"end" * 1000)
        self.done(qemu("create", "-f", "vmdk", disk, "8M"))
        url = self.serve("-f", "vmdk", "--discard=unmap", disk)
        self.done(image("convert", "-n", "-O", "raw", source, url))
        self.done(image("compare", source, url))
        self.done(image("convert", "-O", "qcow2", url, back))
        self.done(image("compare", "-f", "qcow2", back, url.replace("nbd+unix:///?socket=", "nbd:unix:")))
        self.assertIn("virtual size: 8 MiB", self.done(image("info", url)))
        ours, theirs = (extents(self.done(one("map", "--output=json", url))) for one in (image, qemu))
        self.assertEqual(ours, theirs)
        self.done(image("resize", url, "16M"), CONFIGURATION)

    @needs(NASM, SEABIOS)
    def test_a_machine_boots_from_a_vdi(self):
        plain, disk = disk_image(self.folder.name, 1 << 20), self.path("disk.vdi")
        self.done(qemu("convert", "-f", "raw", "-O", "vdi", plain, disk))
        url = self.serve("-f", "vdi", disk)
        done = boot("-drive", f"file={url},format=raw")
        self.assertEqual((done.stdout, done.returncode), ("started\ngood\n", GOOD), done.stderr)
        self.assertEqual(self.done(image("compare", url, plain), 1), "Content mismatch at offset 1024!\n")

    def test_a_server_that_is_not_there_is_one_clear_error(self):
        failed = image("map", f"nbd+unix:///?socket={self.path('nothing')}")
        self.done(failed, INPUT_OUTPUT)
        self.assertEqual(len(failed.stderr.splitlines()), 1, failed.stderr)


class VolumesTestCase(FolderTestCase):
    def test_disks_of_a_volume_are_made_used_and_removed(self):
        pool, source, back = self.path("pool"), self.path("source"), self.path("back")

        def disk(*arguments):
            return run(RING3, "disk", *arguments, timeout=120)

        self.done(disk("init", pool, "40M"))
        self.done(disk("init", pool), CONFIGURATION)
        self.done(disk("create", pool, "root", "8M"))
        self.done(disk("create", pool, "data", "4M"))
        self.done(disk("create", pool, "data", "4M"), CONFIGURATION)
        self.done(disk("create", pool, "big", "4G"), INPUT_OUTPUT)
        self.done(disk("resize", pool, "root", "-1M"), USAGE)
        self.done(disk("resize", pool, "root", "+1M"))
        listed = json.loads(self.done(disk("list", "--json", pool)))
        self.assertEqual([(one["name"], one["bytes"]) for one in listed["disks"]], [("root", 9 << 20), ("data", 4 << 20)])
        self.assertEqual(listed["free-bytes"], 26 << 20)

        pathlib.Path(source).write_bytes(random.Random(6).randbytes(9 << 20))
        self.done(image("convert", source, f"volume:{pool}/root"))
        self.done(image("compare", "-s", source, f"volume:{pool}/root"))
        self.done(image("convert", "-O", "qcow2", f"volume:{pool}/root", back))
        self.done(image("compare", "-s", source, back))
        self.done(image("info", f"volume:{pool}/nothing"), CONFIGURATION)
        self.done(disk("remove", pool, "root"))
        self.done(disk("remove", pool, "root"), CONFIGURATION)
        self.done(disk("create", pool, "next", "30M"))
        self.done(image("convert", f"volume:{pool}/next", back))
        self.assertEqual(pathlib.Path(back).read_bytes().strip(b"\0"), b"")


@needs(NASM, SEABIOS)
class MachinesTestCase(FolderTestCase):
    """A machine reads its boot sector from each kind of image, and writes to it."""

    def check_boot(self, drive, changed):
        done = boot("-drive", drive)
        self.assertEqual((done.stdout, done.returncode), ("started\ngood\n", GOOD), done.stderr)
        back = self.path("back")
        self.done(image("convert", changed, back))
        self.assertEqual(pathlib.Path(back).read_bytes()[1024:1028], b"WROT")
        os.remove(back)

    def test_qcow2_and_its_overlays(self):
        plain, disk, overlay = disk_image(self.folder.name, 1 << 20), self.path("disk"), self.path("overlay")
        self.done(image("convert", "-c", "-O", "qcow2", plain, disk))
        self.done(image("create", "-q", "-f", "qcow2", "-b", "disk", "-F", "qcow2", overlay))
        self.check_boot(f"file={overlay},format=qcow2,cache=writethrough", overlay)
        self.done(image("compare", plain, disk))
        self.done(image("check", overlay))
        self.check_boot(f"file={disk}", disk)
        self.done(image("check", disk))

    def test_volumes(self):
        plain, pool = disk_image(self.folder.name, 1 << 20), self.path("pool")
        self.done(run(RING3, "disk", "init", pool, "8M"))
        self.done(run(RING3, "disk", "create", pool, "root", "1M"))
        self.done(image("convert", plain, f"volume:{pool}/root"))
        self.check_boot(f"file=volume:{pool}/root,format=raw", f"volume:{pool}/root")


if __name__ == "__main__":
    unittest.main()
