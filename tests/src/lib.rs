//! Support shared by the suites in `tests/`.
