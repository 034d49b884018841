//! Simulated days, one seed after the other, as rows of a table; seeds that the log has already are skipped.
//!
//! `cargo run --release -p easel-engine --example day -- 50 target/day.log`

use std::{
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Error, Write},
    time::Instant,
};

use easel_engine::sim::day::{Day, DayReport};

fn main() -> Result<(), Error> {
    let mut args = std::env::args().skip(1);
    let seeds: u64 = args.next().and_then(|text| text.parse().ok()).unwrap_or(1);
    let path = args.next().unwrap_or_else(|| "target/day.log".to_owned());
    let known: Vec<String> = match File::open(&path) {
        Ok(file) => BufReader::new(file).lines().collect::<Result<_, _>>()?,
        Err(_) => Vec::new(),
    };
    let mut log = OpenOptions::new().create(true).append(true).open(&path)?;
    if known.is_empty() {
        let columns = format!("| seed | run, s | {} |", DayReport::COLUMNS);
        writeln!(log, "{columns}\n|{}", "---|".repeat(columns.matches('|').count() - 1))?;
    }
    for seed in (1..=seeds).filter(|seed| !known.iter().any(|line| line.starts_with(&format!("| {seed} |")))) {
        let begun = Instant::now();
        let report = Day::whole(seed).run();
        writeln!(log, "| {seed} | {:.0} | {} |", begun.elapsed().as_secs_f64(), report.row())?;
        log.flush()?;
        if !report.broken.is_empty() {
            println!("seed {seed}: {} things did not hold", report.broken.len());
            report.broken.iter().take(10).for_each(|broken| println!("  {broken}"));
            return Err(Error::other("a day went wrong"));
        }
    }
    Ok(())
}
