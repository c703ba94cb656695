use md5::{Digest, Md5};

use crate::{Problem, field};

/// The key that agents with "consistent registration" compute: MD5 of `<base>+<shared secret>`, lower-case
/// hexadecimal. `base` is the upper-case MAC address, or the hardware id where these are in use.
pub fn consistent_key(base: &str, shared_secret: &str) -> String {
    hex::encode(Md5::digest(format!("{base}+{shared_secret}")))
}

/// Everything that is wrong with a key that was given: at most 64 characters without blanks, dots and slashes.
pub fn key_problems(key: &str) -> Vec<Problem> {
    let shape = key
        .contains(|c: char| c.is_whitespace() || matches!(c, '.' | '/'))
        .then_some(Problem::NotAKey);
    shape.into_iter().chain(field::text(key, 64).err()).collect()
}
