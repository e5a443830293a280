# bitloom: `make help` says what there is. Meson and ninja do the work.
SECONDS ?= 60
LISTEN ?= 127.0.0.1:8512
MODEL  ?= models/classics.safetensors
LOOM    = build/$(basename $(notdir $(MODEL))).loom
NINJA   = ninja -C

build/bitloom: force build/build.ninja
	@$(NINJA) build --quiet

build/build.ninja:
	@tools/packages.sh packages.txt
	@meson setup build >/dev/null

help:   ## this list
	@sed -n 's/^\([a-z-]*\): *.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

run: build/bitloom $(LOOM)   ## build, melt the shipped model, open the loom at http://127.0.0.1:8512 (LISTEN=host:port)
	build/bitloom serve $(LOOM) --listen $(LISTEN)

$(LOOM): $(MODEL) | build/bitloom
	build/bitloom melt $(MODEL) -o $@

test: build/bitloom   ## build and run every test
	@tools/packages.sh packages-test.txt
	@tools/test.sh build

asan: ; @tools/sanitize.sh address,undefined   ## tests under AddressSanitizer and UndefinedBehaviorSanitizer
ubsan: ; @tools/sanitize.sh undefined   ## tests under UndefinedBehaviorSanitizer alone
tsan: ; @tools/sanitize.sh thread   ## tests under ThreadSanitizer

fuzz:   ## feed every reader of foreign data with libFuzzer, a minute each (SECONDS=n)
	@tools/fuzz.sh $(SECONDS)

clang:   ## build with clang 16, warnings being errors, and run the tests
	@tools/packages.sh packages-test.txt
	@tools/clang.sh

cross-arm:   ## build for AArch64 and run the tests under qemu
	@tools/packages.sh packages-test.txt
	@tools/cross.sh

man: build/bitloom   ## manual pages in build/man, from what the program says of itself
	@tools/man.py build/bitloom build/man

bench: build/bitloom $(LOOM)   ## the benchmarks; `build/bitloom bench --help` for more
	build/bitloom bench --model $(LOOM)

bench-gate: build/bitloom   ## fails if a kernel is slower than the same kernel of the CPU level below
	build/bitloom bench gate

format:   ## clang-format for all C files
	clang-format -i $$(git ls-files '*.c' '*.h')

force:
.PHONY: help run test asan ubsan tsan clang cross-arm bench bench-gate format force
