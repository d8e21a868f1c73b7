// The AWS SDK for JavaScript against a function `orders` (function.mjs) behind a
// mayfly that verifies signatures and has one environment:
//
//   node client.mjs NODE_MODULES BUFFERED_URL STREAMING_URL
import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createServer } from "node:net";

const [modules, buffered, streaming] = process.argv.slice(2);
const lambda = createRequire(modules + "/")("@aws-sdk/client-lambda");
const ARN = "arn:aws:lambda:us-east-1:123456789012:function:orders";

// Where the function waits until it is let go.
const gate = createServer().listen(0, "127.0.0.1");
await once(gate, "listening");
const { port } = gate.address();

function client(endpoint, credentials = {}) {
  return new lambda.LambdaClient({
    endpoint, region: "us-east-1", maxAttempts: 1,
    credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "s3cr3t", sessionToken: "t/o+k==", ...credentials },
  });
}

const orders = client(buffered);
const event = (act, more = {}) => JSON.stringify({ act, port, ...more });
const json = (payload) => JSON.parse(payload.transformToString());

function invoke(more = {}, from = orders) {
  return from.send(new lambda.InvokeCommand({ FunctionName: "orders", Payload: event("report"), ...more }));
}

// The one environment may have an event still.
async function once_free() {
  for (;;) {
    try {
      return await invoke();
    } catch (error) {
      if (!(error instanceof lambda.TooManyRequestsException)) throw error;
    }
  }
}

// What the service refuses, as the SDK's own exception.
async function refused(call, name, status, message, exception = lambda[name]) {
  await assert.rejects(call, (error) => {
    assert.equal(error.name, name);
    assert.ok(error instanceof (exception ?? lambda.LambdaServiceException), `${name} is a ${error.constructor.name}`);
    assert.equal(error.$metadata.httpStatusCode, status);
    assert.ok(error.$metadata.requestId);
    assert.match(error.message, message);
    return true;
  });
}

// -- Invoke --

const plain = await invoke({ LogType: "Tail" });
assert.deepEqual([plain.StatusCode, plain.ExecutedVersion, plain.FunctionError], [200, "$LATEST", undefined]);
assert.equal(json(plain.Payload).request_id, plain.$metadata.requestId);
assert.match(Buffer.from(plain.LogResult, "base64").toString(),
  new RegExp(`^START RequestId: ${plain.$metadata.requestId}[^]*^REPORT RequestId: ${plain.$metadata.requestId}`, "m"));

const context = { client: { installation_id: "i-1" }, custom: { plan: "é" }, env: {} };
const told = json((await invoke({
  FunctionName: ARN, Qualifier: "$LATEST", TenantId: "blue",
  ClientContext: Buffer.from(JSON.stringify(context)).toString("base64"),
})).Payload);
assert.deepEqual([told.arn, told.tenant, told.client, told.custom.plan], [ARN + ":$LATEST", "blue", "i-1", "é"]);
assert.equal(json((await invoke({ FunctionName: "123456789012:function:orders" })).Payload).name, "orders");

const failed = await invoke({ Payload: event("fail", { n: 1 }) });
assert.deepEqual([failed.StatusCode, failed.FunctionError], [200, "Unhandled"]);
assert.equal(json(failed.Payload).errorType, "OrderInvalid");

assert.equal((await invoke({ InvocationType: "DryRun" })).StatusCode, 204);
const accepted = await invoke({ InvocationType: "Event" });
assert.deepEqual([accepted.StatusCode, accepted.Payload?.length ?? 0], [202, 0]);
// The tenant's environment has made room for another; DryRun was no call.
assert.equal(json((await once_free()).Payload).calls, 4);

await refused(invoke({ Payload: "{" }), "InvalidRequestContentException", 400, /Could not parse request body into json/);
await refused(invoke({ FunctionName: "carts" }), "ResourceNotFoundException", 404, /function:carts/);
await refused(invoke({ Qualifier: "7" }), "ResourceNotFoundException", 404, /function:orders:7/);
// The service has sent this name, which its own model does not know.
await refused(invoke({ Payload: JSON.stringify("x".repeat(6 << 20)) }), "RequestEntityTooLargeException", 413, /6291456/);
await refused(invoke({}, client(buffered, { secretAccessKey: "wrong" })), "InvalidSignatureException", 403, /signature/);
await refused(invoke({}, client(buffered, { accessKeyId: "AKIDOTHER" })), "UnrecognizedClientException", 403, /token/);

