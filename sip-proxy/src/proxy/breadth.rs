//! How many branches a request may have at one time, here and further on (RFC 5393 §5.3).

use sip_core::{MaxBreadth, Request};

/// Incoming Max-Breadth (§5.3.2): what `request` brings along, or `allowed` if it brings none or more.
pub(crate) fn incoming(request: &Request, allowed: u8) -> u8 {
    let given = request.headers().optional::<MaxBreadth>().ok().flatten();
    given.map_or(allowed, |MaxBreadth(given)| {
        u8::try_from(given).unwrap_or(u8::MAX).min(allowed)
    })
}

/// The shares of `count` branches at one time, which are `breadth` together; `None` if there is not one for each.
pub(crate) fn shares(breadth: u8, count: usize) -> Option<impl Iterator<Item = u8>> {
    let count = u8::try_from(count)
        .ok()
        .filter(|count| (1..=breadth).contains(count))?;
    let (each, left) = (breadth / count, breadth % count);
    Some((0..count).map(move |index| each + u8::from(index < left)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_as_even_as_can_be_and_never_more_than_there_is() {
        let of = |breadth, count| shares(breadth, count).map(Iterator::collect::<Vec<_>>);
        assert_eq!(of(60, 2), Some(vec![30, 30]));
        assert_eq!(of(7, 3), Some(vec![3, 2, 2]));
        assert_eq!(of(1, 1), Some(vec![1]));
        assert_eq!(of(1, 2), None);
        assert_eq!(of(0, 1), None);
        assert_eq!(of(255, 256), None);
    }
}
