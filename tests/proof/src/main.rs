//! The same on a machine without an operating system: prints its verdict and leaves by semihosting.
//! Elsewhere the tests say more, and this is a program to link and to start.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(not(target_os = "none"))]
fn main() {
    assert!(proof::plain::agrees());
    println!("proof ok");
}

#[cfg(target_os = "none")]
mod bare {
    /// What a processor asks of the debugger that runs it.
    #[cfg(any(
        target_arch = "arm",
        target_arch = "aarch64",
        target_arch = "riscv32",
        target_arch = "riscv64"
    ))]
    mod semihosting {
        use core::arch::asm;

        const WRITE0: usize = 0x04;
        const EXIT: usize = 0x18;
        const STOPPED_WELL: usize = 0x2_0026;
        const STOPPED_BADLY: usize = 0x2_0024;

        unsafe fn call(operation: usize, argument: usize) {
            unsafe {
                #[cfg(cortex_m)]
                asm!("bkpt #0xab", inout("r0") operation => _, in("r1") argument);
                #[cfg(all(target_arch = "arm", not(cortex_m)))]
                asm!("svc #0x123456", inout("r0") operation => _, in("r1") argument);
                #[cfg(target_arch = "aarch64")]
                asm!("hlt #0xf000", inout("x0") operation => _, in("x1") argument);
                #[cfg(any(target_arch = "riscv32", target_arch = "riscv64"))]
                asm!(
                    ".balign 16",
                    ".option push",
                    ".option norvc",
                    "slli x0, x0, 0x1f",
                    "ebreak",
                    "srai x0, x0, 7",
                    ".option pop",
                    inout("a0") operation => _,
                    in("a1") argument,
                );
            }
        }

        pub(super) fn leave(well: bool) {
            let (text, reason) = match well {
                true => (c"proof ok\n", STOPPED_WELL),
                false => (c"proof failed\n", STOPPED_BADLY),
            };
            // A 64-bit processor passes the reason and a status, others the reason alone.
            let block = [reason, usize::from(!well)];
            let argument = match usize::BITS {
                64 => block.as_ptr() as usize,
                _ => reason,
            };
            unsafe {
                call(WRITE0, text.as_ptr() as usize);
                call(EXIT, argument);
            }
        }
    }

    /// These have no debugger that runs them: a program that fails traps or hangs.
    #[cfg(not(any(
        target_arch = "arm",
        target_arch = "aarch64",
        target_arch = "riscv32",
        target_arch = "riscv64"
    )))]
    mod semihosting {
        pub(super) fn leave(_well: bool) {}
    }

    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
        semihosting::leave(false);
        loop {}
    }

    /// The linker's default entry.
    #[unsafe(no_mangle)]
    extern "C" fn _start() {
        let well = proof::plain::agrees();
        semihosting::leave(well);
        assert!(well && cfg!(target_family = "wasm"));
    }
}
