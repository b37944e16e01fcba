// Failure kinds as the database stores them: the enum's name in lower case, "wrong_result".
#pragma once

#include <string>

#include "tunefarm/v1/measurement.pb.h"

namespace tunefarm::db {

// Empty for FAILURE_KIND_UNSPECIFIED. A kind from a newer peer is "internal".
std::string FailureText(v1::FailureKind kind);

}  // namespace tunefarm::db
