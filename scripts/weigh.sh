#!/bin/sh
# Weighs the built page: every file raw, with gzip and with brotli at its best, and their sums. Ends with 1 when the
# whole page is heavier than it may be, and says how far it is from its aim. What readers get later or only when they
# need it (the service worker, the texts of a language) is weighed apart, each file by itself.
#
#   scripts/weigh.sh [dist]
set -eu

# What the page should weigh in all (HTML, CSS, JavaScript, WebAssembly, icons) with brotli 11, in bytes. The
# original's scripts and styles alone weighed 111 KB.
aim=100000
# What it may weigh today. It does not reach its aim yet; this number goes up only by what a feature needs, which
# `docs/performance.md` tells.
budget=185000

# What each file may weigh that is not loaded with the page.
apart_budget=4000

dist=${1:-dist}
if [ ! -f "$dist/index.html" ]; then
  echo "weigh: there is no page in \`$dist\`; build it with \`trunk build --release\`" >&2
  exit 2
fi
if ! command -v brotli >/dev/null 2>&1; then
  echo "weigh: the program \`brotli\` is missing; install it with \`apt-get install brotli\`" >&2
  exit 2
fi

row='%-42s %9s %9s %9s\n'
# shellcheck disable=SC2059 # the format is ours
printf "$row" file raw gzip brotli
total_raw=0 total_gzip=0 total_brotli=0 apart= heavy=
for file in $(cd "$dist" && find . -type f | sed 's|^\./||' | LC_ALL=C sort); do
  raw=$(wc -c <"$dist/$file")
  gzip=$(gzip -9 -c "$dist/$file" | wc -c)
  brotli=$(brotli -q 11 -w 24 -c "$dist/$file" | wc -c)
  case $file in
    sw.js | locales/*)
      apart="$apart $file,$raw,$gzip,$brotli"
      continue
      ;;
  esac
  # shellcheck disable=SC2059
  printf "$row" "$file" "$raw" "$gzip" "$brotli"
  total_raw=$((total_raw + raw)) total_gzip=$((total_gzip + gzip)) total_brotli=$((total_brotli + brotli))
done
# shellcheck disable=SC2059
printf "$row" "in all" "$total_raw" "$total_gzip" "$total_brotli"
if [ -n "$apart" ]; then
  echo "apart, each at most $apart_budget with brotli:"
fi
for weighed in $apart; do
  # shellcheck disable=SC2059,SC2046 # the format is ours, and there are four words
  printf "$row" $(echo "$weighed" | tr , ' ')
  [ "${weighed##*,}" -le "$apart_budget" ] || heavy="$heavy ${weighed%%,*}"
done

if [ -n "$heavy" ]; then
  echo "weigh: more than $apart_budget bytes with brotli:$heavy" >&2
  exit 1
fi

if [ "$total_brotli" -gt "$budget" ]; then
  echo "weigh: $total_brotli bytes with brotli are more than the $budget it may have" >&2
  exit 1
fi
echo "weigh: $total_brotli bytes with brotli; it may have $budget, and its aim is $aim"
