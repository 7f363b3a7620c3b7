// Any bytes as GTID sets of both flavors, as positions and as names of binlog files: an error, or a
// value that reads back as itself and obeys the laws of sets.
#include <string>
#include <string_view>

#include "mysql/position/gtid_set.h"
#include "mysql/position/location.h"
#include "mysql/position/position.h"
#include "target.h"

using namespace dm::mysql;  // NOLINT: the whole file is about this room
using dm::fuzz::MayRefuse;
using dm::fuzz::Require;

namespace {

void CheckText(Flavor flavor, std::string_view text) {
  const GtidSet set = GtidSet::Parse(flavor, text);
  Require(GtidSet::Parse(flavor, set.ToString()) == set, "a set reads back as itself");
  if (flavor == Flavor::kMySql) {
    const std::string bytes = set.Encode();
    Require(GtidSet::Decode({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}) == set,
            "a set decodes to itself");
  }
}

void CheckLaws(Flavor flavor, std::string_view text) {
  const size_t middle = text.find('|');
  if (middle == text.npos) return;
  const GtidSet a = GtidSet::Parse(flavor, text.substr(0, middle));
  const GtidSet b = GtidSet::Parse(flavor, text.substr(middle + 1));
  GtidSet both = a;
  both.Union(b);
  Require(both.Contains(a) && both.Contains(b), "a union has both parts");
  GtidSet turned = b;
  turned.Union(a);
  Require(both == turned, "a union has no order");
  if (flavor != Flavor::kMySql) return;
  GtidSet rest = both;
  rest.Subtract(b);
  Require(a.Contains(rest), "a union without one part is in the other");
  rest.Union(b);
  Require(rest == both, "what was taken away and put back is whole");
}

}  // namespace

DM_FUZZ_TARGET(gtid) {
  const std::string_view text = dm::fuzz::Text(input);
  for (const Flavor flavor : {Flavor::kMySql, Flavor::kMariaDb}) {
    MayRefuse([&] { CheckText(flavor, text); });
    MayRefuse([&] { CheckLaws(flavor, text); });
  }
  MayRefuse([&] { GtidSet::ParseAny(text); });
  MayRefuse([&] {
    const std::vector<uint8_t> bytes(input.begin(), input.end());
    const GtidSet set = GtidSet::Decode(bytes);
    Require(GtidSet::Parse(Flavor::kMySql, set.ToString()) == set, "a set reads back as itself");
  });
  MayRefuse([&] {
    const BinlogPosition position = ParsePositionText(text);
    Require(ParsePositionText(position.ToString()) == position, "a position reads back as itself");
    Require(ComparePositions(position, position) == 0, "a position equals itself");
  });
  MayRefuse([&] { ParsePositionArgument(text); });
  if (const auto name = TryParseBinlogFileName(text)) {
    Require(name->ToString() == text, "a file name reads back as itself");
    const std::string suffixed = WithRelaySuffix(text, 7);
    Require(RelaySuffix(text) || CompareFileNames(text, suffixed) == 0,
            "relay suffixes count only if both have one");
  }
  StripRelaySuffix(text);
  RelaySuffix(text);
}
