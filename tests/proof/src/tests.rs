//! The promises. Those that the target cannot keep by its nature are left out for it, by `cfg`.

use std::path::Path;

#[cfg(feature = "c")]
#[test]
fn c_code_agrees_on_layout_and_calls() {
    assert!(crate::plain::c_agrees());
}

#[cfg(feature = "c")]
#[test]
fn sqlite_stores_and_sums() -> rusqlite::Result<()> {
    let mut db = rusqlite::Connection::open_in_memory()?;
    db.execute("create table t (n integer primary key, x real, s text)", ())?;
    let batch = db.transaction()?;
    for n in 0..500_i64 {
        let row = (n, n as f64 / 4.0, format!("row {n}"));
        batch.execute("insert into t values (?, ?, ?)", row)?;
    }
    batch.commit()?;
    let sums = db.query_row("select sum(n), sum(x), max(length(s)) from t", (), |row| {
        Ok((
            row.get::<_, i64>(0)?,
            row.get::<_, f64>(1)?,
            row.get::<_, i64>(2)?,
        ))
    })?;
    assert_eq!(sums, (124_750, 31_187.5, 7));
    Ok(())
}

#[cfg(feature = "cxx")]
mod cxx_library {
    use std::ffi::{c_char, c_int};

    unsafe extern "C" {
        fn proof_longest_word(text: *const c_char) -> c_int;
        #[cfg(not(target_os = "wasi"))]
        fn proof_caught(value: c_int) -> c_int;
    }

    #[test]
    fn cxx_code_links() {
        assert!(crate::plain::cxx_agrees());
    }

    #[test]
    fn cxx_containers_and_streams_work() {
        let text = c"an environment from packages";
        assert_eq!(unsafe { proof_longest_word(text.as_ptr()) }, 11);
    }

    /// WASI's C++ has no exceptions.
    #[cfg(not(target_os = "wasi"))]
    #[test]
    fn cxx_exceptions_are_caught() {
        assert_eq!(unsafe { proof_caught(3) }, 3);
        assert_eq!(unsafe { proof_caught(-3) }, -("below 0".len() as c_int));
    }
}

#[test]
fn numbers_of_every_width_agree() {
    let wide = u128::from(u64::MAX) * 3;
    assert_eq!(wide / 7, 7_905_747_460_161_236_406);
    assert_eq!(
        std::hint::black_box(0.1_f64) + 0.2,
        0.300_000_000_000_000_04
    );
    assert_eq!(
        std::hint::black_box(2.0_f32).powf(0.5),
        std::f32::consts::SQRT_2
    );
    assert_eq!(1_u32.to_ne_bytes()[0] == 1, cfg!(target_endian = "little"));
}

#[test]
fn a_file_keeps_what_is_written() -> std::io::Result<()> {
    // WASI has neither a name for the directory of temporary files nor numbers of processes.
    let (dir, number) = match cfg!(target_os = "wasi") {
        true => ("/tmp".into(), 0),
        false => (std::env::temp_dir(), std::process::id()),
    };
    assert!(Path::new(&dir).is_dir(), "{dir:?}");
    let file = dir.join(format!("proof-{number}"));
    std::fs::write(&file, "kept")?;
    let text = std::fs::read_to_string(&file)?;
    std::fs::remove_file(&file)?;
    assert_eq!(text, "kept");
    Ok(())
}

/// On WASI a panic is the end.
#[cfg(panic = "unwind")]
#[test]
fn a_panic_unwinds() {
    let caught = std::panic::catch_unwind(|| panic!("expected"));
    assert!(caught.is_err());
}

/// WebAssembly has none.
#[cfg(not(target_family = "wasm"))]
mod threads_and_sockets {
    use std::io::{Read as _, Write as _};
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    #[test]
    fn threads_share_an_atomic() {
        static SUM: AtomicUsize = AtomicUsize::new(0);
        thread::scope(|scope| {
            for n in 0..8 {
                scope.spawn(move || {
                    (0..1000).for_each(|_| {
                        SUM.fetch_add(n, Ordering::Relaxed);
                    })
                });
            }
        });
        assert_eq!(SUM.load(Ordering::Relaxed), 28_000);
    }

    #[test]
    fn a_socket_carries_bytes() -> std::io::Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let client = thread::spawn(move || TcpStream::connect(address)?.write_all(b"carried"));
        let mut text = String::new();
        listener.accept()?.0.read_to_string(&mut text)?;
        client.join().expect("it does not panic")?;
        assert_eq!(text, "carried");
        Ok(())
    }
}

#[cfg(feature = "cmake")]
#[test]
fn zlib_ng_was_built_by_cmake() {
    let text = unsafe { std::ffi::CStr::from_ptr(libz_ng_sys::zlibVersion()) };
    assert!(text.to_str().is_ok_and(|it| it.contains('.')), "{text:?}");
}

#[cfg(feature = "cxx-bridge")]
#[test]
fn a_cxx_class_is_shared_by_cxx() {
    let mut counter = crate::bridge::ffi::new_counter();
    counter.pin_mut().add("four");
    counter.pin_mut().add("seven77");
    assert_eq!(counter.total(), 11);
}

#[cfg(feature = "bindgen")]
#[test]
fn bindgen_saw_the_targets_layout() {
    assert_eq!(
        size_of::<crate::described::described>(),
        3 * size_of::<usize>()
    );
    let mut text = [0_u8; 8];
    let length = unsafe {
        let into = text.as_mut_ptr().cast();
        crate::described::snprintf(into, 8, c"%d".as_ptr(), 1234)
    };
    assert_eq!((length, &text[..4]), (4, &b"1234"[..]));
}

#[cfg(feature = "openssl")]
#[test]
fn the_distributions_openssl_was_found() {
    assert!(unsafe { openssl_sys::OpenSSL_version_num() } >= 0x3000_0000);
}

#[cfg(feature = "assembly")]
#[test]
fn assembly_computes_a_known_digest() {
    let digest = ring::digest::digest(&ring::digest::SHA256, b"abc");
    assert_eq!(digest.as_ref()[..4], [0xba, 0x78, 0x16, 0xbf]);
}
