"""Machine files: what is wrong in them, what they mean, and several machines at once on one terminal."""

import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import unittest

from ring3_programs import CONFIGURATION, GUEST, INPUT_OUTPUT, RING3, SOURCE, SYSTEM, TINY, USAGE, Terminal, needs, ring3, run

EXAMPLES = sorted((SOURCE / "share/examples").glob("*.toml"))
needs_modules = needs(GUEST / "vmlinuz", GUEST / "initramfs.cpio.gz", GUEST / "modules-net-e1000.cpio")

IDLE = '[vm.{0}]\nmemory = "16M"\n'  # firmware that finds nothing to boot


def processes_of(group):
    """What still runs of a process and its children, by the environment that they inherited."""
    mark = f"RING3_TEST_MARK={group}".encode()
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            # The monitors' children included; a zombie's environment is empty.
            if mark in path.read_bytes().split(b"\0"):
                found.append(path.parent.name)
        except OSError:
            pass
    return found


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        os.chmod(self.folder, 0o700)
        self.mark = f"{os.getpid()}-{id(self)}"
        self.environment = os.environ | {"XDG_RUNTIME_DIR": str(self.folder), "RING3_TEST_MARK": self.mark}

    def write(self, text, name="lab.toml"):
        path = self.folder / name
        path.write_text(text)
        return path

    def start(self, *arguments, **options):
        return subprocess.Popen([str(RING3), "run", *map(str, arguments)], stdin=subprocess.DEVNULL, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment, **options)

    def wait_until(self, condition, timeout=120):
        end = time.monotonic() + timeout
        while not condition() and time.monotonic() < end:
            time.sleep(0.05)
        self.assertTrue(condition())

    def assert_nothing_is_left(self):
        self.wait_until(lambda: not processes_of(self.mark), 30)
        runtime = self.folder / "ring3"
        self.assertEqual(list(runtime.iterdir()) if runtime.exists() else [], [])


