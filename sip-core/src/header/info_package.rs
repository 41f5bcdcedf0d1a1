//! What INFO carries: Info-Package, Recv-Info (RFC 6086).

use super::with_params::headers_with_params;
use crate::parse::lex;

headers_with_params! {
    /// What kind of information this INFO carries (RFC 6086 §7.2).
    ///
    /// ```
    /// use sip_core::{Header, InfoPackage, Text};
    ///
    /// assert_eq!(InfoPackage::parse(&Text::from_static("dtmf"))?.package(), b"dtmf");
    /// # Ok::<(), sip_core::HeaderError>(())
    /// ```
    InfoPackage {
        /// The name of the package.
        package: lex::token
    }

    /// A package the sender takes INFO of (RFC 6086 §7.3). An empty line says that it takes none.
    RecvInfo {
        /// The name of the package.
        package: lex::token, list
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Header, Joined, Text};

    #[test]
    fn packages_taken_are_a_list_that_may_be_empty() {
        let taken = Joined::<RecvInfo>::parse(&Text::from_static("P, R;v=1")).unwrap();
        let names: Vec<_> = taken
            .members()
            .map(|package| package.unwrap().package().to_vec())
            .collect();
        assert_eq!(names, [b"P", b"R"]);
        let none = Joined::<RecvInfo>::parse(&Text::EMPTY).unwrap();
        assert_eq!(none.members().count(), 0);
    }

    #[test]
    fn one_info_is_of_one_package() {
        for bad in ["", "foo, bar", "foo bar", ";v=1", "foo;"] {
            assert!(InfoPackage::new(bad).is_err(), "{bad}");
        }
    }
}
