//! What became of each request: every one that was due ends in exactly one of these.

use std::ops::{AddAssign, Sub};

use serde::{Deserialize, Serialize};

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// How many operations, and how each of them ended.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
        pub(crate) struct Counts { $($(#[$doc])* pub(crate) $name: u64,)* }

        impl AddAssign for Counts {
            fn add_assign(&mut self, other: Counts) { $(self.$name += other.$name;)* }
        }

        impl Sub for Counts {
            type Output = Counts;
            fn sub(self, earlier: Counts) -> Counts {
                Counts { $($name: self.$name.saturating_sub(earlier.$name),)* }
            }
        }

        impl Counts {
            /// Names and values, in the order of reports.
            pub(crate) fn columns(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name),)*].into_iter()
            }
        }
    };
}

counts! {
    /// Operations that were due.
    due,
    /// Those begun.
    begun,
    /// Ended as they should.
    succeeded,
    /// Ended by a status nobody expected, or by a second challenge.
    refused,
    /// No answer within 64·T1 (RFC 3261 §17).
    lost,
    /// Still under way when the run ended.
    unfinished,
    /// Requests sent again because no answer came in time.
    retransmissions,
    /// Answers that came once more.
    duplicates,
    /// Answers that came after their operation was given up.
    late,
    /// Messages that belong to nothing, or that cannot be read.
    stray,
}

impl Counts {
    /// Share of ended operations that succeeded, from 0 to 1; 1 when none ended.
    pub(crate) fn success(&self) -> f64 {
        let ended = self.succeeded + self.refused + self.lost;
        if ended == 0 {
            return 1.0;
        }
        self.succeeded as f64 / ended as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up_and_subtract() {
        let mut sum = Counts {
            due: 3,
            succeeded: 2,
            ..Counts::default()
        };
        sum += Counts {
            due: 1,
            lost: 1,
            ..Counts::default()
        };
        assert_eq!((sum.due, sum.succeeded, sum.lost), (4, 2, 1));
        assert_eq!(
            (sum - Counts {
                due: 3,
                ..Counts::default()
            })
            .due,
            1
        );
        assert!((sum.success() - 2.0 / 3.0).abs() < 1e-9);
    }
}
