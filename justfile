# What there is to do; `just` lists it.
default:
    @just --list

# Start the server
serve *args:
    cargo run --release -- serve {{args}}

# All tests
test:
    cargo test --release --workspace --locked

# What a change must pass
check:
    .ci/run

# Benches: UNet step, text encoding, decoding, whole picture
bench:
    cargo bench -p easel-benches

# Format everything
fmt:
    cargo fmt --all
