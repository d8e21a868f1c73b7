// The event comes back, not parsed further than it must be. On one thread, which
// suits Lambda's one call at a time and is the faster of tokio's flavours here;
// with an argument on as many as `#[tokio::main]` takes.
use lambda_runtime::{run, service_fn, Error, LambdaEvent};
use serde_json::value::RawValue;

async fn echo(event: LambdaEvent<Box<RawValue>>) -> Result<Box<RawValue>, Error> {
    Ok(event.payload)
}

fn main() -> Result<(), Error> {
    let mut builder = if std::env::args().nth(1).is_some() {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    builder.enable_all().build()?.block_on(run(service_fn(echo)))
}
