#!/usr/bin/env bash
# schemathesis over everything that /openapi.json documents: no 5xx, and no answer that is not documented.
#
#   crates/server/tests/clients/schemathesis.sh target/release/easel [options of `schemathesis run`]
#
# It needs Python and the network of the package index. Thousands of requests take half an hour, which is why it is run by hand: `cargo test`
# compares the routes with the document (`crates/api/tests/openapi.rs`) and every route with every role.
set -euo pipefail
program=$(realpath "${1:?the built program}") && shift
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null; wait 2>/dev/null; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'schemathesis>=4.32,<5'

mail=root@example.org password='a long sentence that nobody says'
export EASEL_DATA_DIR="$folder/data"
printf '%s\n' "$password" | "$program" admin create-superuser --email "$mail"
"$program" serve --port 0 --auth required --rate-limit-per-minute 0 --rate-limit-per-hour 0 --rate-limit-login 0 >"$folder/out" 2>"$folder/log" &
server=$!
until url=$(sed -n 's/^listening on //p' "$folder/out") && test -n "$url"; do sleep 0.2; kill -0 $server; done
until curl -sf "$url/health/ready" >/dev/null; do sleep 0.5; done
token=$(curl -sf "$url/api/v1/auth/login" -H 'content-type: application/json' -d "{\"email\":\"$mail\",\"password\":\"$password\"}" |
  python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')

# Left out: what ends this login or its account.
left_out='^/api/v1/(auth/(logout|refresh|reset-password/confirm)|users/me/(password|sessions.*)|admin/users/.*)$'
"$folder/venv/bin/schemathesis" run "$url/openapi.json" -H "authorization: Bearer $token" --exclude-path-regex "$left_out" \
  --checks all --continue-on-failure --request-timeout 60 --no-color "$@"
