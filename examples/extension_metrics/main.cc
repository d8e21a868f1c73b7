// What Lambda measured of each invocation as CloudWatch metrics, by lines on
// standard output.

#include "metrics.h"

int main() { return mayfly::extension::run(metrics_to(stdout)); }
