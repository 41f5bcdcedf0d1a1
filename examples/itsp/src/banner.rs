//! What is said on the terminal once the server is ready.

use std::io::{self, Write};
use std::path::Path;

use crate::first_start::Demo;

/// What there is to say.
pub(crate) struct Banner<'a> {
    pub(crate) database: &'a Path,
    /// Transport and address of each socket, as in `udp 0.0.0.0:5060`.
    pub(crate) listeners: &'a [String],
    pub(crate) domains: usize,
    pub(crate) users: i64,
    pub(crate) contacts: usize,
    pub(crate) demo: Option<&'a Demo>,
    /// Port of the first listener.
    pub(crate) port: u16,
}

impl Banner<'_> {
    /// Prints it, whole and flushed: other programs wait for its lines.
    pub(crate) fn print(&self) {
        let mut out = io::stdout().lock();
        // A terminal that is gone is no reason not to serve.
        let _ = self.write(&mut out).and_then(|()| out.flush());
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "itsp {}", env!("CARGO_PKG_VERSION"))?;
        for listener in self.listeners {
            writeln!(out, "listening on {listener}")?;
        }
        writeln!(out, "data in {}", self.database.display())?;
        writeln!(
            out,
            "{} domain names, {} users, {} contacts registered",
            self.domains, self.users, self.contacts
        )?;
        match self.demo {
            Some(demo) => self.write_demo(out, demo),
            None if self.domains == 0 => {
                writeln!(
                    out,
                    "\nNext: itsp domain add example.com, then itsp user add alice@example.com"
                )
            }
            None if self.users == 0 => writeln!(out, "\nNext: itsp user add USER@DOMAIN"),
            None => Ok(()),
        }
    }

    /// What to type into two phones.
    fn write_demo(&self, out: &mut impl Write, demo: &Demo) -> io::Result<()> {
        let domain = match self.port {
            5060 => demo.domain.clone(),
            port => format!("{}:{port}", demo.domain),
        };
        writeln!(
            out,
            "\nTwo users to try it with. Their passwords are shown this once:\n"
        )?;
        writeln!(out, "    domain or server   user    password")?;
        for (user, password) in &demo.users {
            writeln!(out, "    {domain:<18} {user:<7} {password}")?;
        }
        writeln!(
            out,
            "\nType them into two softphones, and let alice call sip:bob@{domain}."
        )?;
        writeln!(
            out,
            "For your own: itsp domain add example.com, then itsp user add alice@example.com"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(demo: Option<&Demo>, domains: usize, port: u16) -> String {
        let banner = Banner {
            database: Path::new("/data/itsp.db"),
            listeners: &[
                "udp 127.0.0.1:5070".to_owned(),
                "tcp 127.0.0.1:5070".to_owned(),
            ],
            domains,
            users: 0,
            contacts: 0,
            demo,
            port,
        };
        let mut out = Vec::new();
        banner.write(&mut out).expect("writes to memory");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn each_listener_has_a_line() {
        let lines = printed(None, 0, 5070);
        assert!(
            lines.contains("\nlistening on udp 127.0.0.1:5070\nlistening on tcp 127.0.0.1:5070\n")
        );
        assert!(lines.contains("Next: itsp domain add"));
    }

    #[test]
    fn the_demo_says_what_to_type() {
        let demo = Demo {
            domain: "192.0.2.7".to_owned(),
            users: [
                ("alice", "secretone".to_owned()),
                ("bob", "secrettwo".to_owned()),
            ],
        };
        let lines = printed(Some(&demo), 3, 5070);
        assert!(
            lines.contains("192.0.2.7:5070     alice   secretone"),
            "{lines}"
        );
        assert!(printed(Some(&demo), 3, 5060).contains("sip:bob@192.0.2.7."));
    }
}
