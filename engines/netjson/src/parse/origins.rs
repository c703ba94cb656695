//! Where the parts of a configuration were stated.

use std::collections::HashMap;

/// Lines by block: one for an object, one for each element of a list.
#[derive(Debug, Default)]
pub(super) struct Origins(HashMap<String, Vec<usize>>);

impl Origins {
    /// Notes where `key`, or each of its elements, was stated.
    pub(super) fn state(&mut self, key: &str, lines: Vec<usize>) {
        self.0.insert(key.to_owned(), lines);
    }

    /// Notes where further elements of `key` were stated.
    pub(super) fn extend(&mut self, key: &str, lines: impl IntoIterator<Item = usize>) {
        self.0.entry(key.to_owned()).or_default().extend(lines);
    }

    /// The lines of `key`, which is stated anew.
    pub(super) fn take(&mut self, key: &str) -> Vec<usize> {
        self.0.remove(key).unwrap_or_default()
    }

    /// The line of what stands at `path` (`/interfaces/0/mtu`), if one section stated it.
    pub(super) fn line(&self, path: &str) -> Option<usize> {
        let mut steps = path.trim_start_matches('/').split('/');
        let lines = self.0.get(steps.next()?)?;
        match lines[..] {
            [only] => Some(only),
            _ => lines.get(steps.next()?.parse::<usize>().ok()?).copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Origins;

    #[test]
    fn elements_and_objects_have_lines() {
        let mut origins = Origins::default();
        origins.state("general", vec![3]);
        origins.state("routes", vec![5, 9]);
        origins.extend("routes", [12]);
        for (path, line) in [
            ("/general/hostname", Some(3)),
            ("/routes/1", Some(9)),
            ("/routes/2/cost", Some(12)),
            ("/routes", None),
            ("/routes/3", None),
            ("/led/0", None),
            ("/", None),
        ] {
            assert_eq!(origins.line(path), line, "{path}");
        }
    }
}
