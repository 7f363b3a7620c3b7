#include "migration/config/yaml_load.h"

#include <fmt/format.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/io/text.h"

namespace dm::migration {
namespace {

// Nodes that the aliases of one document stand for: as many as yaml.v2 allows however few others
// there are.
constexpr uint64_t kMaxAliasedNodes = 400'000;

[[noreturn]] void Fail(const YAML::Mark& mark, std::string_view what) {
  throw std::invalid_argument(fmt::format("yaml: line {}: {}", mark.line + 1, what));
}

// Goes through a text without making nodes and throws what LoadYaml does, except for defects that
// yaml-cpp reports itself.
class Survey : public YAML::EventHandler {
 public:
  static void Run(const std::string& text) {
    std::istringstream in(text);
    YAML::Parser parser(in);
    Survey survey;
    while (parser.HandleNextDocument(survey)) {
    }
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    // The parser takes a comma that nothing is before for an empty document, again and again.
    if (start_ && start_->pos == mark.pos) Fail(mark, "did not find expected node content");
    first_ = !start_;
    start_ = mark;
    sizes_.clear();
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    // A document that is empty behind another does no harm.
    if (open_.empty() && !first_) return;
    Leaf(mark, anchor, 1);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                const std::string& /*value*/) override {
    Leaf(mark, anchor, 1);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto size = sizes_.find(anchor);
    if (size == sizes_.end()) Fail(mark, "the value of an anchor contains itself");
    aliased_ += size->second;
    if (aliased_ > kMaxAliasedNodes) Fail(mark, "document contains excessive aliasing");
    Leaf(mark, YAML::NullAnchor, size->second);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    Open(mark, anchor);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    Open(mark, anchor);
  }
  void OnMapEnd() override { Close(); }

 private:
  struct Collection {
    YAML::anchor_t anchor;
    uint64_t size;  // nodes in it and itself
  };

  void OnlyDocument(const YAML::Mark& mark) const {
    if (open_.empty() && !first_) Fail(mark, "only one document is allowed");
  }
  void Leaf(const YAML::Mark& mark, YAML::anchor_t anchor, uint64_t size) {
    OnlyDocument(mark);
    if (anchor != YAML::NullAnchor) sizes_[anchor] = size;
    if (!open_.empty()) open_.back().size += size;
  }
  void Open(const YAML::Mark& mark, YAML::anchor_t anchor) {
    OnlyDocument(mark);
    open_.push_back({anchor, 1});
  }
  void Close() {
    const Collection closed = open_.back();
    open_.pop_back();
    if (closed.anchor != YAML::NullAnchor) sizes_[closed.anchor] = closed.size;
    if (!open_.empty()) open_.back().size += closed.size;
  }

  std::optional<YAML::Mark> start_;  // of the latest document
  bool first_ = true;
  std::map<YAML::anchor_t, uint64_t> sizes_;  // of what has an anchor, once it is complete
  std::vector<Collection> open_;              // outermost first
  uint64_t aliased_ = 0;
};

}  // namespace

// yaml-cpp notices some defects only at the place behind the last line; the line is then the last
// one.
YAML::Node LoadYaml(std::string_view text) {
  if (!IsValidUtf8(text)) throw std::invalid_argument("yaml: invalid UTF-8");
  if (text.find('\0') != std::string_view::npos) {
    throw std::invalid_argument("yaml: control characters are not allowed");
  }
  try {
    // The parser closes an open quote at a final line end; without that line end it complains.
    Survey::Run(std::string(text.substr(0, text.find_last_not_of(" \r\n") + 1)));
    Survey::Run(std::string(text));
    return YAML::Load(std::string(text));
  } catch (const YAML::Exception& e) {
    const auto lines =
        std::count(text.begin(), text.end(), '\n') + (text.empty() || text.back() == '\n' ? 0 : 1);
    const auto line =
        std::clamp<std::ptrdiff_t>(e.mark.line + 1, 1, std::max<std::ptrdiff_t>(lines, 1));
    std::string what = e.msg;
    if (what == "end of sequence flow not found" || what == "end of map flow not found") {
      what = "did not find expected node content";
    }
    if (const auto* deep = dynamic_cast<const YAML::DeepRecursion*>(&e)) {
      what = fmt::format("nested deeper than {} levels", deep->depth() - 1);
    }
    throw std::invalid_argument(fmt::format("yaml: line {}: {}", line, what));
  }
}

}  // namespace dm::migration
