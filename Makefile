# The front door. `make` alone says what there is.
PRESET ?= release
JOBS ?= $(shell nproc)
PYTEST ?= /usr/bin/python3 -m pytest -q

.PHONY: help build check demo test test-unit test-integration test-tidb chaos fence asan tsan pass-through fuzz bench bench-memory lint format clean

help:
	@echo "make build            the three programs, in build/bin"
	@echo "make check            incremental debug build and its unit tests: the inner loop"
	@echo "make demo             see it work: two servers, a cluster, a migration (scripts/demo)"
	@echo "make test             everything CI runs (scripts/test)"
	@echo "make test-unit        unit tests of the release build"
	@echo "make test-integration tests against real servers; ARGS=... goes to pytest"
	@echo "make chaos            random load and random kills, then every row compared; DURATION=seconds SEED=n"
	@echo "make fence            workers stopped, killed and cut off at the worst moments, 50 rounds each; ROUNDS=n SEED=n"
	@echo "make test-tidb        the ones with a real TiDB, which is built if there is none (scripts/tidb-server)"
	@echo "make asan, make tsan  unit tests under address+undefined and thread sanitizers; asan also 10,000 calls through dm-master to etcd"
	@echo "make fuzz             every fuzz target for a minute (DURATION=600: ten), with clang-16"
	@echo "make bench            figures beside mydumper/myloader and native replication"
	@echo "make bench-memory     peak memory of dm-worker; fails above the limits"
	@echo "make lint, format     layers, crash points, formatting; format rewrites"

build:
	cmake --preset release > /dev/null
	cmake --build build -j $(JOBS)

check:
	cmake --preset dev > /dev/null
	cmake --build build/dev -j $(JOBS)
	scripts/run-unit-tests build/dev

demo:
	scripts/demo

test:
	scripts/test

test-unit: build
	scripts/run-unit-tests build

test-integration: build
	$(PYTEST) -n 2 --dist loadgroup --max-worker-restart=0 tests/integration $(ARGS)

chaos: build
	tests/chaos/run $(if $(DURATION),--seconds $(DURATION)) $(if $(SEED),--seed $(SEED)) $(ARGS)

fence: build
	DM_ROUNDS=$(or $(ROUNDS),50) DM_SEED=$(SEED) $(PYTEST) -s tests/integration/test_fence.py tests/integration/test_take_over_rounds.py $(ARGS)

test-tidb: build
	scripts/tidb-server > /dev/null
	DM_TIDB_TESTS=all $(PYTEST) tests/integration -k tidb $(ARGS)

asan tsan:
	cmake --preset $@ > /dev/null
	cmake --build build/$@ -j $(JOBS) --target unit_tests
	scripts/run-unit-tests build/$@

# With asan: dm-master passes 10,000 calls through to its etcd.
asan: pass-through
pass-through:
	cmake --preset asan > /dev/null
	cmake --build build/asan -j $(JOBS) --target dm-master pass_through_calls
	tests/pass_through/run build/asan

fuzz:
	scripts/fuzz $(or $(DURATION),60)

bench: build
	scripts/install-packages bench
	bench/run $(ARGS)

bench-memory: build
	scripts/install-packages bench
	bench/run memory $(ARGS)

lint:
	scripts/check-layers
	scripts/crash-points --check
	scripts/errors-page --check
	scripts/check-format

format:
	git ls-files '*.h' '*.cc' | xargs clang-format -i

clean:
	rm -rf build
