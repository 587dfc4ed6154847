//! The emulator against small sums done by hand, through instructions that the processor may or may not have: on a processor that has them these are tests of
//! the tests.

use super::*;
use crate::kernel::x86_64::amx::permission::{absent, unit};
use core::arch::asm;

/// Whether tiles may be used here, one way or the other.
fn tiles() -> bool {
    let real = unit();
    real.int8 && real.bf16 || absent() && install()
}

#[repr(C, align(64))]
struct Bytes<const N: usize>([u8; N]);

/// Tiles 0, 1, 2 of 5 rows of 12 bytes, 5 of 8, and 2 of 12: three columns, two groups.
fn small() -> Bytes<64> {
    let mut bytes = [0; 64];
    bytes[0] = 1;
    (bytes[16], bytes[18], bytes[20]) = (12, 8, 12);
    (bytes[48], bytes[49], bytes[50]) = (5, 5, 2);
    Bytes(bytes)
}

#[test]
fn small_tiles_are_loaded_multiplied_and_stored_in_their_shapes() {
    if !tiles() {
        return;
    }
    let configuration = small();
    let rows: Vec<u8> = (0..5 * 10).map(|at| (at * 37 + 11) as u8).collect();
    let columns: Vec<u8> = (0..2 * 16).map(|at| (at * 91 + 5) as u8).collect();
    let start: Vec<i32> = (0..5 * 4).map(|at| i32::MAX - at * at * 1_000).collect();
    let value = |byte: u8, signed: bool| {
        if signed {
            i32::from(byte as i8)
        } else {
            i32::from(byte)
        }
    };
    macro_rules! product {
        ($instruction:literal, $signed:expr) => {
            let (mut sums, mut kept) = (start.clone(), Bytes([1; 64]));
            // SAFETY: tiles may be used; their shapes stay inside the three arrays, which are 10 and 16 bytes, and 4 sums, to a row.
            unsafe {
                asm!(
                    "ldtilecfg [{configuration}]",
                    "sttilecfg [{kept}]",
                    "tileloadd tmm0, [{sums} + {sixteen}]",
                    "tileloadd tmm1, [{rows} + 2*{five}]",
                    "tileloaddt1 tmm2, [{columns} + {sixteen}]",
                    concat!($instruction, " tmm0, tmm1, tmm2"),
                    "tilestored [{sums} + {sixteen}], tmm0",
                    "tilerelease",
                    configuration = in(reg) &raw const configuration,
                    kept = in(reg) &raw mut kept,
                    sums = in(reg) sums.as_mut_ptr(),
                    rows = in(reg) rows.as_ptr(),
                    columns = in(reg) columns.as_ptr(),
                    sixteen = in(reg) 16_u64,
                    five = in(reg) 5_u64,
                    out("tmm0") _,
                    out("tmm1") _,
                    out("tmm2") _,
                    options(nostack),
                );
            }
            assert_eq!(kept.0, configuration.0);
            let signed: [bool; 2] = $signed;
            for r in 0..5 {
                for c in 0..4 {
                    let mut want = start[4 * r + c];
                    for at in (0..8).filter(|_| c < 3) {
                        let x = value(rows[10 * r + at], signed[0]);
                        let y = value(columns[16 * (at / 4) + 4 * c + at % 4], signed[1]);
                        want = want.wrapping_add(x * y);
                    }
                    assert_eq!(sums[4 * r + c], want, "{} {r} {c}", $instruction);
                }
            }
        };
    }
    product!("tdpbssd", [true, true]);
    product!("tdpbsud", [true, false]);
    product!("tdpbusd", [false, true]);
    product!("tdpbuud", [false, false]);
}

#[test]
fn zeroed_and_released_tiles_are_zero() {
    if !tiles() {
        return;
    }
    let (configuration, ones) = (small(), [1_u8; 64]);
    let (mut zeroed, mut kept) = ([7_u8; 5 * 12], Bytes([1; 64]));
    // SAFETY: tiles may be used; five rows of eight or twelve bytes are inside what is pointed to.
    unsafe {
        asm!(
            "ldtilecfg [{configuration}]",
            "tileloadd tmm0, [{ones}]",
            "tilezero tmm0",
            "tilestored [{zeroed} + {stride}], tmm0",
            "tilerelease",
            "sttilecfg [{kept}]",
            configuration = in(reg) &raw const configuration,
            ones = in(reg) &raw const ones,
            zeroed = in(reg) &raw mut zeroed,
            stride = in(reg) 12_u64,
            kept = in(reg) &raw mut kept,
            out("tmm0") _,
            options(nostack),
        );
    }
    assert_eq!(zeroed, [0; 5 * 12]);
    assert_eq!(kept.0, [0; 64]);
}

