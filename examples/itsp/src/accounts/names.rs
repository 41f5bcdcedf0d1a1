//! Which names domains and users may have.

use std::net::IpAddr;

use sip_core::Host;

/// The columns of the database hold no more.
pub(crate) const LONGEST_NAME: usize = 64;

/// The domain in the form it is kept and compared in: lower case, IPv6 addresses in brackets.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn domain(name: &str) -> Result<String, String> {
    let bare = name
        .strip_prefix('[')
        .and_then(|n| n.strip_suffix(']'))
        .unwrap_or(name);
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Ok(Host::from(ip).to_string());
    }
    let label_is_good = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.len() > LONGEST_NAME || !name.split('.').all(label_is_good) {
        return Err(format!("\"{name}\" is not a host name or an IP address"));
    }
    Ok(name.to_ascii_lowercase())
}

/// # Errors
/// What is wrong with the user's name.
pub(crate) fn user(name: &str) -> Result<(), String> {
    let forbidden = |c: char| {
        c.is_control() || c.is_whitespace() || matches!(c, '@' | ':' | '"' | '<' | '>' | ',')
    };
    if name.is_empty() || name.len() > LONGEST_NAME || name.contains(forbidden) {
        return Err(format!(
            "\"{name}\" is not a user's name: 1 to {LONGEST_NAME} bytes without blanks, @ : , \" < >"
        ));
    }
    Ok(())
}

/// # Errors
/// What is wrong with the password.
pub(crate) fn password(password: &str) -> Result<(), String> {
    if password.is_empty() || password.contains(char::is_control) {
        return Err("the password is empty or holds control characters".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_kept_in_one_form() {
        assert_eq!(domain("Example.COM"), Ok("example.com".to_owned()));
        assert_eq!(domain("[2001:DB8::1]"), Ok("[2001:db8::1]".to_owned()));
        assert_eq!(domain("192.0.2.1"), Ok("192.0.2.1".to_owned()));
    }

    #[test]
    fn odd_domains_are_refused() {
        for name in [
            "",
            ".",
            "a..b",
            "a b",
            "-a.example",
            "a@b",
            "a;b",
            &"x".repeat(65),
        ] {
            assert!(domain(name).is_err(), "{name}");
        }
    }

    #[test]
    fn odd_users_are_refused() {
        assert_eq!(user("+4930123"), Ok(()));
        for name in ["", "a b", "a@b", "a:b", "a\nb", "\"a\"", &"x".repeat(65)] {
            assert!(user(name).is_err(), "{name}");
        }
    }
}
