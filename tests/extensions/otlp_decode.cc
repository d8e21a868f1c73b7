#include "otlp_decode.h"

#include <doctest/doctest.h>

#include <protozero/pbf_reader.hpp>
#include <stdexcept>

namespace {

std::string hex(const std::string& bytes) {
  static const char* digits = "0123456789abcdef";
  std::string out;
  for (unsigned char c : bytes) {
    out += digits[c >> 4];
    out += digits[c & 15];
  }
  return out;
}

std::string any_value(protozero::pbf_reader reader);

void key_value(protozero::pbf_reader reader, std::string& key, std::string& value) {
  while (reader.next()) {
    if (reader.tag() == 1)
      key = reader.get_string();
    else if (reader.tag() == 2)
      value = any_value(reader.get_message());
    else
      throw std::runtime_error("unknown field of KeyValue");
  }
}

std::string any_value(protozero::pbf_reader reader) {
  std::string out;
  while (reader.next()) {
    switch (reader.tag()) {
      case 1: out = "s:" + reader.get_string(); break;
      case 2: out = reader.get_bool() ? "b:true" : "b:false"; break;
      case 3: out = "i:" + std::to_string(reader.get_int64()); break;
      case 4: out = "d:" + std::to_string(reader.get_double()); break;
      case 5: {
        auto list = reader.get_message();
        for (bool first = true; list.next(); first = false) out += (first ? "" : ",") + any_value(list.get_message());
        out = "[" + out + "]";
        break;
      }
      case 6: {
        auto list = reader.get_message();
        while (list.next()) {
          std::string key, value;
          key_value(list.get_message(), key, value);
          out += (out.empty() ? "" : ",") + key + "=" + value;
        }
        out = "{" + out + "}";
        break;
      }
      default: throw std::runtime_error("unknown field of AnyValue");
    }
  }
  return out;
}

std::map<std::string, std::string> attributes(protozero::pbf_reader reader, protozero::pbf_tag_type tag) {
  std::map<std::string, std::string> out;
  while (reader.next(tag)) {
    std::string key, value;
    key_value(reader.get_message(), key, value);
    REQUIRE_MESSAGE(out.emplace(key, value).second, "attribute twice: " << key);
  }
  return out;
}

LogRecord log_record(protozero::pbf_reader reader) {
  LogRecord out;
  out.attributes = attributes(reader, 6);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1: out.time = reader.get_fixed64(); break;
      case 2: out.severity = reader.get_enum(); break;
      case 3: out.severity_text = reader.get_string(); break;
      case 5: out.body = any_value(reader.get_message()); break;
      case 8: out.flags = reader.get_fixed32(); break;
      case 9: out.trace_id = hex(reader.get_bytes()); break;
      case 10: out.span_id = hex(reader.get_bytes()); break;
      case 11: out.observed = reader.get_fixed64(); break;
      case 12: out.event_name = reader.get_string(); break;
      default: reader.skip();
    }
  }
  return out;
}

// Walks down to the items of an Export*ServiceRequest.
template <class F>
void each_item(const std::string& request, F f) {
  protozero::pbf_reader reader(request);
  while (reader.next()) {
    if (reader.tag() != 1) throw std::runtime_error("unknown field of the request");
    auto of_resource = reader.get_message();
    std::map<std::string, std::string> resource;
    while (of_resource.next()) {
      if (of_resource.tag() == 1) {
        resource = attributes(of_resource.get_message(), 1);
        continue;
      }
      if (of_resource.tag() != 2) throw std::runtime_error("unknown field of Resource*");
      auto of_scope = of_resource.get_message();
      while (of_scope.next()) {
        if (of_scope.tag() != 2) {
          of_scope.skip();
          continue;
        }
        f(of_scope.get_message(), resource);
      }
    }
  }
}

std::string link(protozero::pbf_reader reader) {
  std::string trace, span;
  while (reader.next()) {
    if (reader.tag() == 1) {
      trace = hex(reader.get_bytes());
    } else if (reader.tag() == 2) {
      span = hex(reader.get_bytes());
    } else {
      reader.skip();
    }
  }
  return trace + "/" + span;
}

