//! What a target has to get right for a crate with native code: every test is one promise.
#![cfg_attr(target_os = "none", no_std)]

/// Compiled from C and C++ that needs no library.
pub mod plain {
    #[cfg(feature = "c")]
    unsafe extern "C" {
        fn proof_checksum(bytes: *const u8, length: u32) -> u32;
        fn proof_half(x: f32) -> f32;
        fn proof_pointer_bits() -> u32;
        fn proof_first_byte_of_one() -> u32;
    }
    #[cfg(feature = "cxx")]
    unsafe extern "C" {
        fn proof_sides(squares: i32) -> i32;
    }

    /// Whether C computes what Rust computes, with the same layout and calling convention.
    #[cfg(feature = "c")]
    pub fn c_agrees() -> bool {
        let text = b"the same on every machine";
        let sum = text
            .iter()
            .fold(1_u32, |sum, byte| sum.rotate_left(5) ^ u32::from(*byte));
        let little = u32::from(cfg!(target_endian = "little"));
        unsafe {
            proof_checksum(text.as_ptr(), text.len() as u32) == sum
                && proof_half(3.0) == 1.5
                && proof_pointer_bits() == usize::BITS
                && proof_first_byte_of_one() == little
        }
    }

    /// Whether C++ was compiled and linked.
    #[cfg(feature = "cxx")]
    pub fn cxx_agrees() -> bool {
        unsafe { proof_sides(4) == 3 + 4 * 4 }
    }
}

#[cfg(feature = "bindgen")]
#[allow(non_camel_case_types, dead_code)]
mod described {
    include!(concat!(env!("OUT_DIR"), "/described.rs"));
}
#[cfg(feature = "cxx-bridge")]
mod bridge;

#[cfg(test)]
mod tests;
