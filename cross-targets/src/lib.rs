//! What is true of each cross compilation target: names, packages, tools, runner, libc and std.
