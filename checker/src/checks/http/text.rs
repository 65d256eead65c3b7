//! Converts text to UTF-8, and recognizes text that cannot be read, so that nothing that an endpoint hides in a charset or
//! in compressed data counts as absent.

use http::HeaderMap;

use super::charset::{self, Charset};
use super::compression;
use super::content_type::ContentType;
use crate::checks::probe_data::EncodedBody;

/// The origin of text, which determines what is declared about it.
#[derive(Debug, Clone, Copy)]
pub(in crate::checks) enum TextOrigin<'a> {
    /// The body of a response with these headers.
    Response(&'a HeaderMap),
    /// The output of a command, which declares nothing.
    Command,
    /// A WebSocket message that is declared as text, which must be UTF-8.
    TextMessage,
    /// A WebSocket message that is declared as binary data.
    BinaryMessage,
}

impl TextOrigin<'_> {
    fn content_type(self) -> ContentType {
        match self {
            TextOrigin::Response(headers) => ContentType::from_headers(headers),
            TextOrigin::Command => ContentType::declared("text/plain", None),
            TextOrigin::TextMessage => ContentType::declared("text/plain", Some("utf-8")),
            TextOrigin::BinaryMessage => ContentType::declared("application/octet-stream", None),
        }
    }

    fn name(self) -> &'static str {
        match self {
            TextOrigin::Response(_) => "body",
            TextOrigin::Command => "output",
            TextOrigin::TextMessage | TextOrigin::BinaryMessage => "message",
        }
    }

    fn describe_compression(self, format: &str) -> String {
        let header = match self {
            TextOrigin::Response(_) => ", but has no matching `Content-Encoding` header",
            TextOrigin::Command | TextOrigin::TextMessage | TextOrigin::BinaryMessage => "",
        };
        format!("{} seems to be compressed (`{format}`){header}", self.name())
    }
}

/// Converts text in any charset to UTF-8. Returns details if it was converted or cannot be read.
pub(in crate::checks) async fn interpret_text(
    content: &mut Vec<u8>,
    is_complete: bool,
    origin: TextOrigin<'_>,
) -> Option<Box<EncodedBody>> {
    let content_type = origin.content_type();
    let mut charset = charset::detect(&content_type, content);
    if matches!(charset, Charset::Utf8 | Charset::Known(_))
        && is_complete
        && !content_type.is_media()
        && let Some(format) = Box::pin(compression::by_decoding(content)).await
    {
        charset = Charset::Compressed(format);
    }
    let mut encoded = EncodedBody { size: content.len(), ..EncodedBody::default() };
    match charset {
        Charset::Utf8 => return None,
        Charset::Utf8WithMark => drop(content.drain(..charset::UTF_8_MARK.len())),
        Charset::Known(encoding) => {
            *content = Box::pin(charset::to_utf8(content, encoding, is_complete)).await;
        }
        Charset::Compressed(format) => encoded.unknown_charset = Some(origin.describe_compression(format)),
        Charset::Unknown(reason) => encoded.unknown_charset = Some(format!("{} {reason}", origin.name())),
    }
    Some(Box::new(encoded))
}
