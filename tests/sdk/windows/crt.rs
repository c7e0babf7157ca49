//! The smallest C runtime for Windows that Rust's `std` works with. It takes the place of
//! Microsoft's `msvcrt.lib` where a target is proven without Microsoft's SDK. Everything else is in
//! the DLLs of Windows.
#![no_std]
#![allow(non_upper_case_globals)]

use core::ffi::{c_int, c_void};

/// The linker's default entry of a DLL.
#[unsafe(no_mangle)]
extern "system" fn _DllMainCRTStartup(_: *mut c_void, _: u32, _: *mut c_void) -> i32 {
    1
}

/// Tells the linker that floating point numbers are used.
#[unsafe(no_mangle)]
static _fltused: c_int = 0x9875;

/// The table of virtual functions that the type of an exception refers to. None is called.
#[unsafe(export_name = "??_7type_info@@6B@")]
static TYPE_INFO: [usize; 1] = [0];

/// What the loader reads of thread-local variables: `IMAGE_TLS_DIRECTORY`.
#[repr(C)]
struct TlsDirectory {
    start: *const u8,
    end: *const u8,
    index: *const u32,
    callbacks: *const usize,
    size_of_zero_fill: u32,
    characteristics: u32,
}

unsafe impl Sync for TlsDirectory {}

#[unsafe(no_mangle)]
static mut _tls_index: u32 = 0;
// The sections of the variables, which can be written, and of the callbacks lie between these.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".tls")]
static mut _tls_start: u8 = 0;
#[unsafe(no_mangle)]
#[unsafe(link_section = ".tls$ZZZ")]
static mut _tls_end: u8 = 0;
#[unsafe(link_section = ".CRT$XLA")]
static BEFORE_CALLBACKS: usize = 0;
#[unsafe(link_section = ".CRT$XLZ")]
#[used]
static AFTER_CALLBACKS: usize = 0;

#[unsafe(no_mangle)]
#[unsafe(link_section = ".rdata$T")]
static _tls_used: TlsDirectory = TlsDirectory {
    start: &raw const _tls_start,
    end: &raw const _tls_end,
    index: &raw const _tls_index,
    callbacks: unsafe { (&raw const BEFORE_CALLBACKS).add(1) },
    size_of_zero_fill: 0,
    characteristics: 0,
};

// Where 32-bit x86 keeps the thread's array of such variables.
#[cfg(target_arch = "x86")]
core::arch::global_asm!(".globl __tls_array", ".set __tls_array, 0x2c");
