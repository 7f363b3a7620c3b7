#include "migration/rows/key_fold_table.h"

namespace dm::migration {

namespace {

using enum FoldRange::Kind;

#include "migration/rows/key_fold_table.inc"

}  // namespace

// Of the collations of languages not all characters were asked for: `rest_is_nothing`.
FoldData DataOfFold(KeyFold fold) {
  switch (fold) {
    case KeyFold::kGeneral:
      return {kGeneralRanges, kGeneralWords, false};
    case KeyFold::kNational:
      return {kNationalRanges, kNationalWords, true};
    case KeyFold::kTailored:
      return {kTailoredRanges, kTailoredWords, true};
    case KeyFold::kTailored400:
      return {kTailored400Ranges, kTailored400Words, true};
    case KeyFold::kUnicode:
      return {kUnicodeRanges, kUnicodeWords, false};
    case KeyFold::kUnicode400:
      return {kUnicode400Ranges, kUnicode400Words, false};
    default:
      return {};
  }
}

}  // namespace dm::migration
