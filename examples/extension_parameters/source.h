#pragma once

#include <string>

// Where parameters come from: the JSON file PARAMETERS_FILE, {"name": "value"}, or
// SSM's GetParameter at AWS_ENDPOINT_URL_SSM or AWS_ENDPOINT_URL, over plain HTTP.
//
// Returns {"Parameter":{"Name":...,"Value":...}}, as SSM does. Throws mayfly::Error when there is
// no such parameter, or no answer.
std::string get_parameter(const std::string& name, bool decrypt);
