// Answers with the whole context, under the names that AWS's Python runtime
// gives its parts, so that a test can run both and compare.

#include <mayfly/runtime.h>

namespace {

struct Identity {
  std::optional<std::string> cognito_identity_id;
  std::optional<std::string> cognito_identity_pool_id;
};

struct Client {
  mayfly::ClientContext::Strings client;
  mayfly::ClientContext::Strings custom;
  mayfly::ClientContext::Strings env;
};

struct Answer {
  std::string_view function_name;
  std::string_view function_version;
  std::string_view invoked_function_arn;
  int memory_limit_in_mb;
  std::string_view aws_request_id;
  std::string_view log_group_name;
  std::string_view log_stream_name;
  Identity identity;
  std::optional<Client> client_context;
  std::optional<std::string_view> tenant_id;
  std::int64_t remaining_time_in_millis;
  std::optional<std::int64_t> epoch_deadline_time_in_ms;
  std::optional<std::string_view> trace_id;
  std::optional<std::string_view> trace_variable;
};

std::optional<std::string_view> given(std::string_view text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

Answer echo_context(mayfly::Context& context) {
  Answer answer{.function_name = context.function_name(),
                .function_version = context.function_version(),
                .invoked_function_arn = context.function_arn(),
                .memory_limit_in_mb = context.memory_limit_mb(),
                .aws_request_id = context.request_id(),
                .log_group_name = context.log_group(),
                .log_stream_name = context.log_stream(),
                .identity = {},
                .client_context = {},
                .tenant_id = given(context.tenant_id()),
                .remaining_time_in_millis = context.remaining().count(),
                .epoch_deadline_time_in_ms = {},
                .trace_id = given(context.trace_id()),
                .trace_variable = {}};
  if (auto identity = context.cognito_identity()) answer.identity = {identity->identity_id, identity->identity_pool_id};
  if (auto client = context.client_context()) answer.client_context = {client->client, client->custom, client->env};
  if (auto deadline = context.deadline()) {
    answer.epoch_deadline_time_in_ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline->time_since_epoch()).count();
  }
  if (const char* variable = std::getenv("_X_AMZN_TRACE_ID")) answer.trace_variable = variable;
  return answer;
}

}  // namespace

int main() { return mayfly::run(echo_context); }
