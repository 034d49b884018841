//! AMX tiles by assembly: the compiler has no stable functions for them, and never uses tiles on its own.
//!
//! Tiles 0 to 3 hold a cell's sums, 4 and 5 lines, 6 and 7 columns. What is streamed is read past the first-level cache (`tileloaddt1`), so that
//! it does not push out what stays there.

#![allow(unsafe_code)]

use std::{arch::asm, marker::PhantomData};

use super::{
    Bf16Isa,
    cell::{Ahead, Cell, TILE},
    finish::Pending,
    isa::Dot,
    pack::BOTH_TILES,
};

/// Palette 1: eight tiles of 16 lines of 64 bytes.
#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start_line: u8,
    reserved: [u8; 14],
    line_bytes: [u16; 16],
    lines: [u8; 16],
}

static WHOLE_TILES: Configuration = Configuration {
    palette: 1,
    start_line: 0,
    reserved: [0; 14],
    line_bytes: [64, 64, 64, 64, 64, 64, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0],
    lines: [16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0],
};

/// This thread's tiles, configured until it is dropped. A thread that computes nothing keeps none, so that switching to it costs nothing.
pub(super) struct Tiles(PhantomData<*const ()>);

impl Tiles {
    /// Of this thread; nothing where `isa` does without.
    pub fn configured(isa: Bf16Isa) -> Option<Self> {
        if isa.dot != Dot::Amx {
            return None;
        }
        // SAFETY: `isa` is proof that there are tiles; nobody else on this thread uses them meanwhile.
        unsafe {
            asm!(
                "ldtilecfg [{}]", in(reg) &raw const WHOLE_TILES,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _, out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack, preserves_flags),
            );
        }
        Some(Self(PhantomData))
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: there are tiles, or this value would not exist.
        unsafe { asm!("tilerelease", options(nomem, nostack, preserves_flags)) }
    }
}

/// The steps of one run.
#[derive(Clone, Copy)]
struct Steps {
    lines: [*const u8; 2],
    strides: [usize; 2],
    panel: *const u8,
    ahead: *const u8,
    count: usize,
}

macro_rules! steps {
    ($name:ident, $line:literal, $column:literal, $ahead:literal, $($prefetch:literal),*) => {
        #[inline(always)]
        unsafe fn $name(steps: Steps) {
            // SAFETY: the caller's: tiles are configured, and the pointers are valid for as many steps.
            unsafe {
                asm!(
                    "2:",
                    concat!($line, " tmm4, [{line0} + {stride0}]"),
                    concat!($column, " tmm6, [{panel} + {packed}]"),
                    concat!($column, " tmm7, [{panel} + {packed} + 1024]"),
                    concat!($line, " tmm5, [{line1} + {stride1}]"),
                    $($prefetch,)*
                    "add {line0}, 64",
                    "add {line1}, 64",
                    "add {panel}, 2048",
                    concat!("add {ahead}, ", $ahead),
                    "tdpbf16ps tmm0, tmm4, tmm6",
                    "tdpbf16ps tmm1, tmm4, tmm7",
                    "tdpbf16ps tmm2, tmm5, tmm6",
                    "tdpbf16ps tmm3, tmm5, tmm7",
                    "dec {count}",
                    "jnz 2b",
                    line0 = inout(reg) steps.lines[0] => _,
                    line1 = inout(reg) steps.lines[1] => _,
                    stride0 = in(reg) steps.strides[0],
                    stride1 = in(reg) steps.strides[1],
                    panel = inout(reg) steps.panel => _,
                    ahead = inout(reg) steps.ahead => _,
                    packed = in(reg) 64usize,
                    count = inout(reg) steps.count => _,
                    options(nostack),
                );
            }
        }
    };
}
steps!(steps_of_panels, "tileloadd", "tileloaddt1", "0",);
steps!(steps_of_panels_2, "tileloadd", "tileloaddt1", "128", "prefetcht1 [{ahead}]", "prefetcht1 [{ahead} + 64]");
steps!(
    steps_of_panels_4,
    "tileloadd",
    "tileloaddt1",
    "256",
    "prefetcht1 [{ahead}]",
    "prefetcht1 [{ahead} + 64]",
    "prefetcht1 [{ahead} + 128]",
    "prefetcht1 [{ahead} + 192]"
);
steps!(steps_of_lines, "tileloaddt1", "tileloadd", "0",);
steps!(steps_of_lines_2, "tileloaddt1", "tileloadd", "128", "prefetcht1 [{ahead}]", "prefetcht1 [{ahead} + 64]");
steps!(
    steps_of_lines_4,
    "tileloaddt1",
    "tileloadd",
    "256",
    "prefetcht1 [{ahead}]",
    "prefetcht1 [{ahead} + 64]",
    "prefetcht1 [{ahead} + 128]",
    "prefetcht1 [{ahead} + 192]"
);
steps!(
    steps_of_lines_8,
    "tileloaddt1",
    "tileloadd",
    "512",
    "prefetcht1 [{ahead}]",
    "prefetcht1 [{ahead} + 64]",
    "prefetcht1 [{ahead} + 128]",
    "prefetcht1 [{ahead} + 192]",
    "prefetcht1 [{ahead} + 256]",
    "prefetcht1 [{ahead} + 320]",
    "prefetcht1 [{ahead} + 384]",
    "prefetcht1 [{ahead} + 448]"
);
steps!(
    steps_of_lines_16,
    "tileloaddt1",
    "tileloadd",
    "1024",
    "prefetcht1 [{ahead}]",
    "prefetcht1 [{ahead} + 64]",
    "prefetcht1 [{ahead} + 128]",
    "prefetcht1 [{ahead} + 192]",
    "prefetcht1 [{ahead} + 256]",
    "prefetcht1 [{ahead} + 320]",
    "prefetcht1 [{ahead} + 384]",
    "prefetcht1 [{ahead} + 448]",
    "prefetcht1 [{ahead} + 512]",
    "prefetcht1 [{ahead} + 576]",
    "prefetcht1 [{ahead} + 640]",
    "prefetcht1 [{ahead} + 704]",
    "prefetcht1 [{ahead} + 768]",
    "prefetcht1 [{ahead} + 832]",
    "prefetcht1 [{ahead} + 896]",
    "prefetcht1 [{ahead} + 960]"
);

