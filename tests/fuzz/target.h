// What a fuzz target is: a function that takes any bytes and ends normally, whatever they are. Each
// <name>_fuzz.cc defines one; the preset "fuzz" makes a libFuzzer program of it, every other preset
// replays its corpus (replay/).
#pragma once

#include <cstdint>
#include <exception>
#include <span>
#include <string_view>
#include <vector>

#include "base/error/error.h"

namespace dm::fuzz {

using Input = std::span<const uint8_t>;

struct Target {
  std::string_view name;
  void (*run)(Input input);
};

// All targets of this program.
std::vector<Target>& Targets();

struct Registration {
  Registration(std::string_view name, void (*run)(Input)) { Targets().push_back({name, run}); }
};

// A property that does not hold. No std::exception: nothing on the way may take it for a refusal.
struct Violation {
  std::string_view what;
};

// Throws Violation.
void Require(bool holds, std::string_view what);

// Runs `f`; refusing the input is fine.
template <class F>
void MayRefuse(F f) {
  try {
    f();
  } catch (const Error&) {
  }
}

inline std::string_view Text(Input input) {
  return {reinterpret_cast<const char*>(input.data()), input.size()};
}

}  // namespace dm::fuzz

// DM_FUZZ_TARGET(lexer) { ... uses `input` ... }
#define DM_FUZZ_TARGET(name)                                               \
  static void FuzzOne(::dm::fuzz::Input input);                            \
  static const ::dm::fuzz::Registration fuzz_registration(#name, FuzzOne); \
  static void FuzzOne([[maybe_unused]] ::dm::fuzz::Input input)
