//! The protocol side: requests in, results out. Blocking work runs on worker threads, a few at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, CustomRequest, CustomResult,
    ErrorCode, GetPromptRequestParams, GetPromptResponse, Implementation, JsonObject, ListPromptsResult,
    ListResourcesResult, ListToolsResult, PaginatedRequestParams, ProgressNotificationParam, ProgressToken,
    ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, ServerCapabilities, ServerConfig,
    Tool,
};
use rmcp::service::{Peer, RequestContext};
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::budget::{Position, cut};
use crate::lines::Lines;
use crate::results::{Results, parse_token, token};
use crate::tools::{self, BUDGET_DEFAULT, BUDGET_RANGE, Paging};
use crate::{Backend, Call, Policy, ToolError, Watch, prompts, resources};

/// Calls that run at once; more wait. Two cores are busy with two, and memory stays bounded.
const CALLS_AT_ONCE: usize = 4;
/// Samplings that run at once. They mostly sleep, and must not keep short calls waiting for an hour.
const SAMPLINGS_AT_ONCE: usize = 4;
/// Bytes of a page that saying what was left out takes.
const OMITTED_ROOM: usize = 400;

/// What the assistant reads first.
const INSTRUCTIONS: &str = "poolscope finds out why a Windows or Linux kernel's memory grows. For `why is my memory full` call \
    `diagnose`. For a file somebody sent call `diagnose` or `analyze` with its path. Results are cut to `max_bytes`, \
    weightiest first; pass `omitted.continue` back to get the rest. Verdict `leak` needs action; `suspect` and \
    `insufficient` need a longer recording; `filling`, `cycling` and `steady` are ordinary. All tools only read, except \
    `track` with a name, which writes one recording.";

/// Methods that are served.
const METHODS: [&str; 8] = [
    "initialize",
    "ping",
    "tools/list",
    "tools/call",
    "resources/list",
    "resources/read",
    "prompts/list",
    "prompts/get",
];

/// Why the server could not run.
#[derive(Debug)]
pub struct ServeError(pub String);

impl std::fmt::Display for ServeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ServeError {}

/// Serves on standard input and output until the input ends.
///
/// # Errors
/// When the runtime cannot be started or the first message is not the protocol's.
pub fn serve_stdio(backend: Arc<dyn Backend>, policy: Policy) -> Result<(), ServeError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        // Standard input and output are read on threads, so nothing needs the driver for sockets.
        .enable_time()
        .max_blocking_threads(CALLS_AT_ONCE + SAMPLINGS_AT_ONCE + 8)
        .build()
        .map_err(|error| ServeError(format!("cannot start the server: {error}")))?;
    let server = Server::new(backend, policy);
    let closing = Arc::clone(&server.closing);
    let (input, output) = rmcp::transport::stdio();
    let outcome = runtime.block_on(serve_on(server, Lines::new(input, output)));
    closing.store(true, Ordering::Relaxed);
    // A call that still runs sees `closing` and ends; do not wait for a blocked read of standard input.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    outcome
}

/// Serves one client until it goes away.
async fn serve_on<T, E, A>(server: Server, transport: T) -> Result<(), ServeError>
where
    T: rmcp::transport::IntoTransport<RoleServer, E, A>,
    E: std::error::Error + Send + Sync + 'static,
{
    let running = match server.serve(transport).await {
        Ok(running) => running,
        // A client that goes away before it has said hello is no fault.
        Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => return Err(ServeError(format!("first message: {error}"))),
    };
    running
        .waiting()
        .await
        .map(drop)
        .map_err(|error| ServeError(error.to_string()))
}

struct Server {
    backend: Arc<dyn Backend>,
    policy: Arc<Policy>,
    results: Arc<Results>,
    slots: Arc<Semaphore>,
    samplings: Arc<Semaphore>,
    closing: Arc<AtomicBool>,
}

/// Carries progress out of, and cancellation into, a worker thread.
struct RequestWatch {
    cancelled: Box<dyn Fn() -> bool + Send + Sync>,
    closing: Arc<AtomicBool>,
    progress: Option<(ProgressToken, Peer<RoleServer>, tokio::runtime::Handle)>,
}

impl Watch for RequestWatch {
    fn cancelled(&self) -> bool {
        (self.cancelled)() || self.closing.load(Ordering::Relaxed)
    }

    fn progress(&self, done: u32, total: u32, message: &str) {
        let Some((token, peer, handle)) = &self.progress else {
            return;
        };
        let mut note = ProgressNotificationParam::new(token.clone(), f64::from(done)).with_message(message);
        if total > 0 {
            note = note.with_total(f64::from(total));
        }
        // Waited for, so that notes keep their order and none comes after the answer. A client that no longer listens
        // ends the connection elsewhere; a lost note is no error.
        let _lost = handle.block_on(peer.notify_progress(note));
    }
}

impl Server {
    fn new(backend: Arc<dyn Backend>, policy: Policy) -> Self {
        Self {
            backend,
            policy: Arc::new(policy),
            results: Arc::default(),
            slots: Arc::new(Semaphore::new(CALLS_AT_ONCE)),
            samplings: Arc::new(Semaphore::new(SAMPLINGS_AT_ONCE)),
            closing: Arc::default(),
        }
    }

    fn watch(&self, context: &RequestContext<RoleServer>) -> RequestWatch {
        let ct = context.ct.clone();
        let progress = context
            .meta
            .get_progress_token()
            .map(|token| (token, context.peer.clone(), tokio::runtime::Handle::current()));
        RequestWatch {
            cancelled: Box::new(move || ct.is_cancelled()),
            closing: Arc::clone(&self.closing),
            progress,
        }
    }