class Check(Folder):
    def test_what_is_wrong_is_named_by_line_and_column(self):
        path = self.write('[switch.lan]\n\n[vm.a]\nmemroy = 64\nkernel = "nowhere"\nsmp = 300\n'
                          '[[vm.a.nic]]\nswitch = "lam"\n[vm.b]\nmemory = "12X"\n')
        done = ring3("config", "check", path)
        self.assertEqual(done.returncode, CONFIGURATION)
        self.assertEqual(done.stderr.splitlines(), [
            f"{path}:4:1: unknown key 'memroy' in [[vm]] (did you mean 'memory'?)",
            f"{path}:5:10: 'kernel': cannot find 'nowhere': No such file or directory",
            f"{path}:6:7: 'smp' is 1 to 255, not 300",
            f"{path}:8:10: there is no switch 'lam' (did you mean 'lan'?)"])
        path = self.write('[switch.s]\nuplink = "banana"\n[vm.a]\n[vm.b]\n')
        self.assertIn(f"{path}:2:10: 'uplink': ", ring3("config", "check", path).stderr)
        path = self.write('[vm.a]\nmemory = "12X"\n[vm.b]\nboot = "z"\n[vm.c]\nrtc = "base=never"\n'
                          '[vm.d]\noptions = ["-usb"]\n[vm.e]\ncpu = "z80"\n')
        done = ring3("config", "check", path)
        self.assertEqual([line.removeprefix(f"{path}:").split(" ")[0] for line in done.stderr.splitlines()],
                         ["2:10:", "4:8:", "6:7:", "8:12:", "10:7:"], done.stderr)

    def test_a_volume_and_its_disk_must_be_there(self):
        ring3("disk", "init", self.folder / "pool.vol", "16M")
        ring3("disk", "create", self.folder / "pool.vol", "root", "4M")
        text = '[volume.pool]\nfile = "pool.vol"\n[vm.a]\n[[vm.a.drive]]\nvolume = "pool"\ndisk = "{}"\n'
        self.assertEqual(ring3("config", "check", self.write(text.format("root"))).returncode, 0)
        done = ring3("config", "check", self.write(text.format("rot")))
        self.assertIn("6:8: the volume 'pool.vol' has no disk 'rot' (did you mean 'root'?)", done.stderr)

    def test_bad_files_and_words_have_their_statuses(self):
        self.assertEqual(ring3("config", "check", self.folder / "none.toml").returncode, INPUT_OUTPUT)
        for arguments in [["check"], ["chekc", "a"], [], ["check", "--fast", "a.toml"]]:
            self.assertEqual(ring3("config", *arguments).returncode, USAGE, arguments)
        path = self.write(IDLE.format("a"))
        self.assertEqual(ring3("run", path, "--memory", "5").returncode, USAGE)
        self.assertEqual(ring3("run", path, "--until", "b").returncode, USAGE)
        self.assertEqual(ring3("run", path, "b").returncode, CONFIGURATION)
        self.assertEqual(ring3("config", "check", self.write("[vm.a")).returncode, CONFIGURATION)

    def test_show_prints_command_lines_that_are_understood(self):
        ring3("disk", "init", self.folder / "pool.vol", "16M")
        ring3("disk", "create", self.folder / "pool.vol", "root", "4M")
        path = self.write(f'''
[volume.pool]
file = "pool.vol"
[switch.lan]
uplink = "user"
[vm.first]
kernel = "{TINY}"
append = "it's, a test"
[[vm.first.drive]]
volume = "pool"
disk = "root"
[[vm.first.nic]]
switch = "lan"
''')
        shown = ring3("config", "show", path)
        self.assertEqual(shown.returncode, 0, shown.stderr)
        lines = shown.stdout.splitlines()
        self.assertEqual(lines[0], f"cd {self.folder}")
        self.assertIn("-append 'it'\\''s, a test'", lines[1])
        self.assertIn("-netdev user,id=uplink-lan", lines[1])
        script = shown.stdout.replace("ring3-system-i386", f"{SYSTEM} -pidfile pid")
        done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, env=self.environment, timeout=300,
                              stdin=subprocess.DEVNULL, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("it's, a test", done.stdout)

    def test_the_examples_are_right(self):
        self.assertTrue(EXAMPLES)
        for example in EXAMPLES:
            text = example.read_text()
            with self.subTest(example.name):
                if example.name == "disks.toml":  # made as its comment says, only smaller
                    for command in re.findall(r"^#     ring3 (.*)$", text, re.MULTILINE):
                        words = command.replace("20G", "32M").replace("8G", "8M").replace("4G", "8M").split()
                        subprocess.run([str(RING3), *words], cwd=self.folder, check=True, capture_output=True, timeout=60)
                    (self.folder / "install.iso").write_bytes(bytes(2048 * 20))
                elif not (GUEST / "vmlinuz").exists():
                    continue
                path = self.write(text, example.name)
                done = ring3("config", "check", path)
                self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_the_manual_names_every_key(self):
        manual = (SOURCE / "docs/ring3.toml.5").read_text()
        for line in ring3("config", "keys").stdout.splitlines():
            key, form, meaning = line.split("\t")
            self.assertTrue(form and meaning)
            self.assertRegex(manual, rf"(?m)^\.It .*\b{re.escape(key.rpartition('.')[2])}\b", key)


