//! The protocol as a client sees it, over an in-memory pipe with a scripted backend.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, ReadHalf, WriteHalf, split};

use super::*;
use crate::{Call, Reference};

/// Answers each call with a report that says which call it was; `track` runs until it is cancelled.
struct Scripted;

impl Backend for Scripted {
    fn call(&self, call: Call, watch: &dyn Watch) -> Result<Value, ToolError> {
        match call {
            Call::Track { samples, .. } => {
                for done in 1..=samples {
                    watch.progress(done, samples, "sampled");
                    if watch.cancelled() {
                        return Err(ToolError("cancelled".to_owned()));
                    }
                    std::thread::sleep(Duration::from_millis(10));
                }
                Ok(json!({ "schema": "poolscope.report/1", "series": [] }))
            }
            Call::Owner { tags, .. } => {
                Ok(json!({ "schema": "poolscope.owners/1", "tags": [{ "tag": tags[0] }] }))
            }
            Call::Explain { .. } => Err(ToolError("nobody knows".to_owned())),
            _ => Ok(json!({
                "schema": "poolscope.report/1",
                "findings": [{ "code": "PS0101" }],
                "series": (0..500).map(|i| json!({ "tag": format!("T{i:03}"), "pool": "paged", "rank": i })).collect::<Vec<_>>(),
            })),
        }
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference {
            code: "PS0101".into(),
            title: "A leak".into(),
            markdown: "# PS0101".into(),
        }]
    }

    fn version(&self) -> String {
        "0.0.0".to_owned()
    }
}

struct Client {
    input: WriteHalf<DuplexStream>,
    output: tokio::io::Lines<BufReader<ReadHalf<DuplexStream>>>,
}

