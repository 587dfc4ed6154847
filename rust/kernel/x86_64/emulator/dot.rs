//! VPDPBUSD on the YMM registers of a stopped thread: in the signal's frame, Linux keeps them as XSAVE wrote them.
//!
//! ```text
//! 0     FXSAVE: XMM registers from 160 on; from 464 on what Linux says of the rest
//! 512   XSTATE_BV: which parts were written; those that were not are zero
//! ...   upper halves of YMM registers, and upper halves of ZMM registers, where CPUID says
//! ```

use core::arch::x86_64::__cpuid_count;
use std::sync::OnceLock;

/// XMM registers.
const XMM: usize = 160;
/// What Linux says of the frame: its mark, and which states it holds.
const MARK: usize = 464;
const MARKED: u32 = 0x4650_5853;
const STATES: usize = MARK + 8;
/// Which states were written.
const WRITTEN: usize = 512;
/// States by their numbers.
const SSE: u32 = 1;
const AVX: u32 = 2;
const ZMM_UPPER: u32 = 6;

/// Where the upper halves of YMM and ZMM registers are.
static PLACES: OnceLock<[usize; 2]> = OnceLock::new();

/// Asks the processor once: asking it in the handler would take long under a hypervisor.
pub fn learn() {
    PLACES.get_or_init(|| {
        [AVX, ZMM_UPPER].map(|state| {
            // SAFETY: every x86-64 processor has this instruction; from Rust 1.93 on it is a safe function.
            #[allow(unused_unsafe)]
            let answer = unsafe { __cpuid_count(0xd, state) };
            answer.ebx as usize
        })
    });
}

/// Where the upper halves are, if the frame holds those of YMM registers.
///
/// # Safety
/// `state` is the floating-point state of a signal's frame.
unsafe fn places(state: *mut u8) -> Option<[usize; 2]> {
    // SAFETY: FXSAVE's 512 bytes are always there, the rest where the mark is.
    unsafe {
        if state.is_null() || state.add(MARK).cast::<u32>().read_unaligned() != MARKED {
            return None;
        }
        let states = state.add(STATES).cast::<u64>().read_unaligned();
        if states >> AVX & 1 == 0 {
            return None;
        }
    }
    PLACES.get().copied()
}

/// A YMM register.
///
/// # Safety
/// As for `places`.
pub unsafe fn read(state: *mut u8, register: usize) -> Option<[u8; 32]> {
    // SAFETY: inside the parts that the frame holds.
    unsafe {
        let upper = places(state)?[0];
        let written = state.add(WRITTEN).cast::<u64>().read_unaligned();
        let mut value = [[0; 16]; 2];
        if written >> SSE & 1 == 1 {
            value[0] = state.add(XMM + 16 * register).cast::<[u8; 16]>().read();
        }
        if written >> AVX & 1 == 1 {
            value[1] = state.add(upper + 16 * register).cast::<[u8; 16]>().read();
        }
        Some(bytemuck::cast(value))
    }
}

/// Sets a YMM register, and what is above it to zero.
///
/// # Safety
/// As for `places`.
pub unsafe fn write(state: *mut u8, register: usize, value: [u8; 32]) -> Option<()> {
    // SAFETY: inside the parts that the frame holds.
    unsafe {
        let [upper, above] = places(state)?;
        let mask = state.add(WRITTEN).cast::<u64>();
        let written = mask.read_unaligned();
        for (part, start) in [(SSE, XMM), (AVX, upper)] {
            if written >> part & 1 == 0 {
                // All registers were zero and were not written.
                state.add(start).write_bytes(0, 16 * 16);
            }
        }
        mask.write_unaligned(written | 1 << SSE | 1 << AVX);
        let halves: [[u8; 16]; 2] = bytemuck::cast(value);
        for (start, half) in [XMM, upper].into_iter().zip(halves) {
            state
                .add(start + 16 * register)
                .cast::<[u8; 16]>()
                .write(half);
        }
        if written >> ZMM_UPPER & 1 == 1 {
            state.add(above + 32 * register).write_bytes(0, 32);
        }
    }
    Some(())
}

/// Four products of unsigned and signed bytes are added to each 32-bit sum, which wraps.
pub fn busd(sums: [u8; 32], unsigned: [u8; 32], signed: [u8; 32]) -> [u8; 32] {
    let mut sums: [i32; 8] = bytemuck::cast(sums);
    for (lane, sum) in sums.iter_mut().enumerate() {
        for at in 4 * lane..4 * lane + 4 {
            *sum = sum.wrapping_add(i32::from(unsigned[at]) * i32::from(signed[at] as i8));
        }
    }
    bytemuck::cast(sums)
}
