//! Which dialect a client gets at its login: what is set for its platform, and what it has shown.

mod setting;
mod settings;

pub use setting::{Setting, SettingError, Shown};
pub use settings::{PlatformSetting, PlatformSettingError, Settings};
