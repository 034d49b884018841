# What there is to do; `just` lists it.
default:
    @just --list

# Start the server
serve *args:
    cargo run --release -- serve {{args}}

# All tests
test:
    cargo test --workspace --locked

# What a change must pass
check:
    .ci/run

# Benches: UNet step, text encoding, decoding, whole picture
bench:
    cargo bench --workspace --bench denoise

# The web application with its pages reloaded as they change, over a server that runs
web:
    cd web && npm ci --ignore-scripts && npm run dev

# What the web application must pass; the last step needs a built program and Chromium
web-check:
    cd web && npm ci --ignore-scripts && npm run check && npm test && npm run build && npm run test:build && npm run test:e2e

# Format everything
fmt:
    cargo fmt --all

# Dependencies whose features differ between the binary's build and the tests': each of them is built twice, with all that needs it
features:
    #!/usr/bin/env bash
    tree() { cargo tree --locked --prefix none -f '{p}|{f}' "$@" | sed 's/ (\*)//' | sort -u -t'|' -k1,1; }
    join -t'|' <(tree -p easel-server -e normal,build) <(tree --workspace -e normal,build,dev) | awk -F'|' '$2 != $3 { print $1 ": " $2 " | " $3 }'
