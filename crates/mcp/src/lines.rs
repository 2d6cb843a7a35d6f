//! Messages in, messages out: one JSON-RPC message a line, and an answer to each that is none.
//!
//! rmcp's own transport passes over what is not JSON or too long without a word, and a client would wait for ever. Here
//! such lines get the protocol's errors, with the id of the request where it can still be told.

use std::future::Future;
use std::io;
use std::sync::Arc;

use rmcp::RoleServer;
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

/// Longest message that is read. Arguments are paths and tags; a thousand times that is no honest request.
pub(crate) const MESSAGE_MAX: usize = 4 << 20;
/// What is kept of a longer one, to find its id.
const HEAD: usize = 64 << 10;

/// JSON-RPC's codes.
const NOT_JSON: i32 = -32_700;
const NO_REQUEST: i32 = -32_600;

/// A transport over two byte streams.
pub(crate) struct Lines<R, W> {
    read: BufReader<R>,
    line: Vec<u8>,
    too_long: bool,
    write: Arc<Mutex<Option<W>>>,
    /// The answer to a line that was no message, on its way out.
    answering: Option<JoinHandle<()>>,
}

impl<R, W> Lines<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    pub(crate) fn new(read: R, write: W) -> Self {
        Self {
            read: BufReader::new(read),
            line: Vec::new(),
            too_long: false,
            write: Arc::new(Mutex::new(Some(write))),
            answering: None,
        }
    }

    /// Reads to the next line end; `None` at the end of the input. May be dropped and called again: what was read stays.
    async fn fill_line(&mut self) -> Option<()> {
        loop {
            let available = self.read.fill_buf().await.ok().filter(|b| !b.is_empty())?;
            let end = available.iter().position(|&b| b == b'\n');
            let part = available
                .get(..end.unwrap_or(available.len()))
                .unwrap_or_default();
            if self.line.len().saturating_add(part.len()) > MESSAGE_MAX {
                self.too_long = true;
                self.line.truncate(HEAD);
                self.line.shrink_to(HEAD);
            }
            if !self.too_long {
                self.line.extend_from_slice(part);
            }
            let taken = part.len() + usize::from(end.is_some());
            self.read.consume(taken);
            if end.is_some() {
                return Some(());
            }
        }
    }

    fn answer(&mut self, answer: &Value) {
        let line = format!("{answer}\n").into_bytes();
        let write = Arc::clone(&self.write);
        self.answering = Some(tokio::spawn(async move {
            // A client that is gone needs no answer.
            let _gone = put(&write, &line).await;
        }));
    }
}

async fn put<W: AsyncWrite + Unpin>(write: &Mutex<Option<W>>, line: &[u8]) -> io::Result<()> {
    let mut write = write.lock().await;
    let Some(write) = write.as_mut() else {
        return Err(io::ErrorKind::NotConnected.into());
    };
    write.write_all(line).await?;
    write.flush().await
}

impl<R, W> Transport<RoleServer> for Lines<R, W>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    type Error = io::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let write = Arc::clone(&self.write);
        async move {
            let mut line = serde_json::to_vec(&item)?;
            line.push(b'\n');
            put(&write, &line).await
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            if let Some(answering) = &mut self.answering {
                let _ended = answering.await;
                self.answering = None;
            }
            self.fill_line().await?;
            let line = std::mem::take(&mut self.line);
            let too_long = std::mem::take(&mut self.too_long);
            match message(&line, too_long) {
                Ok(Some(message)) => return Some(message),
                Ok(None) => {}
                Err(refusal) => self.answer(&refusal),
            }
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        drop(self.write.lock().await.take());
        Ok(())
    }
}

