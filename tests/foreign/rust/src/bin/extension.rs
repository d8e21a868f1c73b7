// Prints what it is told, on standard error.
use lambda_extension::{service_fn, Error, Extension, LambdaEvent, LambdaTelemetry, NextEvent, SharedService};

async fn telemetry(records: Vec<LambdaTelemetry>) -> Result<(), Error> {
    for record in records {
        eprintln!("foreign telemetry {:?}", record.record);
    }
    Ok(())
}

async fn event(event: LambdaEvent) -> Result<(), Error> {
    match event.next {
        NextEvent::Shutdown(e) => eprintln!("foreign SHUTDOWN {}", e.shutdown_reason),
        NextEvent::Invoke(e) => eprintln!("foreign INVOKE {}", e.request_id),
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let telemetry = SharedService::new(service_fn(telemetry));
    Extension::new().with_events_processor(service_fn(event)).with_telemetry_processor(telemetry).run().await
}
