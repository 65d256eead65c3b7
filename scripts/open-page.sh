#!/usr/bin/env bash
# Opens the built page in headless Chromium and fails if the page does not start:
#
#   scripts/open-page.sh [--required]
#
# Does nothing if Chromium or Python is missing, unless --required is given.
set -euo pipefail

DIST=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/dist
readonly DIST

main() {
    local browser='' name
    for name in chromium chromium-browser google-chrome; do
        browser=$(command -v "$name") && break
    done
    if [[ -z $browser ]] || ! command -v python3 >/dev/null; then
        [[ ${1:-} != --required ]] || stop "Chromium or Python is missing: run \`scripts/setup.sh test\`"
        return
    fi

    folder=$(mktemp -d)
    server=''
    trap clean_up EXIT
    cp -R "$DIST" "$folder/site"
    echo '{ "source": { "type": "http", "url": "checks/" } }' >"$folder/site/config.json"
    mkdir "$folder/site/checks"
    echo '{}' >"$folder/site/checks/index.json"

    : >"$folder/server.log"
    # Port 0 selects any free port. The server prints its number.
    python3 -u -m http.server 0 --bind 127.0.0.1 --directory "$folder/site" >"$folder/server.log" 2>&1 &
    server=$!
    local port='' attempt
    for attempt in {1..100}; do
        port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$folder/server.log")
        [[ -z $port ]] || break
        sleep 0.1
    done
    [[ -n $port ]] || stop "the web server did not start: $(<"$folder/server.log")"

    # On a busy machine, the virtual time can run out before the page has started, so try again after a failure.
    for attempt in 1 2 3; do
        open_page "$browser" "http://127.0.0.1:$port/"
        if has_started; then
            echo "checkup: the built page starts in a browser"
            return
        fi
    done
    grep -o '<html[^>]*>' "$folder/page.html" >&2 || true
    stop "the page was built but fails to start: open it in a browser and check the console"
}

# Virtual time runs faster than real time, so this takes about a second.
open_page() {
    timeout 60 "$1" --headless --no-sandbox --disable-gpu --disable-quic --disable-dev-shm-usage --no-first-run \
        --disable-background-networking --disable-component-update --disable-sync --no-proxy-server \
        --user-data-dir="$folder/profile" --virtual-time-budget=15000 --dump-dom "$2" \
        >"$folder/page.html" 2>"$folder/browser.log" || stop "the browser failed: $(tail -n 5 "$folder/browser.log")"
}

# When the page starts, it removes its loading text and then sets its state.
has_started() {
    ! grep -q 'id="boot"' "$folder/page.html" && grep -q '<html[^>]* data-complete="true"' "$folder/page.html"
}

clean_up() {
    [[ -z $server ]] || kill "$server" 2>/dev/null || true
    rm -rf "$folder"
}

stop() {
    echo "open-page: $1" >&2
    exit 1
}

main "$@"
