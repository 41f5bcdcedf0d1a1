//! The head of a message: start line and line table; values are found, none is read (RFC 3261 §7.1–7.3).

use std::ops::Range;

use memchr::{memchr, memchr2, memmem, memrchr};
use smallvec::SmallVec;

use super::lex::is_token;
use super::{Flaw, Limits, ParseError, words};
use crate::StatusCode;
use crate::header::{Line, Lines, NameId};

/// Everything up to the empty line, as offsets from the start line.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) start_line: StartLine,
    /// Length of the start line with its CRLF.
    pub(crate) start_length: usize,
    /// The start line may be sent on as it is: it does not spell SIP in small letters (§7.1).
    pub(crate) canonical: bool,
    pub(crate) lines: Lines,
    /// Length of the head, the empty line included.
    pub(crate) length: usize,
    pub(crate) content_length: Option<u32>,
    /// The end of the body cannot be known: Content-Length is unreadable, contradicts itself, or may stand among
    /// lines that were not read.
    pub(crate) unframed: bool,
    /// As [`Limits`] say.
    pub(crate) max_parts_depth: u8,
    /// The first defect met.
    pub(crate) flaw: Option<Flaw>,
}

#[derive(Debug)]
pub(crate) enum StartLine {
    Request {
        method: Range<usize>,
        uri: Range<usize>,
    },
    Status {
        code: StatusCode,
        reason: Range<usize>,
    },
}

/// As much of `bytes` as is read. A Request-URI beyond all measure is answered by the lines behind it, so they are
/// read as well.
fn window(bytes: &[u8], max_head: usize) -> &[u8] {
    let Some((head, rest)) = bytes.split_at_checked(max_head) else {
        return bytes;
    };
    match memchr(b'\r', head) {
        Some(_) => head,
        None => {
            let start_line = memchr(b'\r', rest).unwrap_or(0);
            &bytes[..bytes.len().min(2 * max_head + start_line)]
        }
    }
}

/// Octets of CRLF pairs before the start line, which are to be ignored (§7.5).
pub(crate) fn leading_crlfs(bytes: &[u8]) -> usize {
    2 * bytes
        .chunks_exact(2)
        .take_while(|pair| pair == b"\r\n")
        .count()
}

impl Head {
    /// Reads the head at the start of `bytes`, in one pass.
    ///
    /// # Errors
    /// When the first line is no SIP start line.
    #[inline]
    pub(crate) fn parse(bytes: &[u8], limits: &Limits) -> Result<Head, ParseError> {
        let window = window(bytes, limits.max_head);
        let mut scan = Scan {
            bytes: window,
            cut: window.len() < bytes.len(),
            canonical: true,
            strays: false,
            flaw: None,
        };
        let (start_line, start_length) = scan.start_line(limits)?;
        let mut head = Head {
            start_line,
            start_length,
            canonical: scan.canonical,
            lines: SmallVec::new(),
            length: start_length,
            content_length: None,
            unframed: false,
            max_parts_depth: limits.max_parts_depth,
            flaw: None,
        };
        head.header_lines(&mut scan, limits);
        if head.length > limits.max_members {
            scan.count_members(head.start_length..head.length, limits.max_members);
        }
        if scan.strays {
            head.lines.iter_mut().for_each(Line::unfold_when_read);
        }
        head.flaw = match head.start_line {
            StartLine::Request { .. } => scan.flaw,
            StartLine::Status { .. } => scan.flaw.map(Flaw::unanswered),
        };
        Ok(head)
    }

    fn header_lines(&mut self, scan: &mut Scan<'_>, limits: &Limits) {
        let max_line = limits.max_line.min(Line::MAX);
        let mut room = limits.max_headers;
        let mut at = self.start_length;
        loop {
            let Some(mut crlf) = scan.crlf(at) else {
                return self.without_end(scan, at);
            };
            if crlf == at {
                break;
            }
            let mut folds = 0;
            if scan.folds(crlf) {
                (crlf, folds) = match scan.folded(crlf) {
                    Some(end) => end,
                    None => return self.without_end(scan, at),
                };
            }
            if room == 0 {
                return self.skip_lines(scan, at);
            }
            room -= 1;
            if crlf - at > max_line || folds > limits.max_folds {
                scan.too_large(at, "a shorter header line");
                self.unframed = true;
            } else if let Some(line) = header_line(&scan.bytes[at..crlf], at, folds > 0)
                && scan.takes_name(&line)
            {
                if line.id() == NameId::ContentLength {
                    self.read_content_length(scan, &line);
                }
                self.lines.push(line);
            } else {
                scan.bad(at, NAME_AND_COLON);
            }
            at = crlf + 2;
        }
        self.length = at + 2;
    }

    /// The lines from `at` on are too many to be read, or even looked at.
    #[cold]
    fn skip_lines(&mut self, scan: &mut Scan<'_>, at: usize) {
        scan.too_large(at, "fewer header lines");
        self.unframed = true;
        match memmem::find(&scan.bytes[at - 2..], b"\r\n\r\n") {
            Some(found) => self.length = at + 2 + found,
            None => self.without_end(scan, at),
        }
    }