class Run(Folder):
    @needs_modules
    def test_two_guests_of_a_file_meet_on_its_switch(self):
        path = self.write((SOURCE / "share/examples/pair.toml").read_text())
        lab = self.start(path, "--until", "client")
        output, errors = lab.communicate(timeout=600)
        self.assertEqual(lab.returncode, 0, errors)
        self.assertIn("client | hello from the server\n", output)
        self.assertIn("ring3: client has ended\n", errors)
        self.assert_nothing_is_left()

    @needs(GUEST / "vmlinuz", GUEST / "initramfs.cpio.gz", GUEST / "modules-disk.cpio")
    def test_two_machines_use_disks_of_one_volume_at_once(self):
        pool = self.folder / "pool.vol"
        ring3("disk", "init", pool, "16M")
        text = '[volume.pool]\nfile = "pool.vol"\n'
        for name in ("left", "right"):
            ring3("disk", "create", pool, name, "2M")
            text += (f'[vm.{name}]\nguest = "default"\nmemory = "64M"\n'
                     f'command = "yes {name} | head -c 2097152 > /dev/vda; sync"\n'
                     f'[[vm.{name}.drive]]\nvolume = "pool"\ndisk = "{name}"\nif = "virtio"\n')
        lab = self.start(self.write(text))
        _, errors = lab.communicate(timeout=600)
        self.assertEqual(lab.returncode, 0, errors)
        for name in ("left", "right"):
            copy = self.folder / name
            self.assertEqual(ring3("image", "convert", "-O", "raw", f"volume:{pool}/{name}", copy).returncode, 0)
            expected = (f"{name}\n".encode() * 1000000)[:2 << 20]
            self.assertTrue(copy.read_bytes() == expected, name)
        self.assert_nothing_is_left()

    @needs(TINY)
    def test_lines_of_several_machines_have_names_and_statuses_come_through(self):
        text = ('[vm.one]\nkernel = "{0}"\n[vm.second]\nkernel = "{0}"\nserial = "file:second.log"\n'
                '[vm.third]\nkernel = "{0}"\noptions = ["-pidfile", "/nowhere/at/all"]\n')
        lab = self.start(self.write(text.format(TINY)))
        output, errors = lab.communicate(timeout=300)
        self.assertEqual(lab.returncode, INPUT_OUTPUT, errors)  # the third's
        self.assertIn("one    | tiny: powering off\n", output)
        self.assertNotIn("second |", output)
        self.assertIn("tiny: powering off", (self.folder / "second.log").read_text())
        self.assertIn("third has ended with status 74", errors)
        self.assert_nothing_is_left()

    def test_a_signal_ends_all_and_leaves_nothing(self):
        path = self.write("[lab]\nstop-timeout = 0\n[switch.s]\nuplink = \"user\"\n" + IDLE.format("a") +
                          'nic = {switch = "s"}\n' + IDLE.format("b") + 'nic = {switch = "s"}\n')
        for number in (signal.SIGTERM, signal.SIGKILL):
            lab = self.start(path)
            self.wait_until(lambda: len(processes_of(self.mark)) == 5)  # the lab, two apps, two monitors
            lab.send_signal(number)
            _, errors = lab.communicate(timeout=120)
            self.assertEqual(lab.returncode, -number, errors)
            self.wait_until(lambda: not processes_of(self.mark), 30)
        # SIGKILL leaves the switch's file; the next one to serve takes it over.
        lab = self.start(path)
        self.wait_until(lambda: len(processes_of(self.mark)) == 5)
        lab.send_signal(signal.SIGINT)
        lab.communicate(timeout=120)
        self.assert_nothing_is_left()

    @needs(GUEST / "vmlinuz", GUEST / "initramfs.cpio.gz")
    def test_a_person_turns_to_one_machine_and_back(self):
        path = self.write('[lab]\nstop-timeout = 1\n[vm.left]\nguest = "default"\nmemory = "64M"\n' + IDLE.format("right"))
        with Terminal(RING3, "run", path) as lab:
            self.assertTrue(lab.wait_for("left  | "), lab.output)
            self.assertTrue(lab.wait_for("in ring3. Leave with"), lab.output)
            lab.type("\x01l")
            self.assertTrue(lab.wait_for("2 right: running"))
            lab.type("\x011")
            self.assertTrue(lab.wait_for("ring3: left (Ctrl-a 0"))
            lab.type("echo $((6 * 7)) answers\n")
            self.assertTrue(lab.wait_for("42 answers"), lab.output)
            lab.type("\x03\x01c")
            self.assertTrue(lab.wait_for("(qemu)"), lab.output)
            lab.type("\x01c\x010")
            self.assertTrue(lab.wait_for("all machines"))
            lab.process.send_signal(signal.SIGINT)  # this terminal controls nobody, so its Ctrl-c would send none
            self.assertTrue(lab.wait_for("was ended"), lab.output)
            lab.wait_for_end(timeout=60)
        self.assertIn(lab.process.returncode, (-signal.SIGINT, 0))

    @needs(TINY)
    def test_one_machine_alone_has_the_terminal(self):
        path = self.write(f'[vm.one]\nkernel = "{TINY}"\n[vm.two]\nmemory = "16M"\n')
        done = run(RING3, "run", path, "one")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("tiny: powering off", done.stdout)
        self.assertNotIn("one |", done.stdout)


if __name__ == "__main__":
    unittest.main()
