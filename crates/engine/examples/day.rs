//! Simulated days without the rest of the benches: `cargo run --release -p easel-engine --example day -- SEEDS LOG`.

fn main() -> Result<(), String> {
    let mut args = std::env::args().skip(1);
    let seeds = args.next().and_then(|text| text.parse().ok()).unwrap_or(1);
    let log = args.next().unwrap_or_else(|| "target/day.log".to_owned());
    easel_engine::sim::day::log(seeds, log.as_ref())
}
