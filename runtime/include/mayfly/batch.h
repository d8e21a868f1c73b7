// Batches of records, answered record by record.
//
//   #include <mayfly/batch.h>
//   #include <mayfly/events/sqs.h>
//
//   int main() {
//     return mayfly::run(mayfly::each([](const mayfly::sqs::Message& message) { work(message.body); }));
//   }
//
// A record whose handler throws or returns an error is logged and named in
// batchItemFailures; Lambda brings it again, and only it:
//
// | SQS               | every message is handled; the failed ones are named               |
// | SQS, FIFO queue   | ends at the first failure; it and all behind it are named         |
// | Kinesis, DynamoDB | ends at the first failure; its sequence number is where to resume |
//
// Lambda heeds the answer only when the event source mapping has
// FunctionResponseTypes: [ReportBatchItemFailures]. Without it the answer is taken
// for success, and SQS deletes the failed messages with the others.

#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <mayfly/context.h>
#include <mayfly/error.h>
#include <mayfly/json/reflect.h>
#include <mayfly/result.h>
#include <mayfly/runtime/handler.h>

namespace mayfly {

// What the failure of one record means for those behind it.
enum class AfterFailure : std::uint8_t {
  go_on,          // nothing
  list_the_rest,  // they are not handled, and named too
  resume_here,    // they are not handled; naming the first says all
};

// Specialised beside the types of a source: Event, which has `records`;
// identifier(record); after_failure(record).
template <class Record>
struct Batch;

struct BatchItemFailure {
  std::string_view item_identifier;  // empty: Lambda takes the whole batch as failed
};

struct BatchResponse {
  std::vector<BatchItemFailure> batch_item_failures;
};

namespace runtime {
// Logs a failed record by its identifier: the exception that is being handled, or
// an error.
void log_failed_record(std::string_view identifier);
void log_failed_record(std::string_view identifier, const Error& error);
}  // namespace runtime

namespace detail {

template <class R>
concept HasBatch = requires { sizeof(Batch<R>); };

template <class P>
struct RecordOf {
  using type = void;
};
template <class R, class... C>
struct RecordOf<runtime::detail::Parameters<R, C...>> {
  using type = std::remove_cvref_t<R>;
};

// False: this record has failed, and that is logged.
template <class F, class Record>
bool handle_record(F& handler, const Record& record, Context& context) {
  auto call = [&]() -> decltype(auto) {
    if constexpr (std::is_invocable_v<F&, const Record&, Context&>) {
      return handler(record, context);
    } else {
      return handler(record);
    }
  };
  using R = std::invoke_result_t<decltype(call)>;
  std::string_view identifier = Batch<Record>::identifier(record);
  try {
    if constexpr (std::is_void_v<R>) {
      call();
    } else if constexpr (!std::is_same_v<R, Result<void>>) {
      static_assert(std::is_void_v<R>, "mayfly: a record's handler returns void or mayfly::Result<void>");
    } else if (auto result = call(); !result) {
      runtime::log_failed_record(identifier, result.error());
      return false;
    }
    return true;
  } catch (...) {
    runtime::log_failed_record(identifier);
    return false;
  }
}

template <class F, class Record>
class Each {
 public:
  explicit Each(F handler) : handler_(std::move(handler)) {}

  BatchResponse operator()(const typename Batch<Record>::Event& event, Context& context) {
    BatchResponse response;
    bool ended = false;
    for (const auto& record : event.records) {
      if (!ended && handle_record(handler_, record, context)) continue;
      response.batch_item_failures.push_back({Batch<Record>::identifier(record)});
      AfterFailure then = Batch<Record>::after_failure(record);
      if (then == AfterFailure::resume_here) break;
      ended = then == AfterFailure::list_the_rest;
    }
    return response;
  }

 private:
  F handler_;
};

}  // namespace detail

// A handler of batches from a handler of one record: (const Record&) or
// (const Record&, Context&), void or Result<void>; no template.
template <class F>
auto each(F handler) {
  if constexpr (!runtime::detail::Function<F> && !runtime::detail::CallObject<F>) {
    static_assert(runtime::detail::Function<F>,
                  "mayfly: each() takes a function, or an object with one operator() that is no template");
  } else {
    using Signature = typename runtime::detail::SignatureOf<F>::type;
    using Record = typename detail::RecordOf<typename Signature::Takes>::type;
    if constexpr (!detail::HasBatch<Record>) {
      static_assert(detail::HasBatch<Record>,
                    "mayfly: each() takes a handler of sqs::Message, kinesis::Record or dynamodb::Record");
    } else if constexpr (!std::is_invocable_v<F&, const Record&> && !std::is_invocable_v<F&, const Record&, Context&>) {
      static_assert(std::is_invocable_v<F&, const Record&>,
                    "mayfly: a record's handler takes (const Record&) or (const Record&, mayfly::Context&)");
    } else {
      return detail::Each<F, Record>(std::move(handler));
    }
  }
}

}  // namespace mayfly

template <>
struct mayfly::json::fields<mayfly::BatchItemFailure> {
  static constexpr std::array<std::string_view, 1> names{"itemIdentifier"};
};
template <>
struct mayfly::json::fields<mayfly::BatchResponse> {
  static constexpr std::array<std::string_view, 1> names{"batchItemFailures"};
};
