//! The questions of a run: which inputs a probe draws.

use cuaderno_protocol::answers::Question;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::Probe;

/// The question that `probe` asks in the run called `run`. Without `secret` nobody can predict it.
pub fn question(secret: &str, run: &str, probe: &Probe, describe: bool) -> Question {
    let word = mac(secret, &format!("{run}\n{}", probe.id));
    let (first, _) = word.split_first_chunk().expect("a hash has 32 bytes");
    Question {
        seed: u64::from_le_bytes(*first),
        cases: probe.cases,
        describe,
    }
}

/// HMAC-SHA256 of `message`, as bytes.
pub fn mac(secret: &str, message: &str) -> [u8; 32] {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key may have any length");
    mac.chain_update(message).finalize().into_bytes().into()
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test case 2 of RFC 4231.
    #[test]
    fn the_mac_is_that_of_the_standard() {
        assert_eq!(
            hex(&mac("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
