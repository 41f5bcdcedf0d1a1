//! Messages made to cost their reader much, each of one kind and of about `size` octets.

use bytes::Bytes;
use sip_core::Limits;

/// A kind of hostile message: its name, what stands before the repeated part, that part, and what stands behind.
type Kind = (&'static str, &'static str, &'static str, &'static str);

/// What each kind repeats, inside a request that is sound but for it.
pub(crate) const KINDS: &[Kind] = &[
    ("header lines", "", "X:y\r\n", ""),
    ("known header lines", "", "s:\r\n", ""),
    ("folds", "Subject: a", "\r\n b", "\r\n"),
    ("folds in Route", "Route: <sip:p;lr>", "\r\n ", "\r\n"),
    ("blanks", "Subject: a", " ", "a\r\n"),
    ("blanks in Via", "v: SIP/2.0/UDP a ;x ", " ", ";y\r\n"),
    ("Via lines", "", "v:SIP/2.0/UDP a\r\n", ""),
    ("Via members", "v: SIP/2.0/UDP a", ",SIP/2.0/UDP a", "\r\n"),
    ("Via parameters", "v: SIP/2.0/UDP a", ";p", "\r\n"),
    ("Contact members", "m: <sip:a>", ",<sip:a>", "\r\n"),
    ("Contact parameters", "m: <sip:a>", ";p=1", "\r\n"),
    ("quoted parameters", "m: <sip:a>", ";p=\"\"", "\r\n"),
    ("URI parameters", "m: <sip:a", ";p=1", ">\r\n"),
    ("URI headers", "m: <sip:a?a=b", "&a=b", ">\r\n"),
    ("escapes", "m: <sip:a", "%41", "@b>\r\n"),
    ("labels", "m: <sip:a", ".a", ">\r\n"),
    ("commas", "m: ", ",", "\r\n"),
    ("commas in Route", "Route: <sip:p;lr>", ",", "\r\n"),
    ("Route members", "Route: <sip:p;lr>", ",<sip:p;lr>", "\r\n"),
    (
        "Record-Route members",
        "Record-Route: <sip:p;lr>",
        ",<sip:p;lr>",
        "\r\n",
    ),
    ("Require options", "Require: a", ",a", "\r\n"),
    ("Proxy-Require options", "Proxy-Require: a", ",a", "\r\n"),
    ("quotes", "m: ", "\"", "\r\n"),
    ("quoted names", "m: \"\"<sip:a>", ",\"\"<sip:a>", "\r\n"),
    ("backslashes", "m: \"", "\\", "\" <sip:a>\r\n"),
    ("brackets", "m: ", "<", "\r\n"),
    ("parentheses", "Retry-After: 1 ", "(", "\r\n"),
    ("digits", "Expires: ", "9", "\r\n"),
    ("one long word", "Call-Info: ", "a", "\r\n"),
    ("octets above ASCII", "m: ", "\u{fe}", " <sip:a>\r\n"),
    ("lone CRs", "Subject: ", "\r", "\r\n"),
    ("lone LFs", "Subject: ", "\n", "\r\n"),
    ("lines without a colon", "", "x\r\n", ""),
];

/// A request of `kind` that is about `size` octets long.
pub(crate) fn message((_, before, repeated, after): &Kind, size: usize) -> Bytes {
    let start = "INVITE sip:b@b.example SIP/2.0\r\nVia: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\n\
        From: <sip:a@a.example>;tag=1\r\nTo: <sip:b@b.example>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\
        Max-Forwards: 70\r\n";
    let end = "Content-Length: 0\r\n\r\n";
    let length = start.len() + before.len() + after.len() + end.len();
    let times = size.saturating_sub(length) / repeated.len();
    let repeated = repeated.repeat(times);
    Bytes::from([start, before, &repeated, after, end].concat())
}

/// No limit but those of the table of lines: what is read is read to its end.
pub(crate) fn unlimited() -> Limits {
    let mut limits = Limits::default();
    limits.max_message = 1 << 20;
    limits.max_head = 1 << 20;
    limits.max_headers = 1 << 20;
    limits.max_line = 1 << 20;
    limits.max_folds = 1 << 20;
    limits.max_uri = 1 << 20;
    limits.max_members = 1 << 20;
    limits
}
