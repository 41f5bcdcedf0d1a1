//! Frames of an open connection (RFC 6455 §5): messages put together, pings answered, rules checked.

use std::io::Cursor;

use bytes::Bytes;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::{Broken, Received};

/// Why a connection is closed (RFC 6455 §7.4.1).
pub(super) const GOING_AWAY: u16 = 1001;
const PROTOCOL_ERROR: u16 = 1002;
const INVALID_DATA: u16 = 1007;
const TOO_BIG: u16 = 1009;

/// Octets in a control frame, at most (§5.5).
const CONTROL: u64 = 125;

/// What has arrived of the peer's frames.
#[derive(Default)]
pub(crate) struct Frames {
    /// Begins with an incomplete frame; empty most of the time.
    incoming: Vec<u8>,
    /// A message whose last fragment has not come.
    message: Option<Box<Message>>,
}

struct Message {
    is_text: bool,
    octets: Vec<u8>,
}

impl Frames {
    /// A message has begun and not ended.
    pub(super) fn is_under_way(&self) -> bool {
        !self.incoming.is_empty() || self.message.is_some()
    }

    /// Takes what was received; `bound` is how many octets a message may have.
    pub(super) fn receive(
        &mut self,
        octets: &[u8],
        bound: usize,
        received: &mut Received,
    ) -> Result<(), Broken> {
        let outcome = if self.incoming.is_empty() {
            let outcome = self.take_frames(octets, bound, received);
            outcome.map(|used| self.incoming = octets.get(used..).unwrap_or_default().to_vec())
        } else {
            let mut incoming = std::mem::take(&mut self.incoming);
            incoming.extend_from_slice(octets);
            let outcome = self.take_frames(&incoming, bound, received);
            outcome.map(|used| {
                incoming.drain(..used);
                if !incoming.is_empty() {
                    self.incoming = incoming;
                }
            })
        };
        outcome.map_err(|code| {
            write_close(code, &mut received.reply);
            Broken
        })
    }

    /// Takes the frames that are complete; says how many octets they were, or why the connection must be closed.
    fn take_frames(
        &mut self,
        octets: &[u8],
        bound: usize,
        received: &mut Received,
    ) -> Result<usize, u16> {
        let mut used = 0;
        while !received.ended {
            let mut rest = Cursor::new(octets.get(used..).unwrap_or_default());
            let Some((header, length)) =
                FrameHeader::parse(&mut rest).map_err(|_| PROTOCOL_ERROR)?
            else {
                break;
            };
            // Told by its header alone, before anything is kept of it.
            let mask = self.judge(&header, length, bound)?;
            let start = used + rest.position() as usize;
            let end = start + length as usize;
            let Some(payload) = octets.get(start..end) else {
                break;
            };
            self.take(&header, payload, mask, received)?;
            used = end;
        }
        Ok(used)
    }

    /// The mask of a frame that obeys the rules.
    fn judge(&self, header: &FrameHeader, length: u64, bound: usize) -> Result<[u8; 4], u16> {
        // No extension was agreed on that would use the reserved bits (§5.2).
        let reserved = header.rsv1 || header.rsv2 || header.rsv3;
        let Some(mask) = header.mask.filter(|_| !reserved) else {
            return Err(PROTOCOL_ERROR);
        };
        let before = match (header.opcode, &self.message) {
            (OpCode::Control(_), _) if header.is_final && length <= CONTROL => return Ok(mask),
            (OpCode::Data(Data::Continue), Some(message)) => message.octets.len(),
            (OpCode::Data(Data::Text | Data::Binary), None) => 0,
            _ => return Err(PROTOCOL_ERROR),
        };
        match length <= bound.saturating_sub(before) as u64 {
            true => Ok(mask),
            false => Err(TOO_BIG),
        }
    }

    fn take(
        &mut self,
        header: &FrameHeader,
        payload: &[u8],
        mask: [u8; 4],
        received: &mut Received,
    ) -> Result<(), u16> {
        let plain = payload.iter().zip(mask.iter().cycle());
        let plain = plain.map(|(octet, mask)| octet ^ mask);
        match header.opcode {
            OpCode::Control(Control::Ping) => {
                let text: Vec<u8> = plain.collect();
                write_frame(OpCode::Control(Control::Pong), &text, &mut received.reply);
            }
            OpCode::Control(Control::Close) => {
                let mut reason = plain.take(2);
                let code = match (reason.next(), reason.next()) {
                    (Some(high), Some(low)) => Some(u16::from_be_bytes([high, low])),
                    (Some(_), None) => return Err(PROTOCOL_ERROR),
                    _ => None,
                };
                received.ended = true;
                write_end(code, &mut received.reply);
            }
            OpCode::Control(_) => {}
            OpCode::Data(kind) => {
                let mut message = self.message.take().unwrap_or_else(|| {
                    Box::new(Message {
                        is_text: kind == Data::Text,
                        octets: Vec::with_capacity(payload.len()),
                    })
                });
                message.octets.extend(plain);
                if !header.is_final {
                    self.message = Some(message);
                } else if message.is_text && str::from_utf8(&message.octets).is_err() {
                    return Err(INVALID_DATA);
                } else {
                    received.messages.push(Bytes::from(message.octets));
                }
            }
        }
        Ok(())
    }
}

