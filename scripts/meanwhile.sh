#!/usr/bin/env bash
# Runs a command, and meanwhile builds what needs no page with whatever the command leaves idle: the checker, but for the
# small program around it that has the page inside:
#
#   scripts/meanwhile.sh COMMAND [ARGUMENT]...
#
# Setting up and building the page keep one core waiting for the other now and then, and on a first day that adds up.
# What is not ready when the command ends is waited for, so that nothing is begun twice. Where the command fails, it is
# stopped. Its exit status is the command's; what the build has to say is said by whoever builds the program.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly ROOT
readonly TARGET=${CARGO_TARGET_DIR:-$ROOT/target}

main() {
    # Later builds have next to nothing to do; and without these there is nothing that could be built yet.
    if [[ -e $TARGET/release/checker ]] || ! command -v cargo >/dev/null || ! command -v cc >/dev/null; then
        exec "$@"
    fi
    LOG=$(mktemp)
    readonly LOG
    # A process group of its own, so that the compilers that cargo started end with it.
    set -m
    nice -n 19 cargo build --release -p checker --manifest-path "$ROOT/Cargo.toml" >/dev/null 2>"$LOG" </dev/null &
    readonly BUILD=$!
    set +m
    trap stop_building EXIT
    "$@"
    if kill -0 "$BUILD" 2>/dev/null; then
        echo "checkup: building the rest of the checker, which was begun meanwhile"
        tail -n 1 -f --pid="$BUILD" "$LOG" >&2
    fi
    wait "$BUILD" || true
}

stop_building() {
    kill -- "-$BUILD" 2>/dev/null || true
    wait "$BUILD" 2>/dev/null || true
    rm -f "$LOG"
}

main "$@"