#[test]
fn what_the_manual_forbids_stays_illegal() {
    let mut state = Box::new(Unit::INITIAL);
    assert_eq!(state.zero(0), None, "not configured");
    let change = |at: usize, value: u8| {
        let mut bytes = small().0;
        bytes[at] = value;
        bytes
    };
    for (at, value) in [
        (0, 2),
        (7, 1),
        (16, 65),
        (48, 17),
        (49, 0),
        (20, 0),
        (32, 4),
        (56, 1),
    ] {
        assert_eq!(state.configure(&change(at, value)), None, "byte {at}");
    }
    assert_eq!(state.configure(&small().0), Some(()));
    assert_eq!(state.configuration(), small().0);
    assert_eq!(state.zero(3), None, "no such tile");
    assert_eq!(state.bytes([true; 2], [0, 1, 2]), Some(()));
    for tiles in [
        [0, 0, 2],
        [0, 1, 1],
        [0, 1, 0],
        [0, 2, 1],
        [1, 0, 2],
        [0, 1, 3],
    ] {
        assert_eq!(state.bytes([true; 2], tiles), None, "{tiles:?}");
        assert_eq!(state.bf16(tiles), None, "{tiles:?}");
    }
    assert_eq!(state.configure(&[0; 64]), Some(()));
    assert_eq!(state.configuration(), [0; 64]);
}

#[test]
fn vector_registers_of_a_stopped_thread_are_read_and_written() {
    if !is_x86_feature_detected!("avxvnni") && !install() {
        return;
    }
    let bytes = |factor: usize| -> [u8; 32] { std::array::from_fn(|at| (at * factor + 3) as u8) };
    let (start, unsigned, signed) = (bytes(29), bytes(91), bytes(57));
    let want = dot::busd(dot::busd(start, unsigned, signed), signed, unsigned);
    let mut got = [0_u8; 32];
    // SAFETY: AVX2 is a condition of what was asked above; 32 bytes each are read and written.
    unsafe {
        asm!(
            "vmovdqu ymm9, [{start}]",
            "vmovdqu ymm2, [{unsigned}]",
            "vmovdqu ymm15, [{signed}]",
            "{{vex}} vpdpbusd ymm9, ymm2, ymm15",
            "{{vex}} vpdpbusd ymm9, ymm15, ymmword ptr [{unsigned}]",
            "vmovdqu [{got}], ymm9",
            "vzeroupper",
            start = in(reg) &raw const start,
            unsigned = in(reg) &raw const unsigned,
            signed = in(reg) &raw const signed,
            got = in(reg) &raw mut got,
            out("ymm2") _,
            out("ymm9") _,
            out("ymm15") _,
            options(nostack),
        );
    }
    assert_eq!(got, want);
    if is_x86_feature_detected!("avx512f") {
        let (ones, mut all) = ([255_u8; 64], [1_u8; 64]);
        // SAFETY: AVX-512F; 64 bytes are read and written.
        unsafe {
            asm!(
                "vmovdqu64 zmm3, [{ones}]",
                "vpxord zmm4, zmm4, zmm4",
                "{{vex}} vpdpbusd ymm3, ymm4, ymm4",
                "vmovdqu64 [{all}], zmm3",
                "vzeroupper",
                ones = in(reg) &raw const ones,
                all = in(reg) &raw mut all,
                out("zmm3") _,
                out("zmm4") _,
                options(nostack),
            );
        }
        assert!(all[..32].iter().all(|&byte| byte == 255));
        assert!(all[32..].iter().all(|&byte| byte == 0), "the upper half");
    }
}

#[test]
fn an_instruction_that_nobody_knows_still_ends_the_process() {
    if !install() {
        return;
    }
    // SAFETY: the child touches nothing of the threads it lost: one illegal instruction, or the exit that should not be reached.
    unsafe {
        let child = libc::fork();
        if child == 0 {
            // No core file is worth anything here.
            let none = libc::rlimit {
                rlim_cur: 0,
                rlim_max: 0,
            };
            libc::setrlimit(libc::RLIMIT_CORE, &raw const none);
            asm!("ud2", options(nostack));
            libc::_exit(0);
        }
        assert!(child > 0);
        let mut status = 0;
        assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
        assert!(libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGILL);
    }
}
