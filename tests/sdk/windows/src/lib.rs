//! A DLL that calls C.

use std::ffi::c_int;

extern "C" {
    fn native_answer() -> c_int;
}

/// What the DLL exports.
#[no_mangle]
pub extern "C" fn answer() -> c_int {
    unsafe { native_answer() }
}
