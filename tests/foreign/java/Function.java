// A function of Java's runtime interface client that does what its event asks; see ../acts.md.

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

public class Function implements RequestHandler<Map<String, Object>, Object> {
  static class OrderInvalid extends RuntimeException {
    OrderInvalid(String message) {
      super(message, null, false, true);
    }
  }

  private static final AtomicInteger calls = new AtomicInteger();

  static {
    Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("the function hears SIGTERM")));
  }

  private static Map<String, Object> report(Context context) {
    Map<String, Object> report = new HashMap<>();
    report.put("calls", calls.get());
    report.put("pid", ProcessHandle.current().pid());
    report.put("request_id", context.getAwsRequestId());
    report.put("arn", context.getInvokedFunctionArn());
    report.put("tenant", context.getTenantId() == null ? "" : context.getTenantId());
    report.put("remaining_ms", context.getRemainingTimeInMillis());
    String trace = System.getProperty("com.amazonaws.xray.traceHeader");
    report.put("trace", trace == null ? "" : trace);
    var client = context.getClientContext();
    report.put("client", client == null ? null : client.getClient().getInstallationId());
    report.put("custom", client == null ? null : client.getCustom());
    report.put("name", context.getFunctionName());
    report.put("version", context.getFunctionVersion());
    report.put("memory", context.getMemoryLimitInMB());
    report.put("group", context.getLogGroupName());
    report.put("stream", context.getLogStreamName());
    return report;
  }

  // For as long as the test holds the connection.
  private static void await(int port) {
    try (Socket connection = new Socket("127.0.0.1", port)) {
      connection.getInputStream().read();
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
  }

  @Override
  public Object handleRequest(Map<String, Object> event, Context context) {
    calls.incrementAndGet();
    int n = ((Number) event.getOrDefault("n", 0)).intValue();
    String act = (String) event.get("act");
    switch (act) {
      case "echo":
        return event.get("value");
      case "fail":
        throw new OrderInvalid("no tea ".repeat(n));
      case "exit":
        Runtime.getRuntime().halt(n);
        break;
      case "wait":
        await(((Number) event.get("port")).intValue());
        break;
      default:
        break;
    }
    return report(context);
  }
}
