//! How a program of Windows begins: the linker's default entry, a part of Microsoft's `msvcrt.lib`.
#![no_std]

use core::ffi::{c_char, c_int};

unsafe extern "C" {
    fn main(count: c_int, arguments: *const *const c_char) -> c_int;
}

unsafe extern "system" {
    fn ExitProcess(status: u32) -> !;
}

/// Rust's `std` asks the system for the arguments.
#[unsafe(no_mangle)]
extern "C" fn mainCRTStartup() -> ! {
    unsafe { ExitProcess(main(0, core::ptr::null()).cast_unsigned()) }
}
