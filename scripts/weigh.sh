#!/bin/sh
# Prints the size of each file in the built page: raw, with gzip and with Brotli 11. Exits with 1 if the page exceeds
# its budget. Files that are not loaded with the page (the service worker, the behavior of the Subscribe menu and the
# translations) have a separate budget for each file.
#
#   scripts/weigh.sh [dist]
set -eu

# The limit for the whole page (HTML, CSS, JavaScript, WebAssembly and icons) in bytes, compressed with Brotli 11.
budget=219200

# The limit for each file that is not loaded with the page, in bytes, compressed with Brotli 11. A translation has about
# 17 bytes for each text, and visitors load only one.
apart_budget=5000

dist=${1:-dist}
if [ ! -f "$dist/index.html" ]; then
  echo "weigh: \`$dist\` does not contain the page; build it with \`make page\`" >&2
  exit 2
fi
if ! command -v brotli >/dev/null 2>&1; then
  echo "weigh: \`brotli\` is not installed; install it with \`apt-get install brotli\`" >&2
  exit 2
fi

row='%-42s %9s %9s %9s\n'
# shellcheck disable=SC2059 # the format is a constant
printf "$row" file raw gzip brotli
total_raw=0 total_gzip=0 total_brotli=0 apart= heavy=
for file in $(cd "$dist" && find . -type f | sed 's|^\./||' | LC_ALL=C sort); do
  raw=$(wc -c <"$dist/$file")
  gzip=$(gzip -9 -c "$dist/$file" | wc -c)
  brotli=$(brotli -q 11 -w 24 -c "$dist/$file" | wc -c)
  case $file in
    sw.js | subscribe.js | locales/*)
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
  echo "loaded separately, at most $apart_budget bytes each after Brotli compression:"
fi
for weighed in $apart; do
  # shellcheck disable=SC2059,SC2046 # the format is a constant, and it has four fields
  printf "$row" $(echo "$weighed" | tr , ' ')
  [ "${weighed##*,}" -le "$apart_budget" ] || heavy="$heavy ${weighed%%,*}"
done

if [ -n "$heavy" ]; then
  echo "weigh: these files exceed $apart_budget bytes after Brotli compression:$heavy" >&2
  exit 1
fi

if [ "$total_brotli" -gt "$budget" ]; then
  echo "weigh: the page is $total_brotli bytes after Brotli compression; the budget is $budget" >&2
  exit 1
fi
echo "weigh: the page is $total_brotli bytes after Brotli compression, within the budget of $budget"
