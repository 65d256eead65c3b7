//! Encodes requests to the gRPC health service and decodes its responses.

/// The length of a gRPC message's prefix, in bytes. It consists of a compression flag and the message length.
const PREFIX: usize = 5;

const VARINT: u64 = 0;
const EIGHT_BYTES: u64 = 1;
const LENGTH_DELIMITED: u64 = 2;
const FOUR_BYTES: u64 = 5;

/// Why a message cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UndecodedMessage {
    Invalid,
    /// The message is compressed, although the request did not allow it.
    Compressed,
}

/// Encodes `HealthCheckRequest { string service = 1 }` with its prefix.
pub(super) fn encode_request(service: &str) -> Vec<u8> {
    let mut message = Vec::new();
    if !service.is_empty() {
        message.push(0x0a);
        let mut length = service.len();
        while length >= 0x80 {
            message.push((length as u8 & 0x7f) | 0x80);
            length >>= 7;
        }
        message.push(length as u8);
        message.extend_from_slice(service.as_bytes());
    }
    let mut request = vec![0];
    request.extend((message.len() as u32).to_be_bytes());
    request.extend(message);
    request
}

/// Decodes the status in `HealthCheckResponse { ServingStatus status = 1 }`. Protobuf omits a status of zero, and
/// decoders ignore unknown fields.
pub(super) fn decode_response(bytes: &[u8]) -> Result<u64, UndecodedMessage> {
    let (prefix, message) = bytes.split_at_checked(PREFIX).ok_or(UndecodedMessage::Invalid)?;
    let length = prefix[1..].iter().fold(0, |length, byte| (length << 8) | usize::from(*byte));
    match prefix[0] {
        0 if length == message.len() => status_field(message).ok_or(UndecodedMessage::Invalid),
        1 if length == message.len() => Err(UndecodedMessage::Compressed),
        _ => Err(UndecodedMessage::Invalid),
    }
}

/// Returns the value of field 1, or zero if the field is missing. If the field is repeated, its last value is used.
fn status_field(mut message: &[u8]) -> Option<u64> {
    let mut status = 0;
    while !message.is_empty() {
        let key = varint(&mut message)?;
        let (field, wire_type) = (key >> 3, key & 7);
        let length = match wire_type {
            VARINT => {
                let value = varint(&mut message)?;
                status = if field == 1 { value } else { status };
                continue;
            }
            EIGHT_BYTES => 8,
            LENGTH_DELIMITED => usize::try_from(varint(&mut message)?).ok()?,
            FOUR_BYTES => 4,
            _ => return None,
        };
        if field <= 1 {
            return None;
        }
        message = message.get(length..)?;
    }
    Some(status)
}

/// Removes a variable-length integer from the start of the message and returns it. Returns `None` if it is incomplete
/// or too long.
fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let (byte, rest) = message.split_first()?;
        *message = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::checks::grpc::message::*;

    fn decode(message: &[u8]) -> Result<u64, UndecodedMessage> {
        let mut bytes = vec![0, 0, 0, 0, message.len() as u8];
        bytes.extend(message);
        decode_response(&bytes)
    }

    #[test]
    fn unknown_fields_are_skipped() {
        for (message, status) in [
            (&[][..], 0),
            (&[8, 1], 1),
            (&[8, 0x81, 0], 1),
            (&[8, 2, 8, 1], 1),
            // Fields 2 to 5: an integer, a string, a number of eight bytes, and a number of four bytes.
            (&[16, 0xff, 1, 8, 1], 1),
            (&[26, 2, b'o', b'k', 8, 1], 1),
            (&[33, 1, 2, 3, 4, 5, 6, 7, 8, 8, 1], 1),
            (&[45, 1, 2, 3, 4, 8, 1], 1),
            // A field number that is encoded as two bytes.
            (&[8, 1, 0x82, 1, 1, 7], 1),
            (&[8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], u64::MAX),
        ] {
            assert_eq!(decode(message), Ok(status), "{message:?}");
        }
    }

    #[test]
    fn invalid_messages_are_rejected() {
        for message in [
            &[8][..],
            &[8, 0x80],
            &[8, 1, 1],
            // A status that is a string, and a field with the number zero.
            &[10, 1, 1],
            &[2, 0],
            // A truncated string, a truncated number, a group, and an integer that is too long.
            &[26, 9, b'o', b'k'],
            &[45, 1, 2],
            &[11, 12],
            &[8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        ] {
            assert_eq!(decode(message), Err(UndecodedMessage::Invalid), "{message:?}");
        }
        for bytes in
            [&[][..], &[0, 0, 0, 0], &[0, 0, 0, 0, 3, 8, 1], &[0, 0xff, 0xff, 0xff, 0xff, 8, 1], &[2, 0, 0, 0, 0]]
        {
            assert_eq!(decode_response(bytes), Err(UndecodedMessage::Invalid), "{bytes:?}");
        }
        assert_eq!(decode_response(&[1, 0, 0, 0, 2, 8, 1]), Err(UndecodedMessage::Compressed));
    }
}
