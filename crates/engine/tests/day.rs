//! A part of the simulated day. The whole of it, a million requests, is `serving day` of the benches.

use easel_engine::sim::day::Day;

#[test]
fn a_busy_day_loses_nobody_and_starves_nobody() {
    for seed in 1..=3 {
        let report = Day { seed, requests: 20_000 }.run();
        assert!(report.broken.is_empty(), "seed {seed}: {:?}", &report.broken[..report.broken.len().min(10)]);
        assert!(report.finished > 18_000, "seed {seed}: {report:?}");
        assert!(report.restarts > 0 && report.failed.len() > 2, "the planned failures have happened: {report:?}");
    }
}
