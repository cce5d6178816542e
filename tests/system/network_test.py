"""Networks: the default guest behind NAT, captures, cards of all models, and the switch between machines."""

import http.server
import os
import pathlib
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

from ring3_programs import GUEST, RING3, Machine, needs, ring3

needs_modules = needs(GUEST / "vmlinuz", GUEST / "initramfs.cpio.gz", GUEST / "modules-net-e1000.cpio",
                      GUEST / "modules-net-virtio.cpio")


class Server:
    """A web server on this host for one answer. A context manager."""

    def __init__(self, content):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def read_capture(path):
    """Frames of a pcap file, and their times in microseconds (pcap-savefile(5))."""
    data = pathlib.Path(path).read_bytes()
    assert struct.unpack_from("=IHHiIII", data) == (0xA1B2C3D4, 2, 4, 0, 0, 65536, 1)
    frames, at = [], 24
    while at < len(data):
        seconds, microseconds, kept, length = struct.unpack_from("=IIII", data, at)
        assert kept <= length and microseconds < 1000000
        frames.append((seconds * 1000000 + microseconds, data[at + 16:at + 16 + kept]))
        at += 16 + kept
    assert at == len(data)
    return frames


@needs_modules
class Network(unittest.TestCase):
    def test_wget_reads_from_the_host_through_nat(self):
        content = os.urandom(3 << 20)
        with Server(content) as server:
            done = ring3("run", "--net", "--", "sh", "-c",
                         f"wget -q -O /tmp/file http://10.0.2.2:{server.port}/ && sha256sum < /tmp/file")
        self.assertEqual(done.returncode, 0, done.stderr)
        sums = subprocess.run(["sha256sum"], input=content, capture_output=True, check=True)
        self.assertEqual(done.stdout.split()[0], sums.stdout.decode().split()[0])

    def test_older_cards_work_too(self):
        content = os.urandom(200000)
        sums = subprocess.run(["sha256sum"], input=content, capture_output=True, check=True)
        with Server(content) as server:
            for model in ("rtl8139", "e1000"):
                done = ring3("run", f"--net=user,model={model}", "--", "sh", "-c",
                             f"wget -q -O - http://10.0.2.2:{server.port}/ | sha256sum;"
                             "readlink /sys/class/net/eth0/device/driver")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(done.stdout.split()[0], sums.stdout.decode().split()[0])
                self.assertRegex(done.stdout, "/(8139too|e1000)$")

    @needs(GUEST / "modules-net-virtio.cpio")
    def test_a_virtio_card_works_too(self):
        content = os.urandom(2000000)
        with Server(content) as server:
            done = ring3("run", "--net=user,model=virtio", "--", "sh", "-c",
                         f"wget -q -O /tmp/file http://10.0.2.2:{server.port}/ && sha256sum < /tmp/file")
        self.assertEqual(done.returncode, 0, done.stderr)
        sums = subprocess.run(["sha256sum"], input=content, capture_output=True, check=True)
        self.assertEqual(done.stdout.split()[0], sums.stdout.decode().split()[0])

    def test_a_forwarded_port_of_the_host_leads_into_the_guest(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
            probe.close()
            with subprocess.Popen(
                    [str(RING3), "run", f"--net=user,hostfwd=tcp:127.0.0.1:{port}-:7", "--", "sh", "-c",
                     "echo ready; nc -l -p 7 -e cat"],
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as guest:
                self.assertEqual(guest.stdout.readline(), b"ready\n")
                answer = self.ask(port, b"through the wall\n")
                self.assertEqual(answer, b"through the wall\n")
                guest.communicate(timeout=60)

    @staticmethod
    def ask(port, question):
        """The answer of an echo server, which may still be about to listen."""
        end = time.monotonic() + 120
        while time.monotonic() < end:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
                    client.sendall(question)
                    answer = client.recv(100)
                if answer:
                    return answer
            except OSError:
                pass
            time.sleep(0.2)
        return b""

    def test_bad_networks_are_refused_in_one_line(self):
        for arguments, word in [(["--net=banana"], "banana"), (["--net=user,model=ne2k_isa"], "ne2k_isa"),
                                (["--net=user,hostfwd=x"], "hostfwd")]:
            done = ring3("run", *arguments, "--", "true")
            self.assertEqual(done.returncode, 64, done.stderr)
            self.assertIn(word, done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1)

    def test_two_guests_meet_on_a_switch(self):
        with tempfile.TemporaryDirectory() as folder:
            environment = os.environ | {"XDG_RUNTIME_DIR": folder}
            os.chmod(folder, 0o700)
            network = "--net=switch,name=test"
            start = "ip addr add 192.168.9.{0}/24 dev eth0; ip link set eth0 up; "
            server = subprocess.Popen(
                [str(RING3), "run", network + ",mac=52:54:00:00:00:01", "--append", "ring3.net=static", "--", "sh", "-c",
                 start.format(1) + "mkfifo /tmp/open; exec 5<>/tmp/open; echo ready; nc -l -p 5000 <&5 | sha256sum"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
            with server:
                self.assertEqual(server.stdout.readline(), b"ready\n")
                client = subprocess.run(
                    [str(RING3), "run", network + ",mac=52:54:00:00:00:02", "--append", "ring3.net=static", "--", "sh",
                     "-c", start.format(2) +
                     "until dd if=/dev/zero bs=64k count=16 | nc 192.168.9.1 5000; do sleep 0.1; done"],
                    stdin=subprocess.DEVNULL, capture_output=True, env=environment, timeout=300, check=False)
                self.assertEqual(client.returncode, 0, client.stderr)
                output, errors = server.communicate(timeout=120)
            self.assertEqual(server.returncode, 0, errors)
            # sha256sum of 1 MiB of zeroes
            self.assertEqual(output.split()[0],
                             b"30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58")


IPXE = pathlib.Path("/usr/lib/ipxe/ipxe.iso")
SEABIOS = pathlib.Path("/usr/share/seabios/bios-256k.bin")


@needs(IPXE, SEABIOS, GUEST / "vmlinuz", GUEST / "initramfs.cpio.gz")
class NetworkBoot(unittest.TestCase):
    def test_ipxe_loads_a_kernel_by_tftp(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "vmlinuz").symlink_to(GUEST / "vmlinuz")
            (root / "initrd").write_bytes((GUEST / "initramfs.cpio.gz").read_bytes())
            (root / "boot.ipxe").write_text("#!ipxe\n"
                                            "kernel tftp://10.0.2.2/vmlinuz console=ttyS0 quiet panic=-1 initrd=initrd\n"
                                            "initrd tftp://10.0.2.2/initrd\n"
                                            "boot\n")
            with Machine("-m", "128", "-no-reboot", "-cdrom", IPXE, "-netdev",
                         f"user,id=net,tftp={root},bootfile=boot.ipxe", "-device", "e1000,netdev=net") as machine:
                self.assertTrue(machine.wait_for_output(" in ring3. Leave with", timeout=200),
                                machine.output() + machine.error_text())


@needs_modules
class Capture(unittest.TestCase):
    def test_a_capture_of_the_first_frames_has_dhcp_in_both_directions(self):
        with tempfile.TemporaryDirectory() as folder:
            capture = pathlib.Path(folder, "frames.pcap")
            initrd = pathlib.Path(folder, "initrd")
            archive = (GUEST / "initramfs.cpio.gz").read_bytes()
            archive += b"\0" * (-len(archive) % 4) + (GUEST / "modules-net-e1000.cpio").read_bytes()
            initrd.write_bytes(archive)
            with Machine("-m", "256", "-kernel", GUEST / "vmlinuz", "-initrd", initrd,
                         "-append", "console=ttyS0 quiet ring3.net=dhcp panic=-1",
                         "-netdev", "user,id=n", "-device", "e1000,netdev=n,mac=52:54:00:00:00:77",
                         "-object", f"filter-dump,id=d,netdev=n,file={capture}", "-no-reboot") as machine:
                self.assertTrue(machine.wait_for_output("in ring3"), machine.error_text())
            frames = read_capture(capture)
        times = [time for time, _ in frames]
        self.assertEqual(times, sorted(times))
        ports = {struct.unpack_from(">HH", frame, 34) for _, frame in frames
                 if frame[12:14] == b"\x08\x00" and frame[23] == 17 and len(frame) > 42}
        self.assertIn((68, 67), ports)
        self.assertIn((67, 68), ports)


if __name__ == "__main__":
    unittest.main()
