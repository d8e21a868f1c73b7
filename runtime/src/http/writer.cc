#include <mayfly/http/writer.h>

#include <stdexcept>
#include <utility>

namespace mayfly::http {
namespace {

// What makes Lambda read a head in front of the body.
constexpr std::string_view kIntegrationType = "application/vnd.awslambda.http-integration-response";
// Between the two. JSON text has no NUL.
constexpr std::string_view kSeparator{"\0\0\0\0\0\0\0\0", 8};

}  // namespace

Writer::Writer(runtime::ResponseSink& sink) : mayfly::Writer(sink) {
  content_type_ = kIntegrationType;
  typed_ = true;
  head({});
}

void Writer::head(const Response& response) {
  if (written_) throw std::logic_error("mayfly::http::Writer: head() behind the beginning of the body");
  std::string prelude;
  if (auto appended = append_prelude(prelude, response); !appended) throw std::move(appended).error();
  unsent_ = std::move(prelude.append(kSeparator));
}

}  // namespace mayfly::http
