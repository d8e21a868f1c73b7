"""Where our environment and the official emulator (RIE) part, and why; and whose
way ours takes under the name aws-lambda-rie.

Each is checked on both servers by the cases that name it. Printed as a table:

    python3 divergences.py      for emulator/README.md
"""


class Divergence:
    known = []

    def __init__(self, what, mayfly, rie, because, drop_in=None):
        self.what = what
        self.mayfly = mayfly
        self.rie = rie
        self.because = because
        # Where callers or images may depend on it: what the drop-in takes of the other's
        # way. None: it does as mayfly run.
        self.drop_in = drop_in
        Divergence.known.append(self)


# Runtime API

TRACE_ID = Divergence(
    "Lambda-Runtime-Trace-Id on `next`",
    "the caller's X-Amzn-Trace-Id, else one made for the invocation",
    "never sent",
    "real Lambda always sends it; strict runtimes fail without")
INVOCATION_ID = Divergence(
    "Lambda-Runtime-Invocation-Id on `next`",
    "sent; an answer that echoes another one gets 410 `InvokeTimeout`",
    "not sent, an echo is not looked at",
    "real Lambda has it since 2026; it keeps late answers apart from their successors")
EMPTY_PAYLOAD = Divergence(
    "a call without a payload",
    "the function gets `{}`",
    "the function gets an empty body",
    "what the service does")
RESPONSE_MODE = Divergence(
    "after a bad Lambda-Runtime-Function-Response-Mode (400 on both)",
    "the runtime can still answer",
    "every later answer is refused and the invocation hangs until its timeout",
    "a defect there: its state has moved on before the header is checked")

TRAILERS = Divergence(
    "an error in the trailers of a streamed response",
    "is what a caller gets who takes the response whole",
    "dropped: what came before it is a success",
    "real Lambda reads them; there, Managed Instances do too")

# Invoke API

FUNCTION_ERROR = Divergence(
    "X-Amz-Function-Error",
    "`Unhandled` with every function error",
    "never",
    "boto3 and the AWS CLI tell failures by it")
EXECUTED_VERSION = Divergence(
    "X-Amz-Executed-Version, x-amzn-RequestId",
    "with every answer",
    "never: no header is copied",
    "what the service does")
CONTENT_TYPE = Divergence(
    "Content-Type of an answer",
    "application/json",
    "guessed from its bytes (text/plain for JSON)",
    "what the service does")
ANY_NAME = Divergence(
    "function names other than `function`",
    "any, unless --name says which",
    "404",
    "clients call functions by their names")
METHODS = Divergence(
    "GET and OPTIONS on the Invoke API",
    "405",
    "invokes",
    "a browser that opens the address would invoke")
NOT_JSON = Divergence(
    "a payload that is not JSON",
    "400 InvalidRequestContentException",
    "given to the function",
    "what the service does")
CLIENT_CONTEXT = Divergence(
    "X-Amz-Client-Context that is not base64",
    "400 InvalidRequestContentException",
    "500, empty",
    "the caller is at fault and should be told")
BAD_REQUEST_ID = Divergence(
    "X-Amzn-RequestId that is not a UUID",
    "400 InvalidRequestContentException",
    "taken as the request id",
    "what the service does")
LARGE_PAYLOAD = Divergence(
    "a payload over 6,291,456 bytes",
    "413 RequestEntityTooLargeException",
    "invokes; over 6,291,556 bytes it is cut off",
    "what the service does")
LOG_TAIL = Divergence(
    "X-Amz-Log-Type: Tail",
    "X-Amz-Log-Result carries the last 4 KB of the log",
    "not looked at",
    "what the service does")
INVOCATION_TYPE = Divergence(
    "X-Amz-Invocation-Type",
    "`Event` gets 202 before the function has ended, `DryRun` 204 without a call",
    "not looked at: all are plain calls",
    "what the service does")
CONCURRENT = Divergence(
    "a second call while one runs",
    "runs in an environment of its own; 429 from --max-environments on",
    "the emulator panics",
    "a defect there")

# Outcomes

EXIT_STATUS = Divergence(
    "the runtime ends during an invocation",
    "200 with X-Amz-Function-Error and `Runtime.ExitError`",
    "502 with `Runtime.ExitError`",
    "the service answers 200 for whatever the function does",
    drop_in="502 with X-Amz-Function-Error and the body")
INIT_EXIT = Divergence(
    "the runtime ends in the Init phase",
    "200 with X-Amz-Function-Error",
    "502",
    "as the service",
    drop_in="502 with X-Amz-Function-Error")
INIT_RETRY = Divergence(
    "what follows it",
    "one more try within the invocation; if that fails, `Runtime.ExitError`",
    "an empty body; the next invocation starts anew",
    "as the service; a defect there")
INIT_CRASH = Divergence(
    "a signal ends the runtime in the Init phase",
    "it is started again until the invocation's timeout, then `Sandbox.Timedout`",
    "502, at once",
    "as recorded from the service",
    drop_in="502, after a second try")
ANSWERED_BEFORE = Divergence(
    "the runtime ends after it has answered",
    "200 with the answer",
    "502 with the answer",
    "the service has given the answer away by then")
