#!/bin/sh
# Prints the size of each file of the built page: raw, with gzip and with brotli 11. Exits with 1 if the page is over
# its budget. Files that are not loaded with the page (the service worker, the texts) have a budget for each file.
#
#   scripts/weigh.sh [dist]
set -eu

# Bytes of the whole page (HTML, CSS, JavaScript, WebAssembly, icons) with brotli 11.
budget=185000

# Bytes of each file that is not loaded with the page.
apart_budget=4000

dist=${1:-dist}
if [ ! -f "$dist/index.html" ]; then
  echo "weigh: \`$dist\` has no page; build it with \`make page\`" >&2
  exit 2
fi
if ! command -v brotli >/dev/null 2>&1; then
  echo "weigh: \`brotli\` is not installed; install it with \`apt-get install brotli\`" >&2
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
printf "$row" total "$total_raw" "$total_gzip" "$total_brotli"
if [ -n "$apart" ]; then
  echo "loaded later, each at most $apart_budget with brotli:"
fi
for weighed in $apart; do
  # shellcheck disable=SC2059,SC2046 # the format is ours, and there are four words
  printf "$row" $(echo "$weighed" | tr , ' ')
  [ "${weighed##*,}" -le "$apart_budget" ] || heavy="$heavy ${weighed%%,*}"
done

if [ -n "$heavy" ]; then
  echo "weigh: these files exceed $apart_budget bytes with brotli:$heavy" >&2
  exit 1
fi

if [ "$total_brotli" -gt "$budget" ]; then
  echo "weigh: $total_brotli bytes with brotli exceed the budget of $budget" >&2
  exit 1
fi
echo "weigh: $total_brotli of $budget bytes with brotli"
