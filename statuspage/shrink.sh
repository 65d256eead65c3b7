#!/bin/sh
# Makes the page's WebAssembly smaller with wasm-opt, and its scripts with esbuild; Trunk runs it after a build.
# Without them, or with a wasm-opt that cannot be trusted, the page works all the same and is a little heavier, so
# nothing here makes a build fail.
set -eu

# Debian's binaryen (108) builds without a word and breaks the page in the browser; 132 is tried.
least=120

[ "${TRUNK_PROFILE:-debug}" = release ] || exit 0

here=$(dirname "$0")

# More than wasm-opt can do by itself; npm's package of it has what Node needs for that.
wasm_opt=$(command -v wasm-opt || true)
binaryen=$(dirname "$(readlink -f "${wasm_opt:-none}")")/../index.js
if [ -f "$binaryen" ] && command -v node >/dev/null 2>&1; then
  node "$here/shrink.mjs" "$binaryen" "$TRUNK_STAGING_DIR" || echo "shrink: Node failed; going on without"
fi

# The glue is generated with comments, indentation and long names that nobody reads; no browser reads the service worker's.
for script in "$TRUNK_STAGING_DIR"/*.js; do
  if command -v esbuild >/dev/null 2>&1 && esbuild --minify --log-level=warning "$script" >"$script.small"; then
    mv "$script.small" "$script"
    continue
  fi
  sed -e 's/^[[:space:]]*//' -e '/^\/\*\*/d' -e '/^\*/d' -e '/^\/\//d' -e '/^$/d' "$script" >"$script.small"
  mv "$script.small" "$script"
done

if ! command -v wasm-opt >/dev/null 2>&1; then
  echo "shrink: no wasm-opt on the PATH; the page works, but is heavier (npm install binaryen@132 has one)"
  exit 0
fi
version=$(wasm-opt --version 2>/dev/null | sed -n 's/^wasm-opt version \([0-9][0-9]*\).*/\1/p')
if [ "${version:-0}" -lt "$least" ]; then
  echo "shrink: wasm-opt ${version:-of an unknown version} is older than $least and breaks the page; going on without (npm install binaryen@132 has one)"
  exit 0
fi
features='--enable-bulk-memory --enable-sign-ext --enable-mutable-globals --enable-nontrapping-float-to-int --enable-reference-types --enable-multivalue'
for wasm in "$TRUNK_STAGING_DIR"/*.wasm; do
  before=$(wc -c <"$wasm")
  # Control flow is taken apart and put together anew before what is usual, and once more after it. The first kilobyte of
  # memory is the end of the stack, to which no object's address and offset lead.
  # shellcheck disable=SC2086 # Several words.
  if wasm-opt $features --low-memory-unused --flatten --rereloop -Oz -Oz --strip-debug --strip-producers "$wasm" -o "$wasm.small"; then
    mv "$wasm.small" "$wasm"
    echo "shrink: $(basename "$wasm"): $before bytes before, $(wc -c <"$wasm") after wasm-opt $version"
  else
    rm -f "$wasm.small"
    echo "shrink: wasm-opt $version failed; going on without"
    continue
  fi
  # No byte less, but fewer once they are compressed.
  # shellcheck disable=SC2086
  if [ -f "$binaryen" ] && command -v node >/dev/null 2>&1; then
    if node "$here/order.mjs" "$binaryen" "$wasm" >"$wasm.text" && wasm-opt $features --shrink-level=2 --quiet "$wasm.text" -o "$wasm.small"; then
      mv "$wasm.small" "$wasm"
    else
      echo "shrink: ordering functions failed; going on without"
    fi
    rm -f "$wasm.text" "$wasm.small"
  fi
done
