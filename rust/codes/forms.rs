//! The forms a code can have: how a scaled value is rounded, and what a row's scale is.

use super::power_of_two;
use crate::bound::below;

/// One form of code.
pub trait Code {
    /// What is stored.
    type Value: bytemuck::Pod;
    /// What it is called.
    const NAME: &'static str;

    /// Codes per sweep unit, for a row whose largest magnitude is `reach` (2^-60 to 2^61) sweep units.
    fn scale(reach: f64) -> f32;

    /// The code of a scaled value, and the code's value.
    fn of(scaled: f64) -> (Self::Value, f64);

    /// What a second slice holds of what the first one left, and its value; nothing where there is no second slice.
    #[inline(always)]
    fn rest(_left: f64) -> (i8, f64) {
        (0, 0.0)
    }
}

/// Rounded to float32; what would be subnormal becomes zero, so that no kernel meets one.
pub struct Float32;

impl Code for Float32 {
    type Value = f32;
    const NAME: &'static str = "float32";

    fn scale(reach: f64) -> f32 {
        power_of_two(-super::exponent_of(reach)) as f32
    }

    #[inline(always)]
    fn of(scaled: f64) -> (f32, f64) {
        let code = scaled as f32;
        let code = if code.abs() < f32::MIN_POSITIVE {
            0.0
        } else {
            code
        };
        (code, f64::from(code))
    }
}

/// Rounded to bfloat16, the upper half of a float32.
pub struct Bf16;

impl Code for Bf16 {
    type Value = u16;
    const NAME: &'static str = "bf16";

    fn scale(reach: f64) -> f32 {
        Float32::scale(reach)
    }

    #[inline(always)]
    fn of(scaled: f64) -> (u16, f64) {
        let bits = Float32::of(scaled).0.to_bits();
        // Half of the last digit that stays, less one bit for ties to an even one: the sum carries where the upper half is nearer above.
        let upper = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
        (upper as u16, f64::from(f32::from_bits(upper << 16)))
    }
}

/// Added to a small number it leaves the nearest integer in the lowest bits; ties go to the even one.
const MAGIC: f64 = 1.5 * (1u64 << 52) as f64;

/// Rounded to integers from -127 to 127.
pub struct Int8;

impl Int8 {
    /// Units of the second slice in one of the first; a power of two, so that its values are exact.
    pub const REST: f64 = 128.0;
}

impl Code for Int8 {
    type Value = i8;
    const NAME: &'static str = "int8";

    fn scale(reach: f64) -> f32 {
        below(127.0 / reach)
    }

    #[inline(always)]
    fn of(scaled: f64) -> (i8, f64) {
        let shifted = scaled + MAGIC;
        (shifted.to_bits() as i8, shifted - MAGIC)
    }

    /// At most half a unit is left: 64 parts of [`REST`](Self::REST).
    #[inline(always)]
    fn rest(left: f64) -> (i8, f64) {
        let shifted = left * Self::REST + MAGIC;
        (shifted.to_bits() as i8, (shifted - MAGIC) / Self::REST)
    }
}

/// Rounded to integers from -511 to 511, so that the products of thousands fit 32 bits.
pub struct Int16;

impl Code for Int16 {
    type Value = i16;
    const NAME: &'static str = "int16";

    fn scale(reach: f64) -> f32 {
        below(511.0 / reach)
    }

    #[inline(always)]
    fn of(scaled: f64) -> (i16, f64) {
        let shifted = scaled + MAGIC;
        (shifted.to_bits() as i16, shifted - MAGIC)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_rounded_to_the_nearest_and_ties_to_even() {
        for (value, code) in [
            (0.0, 0),
            (-0.0, 0),
            (0.5, 0),
            (1.5, 2),
            (-0.5, 0),
            (-1.5, -2),
            (126.6, 127),
            (-127.0, -127),
            (-0.51, -1),
            (127.000_001, 127),
        ] {
            assert_eq!(Int8::of(value), (code, f64::from(code)), "{value}");
            assert_eq!(Int16::of(value), (code.into(), f64::from(code)), "{value}");
        }
    }

    #[test]
    fn bf16_is_rounded_to_the_nearest_and_ties_to_even() {
        for (value, code) in [
            (0.0, 0.0),
            (1.0, 1.0),
            (1.0 + 1.0 / 256.0, 1.0),
            (1.0 + 3.0 / 256.0, 1.0 + 4.0 / 256.0),
            (-1.0 - 1.01 / 256.0, -1.0 - 2.0 / 256.0),
            (1.999, 2.0),
            (1e-300, 0.0),
        ] {
            assert_eq!(Bf16::of(value).1, code, "{value}");
        }
    }

    #[test]
    fn scales_bring_the_largest_value_to_the_end_of_the_range() {
        for reach in [
            power_of_two(-60),
            0.3,
            1.0,
            2.0,
            3.0,
            1e9,
            power_of_two(60) * 1.9,
        ] {
            let scaled = f64::from(Int8::scale(reach)) * reach;
            assert!(scaled <= 127.0 && scaled > 126.99, "{reach}: {scaled}");
            let scaled = f64::from(Int16::scale(reach)) * reach;
            assert!(scaled <= 511.0 && scaled > 510.99, "{reach}: {scaled}");
            let scaled = f64::from(Float32::scale(reach)) * reach;
            assert!((1.0..2.0).contains(&scaled), "{reach}: {scaled}");
        }
    }
}
