//! The same on a machine without an operating system: prints its verdict and leaves by semihosting.
//! Elsewhere the tests say more, and this is a program to link and to start.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(not(target_os = "none"))]
fn main() {
    println!("proof ok");
}

#[cfg(target_os = "none")]
mod bare {
    use core::arch::asm;

    /// Operations of ARM's semihosting interface.
    const WRITE0: usize = 0x04;
    const EXIT: usize = 0x18;
    const STOPPED_WELL: usize = 0x2_0026;
    const STOPPED_BADLY: usize = 0x2_0024;

    unsafe fn semihosting(operation: usize, argument: usize) {
        unsafe { asm!("bkpt #0xab", inout("r0") operation => _, in("r1") argument) };
    }

    fn leave(well: bool) -> ! {
        let (text, reason) = match well {
            true => (c"proof ok\n", STOPPED_WELL),
            false => (c"proof failed\n", STOPPED_BADLY),
        };
        unsafe {
            semihosting(WRITE0, text.as_ptr() as usize);
            semihosting(EXIT, reason);
        }
        loop {}
    }

    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
        leave(false)
    }

    /// What the C++ compiler names where a virtual function has no body.
    #[unsafe(no_mangle)]
    extern "C" fn __cxa_pure_virtual() {
        leave(false)
    }

    /// The linker's default entry.
    #[unsafe(no_mangle)]
    extern "C" fn _start() -> ! {
        #[cfg(feature = "c")]
        let c = proof::plain::c_agrees();
        #[cfg(not(feature = "c"))]
        let c = true;
        #[cfg(feature = "cxx")]
        let cxx = proof::plain::cxx_agrees();
        #[cfg(not(feature = "cxx"))]
        let cxx = true;
        leave(c && cxx)
    }
}
