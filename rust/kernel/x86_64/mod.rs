//! Kernels of x86-64 processors. Each file holds a token that only detection can make, a register tile and, where the vectors are new, a scan.

pub mod amx;
pub mod avx2;
pub mod avx2int16;
pub mod avx512;
pub mod avx512vnni;
pub mod avxvnni;
#[cfg(all(test, target_os = "linux"))]
pub mod emulator;
pub mod gram;
