//! `itsp user import`: users from a CSV file, `user,password[,domain]`, all of them or none.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use super::{names, subscriber};
use crate::failure::Failure;
use crate::store::{DomainRow, NewSubscriber, Store};

/// Reads `file` and adds its users; those that exist get the password it gives them.
pub(crate) async fn import(store: &Store, file: &Path) -> Result<String, Failure> {
    let text = fs::read_to_string(file).map_err(|error| {
        Failure::command(
            format!("cannot read {}: {error}", file.display()),
            "name a readable CSV file in UTF-8",
        )
    })?;
    let domains = store.domains().await.map_err(|e| e.failure())?;
    let users = read(&text, &domains).map_err(|(line, problem)| {
        Failure::command(
            format!("{}:{line}: {problem}", file.display()),
            "correct the line and import again; nothing was imported",
        )
    })?;
    let before = store.count_subscribers().await.map_err(|e| e.failure())?;
    store
        .put_subscribers(&users)
        .await
        .map_err(|e| e.failure())?;
    let after = store.count_subscribers().await.map_err(|e| e.failure())?;
    let added = usize::try_from(after - before).unwrap_or_default();
    Ok(format!(
        "{added} users added, {} given a new password.",
        users.len().saturating_sub(added)
    ))
}

/// The users in `text`, or the first line that is wrong and what is.
fn read(text: &str, domains: &[DomainRow]) -> Result<Vec<NewSubscriber>, (usize, String)> {
    let mut users = Vec::new();
    let mut seen = HashSet::new();
    for (line, content) in (1..).zip(text.lines()) {
        let content = content.trim();
        let is_title = line == 1 && content.to_ascii_lowercase().starts_with("user,password");
        if content.is_empty() || content.starts_with('#') || is_title {
            continue;
        }
        let user = read_line(content, domains).map_err(|problem| (line, problem))?;
        if !seen.insert((user.username.clone(), user.domain.clone())) {
            return Err((
                line,
                format!("{}@{} stands in the file twice", user.username, user.domain),
            ));
        }
        users.push(user);
    }
    Ok(users)
}

fn read_line(content: &str, domains: &[DomainRow]) -> Result<NewSubscriber, String> {
    let fields = fields(content)?;
    let (user, password, domain) = match fields.as_slice() {
        [user, password] => (user, password, the_only(domains)?),
        [user, password, domain] => (user, password, named(domains, domain)?),
        _ => {
            return Err(format!(
                "user,password[,domain] expected, {} fields found",
                fields.len()
            ));
        }
    };
    names::user(user)?;
    names::password(password)?;
    Ok(subscriber(user, domain, password))
}

fn named<'a>(domains: &'a [DomainRow], name: &str) -> Result<&'a DomainRow, String> {
    let wanted = names::domain(name)?;
    domains
        .iter()
        .find(|domain| domain.name == wanted)
        .ok_or_else(|| {
            format!("the domain {wanted} is not served; add it with itsp domain add {wanted}")
        })
}

/// The domain a line without one means.
fn the_only(domains: &[DomainRow]) -> Result<&DomainRow, String> {
    let (first, rest) = domains
        .split_first()
        .ok_or("no domain is served; add one with itsp domain add NAME")?;
    match rest.iter().all(|other| other.did == first.did) {
        true => Ok(first),
        false => Err(
            "several domains are served, so the line must name one: user,password,domain"
                .to_owned(),
        ),
    }
}

/// The fields of a line (RFC 4180 §2): quoted ones may hold commas, and quotes doubled.
fn fields(line: &str) -> Result<Vec<String>, String> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted)?,
            None => match rest.split_once(',') {
                Some((field, after)) => (field.to_owned(), Some(after)),
                None => (rest.to_owned(), None),
            },
        };
        fields.push(field);
        match after {
            Some(after) => rest = after,
            None => return Ok(fields),
        }
    }
}

