//! Who is at the machine, and what they type.

use std::{
    fs,
    io::{BufRead as _, Write as _},
};

use anyhow::Context as _;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// The name of a user of this machine; the number of one that has none here.
pub(crate) fn user_name(id: u32) -> String {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    named(&users, id).unwrap_or_else(|| id.to_string())
}

/// `passwd(5)`: name, password, id, with colons between.
fn named(users: &str, id: u32) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let known: u32 = fields.nth(1)?.parse().ok()?;
        (known == id && !name.is_empty()).then(|| name.to_owned())
    })
}

/// The terminal, which shows again what is typed when this is dropped.
struct Silent(Termios);

impl Drop for Silent {
    fn drop(&mut self) {
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &self.0);
    }
}

/// A line that is typed and not shown.
pub(super) fn hidden(prompt: &str) -> anyhow::Result<String> {
    let mut out = std::io::stderr();
    write!(out, "{prompt}").and_then(|()| out.flush()).context("cannot ask")?;
    let before = tcgetattr(std::io::stdin()).context("cannot read the terminal")?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(std::io::stdin(), OptionalActions::Flush, &silent)
        .context("cannot hide what is typed")?;
    let shown_again = Silent(before);
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    drop(shown_again);
    drop(writeln!(out));
    read.context("cannot read what is typed")?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_have_names() {
        let users = "root:x:0:0:root:/root:/bin/sh\n\nbroken\nada:x:1000:1000::/home/ada:/bin/sh\n";
        assert_eq!(named(users, 0).as_deref(), Some("root"));
        assert_eq!(named(users, 1000).as_deref(), Some("ada"));
        assert_eq!(named(users, 7), None);
    }
}
