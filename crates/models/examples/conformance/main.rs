//! Runs a conformance case file and writes what `compare.py` compares.
//!
//! usage: `cargo run -p easel-models --release --example conformance -- CASES.json MODELS_DIR OUT.safetensors [--only SUBSTRING]`
//!
//! Pictures and masks are read from `pictures/` beside the case file.

#![allow(missing_docs)]

mod cases;
mod tensors;
mod units;

use std::path::Path;

use easel_models::{backend::CpuBackend, ops::cpu::CpuOps};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (cases, models, out, only) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [cases, models, out] => (cases, models, out, ""),
        [cases, models, out, "--only", only] => (cases, models, out, only),
        _ => return Err("usage: conformance CASES.json MODELS_DIR OUT.safetensors [--only SUBSTRING]".into()),
    };
    let (models, cases) = (Path::new(models), Path::new(cases));
    let mut tensors = tensors::Tensors::default();
    if only.is_empty() {
        units::run::<CpuOps>(models, &mut tensors)?;
    }
    let mut failed = 0;
    let mut backend = CpuBackend::new(cases::options(models, cases.parent().unwrap_or(Path::new(".")))?);
    for case in cases::read(cases)?.iter().filter(|case| case.id.contains(only)) {
        let pictures = cases.parent().unwrap_or(Path::new(".")).join("pictures");
        match cases::run(&mut backend, case, &pictures) {
            Ok(result) => {
                println!("{}: {} evaluations", case.id, result.evaluations);
                result.store(&case.id, &mut tensors);
            }
            Err(error) => {
                failed += 1;
                println!("{}: FAILED: {error}", case.id);
            }
        }
    }
    tensors.write(Path::new(out))?;
    match failed {
        0 => Ok(()),
        n => Err(format!("{n} cases failed").into()),
    }
}