/// A field whose opening quote is gone already, and what follows its comma.
fn quoted_field(quoted: &str) -> Result<(String, Option<&str>), String> {
    let mut field = String::new();
    let mut rest = quoted;
    loop {
        let (part, after) = rest.split_once('"').ok_or("a quote is not closed")?;
        field.push_str(part);
        match after.strip_prefix('"') {
            Some(more) => {
                field.push('"');
                rest = more;
            }
            None if after.is_empty() => return Ok((field, None)),
            None => {
                let after = after
                    .strip_prefix(',')
                    .ok_or("a closing quote is not followed by a comma")?;
                return Ok((field, Some(after)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::Secrets;

    fn domains(names: &[&str]) -> Vec<DomainRow> {
        names
            .iter()
            .map(|name| DomainRow {
                name: (*name).to_owned(),
                did: (*name).to_owned(),
                realm: (*name).to_owned(),
            })
            .collect()
    }

    fn error(text: &str, names: &[&str]) -> (usize, String) {
        read(text, &domains(names)).expect_err("is wrong")
    }

    #[test]
    fn users_are_read_with_and_without_domain() {
        let users = read(
            "user,password\n# ours\n\nalice,x\nbob,y,A.example\r\n",
            &domains(&["a.example"]),
        )
        .expect("reads");
        let names: Vec<_> = users
            .iter()
            .map(|u| (u.username.as_str(), u.domain.as_str()))
            .collect();
        assert_eq!(names, [("alice", "a.example"), ("bob", "a.example")]);
    }

    #[test]
    fn quoted_passwords_hold_commas_and_quotes() {
        let users = read("alice,\"a,\"\"b\"\"\"", &domains(&["a.example"])).expect("reads");
        assert_eq!(
            users[0].secrets,
            Secrets::of("alice", "a.example", "a.example", "a,\"b\"")
        );
    }

    #[test]
    fn a_wrong_line_is_named() {
        assert_eq!(error("alice,x\nbob\n", &["a.example"]).0, 2);
        assert_eq!(error("alice,x\n\nbob,y,c.example\n", &["a.example"]).0, 3);
        assert_eq!(
            error("alice,\"x\n", &["a.example"]),
            (1, "a quote is not closed".to_owned())
        );
        assert_eq!(error("alice,x,a.example,4\n", &["a.example"]).0, 1);
        assert_eq!(error("al ice,x\n", &["a.example"]).0, 1);
        assert_eq!(error("alice,\n", &["a.example"]).0, 1);
        assert_eq!(
            error("alice,x\nalice,y\n", &["a.example"]),
            (2, "alice@a.example stands in the file twice".to_owned())
        );
    }

    #[test]
    fn with_several_domains_a_line_must_name_one() {
        assert!(
            error("alice,x\n", &["a.example", "b.example"])
                .1
                .contains("must name one")
        );
        assert!(error("alice,x\n", &[]).1.contains("itsp domain add"));
    }

    #[tokio::test]
    async fn importing_twice_changes_passwords() {
        let folder = tempfile::tempdir().expect("folder");
        let (store, _) = Store::open_or_create(folder.path()).await.expect("opens");
        store
            .add_domain("a.example", "a.example")
            .await
            .expect("adds");
        let file = folder.path().join("users.csv");
        fs::write(&file, "alice,x\nbob,y\n").expect("writes");
        assert_eq!(
            import(&store, &file).await.expect("imports"),
            "2 users added, 0 given a new password."
        );
        fs::write(&file, "bob,z\ncarol,y\n").expect("writes");
        assert_eq!(
            import(&store, &file).await.expect("imports"),
            "1 users added, 1 given a new password."
        );
        let bob = store
            .subscriber("bob", "a.example")
            .await
            .expect("reads")
            .expect("is there");
        assert_eq!(
            bob.ha1,
            Secrets::of("bob", "a.example", "a.example", "z").md5
        );
    }
}
