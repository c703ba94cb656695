use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Ok,
    Warn,
    Fail,
}

/// What was seen of one thing.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    level: Level,
    what: String,
    seen: String,
    remedy: Option<String>,
}

#[cfg(test)]
impl Finding {
    pub(super) fn is_ok(&self) -> bool {
        self.level == Level::Ok
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Ok => "OK  ",
            Level::Warn => "WARN",
            Level::Fail => "FAIL",
        };
        write!(f, "{level} {}: {}", self.what, self.seen)?;
        match &self.remedy {
            Some(remedy) => write!(f, "\n     → {remedy}"),
            None => Ok(()),
        }
    }
}

/// Everything that was seen.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(super) findings: Vec<Finding>,
}

impl Report {
    pub(crate) fn ok(&mut self, what: &str, seen: &str) {
        self.add(Level::Ok, what, seen, None);
    }

    pub(crate) fn warn(&mut self, what: &str, seen: &str, remedy: &str) {
        self.add(Level::Warn, what, seen, Some(remedy));
    }

    pub(crate) fn fail(&mut self, what: &str, seen: &str, remedy: &str) {
        self.add(Level::Fail, what, seen, Some(remedy));
    }

    fn add(&mut self, level: Level, what: &str, seen: &str, remedy: Option<&str>) {
        let remedy = remedy.map(str::to_owned);
        self.findings.push(Finding { level, what: what.to_owned(), seen: seen.to_owned(), remedy });
    }

    /// Nothing is broken; warnings are allowed.
    pub(crate) fn is_well(&self) -> bool {
        self.findings.iter().all(|finding| finding.level != Level::Fail)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.findings.iter().try_for_each(|finding| writeln!(f, "{finding}"))
    }
}
