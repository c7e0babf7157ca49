//! What the user asked for: configuration layers merged, every value with its origin, every problem with its place.
