//! Whether tiles may be used: the processor has them, the system keeps their state, and it has given this process the permission.
//!
//! CPUID leaf 0x1D, which describes the tiles, is not asked: some virtual machines leave it empty although tiles work. Palette 1 is 8 tiles of
//! 16 lines of 64 bytes on every processor that has AMX. Without the permission `ldtilecfg` passes and the first tile instruction kills the
//! process, so the answer of the system counts. It refuses (ENOSPC) where some thread's alternate signal stack is too small for the tiles'
//! state; then there are no tiles, and nothing else happens.

#![cfg(all(target_arch = "x86_64", target_os = "linux"))]
#![allow(unsafe_code)]

use std::arch::{asm, x86_64::__cpuid_count};

/// Asks for the permission, which holds for every thread of the process from then on.
pub(super) fn tiles_allowed() -> bool {
    processor_has_them() && system_keeps_them() && request() == 0
}

/// AMX-TILE and AMX-BF16 in leaf 7.
fn processor_has_them() -> bool {
    const BF16: u32 = 1 << 22;
    const TILE: u32 = 1 << 24;
    if __cpuid_count(0, 0).eax < 7 {
        return false;
    }
    let leaf = __cpuid_count(7, 0);
    leaf.edx & (BF16 | TILE) == BF16 | TILE
}

/// The state components of tiles in XCR0, which may be read where leaf 1 says OSXSAVE.
fn system_keeps_them() -> bool {
    const OSXSAVE: u32 = 1 << 27;
    const TILES: u32 = 0b11 << 17;
    if __cpuid_count(1, 0).ecx & OSXSAVE == 0 {
        return false;
    }
    let low: u32;
    // SAFETY: `xgetbv` of register 0 is allowed where OSXSAVE is set.
    unsafe { asm!("xgetbv", in("ecx") 0, out("eax") low, out("edx") _, options(nomem, nostack, preserves_flags)) }
    low & TILES == TILES
}

/// `arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA)`: 0 or a negative error number.
fn request() -> i64 {
    const ARCH_PRCTL: i64 = 158;
    const ARCH_REQ_XCOMP_PERM: u64 = 0x1023;
    const XTILEDATA: u64 = 18;
    let mut result = ARCH_PRCTL;
    // SAFETY: the call reads and writes no memory of ours; a system that does not know it answers with an error.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") result,
            in("rdi") ARCH_REQ_XCOMP_PERM,
            in("rsi") XTILEDATA,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack)
        );
    }
    result
}
