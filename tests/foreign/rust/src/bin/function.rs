// A function of AWS's Rust runtime that does what its event asks; see ../../../acts.md.
use lambda_runtime::streaming::{channel, Body};
use lambda_runtime::{service_fn, Diagnostic, Error, FunctionResponse, LambdaEvent, StreamResponse};
use serde::Deserialize;
use serde_json::{json, Value};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

#[derive(Deserialize)]
struct Act {
    act: String,
    #[serde(default)]
    value: Value,
    #[serde(default)]
    port: u16,
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

// For as long as the test holds the connection.
async fn wait(port: u16) {
    if let Ok(mut connection) = TcpStream::connect(("127.0.0.1", port)).await {
        let _ = connection.read_to_end(&mut Vec::new()).await;
    }
}

// The first part, and behind a wait the second. A stream's error is no act: this
// runtime writes its trailers into the body.
fn stream(port: u16) -> StreamResponse<Body> {
    let (mut sender, body) = channel();
    tokio::spawn(async move {
        sender.send_data("first,".into()).await.unwrap();
        wait(port).await;
        sender.send_data("second".into()).await.unwrap();
    });
    StreamResponse::from(body)
}

async fn handle(event: LambdaEvent<Act>) -> Result<FunctionResponse<Value, Body>, Diagnostic> {
    CALLS.fetch_add(1, Ordering::SeqCst);
    let act = &event.payload;
    let answer = match act.act.as_str() {
        "report" => report(&event),
        "echo" => act.value.clone(),
        "fail" => {
            return Err(Diagnostic { error_type: "OrderInvalid".into(), error_message: "no tea ".repeat(act.n) });
        }
        "panic" => panic!("no coffee"),
        "exit" => std::process::exit(act.n as i32),
        "wait" => {
            wait(act.port).await;
            report(&event)
        }
        "stream" => return Ok(FunctionResponse::StreamingResponse(stream(act.port))),
        unknown => return Err(format!("no act {unknown}").into()),
    };
    Ok(FunctionResponse::BufferedResponse(answer))
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    lambda_runtime::spawn_graceful_shutdown_handler(|| async { println!("the function hears SIGTERM") }).await;
    lambda_runtime::run_concurrent(service_fn(handle)).await
}
