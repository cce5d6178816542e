#!/usr/bin/env python3
"""boots.py COUNT [SWITCH...]: boots the default guest COUNT times and runs a script in it. Every boot must end in time
and print the same, of which the hashes and sums are known. Prints a line for each; the exit status is 1 after the first
that hung or differed.
"""

import difflib
import hashlib
import subprocess
import sys
import time

from ring3_programs import GUEST, ring3

HANG = 300

# What it prints depends on nothing but the processor doing what it should: hashes, floating point, pipes, many
# processes, signals, and the kernel's own opinion.
SCRIPT = r"""
uname -srm
seq 1 3000 | sha256sum
sha512sum /bin/busybox | cut -c 1-32
head -c 300000 /bin/busybox | gzip | gunzip | md5sum
awk 'BEGIN { for (i = 1; i < 20000; ++i) s += i * 1.1 / (i + 3.7) - 1 / i; printf "%.9f\n", s }'
i=0; all=; while [ $i -lt 60 ]; do (exit $i); all="$all $?"; i=$((i + 1)); done; echo $all
seq 1 2000 | sort -r | sed -n 's/7/x/gp' | tr x y | tail -n 400 | md5sum
trap 'echo caught' USR1; kill -USR1 $$; (sleep 100 & kill $!; wait $!; echo $?) 2> /dev/null
dmesg | grep -E 'BUG|Oops|WARNING|unstable|lockup|segfault|general protection|invalid opcode'
echo end
"""


def known_lines():
    """Lines of the output as this machine computes them."""
    busybox = (GUEST / "busybox").read_bytes()
    numbers = "".join(f"{number}\n" for number in range(1, 3001)).encode()
    return [hashlib.sha256(numbers).hexdigest() + "  -", hashlib.sha512(busybox).hexdigest()[:32],
            hashlib.md5(busybox[:300000]).hexdigest() + "  -",
            f"{sum(i * 1.1 / (i + 3.7) - 1 / i for i in range(1, 20000)):.9f}", " ".join(map(str, range(60))), "143"]


def boot(switches):
    """Standard output and errors, status, seconds; None after HANG seconds."""
    began = time.monotonic()
    try:
        done = ring3("run", *switches, "--", "sh", "-c", SCRIPT, timeout=HANG)
    except subprocess.TimeoutExpired:
        return None
    return done.stdout + done.stderr, done.returncode, time.monotonic() - began


def check_boots(count, switches, say):
    """None, or what was wrong. `say` gets a line for each boot."""
    first = None
    for number in range(1, count + 1):
        result = boot(switches)
        if result is None:
            return f"boot {number} did not end within {HANG} s"
        text, status, seconds = result
        say(f"boot {number}: status {status}, {seconds:.1f} s")
        if status or "\nend\n" not in text:
            return f"boot {number} ended with {status}:\n{text}"
        if first is None:
            first = text
            wrong = [line for line in known_lines() if line not in text.splitlines()]
            if wrong:
                return "\n".join(["missing:", *wrong, "in:", text])
        if text != first:
            lines = difflib.unified_diff(first.splitlines(), text.splitlines(), "boot 1", f"boot {number}", lineterm="")
            return "\n".join(lines)
    return None


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    wrong = check_boots(int(sys.argv[1]), sys.argv[2:], lambda line: print(line, flush=True))
    if wrong:
        print(wrong)
        sys.exit(1)


if __name__ == "__main__":
    main()
