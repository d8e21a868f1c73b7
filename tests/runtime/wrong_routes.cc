// Routes and batches that must not compile, each with its sentence. Compiled by
// wrong_signatures.cmake, one CASE at a time.

#include <mayfly/batch.h>
#include <mayfly/events/sqs.h>
#include <mayfly/http.h>

namespace http = mayfly::http;

#if CASE == 1
// CASE 1: a_pattern_begins_with_a_slash_or_a_dollar_sign
auto route = http::get("notes", [] {});
#elif CASE == 2
// CASE 2: a_pattern_has_an_empty_part
auto route = http::get("/notes//{id}", [] {});
#elif CASE == 3
// CASE 3: a_name_in_a_pattern_is_a_whole_part_in_braces
auto route = http::get("/notes/v{id}", [] {});
#elif CASE == 4
// CASE 4: only_the_last_part_of_a_pattern_may_end_in_plus
auto route = http::get("/{rest+}/notes", [] {});
#elif CASE == 5
// CASE 5: mayfly: a route's handler takes (), (const http::Request&) or (const http::Request&, mayfly::Context&)
auto route = http::get("/", [](int) {});
#elif CASE == 6
// CASE 6: mayfly: each() takes a handler of sqs::Message, kinesis::Record or dynamodb::Record
void batch() {
  mayfly::each([](int) {});
}
#elif CASE == 7
// CASE 7: mayfly: each() takes a function, or an object with one operator() that is no template
void batch() {
  mayfly::each([](auto) {});
}
#elif CASE == 8
// CASE 8: mayfly: a record's handler returns void or mayfly::Result<void>
int main() {
  return mayfly::run(mayfly::each([](const mayfly::sqs::Message&) { return true; }));
}
#elif CASE == 9
// CASE 9: mayfly: a record's handler takes (const Record&) or (const Record&, mayfly::Context&)
void batch() {
  mayfly::each([](mayfly::sqs::Message&, int) {});
}
#endif
