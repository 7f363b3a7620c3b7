// Any bytes as a source file or its record: an error or a value, and a value that was printed reads
// as the same value.
#include "migration/config/render.h"
#include "migration/config/source.h"
#include "target.h"

using namespace dm::migration;  // NOLINT: the whole file is about this room
using dm::fuzz::MayRefuse;
using dm::fuzz::Require;

// The first byte: which form.
DM_FUZZ_TARGET(source) {
  if (input.empty()) return;
  const std::string_view text = dm::fuzz::Text(input.subspan(1));
  MayRefuse([&] {
    SourceConfig source = input[0] % 2 == 0 ? ParseSourceYaml(text) : ParseSourceToml(text);
    source.from.security.reset();  // the content of certificates is not printed
    Require(ParseSourceYaml(SourceToYaml(source, Passwords::kPlain)) == source,
            "a printed source reads back as itself");
    SourceToExportYaml(source, PasswordCipher());
    Require(ParseSourceToml(SourceToToml(source)) == source, "a record reads back as itself");
    AdjustSource(source, PasswordCipher());
    VerifySource(source);
  });
}
