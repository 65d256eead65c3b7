//! Reads a response body, decompresses it, and converts it to UTF-8.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use http::HeaderMap;
use tokio::task::yield_now;

use super::charset::{self, Charset};
use super::client::HttpResponse;
use super::content_type::ContentType;
use super::early_end::EarlyEnd;
use super::{BODY_OVERHEAD, HttpCheck};
use crate::checks::Failure;
use crate::checks::body_text::{OriginalText, TextFacts};
use crate::checks::coding::{Coding, CodingDecoder, Decoded, STEP, codings};
use crate::checks::probe_data::{EncodedBody, ProbeData};
use crate::checks::timing::Stopwatch;
use crate::checks::undeclared_text::{recognize, without_marks};

/// The number of decoding steps before yielding to other checks.
const STEPS_PER_TURN: u32 = 4;

/// A response body, up to the configured limit.
#[derive(Debug, Default)]
pub(super) struct Body {
    pub(super) content: Vec<u8>,
    /// A clause that explains why the body is incomplete, or `None` if it is complete.
    pub(super) truncation: Option<String>,
    pub(super) encoded: Option<Box<EncodedBody>>,
    pub(super) facts: Option<Box<TextFacts>>,
}

impl Body {
    pub(super) fn store_in(self, data: &mut ProbeData) {
        (data.body, data.truncation) = (Some(self.content), self.truncation);
        (data.encoded, data.facts) = (self.encoded, self.facts);
    }
}

/// Reads and decodes a response body. With `early_end`, stops as soon as the verdict is certain.
pub(super) async fn read(
    check: &HttpCheck,
    mut response: HttpResponse,
    stopwatch: &Stopwatch,
    early_end: Option<(EarlyEnd<'_>, &mut ProbeData)>,
) -> Result<Body, Failure> {
    let mut reader = BodyReader { limit: check.body_limit, body: Body::default(), stopwatch, early_end };
    match codings(response.headers()) {
        Ok(codings) if codings.is_empty() => reader.read_plain(&mut response).await?,
        Ok(codings) => Box::pin(reader.read_coded(&mut response, &codings)).await?,
        Err(reason) => {
            reader.read_plain(&mut response).await?;
            // An empty body, such as the response to a HEAD request, needs no decoding.
            if !reader.body.content.is_empty() {
                let size = reader.body.content.len();
                let encoded = EncodedBody { size, undecoded: Some(reason), unknown_charset: None };
                reader.body.encoded = Some(Box::new(encoded));
            }
        }
    }
    let mut body = reader.body;
    if body.encoded.is_none() {
        interpret(&mut body, response.headers()).await;
    }
    let (content, encoded, facts) = (&body.content, &body.encoded, &body.facts);
    stopwatch.record(|data| {
        data.body = Some(content.clone());
        (data.encoded, data.facts) = (encoded.clone(), facts.clone());
    });
    Ok(body)
}

/// Converts a body in a declared charset to UTF-8, and detects text in other charsets and text that cannot be read.
pub(super) async fn interpret(body: &mut Body, headers: &HeaderMap) {
    let mut encoded = EncodedBody { size: body.content.len(), ..EncodedBody::default() };
    match charset::detect(&ContentType::from_headers(headers), &body.content) {
        charset @ (Charset::Utf8 | Charset::Undeclared) => {
            remove_marks(&mut body.content);
            // If the body was cut off, the last unit of UTF-16 can be incomplete.
            let is_odd = body.truncation.is_some() && body.content.len() % 2 == 1;
            body.facts = recognize(&[&body.content[..body.content.len() - usize::from(is_odd)]]);
            if charset == Charset::Utf8 {
                body.facts.get_or_insert_default().is_utf_8 = true;
            }
        }
        Charset::Known(encoding) => {
            let converted = Box::pin(charset::to_utf8(&body.content, encoding, body.truncation.is_none())).await;
            let bytes = std::mem::replace(&mut body.content, converted);
            remove_marks(&mut body.content);
            let original = Some(OriginalText { bytes, encoding });
            body.facts = Some(Box::new(TextFacts { original, ..TextFacts::default() }));
        }
        Charset::Unknown(reason) => encoded.unknown_charset = Some(reason),
    }
    if body.content.len() != encoded.size || encoded.unknown_charset.is_some() {
        body.encoded = Some(Box::new(encoded));
    }
}

fn remove_marks(text: &mut Vec<u8>) {
    let marks = text.len() - without_marks(text).len();
    text.drain(..marks);
}

struct BodyReader<'a> {
    /// The maximum number of body bytes to keep.
    limit: usize,
    body: Body,
    stopwatch: &'a Stopwatch,
    /// Decides when to stop reading an unencoded body.
    early_end: Option<(EarlyEnd<'a>, &'a mut ProbeData)>,
}

