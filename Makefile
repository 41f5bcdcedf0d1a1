# make test   install what the tests need, then run every test of the workspace, nothing skipped
# make run    build the server and start it with its embedded database
# make fmt    format everything, the modules that a macro names included
# make ci     what .ci/run does on a fresh machine
# make bench  CPU per operation and memory per contact of the server, measured with sipp

.PHONY: test run fmt ci bench

test:
	.ci/install-tools sipp dnsmasq openssl
	SKIP_NOTHING=1 cargo test --workspace --all-features

run:
	cargo run --release -p itsp

fmt:
	.ci/format

ci:
	.ci/run

bench:
	.ci/install-tools sipp
	examples/itsp/bench/baseline.sh
