//! What `--dialect` says.

use std::str::FromStr;

use kefu_proto::Platform;
use thiserror::Error;

use crate::dialect::setting::{Setting, SettingError};

/// What is set for all platforms.
#[derive(Clone, Debug, Default)]
pub struct Settings(Vec<PlatformSetting>);

impl Settings {
    pub const fn new(settings: Vec<PlatformSetting>) -> Self {
        Self(settings)
    }

    /// What is set for a platform. What names it counts more than what is meant for all, and of two
    /// the later one.
    pub fn of(&self, platform: Platform) -> Setting {
        let last = |wanted| self.0.iter().rev().find(|setting| setting.platform == wanted);
        let found = last(Some(platform)).or_else(|| last(None));
        found.map_or(Setting::Auto, |found| found.setting)
    }
}

/// One value of `--dialect`: `web=v2`, or `auto` for all platforms.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PlatformSetting {
    /// `None`: all.
    platform: Option<Platform>,
    setting: Setting,
}

impl FromStr for PlatformSetting {
    type Err = PlatformSettingError;

    fn from_str(text: &str) -> Result<Self, PlatformSettingError> {
        let Some((name, setting)) = text.split_once('=') else {
            return Ok(Self { platform: None, setting: text.parse()? });
        };
        let Some(platform) = platform(name) else {
            return Err(PlatformSettingError::Platform { name: name.to_owned() });
        };
        Ok(Self { platform: Some(platform), setting: setting.parse()? })
    }
}

fn platform(name: &str) -> Option<Platform> {
    match name {
        "ios" => Some(Platform::IOS),
        "android" => Some(Platform::ANDROID),
        "web" => Some(Platform::WEB),
        number => number.parse().ok().map(Platform),
    }
}

/// Why a text is no value of `--dialect`.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum PlatformSettingError {
    #[error("`{name}` is no platform: give ios, android, web or a number from -128 to 127")]
    Platform { name: String },
    #[error(transparent)]
    Setting(#[from] SettingError),
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use kefu_proto::Dialect;

    use super::*;

    fn settings(texts: &[&str]) -> Settings {
        Settings::new(texts.iter().map(|text| text.parse().unwrap()).collect())
    }

    #[test]
    fn the_platform_itself_counts_more_than_all_and_the_last_more_than_the_first() {
        let set = settings(&["web=v2", "web=as-sent", "-7=v1", "auto", "v1", "android=auto"]);
        let of = |platform| set.of(platform);
        assert_eq!(of(Platform::WEB), Setting::Fixed(Dialect::AsSent));
        assert_eq!(of(Platform::ANDROID), Setting::Auto);
        assert_eq!(of(Platform::IOS), Setting::Fixed(Dialect::V1));
        assert_eq!(settings(&["-7=v2"]).of(Platform(-7)), Setting::Fixed(Dialect::V2));
        assert_eq!(settings(&[]).of(Platform::WEB), Setting::Auto);
    }

    #[test]
    fn what_is_no_platform_says_what_is_one() {
        for wrong in ["tv=v2", "=v2", "200=v2", " web=v2"] {
            let error = wrong.parse::<PlatformSetting>().unwrap_err().to_string();
            assert!(error.contains("give ios, android, web or a number"), "{error}");
        }
        let error = "web=".parse::<PlatformSetting>().unwrap_err().to_string();
        assert!(error.contains("give auto, v1, v2 or as-sent"), "{error}");
    }
}