/// Adds a message; as text where it is text, which every script reads (RFC 7118 §5).
pub(super) fn write_message(message: &[u8], octets: &mut Vec<u8>) {
    let kind = match str::from_utf8(message) {
        Ok(_) => Data::Text,
        Err(_) => Data::Binary,
    };
    write_frame(OpCode::Data(kind), message, octets);
}

/// Adds the frame that ends our side.
pub(super) fn write_close(code: u16, octets: &mut Vec<u8>) {
    write_end(Some(code), octets);
}

fn write_end(code: Option<u16>, octets: &mut Vec<u8>) {
    let code = code.map(u16::to_be_bytes);
    let reason = code.as_ref().map_or(&[][..], |code| code);
    write_frame(OpCode::Control(Control::Close), reason, octets);
}

fn write_frame(opcode: OpCode, payload: &[u8], octets: &mut Vec<u8>) {
    let header = FrameHeader {
        opcode,
        ..FrameHeader::default()
    };
    // Writing to memory does not fail.
    let _ = header.format(payload.len() as u64, octets);
    octets.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

    /// A frame as a client sends it: its first octet, and a payload.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut octets = vec![first];
        match payload.len() {
            length @ ..126 => octets.push(0x80 | length as u8),
            length => {
                octets.push(0x80 | 126);
                octets.extend((length as u16).to_be_bytes());
            }
        }
        octets.extend(MASK);
        let masks = MASK.iter().cycle();
        octets.extend(payload.iter().zip(masks).map(|(octet, mask)| octet ^ mask));
        octets
    }

    fn receive(octets: &[u8]) -> (Result<(), Broken>, Received) {
        let mut received = Received::default();
        let outcome = Frames::default().receive(octets, 1000, &mut received);
        (outcome, received)
    }

    fn close_code(octets: &[u8]) -> u16 {
        let (outcome, received) = receive(octets);
        assert_eq!(outcome, Err(Broken));
        let reply = received.reply;
        assert_eq!(reply[..2], [0x88, 2]);
        u16::from_be_bytes([reply[2], reply[3]])
    }

    #[test]
    fn a_message_is_unmasked() {
        // RFC 6455 §5.7.
        let hello = [
            0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
        ];
        let (outcome, received) = receive(&hello);
        assert_eq!(outcome, Ok(()));
        assert_eq!(received.messages, ["Hello"]);
    }

    #[test]
    fn fragments_come_together_octet_by_octet_with_a_ping_between() {
        let octets = [
            frame(0x02, b"on"),
            frame(0x89, b"there?"),
            frame(0x00, b""),
            frame(0x80, b"e"),
            frame(0x81, b"two"),
        ];
        let mut frames = Frames::default();
        let mut received = Received::default();
        for octet in octets.concat() {
            let outcome = frames.receive(&[octet], 1000, &mut received);
            assert_eq!(outcome, Ok(()));
        }
        assert_eq!(received.messages, ["one", "two"]);
        assert_eq!(received.reply, b"\x8a\x06there?");
        assert!(!frames.is_under_way());
    }

    #[test]
    fn a_frame_longer_than_any_message_is_refused_by_its_header() {
        let mut octets = vec![0x82, 0xff];
        octets.extend((1_u64 << 63).to_be_bytes());
        octets.extend(MASK);
        assert_eq!(close_code(&octets), TOO_BIG);
        let mut octets = vec![0x82, 0xff];
        octets.extend(u64::MAX.to_be_bytes());
        octets.extend(MASK);
        assert_eq!(close_code(&octets), TOO_BIG);
    }

    #[test]
    fn fragments_count_together() {
        let mut octets = frame(0x01, &[b'x'; 600]);
        octets.extend(frame(0x00, &[b'x'; 401]));
        assert_eq!(close_code(&octets), TOO_BIG);
    }

    #[test]
    fn what_breaks_the_rules_ends_the_connection() {
        let unmasked = [0x81, 0x05, b'H', b'e', b'l', b'l', b'o'];
        assert_eq!(close_code(&unmasked), PROTOCOL_ERROR);
        let broken = [
            ("reserved bit", frame(0xc1, b"x")),
            ("reserved opcode", frame(0x83, b"x")),
            ("fragmented ping", frame(0x09, b"x")),
            ("long ping", frame(0x89, &[0; 126])),
            ("continues nothing", frame(0x80, b"x")),
            ("half a code", frame(0x88, b"x")),
            (
                "begins twice",
                [frame(0x01, b"x"), frame(0x81, b"x")].concat(),
            ),
        ];
        for (what, octets) in broken {
            assert_eq!(close_code(&octets), PROTOCOL_ERROR, "{what}");
        }
        assert_eq!(close_code(&frame(0x81, b"\xff")), INVALID_DATA);
    }

    #[test]
    fn a_close_is_answered_and_nothing_after_it_is_read() {
        let octets = [frame(0x88, b"\x03\xe8bye"), frame(0x81, b"more")].concat();
        let (outcome, received) = receive(&octets);
        assert_eq!(outcome, Ok(()));
        assert!(received.ended && received.messages.is_empty());
        assert_eq!(received.reply, b"\x88\x02\x03\xe8");
    }

    #[test]
    fn messages_are_text_where_they_can_be() {
        let mut octets = Vec::new();
        write_message(b"abc", &mut octets);
        write_message(b"\xff", &mut octets);
        write_message(&[b'x'; 126], &mut octets);
        assert!(octets.starts_with(b"\x81\x03abc\x82\x01\xff\x81\x7e\x00\x7ex"));
    }
}
