//! Code for vectors of any width. [`Work`] is written once, with the operations of a [`Wide`], and compiled for every width that a level may use.
//! (Plain loops were tried first: the compiler turned some of them the wrong way, into gathers, and was several times slower.)

use super::Level;

/// Numbers that are compared at a time.
pub const WIDE: usize = 32;

/// Vectors of float64 and what is done with them; every operation rounds as the plain one does.
pub trait Wide: Copy {
    /// A vector.
    type Vector: Copy;

    /// Numbers in it; they divide [`WIDE`].
    const LANES: usize;

    /// One number in every lane.
    fn splat(self, value: f64) -> Self::Vector;

    /// The numbers from place `at` on.
    fn load(self, values: &[f64; WIDE], at: usize) -> Self::Vector;

    /// Puts them there.
    fn store(self, vector: Self::Vector, values: &mut [f64; WIDE], at: usize);

    /// `a + b`.
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// `a - b`.
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// `a * b`.
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// The larger of each two; none is NaN.
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// A bit for every lane where `a` is not above `b`.
    fn at_most(self, a: Self::Vector, b: Self::Vector) -> u32;
}

/// Something to do with wide vectors. `run` must be `#[inline(always)]`, and so must all that it calls in its loops: only what is inlined is compiled for
/// the vectors.
pub trait Work {
    /// What it finds.
    type Output;

    /// Does it.
    fn run<W: Wide>(self, wide: W) -> Self::Output;
}

/// Plain Rust.
#[derive(Clone, Copy)]
struct Plain;

impl Plain {
    #[inline(always)]
    fn each(a: [f64; 4], b: [f64; 4], f: impl Fn(f64, f64) -> f64) -> [f64; 4] {
        [f(a[0], b[0]), f(a[1], b[1]), f(a[2], b[2]), f(a[3], b[3])]
    }
}

impl Wide for Plain {
    type Vector = [f64; 4];

    const LANES: usize = 4;

    #[inline(always)]
    fn splat(self, value: f64) -> [f64; 4] {
        [value; 4]
    }

    #[inline(always)]
    fn load(self, values: &[f64; WIDE], at: usize) -> [f64; 4] {
        [values[at], values[at + 1], values[at + 2], values[at + 3]]
    }

    #[inline(always)]
    fn store(self, vector: [f64; 4], values: &mut [f64; WIDE], at: usize) {
        values[at..at + 4].copy_from_slice(&vector);
    }

    #[inline(always)]
    fn add(self, a: [f64; 4], b: [f64; 4]) -> [f64; 4] {
        Self::each(a, b, |a, b| a + b)
    }

    #[inline(always)]
    fn sub(self, a: [f64; 4], b: [f64; 4]) -> [f64; 4] {
        Self::each(a, b, |a, b| a - b)
    }

    #[inline(always)]
    fn mul(self, a: [f64; 4], b: [f64; 4]) -> [f64; 4] {
        Self::each(a, b, |a, b| a * b)
    }

