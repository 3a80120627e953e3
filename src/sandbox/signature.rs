//! The signature that Meta puts on every webhook call.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The value of `X-Hub-Signature-256` for a body: `sha256=` and the HMAC-SHA256 in hex.
///
/// # Panics
///
/// Never: any key will do.
pub fn sign(app_secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(app_secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn signs_as_meta_does() {
        assert_eq!(
            super::sign("test_app_secret", br#"{"object":"whatsapp_business_account","entry":[]}"#),
            "sha256=dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756"
        );
    }
}