impl BodyReader<'_> {
    async fn read_plain(&mut self, response: &mut HttpResponse) -> Result<(), Failure> {
        let content_type = self.early_end.is_some().then(|| ContentType::from_headers(response.headers()));
        loop {
            let mut next = pin!(response.chunk());
            let mut chunk = poll_fn(|context| Poll::Ready(next.as_mut().poll(context))).await;
            if chunk.is_pending() && self.early_end.is_some() {
                // The HTTP library may need a second poll to return data that has already arrived.
                yield_now().await;
                chunk = poll_fn(|context| Poll::Ready(next.as_mut().poll(context))).await;
            }
            let chunk = match chunk {
                Poll::Ready(chunk) => chunk,
                // Most bodies arrive all at once. Search a partial body only while waiting for more data.
                Poll::Pending if self.ends_early(content_type.as_ref()) => return Ok(()),
                Poll::Pending => next.await,
            };
            let Some(chunk) = chunk else { return Ok(()) };
            let chunk = chunk?;
            self.stopwatch.start_body();
            if !self.keep(&chunk) {
                return Ok(());
            }
        }
    }

    /// Returns whether the data received so far makes the verdict certain.
    fn ends_early(&mut self, content_type: Option<&ContentType>) -> bool {
        let Some(((early_end, data), content_type)) = self.early_end.as_mut().zip(content_type) else { return false };
        if !early_end.is_due(self.body.content.len()) || !charset::is_certainly_utf8(content_type, &self.body.content) {
            return false;
        }
        self.body.truncation = early_end.decide(&mut self.body.content, data);
        let truncation = &self.body.truncation;
        self.stopwatch.record(|data| data.truncation.clone_from(truncation));
        truncation.is_some()
    }

    /// Decodes the body as it arrives.
    async fn read_coded(&mut self, response: &mut HttpResponse, codings: &[Coding]) -> Result<(), Failure> {
        let mut decoder = BodyDecoder::new(codings, self.limit);
        let mut steps = 0;
        while let Some(chunk) = response.chunk().await {
            let chunk = chunk?;
            self.stopwatch.start_body();
            decoder.receive(&chunk);
            while let Some(decoded) = decoder.step()? {
                if !self.keep(decoded) {
                    return Ok(());
                }
                steps += 1;
                if steps % STEPS_PER_TURN == 0 {
                    yield_now().await;
                }
            }
        }
        decoder.finish()
    }

    /// Appends data to the body. Returns whether all of it fit within the limit.
    fn keep(&mut self, part: &[u8]) -> bool {
        let room = self.limit - self.body.content.len();
        let kept = &part[..part.len().min(room)];
        self.body.content.extend_from_slice(kept);
        self.stopwatch.record(|data| data.body.get_or_insert_default().extend_from_slice(kept));
        if part.len() > room {
            let truncation = format!("only the first {} bytes of the body were read (`body_limit`)", self.limit);
            self.stopwatch.record(|data| data.truncation = Some(truncation.clone()));
            self.body.truncation = Some(truncation);
        }
        part.len() <= room
    }
}

/// Decodes a body with one or more codings, in small steps.
struct BodyDecoder {
    layers: Vec<Layer>,
    output: Box<[u8]>,
    /// The maximum number of bytes that any decoder except the last may produce.
    limit: u64,
    is_empty: bool,
}

struct Layer {
    decoder: CodingDecoder,
    input: Vec<u8>,
    /// The number of input bytes that have been read.
    position: usize,
    /// Whether another decoding step can make progress.
    is_ready: bool,
    written: u64,
}

impl BodyDecoder {
    fn new(codings: &[Coding], body_limit: usize) -> BodyDecoder {
        let limit = BODY_OVERHEAD.saturating_mul(body_limit as u64).saturating_add(STEP as u64);
        let last = codings.len().saturating_sub(1);
        let layer = |(at, coding): (usize, &Coding)| {
            let needed = if at == last { body_limit } else { usize::try_from(limit).unwrap_or(usize::MAX) };
            let decoder = CodingDecoder::new(*coding, needed.saturating_add(1));
            Layer { decoder, input: Vec::new(), position: 0, is_ready: false, written: 0 }
        };
        let layers = codings.iter().enumerate().map(layer).collect();
        BodyDecoder { layers, output: vec![0; STEP].into(), limit, is_empty: true }
    }

    fn receive(&mut self, chunk: &[u8]) {
        self.is_empty &= chunk.is_empty();
        if let Some(first) = self.layers.first_mut() {
            first.receive(chunk);
        }
    }

    /// Decodes part of the received data. Returns `None` once all of it is decoded.
    fn step(&mut self) -> Result<Option<&[u8]>, Failure> {
        // Later decoders run first, so that little data is buffered between two of them.
        let Some(at) = self.layers.iter().rposition(|layer| layer.is_ready) else { return Ok(None) };
        let layer = &mut self.layers[at];
        let written = layer.step(&mut self.output)?;
        let (name, total) = (layer.decoder.name(), layer.written);
        let output = &self.output[..written];
        let Some(next) = self.layers.get_mut(at + 1) else { return Ok(Some(output)) };
        if total > self.limit {
            return Err(format!(
                "body has several encodings, and decoding `{name}` yields more than {} bytes",
                self.limit
            ));
        }
        next.receive(output);
        Ok(Some(&[]))
    }

