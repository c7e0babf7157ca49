//! A program that calls the library, and the C in it.

fn main() {
    assert_eq!(beside::answer(), 42);
}
