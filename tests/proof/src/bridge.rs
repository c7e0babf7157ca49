//! A C++ class as the crate `cxx` shows it.

#[cxx::bridge]
pub(crate) mod ffi {
    unsafe extern "C++" {
        include!("bridge.h");

        type Counter;

        fn new_counter() -> UniquePtr<Counter>;
        fn add(self: Pin<&mut Counter>, word: &str);
        fn total(&self) -> usize;
    }
}
