// A function of aws-lambda-ric that does what its event asks; see ../acts.md.
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

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

async function until(come) {
  while (!come()) await setTimeout(5);
}

export async function handler(event, context) {
  ++calls;
  const path = join(event.folder ?? "", event.name ?? "");
  switch (event.act) {
    case "report": return report(context);
    case "echo": return event.value;
    case "fail": throw new OrderInvalid("no tea ".repeat(event.n));
    case "exit": process.exit(event.n);
    case "wait":
      await until(() => existsSync(path));
      return report(context);
    case "meet":
      writeFileSync(path, "");
      await until(() => readdirSync(event.folder).length >= event.n);
      return report(context);
  }
  throw new Error("no act " + event.act);
}

export const stream = awslambda.streamifyResponse(async (event, parts) => {
  parts.setContentType("text/plain");
  parts.write("first,");
  await until(() => existsSync(join(event.folder, event.name)));
  if (event.act === "break") throw new OrderInvalid("it broke");
  parts.write("second");
  parts.end();
});

process.on("SIGTERM", () => {
  console.log("the function hears SIGTERM");
  process.exit(0);
});
