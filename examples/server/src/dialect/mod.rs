//! Which dialect a client gets at its login: what is set for its platform, and what it has shown.

mod setting;
mod settings;
mod shown;

pub use setting::{Setting, SettingError};
pub use settings::{PlatformSetting, PlatformSettingError, Settings};
pub use shown::Shown;