    /// No empty line; what follows `at` is no complete line.
    #[cold]
    fn without_end(&mut self, scan: &mut Scan<'_>, at: usize) {
        if scan.cut {
            scan.too_large(at, "a shorter header");
        } else {
            scan.bad(at, "empty line after the header");
        }
        self.length = scan.bytes.len();
    }

    #[inline(never)]
    fn read_content_length(&mut self, scan: &mut Scan<'_>, line: &Line) {
        let value = line.value();
        match decimal(&scan.bytes[value.clone()]) {
            Some(length) if self.content_length.is_none_or(|known| known == length) => {
                self.content_length = Some(length);
            }
            Some(_) => {
                self.unframed = true;
                scan.bad(value.start, "one Content-Length");
            }
            None => {
                self.unframed = true;
                scan.bad(value.start, "Content-Length in digits");
            }
        }
    }
}

struct Scan<'a> {
    bytes: &'a [u8],
    /// There is more, beyond the limit.
    cut: bool,
    canonical: bool,
    /// CR or LF was found to stand alone somewhere.
    strays: bool,
    flaw: Option<Flaw>,
}

impl Scan<'_> {
    fn bad(&mut self, offset: usize, expected: &'static str) {
        self.note(Flaw::new(offset, expected, StatusCode::BAD_REQUEST));
    }

    fn too_large(&mut self, offset: usize, expected: &'static str) {
        self.note(Flaw::new(offset, expected, StatusCode::MESSAGE_TOO_LARGE));
    }

    #[cold]
    fn note(&mut self, flaw: Flaw) {
        self.flaw.get_or_insert(flaw);
    }

    /// The next CRLF. CR or LF alone does not end a line (§7): readers that disagree about that see different headers
    /// in one message.
    #[inline(always)]
    fn crlf(&mut self, from: usize) -> Option<usize> {
        let found = words::line_end(self.bytes, from)?;
        if self.bytes[found..].starts_with(b"\r\n") {
            Some(found)
        } else {
            self.crlf_after_stray(found)
        }
    }

    /// Whether the line that ends at `crlf` goes on (§7.3.1).
    #[inline(always)]
    fn folds(&self, crlf: usize) -> bool {
        self.bytes.get(crlf + 2).is_some_and(|next| is_blank(*next))
    }

    /// Where such a line ends in the end, and how often it was folded.
    #[cold]
    fn folded(&mut self, mut crlf: usize) -> Option<(usize, usize)> {
        let mut folds = 0;
        while self.folds(crlf) {
            crlf = self.crlf(crlf + 2)?;
            folds += 1;
        }
        Some((crlf, folds))
    }

    /// Whether a line can be called by its name. One that is no token is refused (§7.3.1), and kept as it came.
    #[inline(always)]
    fn takes_name(&mut self, line: &Line) -> bool {
        line.id() != NameId::Other || is_token(&self.bytes[line.name()]) || self.keeps_name(line)
    }

    #[cold]
    fn keeps_name(&mut self, line: &Line) -> bool {
        let name = line.name();
        self.bad(name.start, NAME_AND_COLON);
        memchr2(b'\r', b'\n', &self.bytes[name]).is_none()
    }

    #[cold]
    fn crlf_after_stray(&mut self, stray: usize) -> Option<usize> {
        self.strays = true;
        self.bad(stray, "CRLF");
        memmem::find(&self.bytes[stray..], b"\r\n").map(|found| stray + found)
    }

    /// Each comma and semicolon may part two members, or a value from its parameters.
    fn count_members(&mut self, head: Range<usize>, max: usize) {
        let parts = |octet: &u8| matches!(octet, b',' | b';');
        let text = &self.bytes[head.clone()];
        if text.iter().filter(|octet| parts(octet)).count() > max {
            let beyond = text.iter().enumerate().filter(|(_, octet)| parts(octet));
            let at = beyond.map(|(at, _)| at).nth(max).unwrap_or(0);
            self.too_large(head.start + at, "fewer list members and parameters");
        }
    }

    /// Request-Line or Status-Line (§7.1, §7.2), and its length.
    fn start_line(&mut self, limits: &Limits) -> Result<(StartLine, usize), ParseError> {
        let not_sip = |offset, expected| Err(ParseError { offset, expected });
        let Some(crlf) = self.crlf(0) else {
            return not_sip(0, "start line");
        };
        let line = &self.bytes[..crlf];
        let start = match line.get(..4) {
            Some(scheme) if scheme.eq_ignore_ascii_case(b"SIP/") => self.status_line(line),
            _ => self.request_line(line, limits),
        };
        match start {
            Ok(start) => Ok((start, crlf + 2)),
            Err((offset, expected)) => not_sip(offset, expected),
        }
    }
}

const NAME_AND_COLON: &str = "header name and colon";

