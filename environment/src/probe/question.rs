//! The questions of a run: which inputs a probe draws.

use cuaderno_protocol::answers::Question;
use sha2::{Digest, Sha256};

use super::Probe;

/// The question that `probe` asks in the run called `run`. Who does not know `secret` cannot tell.
pub fn question(secret: &str, run: &str, probe: &Probe, describe: bool) -> Question {
    let word = mac(secret, &format!("{run}\n{}", probe.id));
    let (first, _) = word.split_first_chunk().expect("a hash has 32 bytes");
    Question {
        seed: u64::from_le_bytes(*first),
        cases: probe.cases,
        describe,
    }
}

/// HMAC-SHA256 (RFC 2104).
pub fn mac(secret: &str, message: &str) -> [u8; 32] {
    const BLOCK: usize = 64;
    let mut key = [0; BLOCK];
    match secret.as_bytes() {
        long if long.len() > BLOCK => key[..32].copy_from_slice(&Sha256::digest(long)),
        short => key[..short.len()].copy_from_slice(short),
    }
    let padded = |pad: u8| key.map(|byte| byte ^ pad);
    let inner = Sha256::new_with_prefix(padded(0x36)).chain_update(message);
    let outer = Sha256::new_with_prefix(padded(0x5c)).chain_update(inner.finalize());
    outer.finalize().into()
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test case 2 of RFC 4231, and 6, whose key is longer than a block.
    #[test]
    fn the_mac_is_that_of_the_standard() {
        assert_eq!(
            hex(&mac("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        let long = "k".repeat(100);
        assert_ne!(mac(&long, "x"), mac(&"k".repeat(101), "x"));
    }
}
