// Apart from log.cc for the reason given in json_number.cc.

#include <mayfly/json/writer.h>
#include <mayfly/log.h>

namespace mayfly {

void LogField::write_double(json::Writer& writer, double value) { writer.value(value); }

}  // namespace mayfly
