//! Whether the process may use tiles.
//!
//! Four must agree, and any "no" is taken for an answer, silently: other kernels give the same answers later.
//!
//! ```text
//! the processor             CPUID 7: tiles, and what they multiply
//! the operating system      CPUID 1: it uses XSAVE; XCR0: it saves the configuration and the data of tiles
//! Linux                     grants the 8 KB of data to a process that asks (it refuses where some thread's stack for signals could not hold them, and a sandbox
//!                           may refuse any call it does not know)
//! Linux again               says that it did: a sandbox may also nod at a call it does not know
//! ```
//!
//! Each is asked only when those before it agreed: XGETBV without XSAVE would be an illegal instruction.

use core::arch::asm;
use core::arch::x86_64::{__cpuid_count, CpuidResult};
use std::sync::OnceLock;

/// What the tile unit of this process is good for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unit {
    /// Products of int8.
    pub int8: bool,
    /// Products of bfloat16.
    pub bf16: bool,
}

/// The unit of this process. The question is put once: a permission stays, also in forked children, and after a refusal the process keeps the kernel it has.
pub fn unit() -> Unit {
    static UNIT: OnceLock<Unit> = OnceLock::new();
    *UNIT.get_or_init(|| {
        if cfg!(any(target_os = "linux", target_os = "windows")) {
            ask(&Here)
        } else {
            Unit::default()
        }
    })
}

/// Whether the processor itself has no tiles, so that tests may have their instructions emulated. Where it has them but may not use them some of these instructions
/// are legal, and would not go where the others go.
#[cfg(all(test, target_os = "linux"))]
pub fn absent() -> bool {
    Here.leaf(0).eax < 7 || Here.leaf(7).edx >> TILES & 1 == 0
}

/// CPUID 7, EDX.
const TILES: u32 = 24;
const INT8: u32 = 25;
const BF16: u32 = 22;

/// Those who are asked.
trait Machine {
    /// CPUID, first sub-leaf.
    fn leaf(&self, leaf: u32) -> CpuidResult;
    /// XCR0; only where OSXSAVE is set.
    fn states(&self) -> u64;
    /// Asks for the data of tiles; whether the answer was "yes".
    fn request(&self) -> bool;
    /// The states that are permitted.
    fn permitted(&self) -> u64;
}

/// The data of tiles among the states of a processor.
const DATA: u32 = 18;
/// Their configuration.
const CONFIGURATION: u32 = 17;

fn ask(machine: &impl Machine) -> Unit {
    const OSXSAVE: u32 = 27;
    let bit = |word: u32, bit: u32| word >> bit & 1 == 1;
    if machine.leaf(0).eax < 7 || !bit(machine.leaf(1).ecx, OSXSAVE) {
        return Unit::default();
    }
    let features = machine.leaf(7).edx;
    let saved = 1 << CONFIGURATION | 1 << DATA;
    if !bit(features, TILES)
        || machine.states() & saved != saved
        || !machine.request()
        || machine.permitted() >> DATA & 1 == 0
    {
        return Unit::default();
    }
    Unit {
        int8: bit(features, INT8),
        bf16: bit(features, BF16),
    }
}

/// This processor and this operating system.
struct Here;

impl Machine for Here {
    fn leaf(&self, leaf: u32) -> CpuidResult {
        // SAFETY: every x86-64 processor has this instruction; from Rust 1.93 on it is a safe function.
        #[allow(unused_unsafe)]
        unsafe {
            __cpuid_count(leaf, 0)
        }
    }

    fn states(&self) -> u64 {
        let (low, high): (u32, u32);
        // SAFETY: the caller saw OSXSAVE, which says that this instruction may be used.
        unsafe {
            asm!("xgetbv", in("ecx") 0, out("eax") low, out("edx") high, options(nomem, nostack, preserves_flags))
        };
        u64::from(high) << 32 | u64::from(low)
    }

    #[cfg(target_os = "linux")]
    fn request(&self) -> bool {
        const REQUEST_PERMISSION: u64 = 0x1023;
        // SAFETY: this call takes a number.
        unsafe { arch_prctl(REQUEST_PERMISSION, u64::from(DATA)) == 0 }
    }