Span span(protozero::pbf_reader reader) {
  Span out;
  out.attributes = attributes(reader, 9);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1: out.trace_id = hex(reader.get_bytes()); break;
      case 2: out.span_id = hex(reader.get_bytes()); break;
      case 4: out.parent_id = hex(reader.get_bytes()); break;
      case 5: out.name = reader.get_string(); break;
      case 6: out.kind = reader.get_enum(); break;
      case 7: out.start = reader.get_fixed64(); break;
      case 8: out.end = reader.get_fixed64(); break;
      case 13: out.links.push_back(link(reader.get_message())); break;
      case 15: {
        auto status = reader.get_message();
        while (status.next()) {
          if (status.tag() == 2) {
            out.message = status.get_string();
          } else if (status.tag() == 3) {
            out.status = status.get_enum();
          } else {
            throw std::runtime_error("unknown field of Status");
          }
        }
        break;
      }
      case 16: out.flags = reader.get_fixed32(); break;
      default: reader.skip();
    }
  }
  return out;
}

Point number_point(protozero::pbf_reader reader) {
  Point out;
  out.attributes = attributes(reader, 7);
  while (reader.next()) {
    switch (reader.tag()) {
      case 2: out.start = reader.get_fixed64(); break;
      case 3: out.time = reader.get_fixed64(); break;
      case 4: out.value = reader.get_double(); break;
      case 6:
        out.value = static_cast<double>(reader.get_sfixed64());
        out.integer = true;
        break;
      default: reader.skip();
    }
  }
  return out;
}

Point histogram_point(protozero::pbf_reader reader) {
  Point out;
  out.attributes = attributes(reader, 9);
  while (reader.next()) {
    switch (reader.tag()) {
      case 2: out.start = reader.get_fixed64(); break;
      case 3: out.time = reader.get_fixed64(); break;
      case 4: out.count = reader.get_fixed64(); break;
      case 5: out.value = reader.get_double(); break;
      case 6:
        for (auto n : reader.get_packed_fixed64()) out.buckets.push_back(n);
        break;
      case 7:
        for (auto bound : reader.get_packed_double()) out.bounds.push_back(bound);
        break;
      case 11: out.min = reader.get_double(); break;
      case 12: out.max = reader.get_double(); break;
      default: reader.skip();
    }
  }
  return out;
}

Metric metric(protozero::pbf_reader reader) {
  Metric out;
  while (reader.next()) {
    if (reader.tag() == 1) {
      out.name = reader.get_string();
    } else if (reader.tag() == 2) {
      out.description = reader.get_string();
    } else if (reader.tag() == 3) {
      out.unit = reader.get_string();
    } else if (reader.tag() == 5 || reader.tag() == 7 || reader.tag() == 9) {
      out.kind = reader.tag() == 5 ? "gauge" : reader.tag() == 7 ? "sum" : "histogram";
      auto data = reader.get_message();
      while (data.next()) {
        if (data.tag() == 1) {
          out.points.push_back(out.kind == "histogram" ? histogram_point(data.get_message())
                                                       : number_point(data.get_message()));
        } else if (data.tag() == 2) {
          out.temporality = data.get_enum();
        } else if (data.tag() == 3) {
          out.monotonic = data.get_bool();
        } else {
          throw std::runtime_error("unknown field of the data");
        }
      }
    } else {
      throw std::runtime_error("unknown field of Metric");
    }
  }
  return out;
}

}  // namespace

std::vector<LogRecord> decode_logs(const std::string& request) {
  std::vector<LogRecord> out;
  each_item(request, [&](protozero::pbf_reader item, const auto& resource) {
    out.push_back(log_record(item));
    out.back().resource = resource;
  });
  return out;
}

std::vector<Span> decode_spans(const std::string& request) {
  std::vector<Span> out;
  each_item(request, [&](protozero::pbf_reader item, const auto& resource) {
    out.push_back(span(item));
    out.back().resource = resource;
  });
  return out;
}

std::map<std::string, Metric> decode_metrics(const std::string& request) {
  std::map<std::string, Metric> out;
  each_item(request, [&](protozero::pbf_reader item, const auto& resource) {
    auto m = metric(item);
    m.resource = resource;
    REQUIRE_MESSAGE(out.emplace(m.name, m).second, "metric twice: " << m.name);
  });
  return out;
}