impl Client {
    async fn connected() -> Self {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let server = Server::new(Arc::new(Scripted), Policy::default());
        let (read, write) = split(theirs);
        tokio::spawn(serve_on(server, Lines::new(read, write)));
        let (read, input) = split(ours);
        let mut client = Self {
            input,
            output: BufReader::new(read).lines(),
        };
        let hello = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
        let answer = client.ask(0, "initialize", hello).await;
        assert_eq!(answer["result"]["serverInfo"]["name"], "poolscope");
        client
            .send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))
            .await;
        client
    }

    async fn send(&mut self, message: &Value) {
        self.raw(format!("{message}\n").as_bytes()).await;
    }

    async fn raw(&mut self, bytes: &[u8]) {
        self.input.write_all(bytes).await.unwrap();
    }

    async fn next(&mut self) -> Value {
        let line = tokio::time::timeout(Duration::from_secs(20), self.output.next_line())
            .await
            .unwrap();
        serde_json::from_str(&line.unwrap().unwrap()).unwrap()
    }

    /// Sends a request and returns its answer, passing over notifications.
    async fn ask(&mut self, id: u32, method: &str, params: Value) -> Value {
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
            .await;
        loop {
            let message = self.next().await;
            if message["id"] == id {
                return message;
            }
        }
    }

    async fn tool(&mut self, id: u32, name: &str, arguments: Value) -> Value {
        self.ask(id, "tools/call", json!({ "name": name, "arguments": arguments }))
            .await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_what_it_offers() {
    let mut client = Client::connected().await;
    let tools = client.ask(1, "tools/list", json!({})).await;
    let names: Vec<_> = tools["result"]["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["name"].clone())
        .collect();
    assert_eq!(
        names,
        [
            "diagnose", "snapshot", "track", "analyze", "owner", "compare", "explain"
        ]
    );
    let prompts = client.ask(2, "prompts/list", json!({})).await;
    assert_eq!(prompts["result"]["prompts"].as_array().unwrap().len(), 5);
    let page = client
        .ask(
            3,
            "resources/read",
            json!({ "uri": "poolscope://findings/PS0101" }),
        )
        .await;
    assert_eq!(page["result"]["contents"][0]["text"], "# PS0101");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_requests_get_the_protocols_errors_and_the_server_lives_on() {
    let mut client = Client::connected().await;
    let unknown = client.tool(1, "format_disk", json!({})).await;
    assert_eq!(unknown["error"]["code"], -32602);
    let refused = client.tool(2, "explain", json!({ "what": "x" })).await;
    assert_eq!(refused["result"]["isError"], true);
    let bad_args = client.tool(3, "track", json!({ "samples": "many" })).await;
    assert_eq!(bad_args["result"]["isError"], true);
    let method = client.ask(4, "no/such", json!({})).await;
    assert_eq!(method["error"]["code"], -32601);
    let fits_not = client.ask(40, "tools/call", json!({ "name": 7 })).await;
    assert_eq!(fits_not["error"]["code"], -32602);
    client.raw(b"{ this is not json\n").await;
    assert_eq!(client.next().await["error"]["code"], -32700);
    client.raw(b"\xFF\xFE\n[]\n\"x\"\n").await;
    for code in [-32700, -32600, -32600] {
        assert_eq!(client.next().await["error"]["code"], code);
    }
    let long = "A".repeat(crate::lines::MESSAGE_MAX + 1);
    client
        .send(&json!({ "id": 41, "jsonrpc": "2.0", "method": "tools/call", "params": { "name": long } }))
        .await;
    let refused = client.next().await;
    assert_eq!(
        (&refused["id"], &refused["error"]["code"]),
        (&json!(41), &json!(-32600))
    );
    let missing = client
        .ask(5, "resources/read", json!({ "uri": "file:///etc/passwd" }))
        .await;
    assert!(missing["error"].is_object());
    let alive = client.tool(6, "owner", json!({ "tags": ["NtFC"] })).await;
    assert_eq!(alive["result"]["structuredContent"]["tags"][0]["tag"], "NtFC");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_report_comes_in_parts() {
    let mut client = Client::connected().await;
    let first = client.tool(1, "snapshot", json!({ "max_bytes": 4000 })).await;
    let content = &first["result"]["structuredContent"];
    let mut seen = content["series"].as_array().unwrap().len();
    let mut go_on = content["omitted"]["continue"].clone();
    assert!(seen > 0 && seen < 500);
    for id in 2..100 {
        let next = client
            .tool(id, "snapshot", json!({ "max_bytes": 4000, "continue": go_on }))
            .await;
        let content = &next["result"]["structuredContent"];
        seen += content["series"].as_array().unwrap().len();
        match content["omitted"].get("continue") {
            Some(token) => go_on = token.clone(),
            None => break,
        }
    }
    assert_eq!(seen, 500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_track_reports_progress_and_can_be_cancelled() {
    let mut client = Client::connected().await;
    let params = json!({ "name": "track", "arguments": { "interval_seconds": 1, "samples": 3600 }, "_meta": { "progressToken": "p" } });
    client
        .send(&json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }))
        .await;
    let note = client.next().await;
    assert_eq!(note["method"], "notifications/progress");
    assert_eq!(note["params"]["total"], 3600.0);
    client
        .send(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 1 } }))
        .await;
    // The place it held is free again: as many calls as there are places are answered.
    for id in 2..8 {
        let answer = client.tool(id, "owner", json!({ "tags": ["a"] })).await;
        assert!(answer["result"].is_object());
    }
}

/// Samplings have places of their own: however many run, a short call is answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_samplings_do_not_keep_short_calls_waiting() {
    let mut client = Client::connected().await;
    for id in 1..=12 {
        let params = json!({ "name": "track", "arguments": { "interval_seconds": 1, "samples": 3600 } });
        client
            .send(&json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params }))
            .await;
    }
    let answer = client.tool(20, "owner", json!({ "tags": ["a"] })).await;
    assert!(answer["result"].is_object());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_calls_at_once_are_all_answered() {
    let mut client = Client::connected().await;
    for id in 1..=100 {
        let params = json!({ "name": "owner", "arguments": { "tags": [format!("T{id}")] } });
        client
            .send(&json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params }))
            .await;
    }
    let mut answers = BTreeMap::new();
    while answers.len() < 100 {
        let message = client.next().await;
        answers.insert(
            message["id"].as_u64().unwrap(),
            message["result"]["structuredContent"]["tags"][0]["tag"].clone(),
        );
    }
    for (id, tag) in answers {
        assert_eq!(tag, format!("T{id}"));
    }
}
