//! A program whose only library is the C library of the SDK.
#![no_std]
#![no_main]

use core::ffi::{c_char, c_int};

extern "C" {
    fn ask() -> c_int;
}

// What `ask` calls is in it.
#[link(name = "c")]
extern "C" {}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// What the object that the program starts with calls.
#[no_mangle]
pub extern "C" fn main(_count: c_int, _arguments: *const *const c_char) -> c_int {
    unsafe { ask() }
}
