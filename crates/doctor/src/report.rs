//! Findings, and how they are shown.

use std::{fmt, io::Write as _, process::ExitCode};

use serde::Serialize;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// As it should be.
    Good,
    /// Works, and should not stay so.
    Warning,
    /// The program cannot do its work.
    Bad,
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at, e.g. `beacon node`.
    pub check: &'static str,
    /// How it came out.
    pub standing: Standing,
    /// What was found, in one sentence.
    pub found: String,
    /// How to mend it; always there unless all is good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn good(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, standing: Standing::Good, found: found.into(), mend: None }
    }

    /// Works, and should not stay so.
    pub fn warning(check: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { check, standing: Standing::Warning, found: found.into(), mend: Some(mend.into()) }
    }

    /// The program cannot do its work.
    pub fn bad(check: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { check, standing: Standing::Bad, found: found.into(), mend: Some(mend.into()) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.standing {
            Standing::Good => "ok  ",
            Standing::Warning => "warn",
            Standing::Bad => "BAD ",
        };
        write!(f, "{mark}  {:<12}  {}", self.check, self.found)?;
        self.mend.iter().try_for_each(|mend| write!(f, "\n                    -> {mend}"))
    }
}

/// All findings, in the order of the checks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    findings: Vec<Finding>,
}

impl Report {
    /// One more finding.
    pub fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Several more findings.
    pub fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.findings.extend(findings);
    }

    /// All findings.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The worst of them; good if nothing was looked at.
    pub fn worst(&self) -> Standing {
        self.findings.iter().map(|finding| finding.standing).max().unwrap_or(Standing::Good)
    }

    fn count(&self, standing: Standing) -> usize {
        self.findings.iter().filter(|finding| finding.standing == standing).count()
    }

    /// Writes it to standard output, as JSON or for people, and says with which status to end: 1 if something is bad, 0 otherwise.
    ///
    /// # Errors
    /// Never for these types; JSON in general can fail.
    pub fn print(&self, json: bool) -> Result<ExitCode, serde_json::Error> {
        let text = match json {
            true => serde_json::to_string_pretty(&serde_json::json!({ "worst": self.worst(), "findings": self.findings }))?,
            false => self.to_string(),
        };
        // A reader that has seen enough does not change the outcome.
        let _ = writeln!(std::io::stdout(), "{text}");
        Ok(if self.worst() == Standing::Bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.findings.iter().try_for_each(|finding| writeln!(f, "{finding}"))?;
        let (good, warnings, bad) = (self.count(Standing::Good), self.count(Standing::Warning), self.count(Standing::Bad));
        write!(f, "{good} good, {warnings} to look at, {bad} to mend")
    }
}

/// An error with everything that led to it: reqwest keeps what matters, such as a refused certificate, to its sources.
#[must_use]
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_as_bad_as_its_worst_finding_and_says_how_to_mend_it() {
        let mut report = Report::default();
        assert_eq!(report.worst(), Standing::Good);
        report.add(Finding::good("clock", "right"));
        report.add(Finding::warning("disk", "5 GiB left", "make room"));
        assert_eq!(report.worst(), Standing::Warning);
        report.add(Finding::bad("gateway", "no answer", "start it"));
        assert_eq!(report.worst(), Standing::Bad);
        let text = report.to_string();
        assert!(text.contains("BAD   gateway       no answer\n                    -> start it"), "{text}");
        assert!(text.ends_with("1 good, 1 to look at, 1 to mend"), "{text}");
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["findings"][2]["standing"], "bad");
        assert!(json["findings"][0].get("mend").is_none());
    }
}