/// Bytes that are asked for ahead at every step.
fn bytes_ahead(ahead: Ahead) -> usize {
    match ahead {
        Ahead::Panels(lines) | Ahead::Lines(lines) => usize::from(lines) * 64,
    }
}

#[inline(always)]
unsafe fn run(steps: Steps, ahead: Ahead) {
    // SAFETY: the caller's contract.
    unsafe {
        match ahead {
            Ahead::Panels(0 | 1) => steps_of_panels(steps),
            Ahead::Panels(2 | 3) => steps_of_panels_2(steps),
            Ahead::Panels(_) => steps_of_panels_4(steps),
            Ahead::Lines(0 | 1) => steps_of_lines(steps),
            Ahead::Lines(2 | 3) => steps_of_lines_2(steps),
            Ahead::Lines(4..=7) => steps_of_lines_4(steps),
            Ahead::Lines(8..=15) => steps_of_lines_8(steps),
            Ahead::Lines(_) => steps_of_lines_16(steps),
        }
    }
}

/// Adds a cell's products to its sums, and finishes `pending` in parts meanwhile: tiles and vectors work side by side.
///
/// # Safety
/// As for [`Cell::multiply`]; this thread's tiles are configured.
#[inline(always)]
pub(super) unsafe fn multiply(cell: &Cell<'_>, isa: Bf16Isa, pending: &mut Pending<'_>) {
    let total: usize = cell.runs.iter().map(|run| run.steps).sum();
    // Few parts where there is little to overlap with, and none without anything to finish.
    let part = if pending.is_some() { total.div_ceil(if total < 16 { 5 } else { 8 }).max(1) } else { total };
    let lines = (2 * TILE).div_ceil(total.div_ceil(part));
    // SAFETY: the caller's contract.
    unsafe {
        load_sums(cell);
        let (mut panel, mut ahead) = (cell.panel.cast::<u8>(), cell.ahead.0);
        for of in cell.runs {
            let (mut left, mut offset) = (of.steps, of.offset);
            while left > 0 {
                let count = left.min(part);
                let lines_at = cell.lines.map(|line| line.add(offset));
                run(Steps { lines: lines_at, strides: cell.strides, panel, ahead, count }, cell.ahead.1);
                panel = panel.add(count * BOTH_TILES * 2);
                ahead = ahead.wrapping_add(count * bytes_ahead(cell.ahead.1));
                offset += count * 64;
                left -= count;
                if pending.is_some() {
                    pending.part(isa, lines);
                }
            }
        }
        store_sums(cell);
        pending.finish(isa);
    }
}

#[inline(always)]
unsafe fn load_sums(cell: &Cell<'_>) {
    // SAFETY: the caller's: tiles are configured, the sums are a cell's.
    unsafe {
        match cell.fresh {
            true => {
                asm!("tilezero tmm0", "tilezero tmm1", "tilezero tmm2", "tilezero tmm3", options(nomem, nostack, preserves_flags))
            }
            false => asm!(
                "tileloadd tmm0, [{sums} + {line}]",
                "tileloadd tmm1, [{sums} + {line} + 1024]",
                "tileloadd tmm2, [{sums} + {line} + 2048]",
                "tileloadd tmm3, [{sums} + {line} + 3072]",
                sums = in(reg) cell.sums,
                line = in(reg) 64usize,
                options(nostack, preserves_flags, readonly),
            ),
        }
    }
}

#[inline(always)]
unsafe fn store_sums(cell: &Cell<'_>) {
    // SAFETY: as above.
    unsafe {
        asm!(
            "tilestored [{sums} + {line}], tmm0",
            "tilestored [{sums} + {line} + 1024], tmm1",
            "tilestored [{sums} + {line} + 2048], tmm2",
            "tilestored [{sums} + {line} + 3072], tmm3",
            sums = in(reg) cell.sums,
            line = in(reg) 64usize,
            options(nostack, preserves_flags),
        );
    }
}
