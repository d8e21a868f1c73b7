// A function of AWS's Rust runtime that does what its event asks; see ../../../acts.md.
use lambda_runtime::streaming::{channel, Body};
use lambda_runtime::{service_fn, Diagnostic, Error, FunctionResponse, LambdaEvent, StreamResponse};
use serde::Deserialize;
use serde_json::{json, Value};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

#[derive(Deserialize)]
struct Act {
    act: String,
    #[serde(default)]
    value: Value,
    #[serde(default)]
    folder: PathBuf,
    #[serde(default)]
    name: String,
    #[serde(default)]
    n: usize,
}

static CALLS: AtomicU64 = AtomicU64::new(0);

fn report(event: &LambdaEvent<Act>) -> Value {
    let context = &event.context;
    let client = context.client_context.as_ref();
    let remaining = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    json!({
        "calls": CALLS.load(Ordering::SeqCst), "pid": std::process::id(),
        "request_id": context.request_id, "arn": context.invoked_function_arn,
        "tenant": context.tenant_id.clone().unwrap_or_default(),
        "remaining_ms": remaining.as_millis() as u64, "trace": context.xray_trace_id.clone().unwrap_or_default(),
        "client": client.map(|client| &client.client.installation_id), "custom": client.map(|client| &client.custom),
        "name": context.env_config.function_name, "version": context.env_config.version,
        "memory": context.env_config.memory,
        "group": context.env_config.log_group, "stream": context.env_config.log_stream,
    })
}

async fn wait_until(come: impl Fn() -> bool) {
    while !come() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

// Comes, and waits until n have come.
async fn meet(act: &Act) {
    let entries = |folder: &Path| std::fs::read_dir(folder).map(|entries| entries.count()).unwrap_or(0);
    std::fs::write(act.folder.join(&act.name), "").unwrap();
    wait_until(|| entries(&act.folder) >= act.n).await;
}

// The first part, and once the test has made a file the second. A stream's error
// is no act: this runtime writes its trailers into the body.
fn stream(path: PathBuf) -> StreamResponse<Body> {
    let (mut sender, body) = channel();
    tokio::spawn(async move {
        sender.send_data("first,".into()).await.unwrap();
        wait_until(|| path.exists()).await;
        sender.send_data("second".into()).await.unwrap();
    });
    StreamResponse::from(body)
}

async fn handle(event: LambdaEvent<Act>) -> Result<FunctionResponse<Value, Body>, Diagnostic> {
    CALLS.fetch_add(1, Ordering::SeqCst);
    let act = &event.payload;
    let path = act.folder.join(&act.name);
    let answer = match act.act.as_str() {
        "report" => report(&event),
        "echo" => act.value.clone(),
        "fail" => {
            return Err(Diagnostic { error_type: "OrderInvalid".into(), error_message: "no tea ".repeat(act.n) });
        }
        "panic" => panic!("no coffee"),
        "exit" => std::process::exit(act.n as i32),
        "wait" => {
            wait_until(|| path.exists()).await;
            report(&event)
        }
        "meet" => {
            meet(act).await;
            report(&event)
        }
        "stream" => return Ok(FunctionResponse::StreamingResponse(stream(path))),
        unknown => return Err(format!("no act {unknown}").into()),
    };
    Ok(FunctionResponse::BufferedResponse(answer))
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    lambda_runtime::spawn_graceful_shutdown_handler(|| async { println!("the function hears SIGTERM") }).await;
    lambda_runtime::run_concurrent(service_fn(handle)).await
}
