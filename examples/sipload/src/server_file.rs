//! A server described in a small TOML file: how to start it, how to stop it, who its users are.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

use crate::failure::Failure;
use crate::span::Span;
use crate::users::Pattern;

/// What there is to know before a server is started. Commands run by `sh` in the folder of the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerFile {
    /// As reports call it.
    pub(crate) name: String,
    /// Returns when the server answers, having printed `SERVER_PID=`, `DOMAIN=`, `UDP=` or `TCP=`, and `DB_PID=` if
    /// there is a database.
    pub(crate) start: String,
    /// Ends all that `start` began, or as much of it as there is.
    pub(crate) stop: String,
    /// How long `start` may take.
    #[serde(default = "a_while", deserialize_with = "from_text")]
    pub(crate) deadline: Span,
    /// Names of the users that `start` provides, numbered from 0.
    #[serde(deserialize_with = "from_text")]
    pub(crate) user: Pattern,
    #[serde(deserialize_with = "from_text")]
    pub(crate) password: Pattern,
    /// For both commands.
    #[serde(default)]
    pub(crate) environment: BTreeMap<String, String>,
    /// The patterns as they were written, for the commands to expand.
    #[serde(skip)]
    pub(crate) patterns: [String; 2],
    #[serde(skip)]
    pub(crate) path: PathBuf,
}

/// Every key that may stand there, for whoever wrote one that may not.
const KEYS: &str = "the keys are name, start, stop, deadline, user, password, and [environment]";

impl ServerFile {
    /// The description in `path`; whatever is wrong with it is told by file, line and remedy.
    pub(crate) fn read(path: &Path) -> Result<ServerFile, Failure> {
        let shown = path.display();
        let text = fs::read_to_string(path).map_err(|error| {
            Failure::new(format!(
                "cannot read {shown}: {error}; name a file like servers/itsp.toml"
            ))
        })?;
        let mut file: ServerFile = toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_at(&text, span.start));
            let problem = error.message().replace('\n', " ");
            Failure::new(format!("{shown}:{line}: {problem}; {KEYS}"))
        })?;
        for (key, value) in [
            ("name", &file.name),
            ("start", &file.start),
            ("stop", &file.stop),
        ] {
            if value.trim().is_empty() {
                let line = line_of(&text, key);
                return Err(Failure::new(format!(
                    "{shown}:{line}: {key} is empty; {}",
                    remedy(key)
                )));
            }
        }
        file.patterns = [written(&text, "user"), written(&text, "password")];
        file.path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        Ok(file)
    }

    /// Where its commands run.
    pub(crate) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }
}

fn a_while() -> Span {
    Span::from_secs(60)
}

fn from_text<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(de::Error::custom)
}

fn remedy(key: &str) -> &'static str {
    match key {
        "name" => "write what reports shall call the server",
        _ => "write a command for sh, as in `itsp/start`",
    }
}

/// The line, counted from 1, that an octet lies in.
fn line_at(text: &str, octet: usize) -> usize {
    let before = text.as_bytes().iter().take(octet);
    1 + before.filter(|octet| **octet == b'\n').count()
}

/// The line a key stands in.
fn line_of(text: &str, key: &str) -> usize {
    let stands = |line: &str| {
        line.split('=')
            .next()
            .is_some_and(|left| left.trim() == key)
    };
    text.lines().position(stands).map_or(1, |at| at + 1)
}

/// A text as it was written under a key that has been read already.
fn written(text: &str, key: &str) -> String {
    let table: toml::Table = toml::from_str(text).unwrap_or_default();
    table
        .get(key)
        .and_then(toml::Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "name = \"itsp\"\nstart = \"itsp/start\"\nstop = \"itsp/stop\"\nuser = \"user%06d\"\n\
                         password = \"pw%06d\"\n";

    fn read(name: &str, text: &str) -> Result<ServerFile, String> {
        let path = std::env::temp_dir().join(format!("sipload-{}-{name}.toml", std::process::id()));
        fs::write(&path, text).unwrap();
        let read = ServerFile::read(&path).map_err(|failure| failure.to_string());
        fs::remove_file(&path).unwrap();
        read
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let file = read("whole", WHOLE).unwrap();
        assert_eq!(file.deadline, Span::from_secs(60));
        assert_eq!(file.patterns, ["user%06d", "pw%06d"]);
        assert!(file.environment.is_empty());
        assert_eq!(
            file.folder(),
            fs::canonicalize(std::env::temp_dir()).unwrap()
        );
    }

    #[test]
    fn the_environment_is_a_table_of_texts() {
        let file = read(
            "environment",
            &format!("{WHOLE}deadline = \"5s\"\n[environment]\nCHILDREN = \"8\"\n"),
        )
        .unwrap();
        assert_eq!(file.deadline, Span::from_secs(5));
        assert_eq!(file.environment["CHILDREN"], "8");
    }

    #[test]
    fn errors_name_file_line_and_remedy() {
        for (name, text, line, told) in [
            (
                "unknown",
                format!("{WHOLE}dedline = \"5s\"\n"),
                6,
                "unknown field `dedline`",
            ),
            (
                "deadline",
                format!("{WHOLE}deadline = \"soon\"\n"),
                6,
                "write it like 500ms",
            ),
            (
                "pattern",
                WHOLE.replace("user%06d", "user%s"),
                4,
                "write it like user%06d",
            ),
            (
                "type",
                WHOLE.replace("\"itsp/stop\"", "3"),
                3,
                "invalid type: integer",
            ),
            (
                "empty",
                WHOLE.replace("\"itsp/stop\"", "\" \""),
                3,
                "write a command for sh",
            ),
            (
                "syntax",
                WHOLE.replace("\"itsp\"", "\"itsp"),
                1,
                "the keys are name",
            ),
            (
                "missing",
                WHOLE.replace("stop = \"itsp/stop\"\n", ""),
                1,
                "missing field `stop`",
            ),
        ] {
            let told_instead = read(name, &text).unwrap_err();
            assert!(
                told_instead.contains(&format!("-{name}.toml:{line}: ")),
                "{told_instead}"
            );
            assert!(told_instead.contains(told), "{told_instead}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let failure = ServerFile::read(Path::new("no/such.toml"))
            .unwrap_err()
            .to_string();
        assert!(
            failure.contains("no/such.toml") && failure.contains("servers/itsp.toml"),
            "{failure}"
        );
    }

    #[test]
    fn the_descriptions_that_come_with_sipload_can_be_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("servers");
        for name in ["itsp", "kamailio", "kamailio-tuned"] {
            let file = ServerFile::read(&folder.join(format!("{name}.toml"))).unwrap();
            for command in [&file.start, &file.stop] {
                let script = command.split_whitespace().next().unwrap();
                assert!(file.folder().join(script).is_file(), "{name}: {script}");
            }
        }
    }
}
