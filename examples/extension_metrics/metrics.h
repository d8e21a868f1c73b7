#pragma once

#include <mayfly/extension.h>

#include <cstdio>

// An extension that writes what Lambda measured of each invocation as metrics.
mayfly::extension::Options metrics_to(std::FILE* out);
