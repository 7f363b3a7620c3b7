// The generated tables of key_fold.h: to what each character is folded.
#pragma once

#include <cstdint>
#include <span>

#include "migration/rows/key_fold.h"

namespace dm::migration {

// Characters from `first` to `last`, which are folded in the same way.
struct FoldRange {
  enum class Kind : uint32_t {
    kNothing,  // they are ignored
    kSame,     // all to `value`
    kShift,    // to `value` and the characters behind it
    kWord,     // to several: the number of them at words[value], then these
    kLetters   // Hangul syllables, to what their letters are folded to
  };
  uint32_t first;
  uint32_t last;
  Kind kind;
  uint32_t value;  // numbers from 0x110000 on are no character's
};

struct FoldData {
  std::span<const FoldRange> ranges;
  std::span<const uint32_t> words;
  bool rest_is_nothing = false;  // other characters are ignored; else they are folded to themselves
};

// Empty for folds that have no table.
FoldData DataOfFold(KeyFold fold);

}  // namespace dm::migration
