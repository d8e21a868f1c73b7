// A function of aws-lambda-ric that does what its event asks; see ../acts.md.
import { connect } from "node:net";

class OrderInvalid extends Error {
  name = "OrderInvalid";
}

let calls = 0;

function report(context) {
  return {
    calls, pid: process.pid,
    request_id: context.awsRequestId, arn: context.invokedFunctionArn, tenant: context.tenantId ?? "",
    remaining_ms: context.getRemainingTimeInMillis(),
    trace: process.env._X_AMZN_TRACE_ID ?? context.xRayTraceId ?? "",
    client: context.clientContext?.client.installation_id, custom: context.clientContext?.custom,
    name: context.functionName, version: context.functionVersion, memory: Number(context.memoryLimitInMB),
    group: context.logGroupName, stream: context.logStreamName,
  };
}

// For as long as the test holds the connection.
function wait(port) {
  return new Promise((ended) => connect(port, "127.0.0.1").resume().on("error", () => {}).on("close", ended));
}

export async function handler(event, context) {
  ++calls;
  switch (event.act) {
    case "report": return report(context);
    case "echo": return event.value;
    case "fail": throw new OrderInvalid("no tea ".repeat(event.n));
    case "exit": process.exit(event.n);
    case "wait":
      await wait(event.port);
      return report(context);
  }
  throw new Error("no act " + event.act);
}

export const stream = awslambda.streamifyResponse(async (event, parts) => {
  parts.setContentType("text/plain");
  parts.write("first,");
  await wait(event.port);
  if (event.act === "break") throw new OrderInvalid("it broke");
  parts.write("second");
  parts.end();
});

process.on("SIGTERM", () => {
  console.log("the function hears SIGTERM");
  process.exit(0);
});
