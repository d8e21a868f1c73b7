// Protobuf without its schema as text, for comparing: fields in their order, by
// number. 1"text", 2=17 for a varint, 3:0011223344556677 for eight bytes, 4;00112233
// for four, 5{...} for a message: bytes that read as one and not as text.

#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

std::string text_of(std::string_view message);

// The fields of a Resource with these attributes.
std::string resource(const std::vector<std::pair<std::string, std::string>>& attributes);
