// JSON for functions and extensions: a writer, a forward reader, and typed
// reading and writing of aggregates.

#pragma once

#include <mayfly/json/members.h>
#include <mayfly/json/reflect.h>
#include <mayfly/json/typed.h>
#include <mayfly/json/value.h>
#include <mayfly/json/writer.h>
