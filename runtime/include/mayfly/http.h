// HTTP functions: one request and one response for whatever brings HTTP to a
// function, and a router.
//
//   #include <mayfly/http.h>
//
//   namespace http = mayfly::http;
//
//   http::Response hello(const http::Request& request) {
//     return http::text("hello " + std::string(request.query("name").value_or("world")));
//   }
//   int main() { return mayfly::run(hello); }

#pragma once

#include <mayfly/http/request.h>
#include <mayfly/http/response.h>
#include <mayfly/http/routes.h>
#include <mayfly/http/writer.h>
#include <mayfly/runtime.h>