INIT_ERROR = Divergence(
    "the runtime posts init/error",
    "200 with X-Amz-Function-Error and the posted body",
    "502 and the posted body",
    "as the service",
    drop_in="502 with X-Amz-Function-Error and the posted body")
STALE_ERROR = Divergence(
    "an invocation fails after another's init/error",
    "is told its own failure",
    "is told the old init/error",
    "a defect there: what it has kept is never forgotten")
TIMEOUT = Divergence(
    "the function's timeout",
    "200 with X-Amz-Function-Error and `Sandbox.Timedout`",
    "200 and the text `Task timed out after 1.00 seconds`",
    "as the service since 2026",
    drop_in="200 with X-Amz-Function-Error and the text")
ANSWER_EARLY = Divergence(
    "when the caller gets its answer",
    "as soon as the runtime has posted it",
    "when the runtime and all extensions are in `next` again",
    "as the service: extensions add nothing to the answer's time")
INVALID_ENTRYPOINT = Divergence(
    "text of Runtime.InvalidEntrypoint",
    "starts with `RequestId: <id> Error: `",
    "no text, 502",
    "as the service",
    drop_in="502 with the text")

IDLE_END = Divergence(
    "a runtime that ended between two invocations",
    "the next invocation starts a new one",
    "the next invocation fails with 502",
    "the service replaces what died while nobody called")
ENDED_REPORT = Divergence(
    "END and REPORT of an invocation during which a process ended",
    "as with any other",
    "missing",
    "as the service")
REPORT_STATUS = Divergence(
    "REPORT of a failed invocation",
    "ends with `Status: error` and `Error Type: …`",
    "does not tell it from a success",
    "as the service since 2024")

INIT_DURATION = Divergence(
    "Init Duration, and Duration of a first invocation",
    "the Init phase as measured; Duration is without it",
    "the time to launch a process; Duration holds the Init phase",
    "a defect there")
MEMORY = Divergence(
    "Max Memory Used",
    "the peak of all processes together",
    "always the memory size",
    "a figure to look at, not a constant")

# Extensions and Telemetry API

ACCOUNT_ID = Divergence(
    "`accountId` in the answer to register",
    "if Lambda-Extension-Accept-Feature asks for it",
    "never: it has no account",
    "as documented")
REGISTERED_HANDLER = Divergence(
    "`handler` in the answer to register",
    "what _HANDLER says",
    "empty where the command's last word is the handler",
    "a defect there")
TELEMETRY = Divergence(
    "Telemetry API",
    "implemented: 200 `OK`",
    "202 `Telemetry.NotSupported`, whatever is asked",
    "a stub there")
SHUTDOWN_REASON = Divergence(
    "shutdownReason of SHUTDOWN",
    "spindown, timeout or failure",
    "SandboxTerminated, Timeout or ReleaseFail; spindown after a failed Init",
    "the documented words; clients should compare without case and accept others")
SHUTDOWN_TYPE = Divergence(
    "Content-Type of SHUTDOWN",
    "application/json",
    "text/plain",
    "it is JSON")
EXTENSION_LAUNCH = Divergence(
    "an extension cannot be started",
    "200 with X-Amz-Function-Error and `Extension.LaunchError`",
    "502, empty",
    "as other failures of Init",
    drop_in="502 with X-Amz-Function-Error and the body")
EXTENSION_CRASH = Divergence(
    "an extension ends during an invocation",
    "200 with X-Amz-Function-Error and `Extension.Crash`",
    "502 with `Extension.Crash`",
    "as the service",
    drop_in="502 with X-Amz-Function-Error and the body")

# Environment

CLEAN_VARIABLES = Divergence(
    "variables of the processes",
    "Lambda's, and those of --env",
    "also the whole environment of the emulator's caller",
    "secrets of a shell are none of a function's business; what passes here passes in the cloud",
    drop_in="as the official one: an image's variables are meant for its processes")
EXTENSION_VARIABLES = Divergence(
    "variables hidden from extensions",
    "the documented ten",
    "_HANDLER, others with `_`, AWS_XRAY_CONTEXT_MISSING",
    "as documented")

# Managed Instances

MANAGED_COMMAND = Divergence(
    "Managed Instances: the runtime",
    "is the command, as whoever started it",
    "is /var/task/bootstrap or another fixed one, as user 993 and group 990",
    "needs neither root nor an image of AWS's")
MANAGED_DEADLINE = Divergence(
    "Managed Instances: Lambda-Runtime-Deadline-Ms",
    "the start plus the timeout",
    "a million times the timeout away",
    "a defect there")
NO_WORKER = Divergence(
    "Managed Instances: a call when no `next` waits",
    "waits for one on its own timeout, a line says so; 429 from --max-concurrency calls on",
    "400 `Runtime.Unavailable`",
    "a runtime that has answered needs a moment until it is in `next` again")
MANAGED_END = Divergence(
    "Managed Instances: the runtime or an extension ends",
    "what is open fails with `Runtime.ExitError` or `Extension.Crash`, a new environment takes the next call",
    "the emulator ends",
    "the service replaces an environment")


def table():
    rows = ["| what | mayfly | official emulator | because | mayfly as aws-lambda-rie |", "|---|---|---|---|---|"]
    rows += [f"| {d.what} | {d.mayfly} | {d.rie} | {d.because} | {d.drop_in or ''} |"
             for d in Divergence.known]
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(table(), end="")