/// The message of a line, nothing for what needs no answer, or the answer to what is no message.
fn message(line: &[u8], too_long: bool) -> Result<Option<RxJsonRpcMessage<RoleServer>>, Value> {
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
    if too_long {
        let what = format!("the message is longer than {MESSAGE_MAX} bytes");
        return Err(refusal(NO_REQUEST, &what, id_of_head(line)));
    }
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    let value: Value = serde_json::from_slice(line)
        .map_err(|error| refusal(NOT_JSON, &format!("not JSON: {error}"), None))?;
    let Value::Object(object) = &value else {
        return Err(refusal(NO_REQUEST, "one message a line, an object each", None));
    };
    let has = |key: &str| object.contains_key(key);
    let id = object
        .get("id")
        .filter(|id| id.is_string() || id.is_number())
        .cloned();
    if !has("method") && (has("error") || has("result")) {
        // An answer; one to a question that was never asked is no reason for an answer to it.
        return Ok(serde_json::from_value(value).ok());
    }
    if object.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(refusal(NO_REQUEST, "`jsonrpc` is not \"2.0\"", id));
    }
    if has("id") && id.is_none() {
        return Err(refusal(NO_REQUEST, "`id` is neither text nor number", None));
    }
    if !object.get("method").is_some_and(Value::is_string) {
        return Err(refusal(NO_REQUEST, "`method` is missing or no text", id));
    }
    match serde_json::from_value(value) {
        Ok(message) => Ok(Some(message)),
        Err(error) if id.is_some() => Err(refusal(NO_REQUEST, &error.to_string(), id)),
        // Notifications are never answered.
        Err(_) => Ok(None),
    }
}

fn refusal(code: i32, message: &str, id: Option<Value>) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
}

/// The id in the beginning of a message, if it stands there.
fn id_of_head(head: &[u8]) -> Option<Value> {
    let mut found = None;
    let mut reader = serde_json::Deserializer::from_slice(head);
    // The rest is cut off, so this always ends in an error.
    let _cut = Id(&mut found).deserialize(&mut reader);
    found.filter(|id| id.is_string() || id.is_number())
}

/// Puts the value of the key `id` where it was told.
struct Id<'a>(&'a mut Option<Value>);

impl<'de> DeserializeSeed<'de> for Id<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Id<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "id" {
                *self.0 = Some(map.next_value()?);
                return Ok(());
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_message_gets_the_protocols_error() {
        let cases: [(&[u8], Value); 9] = [
            (b"{ this is not json", json!([NOT_JSON, null])),
            (b"\xFF\xFE", json!([NOT_JSON, null])),
            (b"[]", json!([NO_REQUEST, null])),
            (b"\"x\"", json!([NO_REQUEST, null])),
            (b"{}", json!([NO_REQUEST, null])),
            (
                br#"{"jsonrpc":"1.0","id":5,"method":"ping"}"#,
                json!([NO_REQUEST, 5]),
            ),
            (
                br#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
                json!([NO_REQUEST, null]),
            ),
            (
                br#"{"jsonrpc":"2.0","id":"a","method":7}"#,
                json!([NO_REQUEST, "a"]),
            ),
            (&[b'['; 10_000], json!([NOT_JSON, null])),
        ];
        for (line, expected) in cases {
            let refusal = message(line, false).unwrap_err();
            assert_eq!(
                json!([refusal["error"]["code"], refusal["id"]]),
                expected,
                "{}",
                String::from_utf8_lossy(line)
            );
        }
    }

    #[test]
    fn what_needs_no_answer_gets_none() {
        let cases: [&[u8]; 5] = [
            b"",
            b"  \r",
            br#"{"jsonrpc":"2.0","method":"$/unknown"}"#,
            br#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"x"}}"#,
            br#"{"error":"never asked"}"#,
        ];
        for line in cases {
            assert!(message(line, false).is_ok(), "{}", String::from_utf8_lossy(line));
        }
        let ping = message(
            b"\xEF\xBB\xBF{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\r",
            false,
        );
        assert!(ping.unwrap().is_some());
    }

    #[test]
    fn the_id_of_a_long_message_is_found_where_it_comes_first() {
        let head = |text: &str| id_of_head(text.as_bytes());
        assert_eq!(
            head(r#"{"jsonrpc":"2.0","id":82,"method":"x","params":{"a":"AAA"#),
            Some(json!(82))
        );
        assert_eq!(
            head(r#"{"params":{"id":1},"id":"b","method":"AAA"#),
            Some(json!("b"))
        );
        assert_eq!(head(r#"{"params":{"a":"AAAA"#), None);
        assert_eq!(head("AAAA"), None);
    }
}
