// The entry points that libFuzzer calls, for a program with one target.
#include "base/log/log.h"
#include "target.h"

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  dm::SetLogLevel(dm::LogLevel::kFatal);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  dm::fuzz::Targets().front().run({data, size});
  return 0;
}