    /// Runs `work` on a worker thread as soon as one of the few places is free.
    async fn blocking<T: Send + 'static>(
        &self,
        slots: &Arc<Semaphore>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ErrorData> {
        let failed = |what: String| ErrorData::internal_error(what, None);
        let slot = Arc::clone(slots)
            .acquire_owned()
            .await
            .map_err(|e| failed(e.to_string()))?;
        tokio::task::spawn_blocking(move || {
            let _held = slot;
            work()
        })
        .await
        .map_err(|error| failed(format!("the call did not finish: {error}")))
    }

    async fn run(
        &self,
        name: String,
        args: JsonObject,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let paging: Paging = match serde_json::from_value(args.clone().into()) {
            Ok(paging) => paging,
            Err(error) => return Ok(failure(&ToolError(format!("arguments: {error}")))),
        };
        let budget = paging
            .max_bytes
            .unwrap_or(BUDGET_DEFAULT)
            .clamp(BUDGET_RANGE.0, BUDGET_RANGE.1);
        if let Some(go_on) = &paging.go_on {
            return Ok(self.rest(go_on, budget));
        }
        let policy = Arc::clone(&self.policy);
        let backend = Arc::clone(&self.backend);
        let watch = self.watch(&context);
        let asked = name.clone();
        let samples = name == "track" || (name == "diagnose" && !args.contains_key("path"));
        let slots = if samples { &self.samplings } else { &self.slots };
        let outcome = self
            .blocking(slots, move || {
                let call = tools::parse(&name, args, &policy)?;
                Some(call.and_then(|call| answer(call, &*backend, &policy, &watch)))
            })
            .await?;
        match outcome {
            None => Err(ErrorData::invalid_params(
                format!("there is no tool named {asked:?}"),
                None,
            )),
            Some(Err(error)) => Ok(failure(&error)),
            Some(Ok(Value::Object(report))) => {
                let report = Arc::new(report);
                let id = self.results.keep(Arc::clone(&report));
                Ok(page(id, &report, &Position::new(), budget))
            }
            Some(Ok(_)) => Err(ErrorData::internal_error("the result is not an object", None)),
        }
    }

    fn rest(&self, go_on: &str, budget: usize) -> CallToolResult {
        let Some((id, position)) = parse_token(go_on) else {
            return failure(&ToolError(format!(
                "continue: {go_on:?} is not a value this server gave out"
            )));
        };
        match self.results.get(id) {
            Some(report) => page(id, &report, &position, budget),
            None => failure(&ToolError(
                "continue: that result is no longer kept; call the tool again".to_owned(),
            )),
        }
    }
}

/// Carries out a call, and looks at its paths again when it is done: what was swapped for a link meanwhile is not
/// answered with what the link leads to.
fn answer(call: Call, backend: &dyn Backend, policy: &Policy, watch: &dyn Watch) -> Result<Value, ToolError> {
    let paths = call.paths();
    let answer = backend.call(call, watch)?;
    paths.iter().try_for_each(|path| policy.unchanged(path))?;
    Ok(answer)
}

fn page(id: u64, report: &JsonObject, from: &Position, budget: usize) -> CallToolResult {
    let mut page = cut(report, from, budget);
    if !page.omitted.is_empty() {
        page = cut(report, from, budget.saturating_sub(OMITTED_ROOM));
    }
    let mut out = page.report;
    if !page.omitted.is_empty() {
        let mut omitted: JsonObject = page.omitted.into_iter().map(|(k, n)| (k, json!(n))).collect();
        omitted.insert("continue".into(), json!(token(id, &page.next)));
        out.insert("omitted".into(), Value::Object(omitted));
    }
    CallToolResult::structured(Value::Object(out))
}

fn failure(error: &ToolError) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(error.0.clone())])
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_resources()
            .enable_prompts()
            .build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("poolscope", self.backend.version()))
            .with_instructions(INSTRUCTIONS)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        tools::tool_definitions()
            .into_iter()
            .find(|tool| tool.name == name)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools::tool_definitions()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let args = request.arguments.unwrap_or_default();
        Ok(self.run(request.name.into_owned(), args, context).await?.into())
    }

    async fn list_resources(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let (backend, policy) = (Arc::clone(&self.backend), Arc::clone(&self.policy));
        let all = self
            .blocking(&self.slots, move || resources::list(&*backend, &policy))
            .await?;
        Ok(ListResourcesResult::with_all_items(all))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let (backend, policy) = (Arc::clone(&self.backend), Arc::clone(&self.policy));
        let watch = self.watch(&context);
        let uri = request.uri.clone();
        let outcome = self
            .blocking(&self.slots, move || {
                resources::read(&uri, &*backend, &policy, &watch)
            })
            .await?;
        match outcome {
            Some(Ok(contents)) => Ok(ReadResourceResult::new(vec![contents]).into()),
            Some(Err(error)) => Err(ErrorData::internal_error(error.0, None)),
            None => Err(ErrorData::resource_not_found(
                format!("{}: no such resource", request.uri),
                None,
            )),
        }
    }

    /// What rmcp cannot read as a request it knows: a method that does not exist, or one whose parameters do not fit.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let method = request.method;
        if METHODS.contains(&method.as_str()) {
            return Err(ErrorData::invalid_params(
                format!("the parameters of {method} do not fit"),
                None,
            ));
        }
        let what = format!("{method}: no such method");
        Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, what, None))
    }

    async fn list_prompts(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Ok(ListPromptsResult::with_all_items(prompts::list()))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        match prompts::get(&request.name, request.arguments.as_ref()) {
            Some(Ok(prompt)) => Ok(prompt.into()),
            Some(Err(error)) => Err(ErrorData::invalid_params(error, None)),
            None => Err(ErrorData::invalid_params(
                format!("there is no prompt named {:?}", request.name),
                None,
            )),
        }
    }
}

#[cfg(test)]
mod tests;