    #[cfg(target_os = "linux")]
    fn permitted(&self) -> u64 {
        const GET_PERMISSION: u64 = 0x1022;
        let mut states = 0_u64;
        // SAFETY: this call writes eight bytes to the place it is given.
        let answer = unsafe { arch_prctl(GET_PERMISSION, &raw mut states as u64) };
        if answer == 0 { states } else { 0 }
    }

    // Elsewhere nobody needs to be asked.

    #[cfg(not(target_os = "linux"))]
    fn request(&self) -> bool {
        true
    }

    #[cfg(not(target_os = "linux"))]
    fn permitted(&self) -> u64 {
        1 << DATA
    }
}

/// # Safety
/// `argument` is what `function` takes.
#[cfg(target_os = "linux")]
unsafe fn arch_prctl(function: u64, argument: u64) -> i64 {
    const ARCH_PRCTL: i64 = 158;
    let answer: i64;
    // SAFETY: the caller vouches for the argument; the registers that a system call overwrites are named.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") ARCH_PRCTL => answer,
            in("rdi") function,
            in("rsi") argument,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// A machine that says what it is told, and is not asked for more than the order of questions allows.
    #[derive(Clone)]
    struct Told {
        highest: u32,
        first: u32,
        seventh: u32,
        states: u64,
        grants: bool,
        permitted: u64,
        asked: Cell<u32>,
    }

    impl Machine for Told {
        fn leaf(&self, leaf: u32) -> CpuidResult {
            assert!(leaf <= self.highest);
            let (ecx, edx) = match leaf {
                1 => (self.first, 0),
                7 => (0, self.seventh),
                _ => (0, 0),
            };
            CpuidResult {
                eax: if leaf == 0 { self.highest } else { 0 },
                ebx: 0,
                ecx,
                edx,
            }
        }

        fn states(&self) -> u64 {
            assert!(self.first >> 27 & 1 == 1, "an illegal instruction");
            self.states
        }

        fn request(&self) -> bool {
            self.asked.set(self.asked.get() + 1);
            self.grants
        }

        fn permitted(&self) -> u64 {
            assert!(self.asked.get() == 1);
            self.permitted
        }
    }

    #[test]
    fn every_refusal_is_taken_for_an_answer() {
        let willing = Told {
            highest: 0x20,
            first: 1 << 27,
            seventh: 1 << 22 | 1 << 24 | 1 << 25,
            states: 0x600e7,
            grants: true,
            permitted: 0x600e7,
            asked: Cell::new(0),
        };
        let all = Unit {
            int8: true,
            bf16: true,
        };
        assert_eq!(ask(&willing.clone()), all);
        type Change = fn(&mut Told);
        let refusals: [(&str, bool, Change); 10] = [
            ("old processor", false, |m| m.highest = 6),
            ("no XSAVE", false, |m| m.first = !(1 << 27)),
            ("no tiles", false, |m| m.seventh = !(1 << 24)),
            ("no state saved", false, |m| m.states = 0xe7),
            ("no data saved", false, |m| m.states = 0x200e7),
            ("no configuration saved", false, |m| m.states = 0x400e7),
            ("refused", true, |m| m.grants = false),
            ("granted nothing", true, |m| m.permitted = 0),
            ("granted the configuration", true, |m| m.permitted = 0x200e7),
            ("tiles that multiply nothing", true, |m| {
                m.seventh = 1 << 24;
            }),
        ];
        for (name, asked, change) in refusals {
            let mut machine = willing.clone();
            change(&mut machine);
            assert_eq!(ask(&machine), Unit::default(), "{name}");
            // No permission is taken that cannot be used.
            assert_eq!(machine.asked.get() == 1, asked, "{name}");
        }
        for (bit, unit) in [
            (25, Unit { bf16: false, ..all }),
            (22, Unit { int8: false, ..all }),
        ] {
            let mut machine = willing.clone();
            machine.seventh = 1 << 24 | 1 << bit;
            assert_eq!(ask(&machine), unit);
        }
    }

    #[test]
    fn what_this_machine_says_is_the_same_every_time() {
        assert_eq!(ask(&Here), ask(&Here));
        // Linux before 5.16 does not know the question; those that do permit at least the states that all programs use.
        let permitted = Here.permitted();
        assert!(!cfg!(target_os = "linux") || permitted == 0 || permitted & 0b11 == 0b11);
    }
}
