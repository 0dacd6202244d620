#!/usr/bin/env bash
# The dashboard: that the built files are those of the source and the types those of the gateway; with --browser also in a real Chromium
# against a running gateway (QUINTET_GATEWAY, default http://127.0.0.1:5062).
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
sidecar=${CARGO_TARGET_DIR:-target}/debug/quintet-sidecar
if [ "$("$sidecar" openapi)" != "$(cat sidecar/dashboard/openapi.json)" ]; then
    echo "sidecar/dashboard/openapi.json is not what the sidecar says. Run:  $sidecar openapi > sidecar/dashboard/openapi.json" >&2
    exit 1
fi
if ! have npm || ! npm --prefix sidecar/dashboard ci --no-audit --no-fund >/dev/null; then
    [ -z "${CI:-}" ] || echo "WARNING: CI without npm" >&2
    echo "SKIPPED: npm or its registry is not at hand, so the dashboard was not built again"
    exit 0
fi
cd sidecar/dashboard
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
npx --no-install openapi-typescript openapi.json -o "$fresh/schema.d.ts" --alphabetize >/dev/null
npx --no-install tsc --noEmit
npx --no-install vite build --logLevel warn --outDir "$fresh/dist" --emptyOutDir
diff -q "$fresh/schema.d.ts" src/schema.d.ts && diff -rq "$fresh/dist" dist || {
    echo "the built dashboard is not that of its source. Run:  cd sidecar/dashboard && npm run types && npm run build" >&2
    exit 1
}
say "The dashboard's files are those of its source"
if [ "${1:-}" = --browser ]; then
    cd ../.. && need_apt chromium chromium && cd sidecar/dashboard
    npm test
fi
