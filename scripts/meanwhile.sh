#!/usr/bin/env bash
# Runs a command, and meanwhile builds what the checker is made of with whatever the command leaves idle:
#
#   scripts/meanwhile.sh COMMAND [ARGUMENT]...
#
# Setting up and building the page keep one core waiting for the other now and then, and on a first day that adds up.
# What is not ready when the command ends is stopped, and built by whoever builds the checker. Its exit status is the
# command's.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly ROOT
readonly TARGET=${CARGO_TARGET_DIR:-$ROOT/target}

main() {
    # Later builds have next to nothing to do; and without these there is nothing that could be built yet.
    if [[ -e $TARGET/release/checker ]] || ! command -v cargo >/dev/null || ! command -v cc >/dev/null; then
        exec "$@"
    fi
    # A process group of its own, so that the compilers that cargo started end with it.
    set -m
    # Without a page inside, which is not there yet: what depends on it is built again anyway.
    CHECKUP_DIST=$ROOT/no-page nice -n 19 cargo build --quiet --release -p checker \
        --manifest-path "$ROOT/Cargo.toml" >/dev/null 2>&1 </dev/null &
    readonly BUILD=$!
    set +m
    trap stop_building EXIT
    "$@"
}

stop_building() {
    kill -- "-$BUILD" 2>/dev/null || true
    wait "$BUILD" 2>/dev/null || true
}

main "$@"
