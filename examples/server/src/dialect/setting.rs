//! What is set for a platform, and what its clients show.

use std::fmt;
use std::str::FromStr;

use kefu_proto::Dialect;
use thiserror::Error;

/// Which dialect the clients of a platform get at their login.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Setting {
    /// What the login tells, or else what the account's client has shown.
    #[default]
    Auto,
    /// This one, unless the account's client has shown another.
    Fixed(Dialect),
}

impl Setting {
    /// Whether it matters what the account's client has shown. `told` is what the login tells.
    pub const fn asks_shown(self, told: Option<Dialect>) -> bool {
        matches!(self, Self::Fixed(_)) || told.is_none()
    }

    /// The dialect of a client that logs in (D1).
    ///
    /// What was shown counts only under the setting under which it was shown. So it wins over a
    /// default for a mixed fleet, and a new setting, as after an upgrade of all clients, wins over
    /// it.
    pub fn choose(self, told: Option<Dialect>, shown: Option<Shown>) -> Dialect {
        let shown = shown.filter(|shown| shown.under == self).map(|shown| shown.dialect);
        match self {
            Self::Auto => told.or(shown).unwrap_or(Dialect::AsSent),
            Self::Fixed(dialect) => shown.unwrap_or(dialect),
        }
    }
}

impl FromStr for Setting {
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Self, SettingError> {
        Ok(match text {
            "auto" => Self::Auto,
            "v1" => Self::Fixed(Dialect::V1),
            "v2" => Self::Fixed(Dialect::V2),
            "as-sent" => Self::Fixed(Dialect::AsSent),
            _ => return Err(SettingError { text: text.to_owned() }),
        })
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Fixed(Dialect::V1) => "v1",
            Self::Fixed(Dialect::V2) => "v2",
            Self::Fixed(Dialect::AsSent) => "as-sent",
        })
    }
}

/// The dialect in which an account's client on a platform has last written (D1.8).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Shown {
    pub dialect: Dialect,
    /// What was set for its platform then.
    pub under: Setting,
}

/// A text is no setting.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{text}` is no dialect: give auto, v1, v2 or as-sent")]
pub struct SettingError {
    text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: Setting = Setting::Fixed(Dialect::V2);

    const fn shown(dialect: Dialect, under: Setting) -> Shown {
        Shown { dialect, under }
    }

    #[test]
    fn d1_the_login_decides_then_what_was_shown() {
        let auto = Setting::Auto;
        assert_eq!(auto.choose(None, None), Dialect::AsSent);
        assert_eq!(auto.choose(None, Some(shown(Dialect::V2, auto))), Dialect::V2);
        assert_eq!(auto.choose(Some(Dialect::V1), Some(shown(Dialect::V2, auto))), Dialect::V1);
        assert!(auto.asks_shown(None) && !auto.asks_shown(Some(Dialect::V1)));
    }

    #[test]
    fn d1_what_is_set_wins_over_the_login_and_what_was_shown_under_it_wins_over_that() {
        assert_eq!(SET.choose(Some(Dialect::V1), None), Dialect::V2);
        assert_eq!(SET.choose(None, Some(shown(Dialect::V1, SET))), Dialect::V1);
        assert!(SET.asks_shown(Some(Dialect::V1)));
    }

    #[test]
    fn d1_what_was_shown_under_another_setting_does_not_count() {
        assert_eq!(SET.choose(None, Some(shown(Dialect::V1, Setting::Auto))), Dialect::V2);
        assert_eq!(Setting::Auto.choose(None, Some(shown(Dialect::V1, SET))), Dialect::AsSent);
    }

    #[test]
    fn a_setting_is_written_as_it_is_read() {
        for text in ["auto", "v1", "v2", "as-sent"] {
            assert_eq!(text.parse::<Setting>().map(|setting| setting.to_string()), Ok(text.into()));
        }
        let error = "v3".parse::<Setting>().map_err(|error| error.to_string());
        assert_eq!(error, Err("`v3` is no dialect: give auto, v1, v2 or as-sent".into()));
    }
}
