//! Passwords as EIP-2335 wants them: NFKD, control codes stripped, UTF-8.

use std::{fmt, path::Path};

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::{KeystoreError, file::read_capped};

/// Longest password file taken.
const MAX_PASSWORD_BYTES: u64 = 64 * 1024;

/// A normalised password. Wiped on drop; its `Debug` shows nothing.
pub struct Password(Zeroizing<String>);

impl Password {
    /// Normalises `text`: NFKD, then C0 codes, C1 codes and Delete are left out.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let normal = || text.nfkd().filter(|c| !c.is_control());
        // Sized beforehand, so that growing leaves no copies behind.
        let mut out = Zeroizing::new(String::with_capacity(normal().map(char::len_utf8).sum()));
        out.extend(normal());
        Self(out)
    }

    /// Reads a password file. Line ends are control codes, so a trailing newline does not count.
    ///
    /// # Errors
    /// [`KeystoreError::Io`], [`KeystoreError::TooLarge`], [`KeystoreError::PasswordNotUtf8`].
    pub fn from_file(path: &Path) -> Result<Self, KeystoreError> {
        let bytes = read_capped(path, MAX_PASSWORD_BYTES)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| KeystoreError::PasswordNotUtf8 { path: path.to_owned() })?;
        Ok(Self::new(text))
    }

    /// Whether nothing is left after normalisation.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_is_normalised_as_the_eip_says() {
        // The EIP's own example and its encoding.
        let password = Password::new("𝔱𝔢𝔰𝔱𝔭𝔞𝔰𝔰𝔴𝔬𝔯𝔡🔑");
        assert_eq!(hex::encode(password.as_bytes()), "7465737470617373776f7264f09f9491");
    }

    #[test]
    fn control_codes_do_not_count() {
        let c1: String = ('\u{80}'..='\u{9f}').collect();
        let c0: String = ('\0'..='\u{1f}').collect();
        let noisy = format!("te{c0}st\u{7f}{c1}\r\n");
        assert_eq!(Password::new(&noisy).as_bytes(), b"test");
        // A no-break space is no control code: NFKD makes it a space, and that counts.
        assert_eq!(Password::new("a\u{a0}b").as_bytes(), b"a b");
        assert!(Password::new("\n").is_empty());
    }

    #[test]
    fn debug_output_shows_no_password() {
        assert_eq!(format!("{:?}", Password::new("hunter2")), "Password(redacted)");
    }
}
