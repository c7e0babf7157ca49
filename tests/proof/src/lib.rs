//! What a target has to get right for a crate with native code: every test is one promise.
#![cfg_attr(any(target_os = "none", target_os = "cuda"), no_std)]

/// Compiled from C and C++ that needs no library.
pub mod plain {
    #[cfg(feature = "c")]
    unsafe extern "C" {
        fn proof_checksum(bytes: *const u8, length: u32) -> u32;
        #[cfg(not(all(target_arch = "x86_64", target_os = "none")))]
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
        #[cfg(all(target_arch = "x86_64", target_os = "none"))]
        unsafe fn proof_half(x: f32) -> f32 {
            x / 2.0
        }
        unsafe {
            proof_checksum(text.as_ptr(), text.len() as u32) == sum
                && proof_half(3.0) == 1.5
                && proof_pointer_bits() == usize::BITS
                && proof_first_byte_of_one() == little
        }
    }

    /// What the C++ compiler names where a virtual function has no body.
    #[cfg(all(no_libc, feature = "cxx"))]
    #[unsafe(no_mangle)]
    extern "C" fn __cxa_pure_virtual() {
        panic!("no body")
    }

    /// Whether all that was compiled agrees.
    pub fn agrees() -> bool {
        #[cfg(feature = "c")]
        let c = c_agrees();
        #[cfg(not(feature = "c"))]
        let c = true;
        #[cfg(feature = "cxx")]
        let cxx = cxx_agrees();
        #[cfg(not(feature = "cxx"))]
        let cxx = true;
        c && cxx
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
