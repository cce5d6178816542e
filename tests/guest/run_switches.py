#!/usr/bin/env python3
"""run_switches.py --emulator PROGRAM --images FOLDER [--seconds N] [--seed N] [NAME...]: the guest programs (all, or
those named) under random combinations of the engine's switches, for N seconds or, without --seconds, each once.

A guest must not be able to tell one combination from another. A failure prints the command that shows it again.
"""

import argparse
import itertools
import pathlib
import random
import sys
import time

import run

HERE = pathlib.Path(__file__).resolve().parent
SWITCHES = [
    ["--optimize=none", "--optimize=link", "--optimize=trace", "--optimize=cache", "--optimize=link,cache",
     "--optimize=all"],
    ["--memory=soft", "--memory=window", "--memory=auto"],
    ["--tlb=rewrite", "--tlb=asid"],
    ["", "--check-code", "--verify=every"],
    ["--cache-size=1", "--cache-size=32"],
]
REPORTED = 10  # failures, after which it is enough


def combinations():
    return [["--engine=translate", *filter(None, chosen)] for chosen in itertools.product(*SWITCHES)]


def failure(emulator, switches, program, image):
    """None, or what was wrong."""
    status, line = run.read_expectation(program)
    seen_status, output, said = run.run(emulator, switches, image)
    if seen_status == status and line in output.splitlines():
        return None
    return f"status {seen_status}, expected {status}; expected `{line}`, got:\n{output}{said}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--emulator", required=True)
    parser.add_argument("--images", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    programs = [HERE / f"{name}.asm" for name in arguments.names] or sorted(HERE.glob("*.asm"))
    cases = list(itertools.product(programs, combinations()))
    random.Random(arguments.seed).shuffle(cases)
    end = time.monotonic() + (arguments.seconds or float("inf"))
    runs = failures = 0
    for program, switches in cases if arguments.seconds is None else itertools.cycle(cases):
        if time.monotonic() >= end or failures >= REPORTED:
            break
        image = arguments.images / f"{program.stem}.bin"
        wrong = failure(arguments.emulator, switches, program, image)
        runs += 1
        if wrong:
            failures += 1
            print(f"{HERE / 'run.py'} --emulator {arguments.emulator} --switches='{' '.join(switches)}' {program} "
                  f"{image}\n{wrong}", flush=True)
    print(f"seed {arguments.seed}: {runs} runs, {failures} failures")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
