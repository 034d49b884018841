//! Compiles the emulator of CUDA's thread blocks where a test asks for it; no other build needs a C++ compiler for this crate.

fn main() {
    println!("cargo:rerun-if-changed=emulator");
    println!("cargo:rerun-if-changed=src/cuda/source");
    #[cfg(feature = "emulator")]
    emulator();
}

#[cfg(feature = "emulator")]
fn emulator() {
    let mut build = cc::Build::new();
    build
        .cpp(true)
        .std("c++17")
        .opt_level(2)
        .include("emulator")
        .include("src/cuda/source")
        .files(["emulator/table.cpp", "emulator/fibers.cpp", "emulator/arithmetic.cpp"])
        // Fibers jump between stacks, which the checked `longjmp` takes for a mistake. The pragmas are the device compiler's.
        .flag_if_supported("-U_FORTIFY_SOURCE")
        .flag_if_supported("-Wno-unknown-pragmas");
    if let Err(error) = build.try_compile("easel_emulator") {
        println!(
            "cargo::error=the tests of the CUDA kernels need a C++17 compiler (Debian: apt-get install build-essential): {error}"
        );
    }
}
