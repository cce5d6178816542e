# A thin front for the CMake presets; `make help` lists what there is.
.DEFAULT_GOAL := release
.PHONY: release dev asan ubsan run test soak guest format check bench bench-programs bench-image bench-optimizations \
    bench-nano bench-loops bench-io install-packages clean help

ARGS ?=
SOAK_SECONDS ?= 600

release dev asan ubsan: ## build/NAME by the CMake preset of that name (default: release)
	@cmake --preset $@ --log-level=NOTICE >/dev/null
	@cmake --build build/$@

run: ## everything that is missing, then a shell in the default guest; ARGS='-- uname -a' for one command
	@scripts/install-packages run
	@cmake --preset release --log-level=NOTICE >/dev/null
	@cmake --build build/release --target ring3 ring3-system-i386
	@scripts/fetch-guest
	@build/release/ring3 run $(ARGS)

test: ## everything that is missing, then all tests; ends with a line of counts
	@scripts/install-packages test
	@scripts/run-tests

soak: ## the fuzzers and the randomized tests for SOAK_SECONDS (600) each
	@scripts/install-packages test
	@scripts/run-soak $(SOAK_SECONDS)

guest: ## the default guest's kernel and initramfs, under build/guest
	@scripts/install-packages run
	@scripts/fetch-guest

format: ## lay out all sources
	@scripts/list-sources | xargs clang-format -i

check: ## layout, headers, layers, shell scripts, documents
	@scripts/check-all

bench: bench-image ## programs natively, in ring3 and in QEMU, with targets and a plot; ARGS='--help' for the options
	@bench/run-suite $(ARGS)

bench-optimizations: bench-image ## what each of the engine's switches is worth, with plots; ARGS as for bench
	@status=0; for switch in optimize memory tlb; do bench/run-suite --compare $$switch $(ARGS) || status=1; done; exit $$status

bench-nano: bench-programs ## ticks for system calls, faults, page table writes, interrupts ...; ARGS='int80 sysenter'
	@bench/run-nano $(ARGS)

bench-io: ## disks, networks and the way to GRUB's menu, beside QEMU; ARGS='--help' for the options
	@scripts/install-packages bench
	@cmake --preset release --log-level=NOTICE >/dev/null
	@cmake --build build/release --target ring3 ring3-system-i386
	@scripts/make-debian-disk full
	@bench/run-io $(ARGS)

bench-loops: bench-programs ## guest instructions per second, boot time and idle cost
	@scripts/fetch-guest
	@bench/run-loops

bench-image: bench-programs # everything that is missing, and what the guests of `bench` run
	@bench/build-image

bench-programs:
	@scripts/install-packages bench
	@cmake --preset release --log-level=NOTICE >/dev/null
	@cmake --build build/release --target ring3 ring3-system-i386 bench_guests

install-packages: ## the Debian packages that building and testing need
	@scripts/install-packages test

clean: ## remove all builds, keep the fetched guest
	@rm -rf build/release build/dev build/asan build/ubsan build/sanitize

help: ## this list
	@sed -n 's/^\([a-z -]*\):[^#]*## /\1\t/p' Makefile | while IFS='	' read -r name what; do \
	    printf '  make %-22s %s\n' "$$name" "$$what"; done
