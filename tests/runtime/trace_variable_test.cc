#include "runtime/src/trace_variable.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

using mayfly::runtime::TraceVariable;

TEST_CASE("the trace variable follows the invocation, and is unset when there is no trace") {
  {
    TraceVariable variable;
    variable.set("Root=1;Parent=2;Sampled=1");
    CHECK(std::string(getenv("_X_AMZN_TRACE_ID")) == "Root=1;Parent=2;Sampled=1");
    variable.set("");
    CHECK(getenv("_X_AMZN_TRACE_ID") == nullptr);
    variable.set("Root=3");
    CHECK(std::string(getenv("_X_AMZN_TRACE_ID")) == "Root=3");
    variable.set(std::string(5000, 'x'));
    CHECK(std::string(getenv("_X_AMZN_TRACE_ID")) == std::string(5000, 'x'));
    setenv("_X_AMZN_TRACE_ID", "changed by the function", 1);
    variable.set("Root=4");
    CHECK(std::string(getenv("_X_AMZN_TRACE_ID")) == "Root=4");
  }
  CHECK(getenv("_X_AMZN_TRACE_ID") == nullptr);
}
