//! Instructions that this processor lacks, emulated, so that tests can run every kernel's own machine code.
//!
//! A processor answers an instruction it does not know with an exception, and Linux with the signal SIGILL on the thread, whose registers the handler sees and may
//! change. Ours reads the instruction where the thread stopped, does what the manual says it does, on the tile unit it keeps for every thread or on the vector
//! registers the kernel saved, moves the thread behind it, and goes on while the next instruction is such a one too: a signal costs more than most of them. At
//! any other instruction it hands the signal to whom it belonged before.
//!
//! ```text
//! decode    bytes -> instruction
//! tiles     the tile unit: AMX
//! dot       VPDPBUSD in YMM registers: AVX-VNNI
//! ```
//!
//! The handler runs on the thread's own stack (no SA_ONSTACK: stacks for signals are small) and is not to be interrupted by its own kind (no SA_NODEFER: an illegal
//! instruction within it is a mistake, and ends the process). It allocates nothing, takes no locks, and its thread-locals need neither making nor unmaking.

mod decode;
mod dot;
mod tests;
mod tiles;

use std::cell::UnsafeCell;
use std::sync::OnceLock;

use decode::{Address, Base, Instruction, Source, decode};
use tiles::Unit;

/// What an illegal instruction led to before.
static PREVIOUS: OnceLock<libc::sigaction> = OnceLock::new();
/// Whether the handler is there.
static INSTALLED: OnceLock<bool> = OnceLock::new();

thread_local! {
    /// The tile unit of this thread.
    static UNIT: UnsafeCell<Unit> = const { UnsafeCell::new(Unit::INITIAL) };
}

/// Emulates from now on, in every thread; whether that is possible.
pub fn install() -> bool {
    *INSTALLED.get_or_init(|| {
        if !is_x86_feature_detected!("avx2") || !is_x86_feature_detected!("fma") {
            return false;
        }
        dot::learn();
        // SAFETY: plain structures of C, zero is a value of theirs; the handler has the signature that SA_SIGINFO asks for.
        unsafe {
            let mut previous: libc::sigaction = core::mem::zeroed();
            if libc::sigaction(libc::SIGILL, core::ptr::null(), &raw mut previous) != 0 {
                return false;
            }
            let _ = PREVIOUS.set(previous);
            let mut action: libc::sigaction = core::mem::zeroed();
            action.sa_sigaction = handler as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
            libc::sigaction(libc::SIGILL, &raw const action, core::ptr::null_mut()) == 0
        }
    })
}

/// Registers by their numbers in instructions.
const REGISTERS: [i32; 16] = [
    libc::REG_RAX,
    libc::REG_RCX,
    libc::REG_RDX,
    libc::REG_RBX,
    libc::REG_RSP,
    libc::REG_RBP,
    libc::REG_RSI,
    libc::REG_RDI,
    libc::REG_R8,
    libc::REG_R9,
    libc::REG_R10,
    libc::REG_R11,
    libc::REG_R12,
    libc::REG_R13,
    libc::REG_R14,
    libc::REG_R15,
];

/// The registers of a thread that was stopped.
struct Stopped<'a>(&'a mut libc::mcontext_t);

impl Stopped<'_> {
    fn register(&self, number: usize) -> u64 {
        self.0.gregs[REGISTERS[number] as usize] as u64
    }

    fn here(&self) -> u64 {
        self.0.gregs[libc::REG_RIP as usize] as u64
    }

    /// Where an address starts, and the scaled index; `length` is that of the instruction.
    fn parts(&self, address: Address, length: usize) -> (u64, u64) {
        let base = match address.base {
            Base::Nothing => 0,
            Base::Register(number) => self.register(number),
            Base::Next => self.here().wrapping_add(length as u64),
        };
        let index = address
            .index
            .map_or(0, |(number, shift)| self.register(number) << shift);
        (base.wrapping_add_signed(address.displacement), index)
    }

    /// Where the kernel saved vector registers. C libraries name the field behind the registers as they like.
    fn vectors(&self) -> *mut u8 {
        let all = (&raw const *self.0).cast::<*mut u8>();
        // SAFETY: Linux puts the pointer there; it is part of the structure.
        unsafe { all.add(self.0.gregs.len()).read() }
    }

    fn place(&self, address: Address, length: usize) -> u64 {
        let (start, index) = self.parts(address, length);
        start.wrapping_add(index)
    }

    /// Emulates the instruction the thread stopped at; whether it is one of ours.
    ///
    /// # Safety
    /// The thread stopped here at an instruction; the handler emulates nothing else on this thread.
    unsafe fn step(&mut self) -> Option<()> {
        let here = self.here() as *const u8;
        // SAFETY: only bytes of the instruction are read.
        let (instruction, length) = decode(|at| unsafe { here.add(at).read() })?;
        // SAFETY: the unit is of this thread, and nothing else refers to it while the handler runs.
        let unit = unsafe { &mut *UNIT.with(UnsafeCell::get) };
        // SAFETY: memory that the thread would touch itself; where it must not, it ends here as it would end there.
        unsafe {
            match instruction {
                Instruction::LoadConfiguration(at) => {
                    unit.configure(&(self.place(at, length) as *const [u8; 64]).read_unaligned())
                }
                Instruction::StoreConfiguration(at) => {
                    (self.place(at, length) as *mut [u8; 64]).write_unaligned(unit.configuration());
                    Some(())
                }
                Instruction::Release => unit.release(),
                Instruction::Zero(tile) => unit.zero(tile),
                Instruction::Load(tile, at) => {
                    let (start, stride) = self.parts(at, length);
                    unit.load(tile, start, stride)
                }
                Instruction::Store(tile, at) => {
                    let (start, stride) = self.parts(at, length);
                    unit.store(tile, start, stride)
                }
                Instruction::Bytes(signed, tiles) => unit.bytes(signed, tiles),
                Instruction::Bf16(tiles) => unit.bf16(tiles),
                Instruction::Dot(sums, unsigned, source) => {
                    let state = self.vectors();
                    let signed = match source {
                        Source::Register(number) => dot::read(state, number)?,
                        Source::Memory(at) => {
                            (self.place(at, length) as *const [u8; 32]).read_unaligned()
                        }
                    };
                    let total =
                        dot::busd(dot::read(state, sums)?, dot::read(state, unsigned)?, signed);
                    dot::write(state, sums, total)
                }
            }?;
        }
        self.0.gregs[libc::REG_RIP as usize] += length as i64;
        Some(())
    }
}

extern "C" fn handler(
    _signal: libc::c_int,
    _info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: with SA_SIGINFO, Linux passes the registers of the stopped thread, which nobody else holds.
    let mut stopped = unsafe { Stopped(&mut (*context.cast::<libc::ucontext_t>()).uc_mcontext) };
    // SAFETY: the thread stopped at an instruction, and goes on with the one behind it.
    if unsafe { stopped.step() }.is_none() {
        // The instruction runs again and the signal comes again, to whom it belonged before.
        if let Some(previous) = PREVIOUS.get() {
            // SAFETY: what the system gave us when we asked.
            unsafe { libc::sigaction(libc::SIGILL, previous, core::ptr::null_mut()) };
        }
        return;
    }
    // SAFETY: as above; a thread that went on would read the next instruction too.
    while unsafe { stopped.step() }.is_some() {}
}
