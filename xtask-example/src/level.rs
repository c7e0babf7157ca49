//! Severities: one scale for the many words that logs use.

use serde::{Serialize, Serializer};

/// How severe an entry is; the order is that of severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Level {
    Trace,
    Debug,
    Info,
    #[value(alias = "warning")]
    Warn,
    #[value(alias = "err")]
    Error,
    #[value(aliases = ["critical", "crit"])]
    Fatal,
}

impl Level {
    pub(crate) const ALL: [Self; 6] = [
        Self::Trace,
        Self::Debug,
        Self::Info,
        Self::Warn,
        Self::Error,
        Self::Fatal,
    ];

    /// The level that a whole word names, whatever its case.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        // The longest is "information". Spares a copy of the long words that logs are full of.
        if word.len() > 11 {
            return None;
        }
        Some(match word.to_ascii_lowercase().as_str() {
            "trace" => Self::Trace,
            "debug" => Self::Debug,
            "info" | "information" | "notice" => Self::Info,
            "warn" | "warning" => Self::Warn,
            "error" | "err" | "severe" => Self::Error,
            "fatal" | "critical" | "crit" | "panic" | "alert" | "emerg" | "emergency" => {
                Self::Fatal
            }
            _ => return None,
        })
    }

    /// The level of a syslog priority (RFC 5424, 6.2.1: facility × 8 + severity).
    pub(crate) fn from_syslog_priority(priority: u8) -> Self {
        match priority % 8 {
            0..=2 => Self::Fatal,
            3 => Self::Error,
            4 => Self::Warn,
            5 | 6 => Self::Info,
            _ => Self::Debug,
        }
    }

    /// The level of a numeric JSON field, as the bunyan and pino loggers for Node write it.
    pub(crate) fn from_bunyan(number: u64) -> Option<Self> {
        Some(match number {
            10 => Self::Trace,
            20 => Self::Debug,
            30 => Self::Info,
            40 => Self::Warn,
            50 => Self::Error,
            60 => Self::Fatal,
            _ => return None,
        })
    }

    /// The number that stands for this level in the database. Stored, so it must never change.
    pub(crate) fn rank(self) -> i64 {
        match self {
            Self::Trace => 0,
            Self::Debug => 1,
            Self::Info => 2,
            Self::Warn => 3,
            Self::Error => 4,
            Self::Fatal => 5,
        }
    }

    /// The inverse of [`Self::rank`].
    pub(crate) fn from_rank(rank: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.rank() == rank)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }
}

impl Serialize for Level {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_any_case_name_a_level() {
        assert_eq!(Level::from_word("WARNING"), Some(Level::Warn));
        assert_eq!(Level::from_word("err"), Some(Level::Error));
        assert_eq!(Level::from_word("Emergency"), Some(Level::Fatal));
        assert_eq!(Level::from_word("errors"), None);
        assert_eq!(Level::from_word("Information"), Some(Level::Info));
        assert_eq!(Level::from_word("a-very-long-word"), None);
    }

    #[test]
    fn every_rank_comes_back_as_its_level() {
        for level in Level::ALL {
            assert_eq!(Level::from_rank(level.rank()), Some(level));
            assert_eq!(Level::from_word(level.name()), Some(level));
        }
        assert_eq!(Level::from_rank(6), None);
        assert!(Level::ALL.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn syslog_priorities_map_by_severity_whatever_the_facility() {
        assert_eq!(Level::from_syslog_priority(34), Level::Fatal); // auth.crit
        assert_eq!(Level::from_syslog_priority(165), Level::Info); // local4.notice
        assert_eq!(Level::from_syslog_priority(191), Level::Debug); // local7.debug
    }
}