const long = invoke({ Payload: event("wait") });
const [waiting] = await once(gate, "connection");
await assert.rejects(invoke(), (error) => {
  assert.ok(error instanceof lambda.TooManyRequestsException);
  assert.equal(error.Reason, "ReservedFunctionConcurrentInvocationLimitExceeded");
  assert.equal(error.$metadata.httpStatusCode, 429);
  return true;
});
waiting.destroy();
assert.equal((await long).StatusCode, 200);

// -- InvokeWithResponseStream --

async function* events(act, more = {}, from = client(streaming)) {
  const answer = await from.send(new lambda.InvokeWithResponseStreamCommand({
    FunctionName: "orders", Payload: event(act), LogType: "Tail", ...more }));
  assert.deepEqual([answer.StatusCode, answer.ExecutedVersion], [200, "$LATEST"]);
  yield answer.ResponseStreamContentType;
  yield* answer.EventStream;
}

async function streamed(act, until) {
  const stream = events(act);
  const waits = once(gate, "connection");
  const type = (await stream.next()).value;
  let parts = "";
  while (!parts.endsWith(until)) {
    parts += Buffer.from((await stream.next()).value.PayloadChunk.Payload).toString();
  }
  (await waits)[0].destroy();
  let complete;
  // To the end of the body, or its connection keeps the program from ending.
  for await (const event of stream) {
    if (event.InvokeComplete) complete = event.InvokeComplete;
    else parts += Buffer.from(event.PayloadChunk.Payload).toString();
  }
  return { type, parts, ...complete };
}

const { LogResult, ...whole } = await streamed("stream", "first,");
assert.deepEqual(whole, { type: "application/vnd.amazon.eventstream", parts: "first,second" });
assert.match(Buffer.from(LogResult, "base64").toString(), /^REPORT /m);

const broken = await streamed("break", "first,");
assert.deepEqual([broken.ErrorCode, JSON.parse(broken.ErrorDetails).errorMessage], ["OrderInvalid", "it broke"]);

const whole_at_once = [];
for await (const one of events("fail", { Payload: event("fail", { n: 1 }) }, orders)) whole_at_once.push(one);
assert.equal(whole_at_once.length, 2);
assert.equal(JSON.parse(whole_at_once[1].InvokeComplete.ErrorDetails).errorType, "OrderInvalid");

// -- what is asked before a call --

for (const wait of [lambda.waitUntilFunctionExists, lambda.waitUntilFunctionActiveV2, lambda.waitUntilFunctionUpdatedV2]) {
  assert.equal((await wait({ client: orders, maxWaitTime: 10 }, { FunctionName: "orders" })).state, "SUCCESS");
}
const { Configuration: shown, Code } = await orders.send(new lambda.GetFunctionCommand({ FunctionName: "orders" }));
assert.deepEqual([shown.FunctionArn, shown.State, shown.Handler], [ARN, "Active", "function.handler"]);
assert.match(Code.Location, /^file:/);
const configuration = await orders.send(new lambda.GetFunctionConfigurationCommand({ FunctionName: "orders" }));
assert.equal(configuration.RevisionId, shown.RevisionId);
const names = [];
for await (const page of lambda.paginateListFunctions({ client: orders, pageSize: 1 }, {})) {
  names.push(...page.Functions.map((found) => found.FunctionName));
}
assert.deepEqual(names, ["orders"]);
const { AccountUsage } = await orders.send(new lambda.GetAccountSettingsCommand({}));
assert.equal(AccountUsage.FunctionCount, 1);
await refused(orders.send(new lambda.DeleteFunctionCommand({ FunctionName: "orders" })), "UnknownOperationException", 404,
  /DELETE/);

gate.close();