type NotSip = (usize, &'static str);

impl<'a> Scan<'a> {
    fn request_line(&mut self, line: &'a [u8], limits: &Limits) -> Result<StartLine, NotSip> {
        let method_end = memchr(b' ', line).ok_or((line.len(), "SP after the method"))?;
        if !is_token(&line[..method_end]) {
            return Err((0, "method"));
        }
        let trimmed = trim_end(line, is_blank);
        let uri_end = memrchr(b' ', trimmed)
            .filter(|at| *at > method_end)
            .ok_or((trimmed.len(), "Request-URI and SIP-Version"))?;
        let version = &trimmed[uri_end + 1..];
        self.version(uri_end + 1, version)?;
        let uri = method_end + 1..uri_end;
        if uri.len() > limits.max_uri {
            let status = StatusCode::REQUEST_URI_TOO_LONG;
            self.note(Flaw::new(uri.start, "a shorter Request-URI", status));
        } else if trimmed.len() < line.len() {
            self.bad(trimmed.len(), "CRLF after SIP-Version");
        }
        Ok(StartLine::Request {
            method: 0..method_end,
            uri,
        })
    }

    fn status_line(&mut self, line: &'a [u8]) -> Result<StartLine, NotSip> {
        let version_end = memchr(b' ', line).ok_or((line.len(), "SP after SIP-Version"))?;
        self.version(0, &line[..version_end])?;
        let at = version_end + 1;
        let code = line[at..]
            .first_chunk::<3>()
            .filter(|digits| digits.iter().all(u8::is_ascii_digit))
            .map(|digits| {
                digits
                    .iter()
                    .fold(0, |code, digit| code * 10 + u16::from(digit - b'0'))
            })
            .and_then(StatusCode::new)
            .ok_or((at, "Status-Code"))?;
        match line.get(at + 3) {
            None => Ok(StartLine::Status {
                code,
                reason: line.len()..line.len(),
            }),
            Some(b' ') => Ok(StartLine::Status {
                code,
                reason: at + 4..line.len(),
            }),
            Some(_) => Err((at + 3, "SP after Status-Code")),
        }
    }

    /// `SIP/2.0`; another number is a version this stack does not speak (§21.5.6).
    fn version(&mut self, at: usize, version: &[u8]) -> Result<(), NotSip> {
        let number = match version.split_at_checked(4) {
            Some((name, number)) if name.eq_ignore_ascii_case(b"SIP/") => number,
            _ => return Err((at, "SIP-Version")),
        };
        self.canonical = version.starts_with(b"SIP");
        if number == b"2.0" {
            return Ok(());
        }
        let mut parts = number.splitn(2, |octet| *octet == b'.');
        let is_number = |part: Option<&[u8]>| {
            part.is_some_and(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
        };
        if is_number(parts.next()) && is_number(parts.next()) {
            let status = StatusCode::VERSION_NOT_SUPPORTED;
            self.note(Flaw::new(at, "SIP/2.0", status));
            Ok(())
        } else {
            Err((at, "SIP-Version"))
        }
    }
}

/// Finds the parts of a header line, which stands at `start` without its CRLF. What has a colon has a name and a value.
#[inline(always)]
fn header_line(text: &[u8], start: usize, folded: bool) -> Option<Line> {
    let colon = words::colon(text)?;
    let (name, value) = match &text[colon..] {
        // As nearly every line is written.
        [b':', b' ', first, ..] if is_tidy(text, colon, *first) => {
            (&text[..colon], colon + 2..text.len())
        }
        _ => trimmed(text, colon),
    };
    let id = NameId::find(name);
    let folded = folded && memchr(b'\r', &text[value.clone()]).is_some();
    let length = text.len() + 2;
    Some(Line::received(start, length, name.len(), value, id, folded))
}

/// Nothing to trim: not before the colon, nor where the value begins, nor where it ends.
#[inline(always)]
fn is_tidy(text: &[u8], colon: usize, first: u8) -> bool {
    let ends_visibly = |text: &[u8]| text.last().is_some_and(|last| *last > b' ');
    first > b' ' && ends_visibly(text) && ends_visibly(&text[..colon])
}

/// The name, and where the value stands, without the white space around them.
#[cold]
fn trimmed(text: &[u8], colon: usize) -> (&[u8], Range<usize>) {
    let name = trim_end(&text[..colon], is_blank);
    let value = trim_start(&text[colon + 1..], is_lws);
    let start = text.len() - value.len();
    (name, start..start + trim_end(value, is_lws).len())
}

#[inline(always)]
fn is_blank(octet: u8) -> bool {
    // One comparison for nearly every octet there is.
    octet <= b' ' && matches!(octet, b' ' | b'\t')
}

/// Inside a line, CR and LF stand only where it is folded.
fn is_lws(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t' | b'\r' | b'\n')
}

fn trim_end(mut text: &[u8], blank: impl Fn(u8) -> bool) -> &[u8] {
    while let [rest @ .., last] = text
        && blank(*last)
    {
        text = rest;
    }
    text
}

fn trim_start(mut text: &[u8], blank: impl Fn(u8) -> bool) -> &[u8] {
    while let [first, rest @ ..] = text
        && blank(*first)
    {
        text = rest;
    }
    text
}

/// `1*DIGIT`, if it fits.
fn decimal(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u32, |number, octet| {
        let digit = char::from(*octet).to_digit(10)?;
        number.checked_mul(10)?.checked_add(digit)
    })
}
