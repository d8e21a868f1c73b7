// The same as typed_bench.cc with serde_json and aws_lambda_events, as their
// documentation uses them; the order borrows from the event.
use aws_lambda_events::sqs::SqsEvent;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::time::Instant;

#[derive(Deserialize, Serialize)]
struct Item<'a> {
    #[serde(borrow)]
    sku: Cow<'a, str>,
    #[serde(borrow)]
    title: Cow<'a, str>,
    quantity: i32,
    price: f64,
    gift: bool,
    #[serde(borrow)]
    tags: Vec<Cow<'a, str>>,
}

#[derive(Deserialize, Serialize)]
struct Order<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    customer: Cow<'a, str>,
    #[serde(borrow)]
    note: Option<Cow<'a, str>>,
    #[serde(borrow)]
    items: Vec<Item<'a>>,
}

fn measure(rounds: usize, mut work: impl FnMut()) {
    let mut times: Vec<u128> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_nanos()
        })
        .collect();
    times.sort();
    println!("{}", times[rounds / 2]);
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let event = std::fs::read(&args[2]).unwrap();
    let rounds = args[3].parse().unwrap();
    let mut bytes = 0;
    if args[1] == "sqs" {
        measure(rounds, || {
            let batch: SqsEvent = serde_json::from_slice(&event).unwrap();
            bytes += batch.records.iter().map(|m| m.body.as_ref().map_or(0, |b| b.len())).sum::<usize>();
        });
    } else {
        measure(rounds, || {
            let order: Order = serde_json::from_slice(&event).unwrap();
            bytes += serde_json::to_vec(&order).unwrap().len();
        });
    }
    assert!(bytes > 0);
}