    #[inline(always)]
    fn max(self, a: [f64; 4], b: [f64; 4]) -> [f64; 4] {
        Self::each(a, b, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    fn at_most(self, a: [f64; 4], b: [f64; 4]) -> u32 {
        let bit = |l: usize| u32::from(a[l] > b[l]) << l;
        15 ^ (bit(0) | bit(1) | bit(2) | bit(3))
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{WIDE, Wide, Work};
    use core::arch::x86_64::*;

    /// Only made where the processor has AVX2.
    #[derive(Clone, Copy)]
    pub struct Avx2(());

    /// Only made where the processor has AVX-512F.
    #[derive(Clone, Copy)]
    pub struct Avx512(());

    /// Implements [`Wide`] for a token; the names are those of the intrinsics.
    macro_rules! wide {
        ($token:ty, $vector:ty, $lanes:literal, $splat:ident, $load:ident, $store:ident, $add:ident, $sub:ident, $mul:ident, $max:ident,
         |$a:ident, $b:ident| $at_most:expr) => {
            impl Wide for $token {
                type Vector = $vector;

                const LANES: usize = $lanes;

                #[inline(always)]
                fn splat(self, value: f64) -> $vector {
                    // SAFETY: the token proves the feature.
                    unsafe { $splat(value) }
                }

                #[inline(always)]
                fn load(self, values: &[f64; WIDE], at: usize) -> $vector {
                    assert!(at + $lanes <= WIDE);
                    // SAFETY: the token proves the feature; the line above that all lanes are within the array.
                    unsafe { $load(values.as_ptr().add(at)) }
                }

                #[inline(always)]
                fn store(self, vector: $vector, values: &mut [f64; WIDE], at: usize) {
                    assert!(at + $lanes <= WIDE);
                    // SAFETY: the token proves the feature; the line above that all lanes are within the array.
                    unsafe { $store(values.as_mut_ptr().add(at), vector) }
                }

                #[inline(always)]
                fn add(self, a: $vector, b: $vector) -> $vector {
                    // SAFETY: the token proves the feature.
                    unsafe { $add(a, b) }
                }

                #[inline(always)]
                fn sub(self, a: $vector, b: $vector) -> $vector {
                    // SAFETY: the token proves the feature.
                    unsafe { $sub(a, b) }
                }

                #[inline(always)]
                fn mul(self, a: $vector, b: $vector) -> $vector {
                    // SAFETY: the token proves the feature.
                    unsafe { $mul(a, b) }
                }

                #[inline(always)]
                fn max(self, a: $vector, b: $vector) -> $vector {
                    // SAFETY: the token proves the feature.
                    unsafe { $max(a, b) }
                }

                #[inline(always)]
                fn at_most(self, $a: $vector, $b: $vector) -> u32 {
                    // SAFETY: the token proves the feature.
                    unsafe { $at_most }
                }
            }
        };
    }

    wide!(
        Avx2,
        __m256d,
        4,
        _mm256_set1_pd,
        _mm256_loadu_pd,
        _mm256_storeu_pd,
        _mm256_add_pd,
        _mm256_sub_pd,
        _mm256_mul_pd,
        _mm256_max_pd,
        |a, b| _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_NGT_UQ>(a, b)) as u32
    );
    wide!(
        Avx512,
        __m512d,
        8,
        _mm512_set1_pd,
        _mm512_loadu_pd,
        _mm512_storeu_pd,
        _mm512_add_pd,
        _mm512_sub_pd,
        _mm512_mul_pd,
        _mm512_max_pd,
        |a, b| u32::from(_mm512_cmp_pd_mask::<_CMP_NGT_UQ>(a, b))
    );

    impl Avx2 {
        pub fn new() -> Option<Self> {
            (is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("popcnt"))
            .then_some(Self(()))
        }

        pub fn run<K: Work>(self, work: K) -> K::Output {
            // SAFETY: the token proves that the processor has the features.
            unsafe { avx2(work, self) }
        }
    }

    impl Avx512 {
        pub fn new() -> Option<Self> {
            (is_x86_feature_detected!("avx512f") && Avx2::new().is_some()).then_some(Self(()))
        }

        pub fn run<K: Work>(self, work: K) -> K::Output {
            // SAFETY: the token proves that the processor has the features.
            unsafe { avx512(work, self) }
        }
    }

    #[target_feature(enable = "avx2,bmi1,popcnt")]
    fn avx2<K: Work>(work: K, token: Avx2) -> K::Output {
        work.run(token)
    }

    #[target_feature(enable = "avx512f,avx2,bmi1,popcnt")]
    fn avx512<K: Work>(work: K, token: Avx512) -> K::Output {
        work.run(token)
    }
}

/// The widest vectors a level may use, and the processor has.
#[derive(Clone, Copy)]
enum Width {
    Plain,
    #[cfg(target_arch = "x86_64")]
    Avx2(x86::Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(x86::Avx512),
}

/// The widest vectors of a level.
#[derive(Clone, Copy)]
pub struct Vectors(Width);

impl Vectors {
    /// Those of the level's finest kernel. (The vectors of 64-bit Arm need no detection: plain code has them.)
    pub fn of(level: &Level) -> Self {
        let finest = level.kernels.last().map_or("", |kernel| kernel.name());
        Self(match finest {
            #[cfg(target_arch = "x86_64")]
            "avx512" => x86::Avx512::new().map_or(Width::Plain, Width::Avx512),
            #[cfg(target_arch = "x86_64")]
            "avx2" => x86::Avx2::new().map_or(Width::Plain, Width::Avx2),
            _ => Width::Plain,
        })
    }

    /// Does work with them.
    #[inline]
    pub fn run<K: Work>(self, work: K) -> K::Output {
        match self.0 {
            Width::Plain => work.run(Plain),
            #[cfg(target_arch = "x86_64")]
            Width::Avx2(token) => token.run(work),
            #[cfg(target_arch = "x86_64")]
            Width::Avx512(token) => token.run(work),
        }
    }
}
