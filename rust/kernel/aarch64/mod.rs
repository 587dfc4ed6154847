//! Kernels of 64-bit Arm processors, little-endian ones. Each file holds a token that only detection can make and a register tile; they share one scan.
//!
//! Rust has no stable intrinsics yet for the dot product, the matrix product and the prefetch: those are single instructions of assembly.

pub mod dotprod;
pub mod gram;
pub mod i8mm;
pub mod neon;

/// Fetches the cache line of `place` into L2; a fetch may name any address.
#[inline(always)]
fn fetch<T>(place: *const T) {
    // SAFETY: a hint that reads and writes nothing the program sees, and never faults.
    unsafe {
        std::arch::asm!("prfm pldl2keep, [{}]", in(reg) place, options(readonly, nostack, preserves_flags));
    }
}