    /// Returns an error if the body ended early.
    fn finish(&self) -> Result<(), Failure> {
        // An empty body is allowed: a response to a HEAD request lists the codings of the GET response.
        let is_incomplete = |layer: &&Layer| !layer.decoder.is_complete() || layer.position < layer.input.len();
        match self.layers.iter().find(is_incomplete).filter(|_| !self.is_empty) {
            Some(layer) => Err(format!("body is incomplete: its `{}` data ends early", layer.decoder.name())),
            None => Ok(()),
        }
    }
}

impl Layer {
    fn receive(&mut self, data: &[u8]) {
        self.input.drain(..self.position);
        self.position = 0;
        self.input.extend_from_slice(data);
        self.is_ready |= !data.is_empty();
    }

    /// Decodes part of the input. Returns the number of bytes written.
    fn step(&mut self, output: &mut [u8]) -> Result<usize, Failure> {
        let Decoded { read, written } = self.decoder.decode(&self.input[self.position..], output)?;
        self.position += read;
        self.written += written as u64;
        self.is_ready = written > 0 || (read > 0 && self.position < self.input.len());
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::checks::http::body::*;
    use crate::checks::http::encoding_tests::encode;

    const LIMIT: usize = 100_000;

    /// Decodes data that arrives in pieces of `piece` bytes.
    fn decode(codings: &[Coding], data: &[u8], piece: usize) -> Result<Vec<u8>, Failure> {
        let mut decoder = BodyDecoder::new(codings, LIMIT);
        let mut plain = Vec::new();
        for chunk in data.chunks(piece) {
            decoder.receive(chunk);
            while let Some(part) = decoder.step()? {
                plain.extend_from_slice(part);
                assert!(decoder.layers.iter().skip(1).all(|layer| layer.input.len() <= 300_000), "little is buffered");
            }
        }
        decoder.finish().map(|()| plain)
    }

    fn coding() -> impl Strategy<Value = (Coding, &'static str)> {
        prop::sample::select(vec![
            (Coding::Gzip, "gzip"),
            (Coding::Deflate, "deflate"),
            (Coding::Deflate, "deflate-raw"),
            (Coding::Brotli, "br"),
            (Coding::Zstd, "zstd"),
        ])
    }

    /// Generates bytes with repetitions, which can be compressed.
    fn plain() -> impl Strategy<Value = Vec<u8>> {
        (prop::collection::vec(any::<u8>(), 1..300), 1_usize..200).prop_map(|(bytes, times)| bytes.repeat(times))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn encoded_data_is_decoded_however_it_is_split(
            plain in plain(),
            codings in prop::collection::vec(coding(), 1..4),
            piece in 1_usize..5_000,
        ) {
            let encoded = codings.iter().rev().fold(plain.clone(), |data, (_, name)| encode(name, &data));
            let codings: Vec<Coding> = codings.iter().map(|(coding, _)| *coding).collect();
            prop_assert_eq!(decode(&codings, &encoded, piece), Ok(plain));
        }

        #[test]
        fn truncated_data_is_reported_as_incomplete(plain in plain(), (coding, name) in coding(), part in 0.0..1.0) {
            let encoded = encode(name, &plain);
            let part = 1 + (part * (encoded.len() - 1) as f64) as usize;
            prop_assume!(part < encoded.len());
            let error = decode(&[coding], &encoded[..part], 99).expect_err("the data is incomplete");
            prop_assert!(error.ends_with("data ends early"), "{}", error);
        }

        #[test]
        fn no_input_causes_a_panic_or_endless_decoding(
            data in prop::collection::vec(any::<u8>(), 0..2_000),
            codings in prop::collection::vec(coding(), 1..4),
            piece in 1_usize..3_000,
        ) {
            let codings: Vec<Coding> = codings.iter().map(|(coding, _)| *coding).collect();
            let _ = decode(&codings, &data, piece);
        }

        #[test]
        fn corrupted_data_is_never_decoded_as_other_data(
            plain in plain(),
            name in prop::sample::select(vec![(Coding::Gzip, "gzip"), (Coding::Zstd, "zstd"), (Coding::Deflate, "deflate")]),
            at in any::<prop::sample::Index>(),
            bit in 0_u8..8,
        ) {
            let mut encoded = encode(name.1, &plain);
            let at = at.index(encoded.len());
            encoded[at] ^= 1 << bit;
            // Decoders ignore some bits of a gzip header, so flipping them changes nothing.
            if let Ok(decoded) = decode(&[name.0], &encoded, 1_000) {
                prop_assert!(decoded == plain, "{}", at);
            }
        }
    }
}
