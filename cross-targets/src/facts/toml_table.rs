//! The header of a target's table in a TOML file.

/// The header of the table that has the values for the target `name`: `[target.my-board]`. A name
/// that TOML would read as several is quoted.
///
/// ```
/// # use cross_targets::toml_table;
/// assert_eq!(toml_table("thumbv7m-none-eabi"), "[target.thumbv7m-none-eabi]");
/// assert_eq!(toml_table("thumbv8m.main-none-eabi"), "[target.\"thumbv8m.main-none-eabi\"]");
/// ```
pub fn toml_table(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    match !name.is_empty() && name.chars().all(is_bare) {
        true => format!("[target.{name}]"),
        false => {
            let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
            format!("[target.\"{escaped}\"]")
        }
    }
}
