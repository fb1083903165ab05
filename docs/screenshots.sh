#!/usr/bin/env bash
# Take screenshots of the demo's page for the README and docs/explorer.md: docs/screenshots.sh [REPORT [FOLDER]]
set -euo pipefail
cd "$(dirname "$0")/.."
report=${1:-demo/report}
folder=${2:-docs/images}
chromium=$(command -v chromium || command -v chromium-browser) || {
    echo "needs chromium (Debian: apt-get install chromium)" >&2
    exit 1
}
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT

shoot() { # name, color scheme (0 dark, 1 light), part of the page
    "$chromium" --headless --no-sandbox --disable-gpu --hide-scrollbars --no-first-run \
        --user-data-dir="$profile" --host-resolver-rules="MAP * ~NOTFOUND" \
        --blink-settings="preferredColorScheme=$2" --window-size=1240,1500 \
        --screenshot="$folder/$1.png" "file://$(realpath "$report")/index.html$3" 2>/dev/null
    echo "$folder/$1.png"
}

shoot page_light 1 ""
shoot page_dark 0 ""
.venv/bin/python docs/explorer_screenshots.py "$report" "$folder"
