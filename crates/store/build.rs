//! The migrations are part of the binary; cargo does not see by itself when they change.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
