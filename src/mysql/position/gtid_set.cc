#include "mysql/position/gtid_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <limits>

#include "base/error/error.h"

namespace dm::mysql {

namespace {

// The intervals of each source, sorted by source. Copies share them until one is changed, which
// costs that source's intervals and a pointer for each of the others: a stream changes one source
// with each transaction, and every place that is remembered keeps a copy.
class Sources {
 public:
  using Entry = std::pair<GtidSet::Source, GtidSet::Intervals>;

  class Iterator {
   public:
    explicit Iterator(std::vector<std::shared_ptr<Entry>>::const_iterator at) : at_(at) {}
    const Entry& operator*() const { return **at_; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    bool operator==(const Iterator&) const = default;

   private:
    std::vector<std::shared_ptr<Entry>>::const_iterator at_;
  };
  Iterator begin() const { return Iterator(entries_.begin()); }
  Iterator end() const { return Iterator(entries_.end()); }
  bool empty() const { return entries_.empty(); }
  size_t size() const { return entries_.size(); }

  // nullptr if there are none of this source.
  const GtidSet::Intervals* Find(const GtidSet::Source& source) const {
    const auto at = LowerBound(source);
    return at != entries_.end() && (*at)->first == source ? &(*at)->second : nullptr;
  }
  // To be changed; made if there are none.
  GtidSet::Intervals& Edit(const GtidSet::Source& source) {
    const auto index = LowerBound(source) - entries_.begin();
    auto at = entries_.begin() + index;
    if (at == entries_.end() || (*at)->first != source) {
      at = entries_.insert(at, std::make_shared<Entry>(source, GtidSet::Intervals()));
    } else if (at->use_count() > 1) {
      *at = std::make_shared<Entry>(**at);
    } else {
      // What another thread read through its copy comes before what is changed here.
      std::atomic_thread_fence(std::memory_order_acquire);
    }
    return (*at)->second;
  }
  void Erase(const GtidSet::Source& source) {
    std::erase_if(entries_, [&](const auto& entry) { return entry->first == source; });
  }
  bool operator==(const Sources& other) const {
    return std::equal(entries_.begin(), entries_.end(), other.entries_.begin(),
                      other.entries_.end(),
                      [](const auto& a, const auto& b) { return a == b || *a == *b; });
  }

 private:
  std::vector<std::shared_ptr<Entry>>::const_iterator LowerBound(
      const GtidSet::Source& source) const {
    return std::lower_bound(
        entries_.begin(), entries_.end(), source,
        [](const auto& entry, const GtidSet::Source& wanted) { return entry->first < wanted; });
  }

  std::vector<std::shared_ptr<Entry>> entries_;
};

}  // namespace

// Both members exist in every set; the flavor decides which one is used.
struct GtidSet::Content {
  Sources sources;
  std::map<uint32_t, Domain> domains;
};

namespace {

using Interval = GtidSet::Interval;
using Intervals = GtidSet::Intervals;
using Source = GtidSet::Source;
using Domain = GtidSet::Domain;

constexpr uint64_t kMaxGno = std::numeric_limits<int64_t>::max() - 1ULL;  // 2^63 - 2
constexpr size_t kMaxTagLength = 32;

[[noreturn]] void Fail(std::string_view text, std::string_view why) {
  throw Error(ErrorCode::kParseGTID, fmt::format("parse GTID {} to GTID set: {}", text, why));
}

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t at = text.find(separator);
    parts.push_back(Trim(text.substr(0, at)));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

template <class T>
std::optional<T> ParseNumber(std::string_view text) {
  if (text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// [a-z_][a-z0-9_]{0,31} in any case; lower case out.
std::optional<std::string> ParseTag(std::string_view text) {
  if (text.empty() || text.size() > kMaxTagLength) return std::nullopt;
  std::string tag;
  for (char c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const bool letter = (c >= 'a' && c <= 'z') || c == '_';
    const bool digit = c >= '0' && c <= '9';
    if (!letter && !(digit && !tag.empty())) return std::nullopt;
    tag += c;
  }
  return tag;
}

// Merges [first, last) into sorted, disjoint, non-adjacent intervals.
void Insert(Intervals& intervals, Interval added) {
  if (added.first >= added.last) return;
  if (!intervals.empty() && intervals.back().last == added.first) {
    // The usual case: the next transaction of a source.
    intervals.back().last = added.last;
    return;
  }
  auto begin = std::lower_bound(
      intervals.begin(), intervals.end(), added.first,
      [](const Interval& interval, uint64_t first) { return interval.last < first; });
  auto end = begin;
  while (end != intervals.end() && end->first <= added.last) {
    added.first = std::min(added.first, end->first);
    added.last = std::max(added.last, end->last);
    ++end;
  }
  if (begin == end) {
    intervals.insert(begin, added);
  } else {
    *begin = added;
    intervals.erase(begin + 1, end);
  }
}

Intervals Difference(const Intervals& from, const Intervals& removed) {
  Intervals left;
  size_t r = 0;
  for (Interval interval : from) {
    while (r < removed.size() && removed[r].last <= interval.first) ++r;
    for (size_t i = r; i < removed.size() && removed[i].first < interval.last; ++i) {
      if (removed[i].first > interval.first) left.push_back({interval.first, removed[i].first});
      interval.first = std::max(interval.first, std::min(removed[i].last, interval.last));
    }
    if (interval.first < interval.last) left.push_back(interval);
  }
  return left;
}

bool ContainsAll(const Intervals& outer, const Intervals& inner) {
  size_t o = 0;
  for (const Interval& interval : inner) {
    while (o < outer.size() && outer[o].last < interval.last) ++o;
    if (o == outer.size() || outer[o].first > interval.first) return false;
  }
  return true;
}

void AppendIntervals(std::string& out, const Intervals& intervals) {
  for (const auto& [first, last] : intervals) {
    if (last - first == 1) {
      fmt::format_to(std::back_inserter(out), ":{}", first);
    } else {
      fmt::format_to(std::back_inserter(out), ":{}-{}", first, last - 1);
    }
  }
}

// A domain's knowledge of a transaction: by its server's highest sequence, or, for an unknown
// server, by the domain's present one.
bool DomainContains(const Domain& domain, uint32_t server, uint64_t sequence) {
  const auto known = domain.servers.find(server);
  return known != domain.servers.end() ? known->second >= sequence
                                       : domain.current_sequence >= sequence;
}

void SetCurrent(Domain& domain, uint32_t server, uint64_t sequence) {
  domain.current_server = server;
  domain.current_sequence = sequence;
}

void AppendU64(std::string& out, uint64_t value) {
  for (int i = 0; i < 8; ++i) out += static_cast<char>(value >> (8 * i));
}

// Reads the binary form; every read is checked.
class Decoder {
 public:
  explicit Decoder(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  std::span<const uint8_t> Take(size_t size) {
    if (size > bytes_.size()) Fail("of an event", "bytes are missing");
    const auto taken = bytes_.first(size);
    bytes_ = bytes_.subspan(size);
    return taken;
  }
  uint64_t U64() {
    const auto bytes = Take(8);
    uint64_t value = 0;
    for (int i = 7; i >= 0; --i) value = value << 8 | bytes[static_cast<size_t>(i)];
    return value;
  }
  // Length of a tag: the one-byte form of the serialization format (value << 1).
  size_t TagLength() {
    const uint8_t byte = Take(1)[0];
    if ((byte & 1) != 0) Fail("of an event", "a tag is too long");
    return byte >> 1;
  }
  size_t left() const { return bytes_.size(); }

 private:
  std::span<const uint8_t> bytes_;
};

void ParseMySqlEntry(GtidSet& set, std::string_view text, std::string_view entry) {
  const auto parts = Split(entry, ':');
  const auto uuid = Uuid::Parse(parts[0]);
  if (!uuid) Fail(text, fmt::format("invalid UUID {}", parts[0]));
  if (parts.size() < 2) Fail(text, fmt::format("{} has no interval", parts[0]));
  std::string tag;
  bool open = true;  // an interval must follow
  for (size_t i = 1; i < parts.size(); ++i) {
    const std::string_view part = parts[i];
    if (auto named = ParseTag(part)) {
      if (i > 1 && open) Fail(text, fmt::format("tag {} has no interval", tag));
      tag = *std::move(named);
      open = true;
      continue;
    }
    const size_t dash = part.find('-');
    const auto first = ParseNumber<uint64_t>(Trim(part.substr(0, dash)));
    const auto last =
        dash == std::string_view::npos ? first : ParseNumber<uint64_t>(Trim(part.substr(dash + 1)));
    if (!first || !last || *first == 0 || *last > kMaxGno || *first > *last) {
      Fail(text, fmt::format("invalid interval {}", part));
    }
    set.AddInterval({*uuid, tag}, *first, *last);
    open = false;
  }
  if (open) Fail(text, fmt::format("{} has no interval", entry));
}

// "<uuid>:0": users write it to say "from the very beginning".
bool IsMySqlZero(std::string_view text) {
  const size_t colon = text.find(':');
  return colon != std::string_view::npos && Uuid::Parse(Trim(text.substr(0, colon))) &&
         Trim(text.substr(colon + 1)) == "0";
}

MariaDbGtid ParseMariaDbGtid(std::string_view text, std::string_view entry) {
  const auto parts = Split(entry, '-');
  if (parts.size() == 3) {
    const auto domain = ParseNumber<uint32_t>(parts[0]);
    const auto server = ParseNumber<uint32_t>(parts[1]);
    const auto sequence = ParseNumber<uint64_t>(parts[2]);
    if (domain && server && sequence) return {*domain, *server, *sequence};
  }
  Fail(text, fmt::format("invalid MariaDB GTID {}, it must be domain-server-sequence", entry));
}

}  // namespace

GtidSet::GtidSet(Flavor flavor) : flavor_(flavor) {}

const GtidSet::Content& GtidSet::content() const {
  static const Content empty;
  return content_ ? *content_ : empty;
}

GtidSet::Content& GtidSet::Mutable() {
  if (!content_) {
    content_ = std::make_shared<Content>();
  } else if (content_.use_count() > 1) {
    content_ = std::make_shared<Content>(*content_);
  } else {
    // What another thread read through its copy comes before what is changed here.
    std::atomic_thread_fence(std::memory_order_acquire);
  }
  return *content_;
}

GtidSet GtidSet::Parse(Flavor flavor, std::string_view text) {
  GtidSet set(flavor);
  const std::string_view trimmed = Trim(text);
  if (trimmed.empty()) return set;
  if (flavor == Flavor::kMySql) {
    if (IsMySqlZero(trimmed)) return set;
    for (const std::string_view entry : Split(trimmed, ',')) ParseMySqlEntry(set, text, entry);
    return set;
  }
  for (const std::string_view entry : Split(trimmed, ',')) {
    const MariaDbGtid gtid = ParseMariaDbGtid(text, entry);
    if (gtid.sequence == 0) continue;  // "nothing yet"
    Domain& domain = set.Mutable().domains[gtid.domain];
    uint64_t& highest = domain.servers[gtid.server];
    highest = std::max(highest, gtid.sequence);
    domain.ambiguous = domain.servers.size() > 1;
    if (gtid.sequence >= domain.current_sequence) SetCurrent(domain, gtid.server, gtid.sequence);
  }
  return set;
}

GtidSet GtidSet::ParseAny(std::string_view text) {
  if (Trim(text).empty()) return GtidSet(Flavor::kMySql);
  try {
    return Parse(Flavor::kMySql, text);
  } catch (const Error&) {
    // Not MySQL's grammar; MariaDB's decides.
  }
  return Parse(Flavor::kMariaDb, text);
}

bool GtidSet::empty() const { return content().sources.empty() && content().domains.empty(); }

std::string GtidSet::ToString() const {
  std::string out;
  if (flavor_ == Flavor::kMySql) {
    const Uuid* previous = nullptr;
    for (const auto& [source, intervals] : content().sources) {
      if (previous == nullptr || *previous != source.uuid) {
        if (previous != nullptr) out += ',';
        out += source.uuid.ToString();
      }
      previous = &source.uuid;
      if (!source.tag.empty()) {
        out += ':';
        out += source.tag;
      }
      AppendIntervals(out, intervals);
    }
    return out;
  }
  std::vector<std::string> entries;
  for (const auto& [id, domain] : content().domains) {
    entries.push_back(MariaDbGtid{id, domain.current_server, domain.current_sequence}.ToString());
  }
  std::sort(entries.begin(), entries.end());
  for (const std::string& entry : entries) {
    if (!out.empty()) out += ',';
    out += entry;
  }
  return out;
}

void GtidSet::Add(const Gtid& gtid) {
  if (const auto* mysql = std::get_if<MySqlGtid>(&gtid)) {
    if (flavor_ != Flavor::kMySql) Fail(mysql->ToString(), "the set is MariaDB's");
    if (mysql->gno == 0) return;  // no transaction has this number
    if (mysql->gno > kMaxGno) Fail(mysql->ToString(), "the number is too large");
    Insert(Mutable().sources.Edit({mysql->uuid, mysql->tag}), {mysql->gno, mysql->gno + 1});
    return;
  }
  const auto& mariadb = std::get<MariaDbGtid>(gtid);
  if (flavor_ != Flavor::kMariaDb) Fail(mariadb.ToString(), "the set is MySQL's");
  if (mariadb.sequence == 0) return;  // no transaction has this number
  Domain& domain = Mutable().domains[mariadb.domain];
  uint64_t& highest = domain.servers[mariadb.server];
  highest = std::max(highest, mariadb.sequence);
  SetCurrent(domain, mariadb.server, mariadb.sequence);
  domain.ambiguous = false;
}

void GtidSet::AddInterval(const Source& source, uint64_t first, uint64_t last) {
  if (flavor_ != Flavor::kMySql) Fail(source.uuid.ToString(), "the set is MariaDB's");
  if (first > last) return;
  Insert(Mutable().sources.Edit(source), {first, last + 1});
}

void GtidSet::Union(const GtidSet& other) {
  if (other.empty()) return;
  if (other.flavor_ != flavor_) Fail(other.ToString(), "the flavors differ");
  if (empty()) {
    content_ = other.content_;
    return;
  }
  const GtidSet keep = other;  // `other` may be this set
  Content& content = Mutable();
  for (const auto& [source, intervals] : keep.content().sources) {
    Intervals& mine = content.sources.Edit(source);
    for (const Interval& interval : intervals) Insert(mine, interval);
  }
  for (const auto& [id, theirs] : keep.content().domains) {
    Domain& mine = content.domains[id];
    for (const auto& [server, sequence] : theirs.servers) {
      uint64_t& highest = mine.servers[server];
      highest = std::max(highest, sequence);
    }
    if (theirs.current_sequence > mine.current_sequence) {
      SetCurrent(mine, theirs.current_server, theirs.current_sequence);
      mine.ambiguous = theirs.ambiguous;
    } else if (theirs.current_sequence == mine.current_sequence) {
      if (theirs.current_server == mine.current_server) {
        mine.ambiguous = mine.ambiguous && theirs.ambiguous;
      } else {  // neither is later: the choice does not depend on the order of the parts
        mine.current_server = std::max(mine.current_server, theirs.current_server);
        mine.ambiguous = true;
      }
    }
  }
}

void GtidSet::Subtract(const GtidSet& other) {
  if (flavor_ != Flavor::kMySql || other.flavor_ != Flavor::kMySql) {
    Fail(other.ToString(), "MariaDB's sets cannot be subtracted");
  }
  if (empty() || other.empty()) return;
  const GtidSet keep = other;
  auto& sources = Mutable().sources;
  for (const auto& [source, removed] : keep.content().sources) {
    if (sources.Find(source) == nullptr) continue;
    Intervals& mine = sources.Edit(source);
    mine = Difference(mine, removed);
    if (mine.empty()) sources.Erase(source);
  }
}

bool GtidSet::Contains(const GtidSet& other) const {
  if (other.empty()) return true;
  if (other.flavor_ != flavor_) return false;
  if (content_ == other.content_) return true;
  for (const auto& [source, intervals] : other.content().sources) {
    const Intervals* mine = content().sources.Find(source);
    if (mine == nullptr || !ContainsAll(*mine, intervals)) return false;
  }
  for (const auto& [id, domain] : other.content().domains) {
    const auto mine = content().domains.find(id);
    if (mine == content().domains.end() ||
        !DomainContains(mine->second, domain.current_server, domain.current_sequence)) {
      return false;
    }
  }
  return true;
}

bool GtidSet::Contains(const Gtid& gtid) const {
  if (const auto* mysql = std::get_if<MySqlGtid>(&gtid)) {
    const Intervals* mine = content().sources.Find({mysql->uuid, mysql->tag});
    return mine != nullptr && ContainsAll(*mine, {{mysql->gno, mysql->gno + 1}});
  }
  const auto& mariadb = std::get<MariaDbGtid>(gtid);
  const auto mine = content().domains.find(mariadb.domain);
  return mine != content().domains.end() &&
         DomainContains(mine->second, mariadb.server, mariadb.sequence);
}

bool GtidSet::HasPassed(const GtidSet& other) const {
  if (flavor_ == Flavor::kMySql || other.empty()) return Contains(other);
  if (other.flavor_ != flavor_) return false;
  for (const auto& [id, domain] : other.content().domains) {
    const auto mine = content().domains.find(id);
    if (mine == content().domains.end()) return false;
    const auto known = mine->second.servers.find(domain.current_server);
    if (known == mine->second.servers.end() || known->second < domain.current_sequence) {
      return false;
    }
  }
  return true;
}

bool GtidSet::operator==(const GtidSet& other) const {
  if (empty() || other.empty()) return empty() == other.empty();
  if (flavor_ != other.flavor_) return false;
  if (content_ == other.content_) return true;
  if (flavor_ == Flavor::kMySql) return content().sources == other.content().sources;
  return ToString() == other.ToString();
}

std::string GtidSet::Encode() const {
  if (flavor_ != Flavor::kMySql) {
    throw Error(ErrorCode::kNotMySQLGTID, fmt::format("{} is not a MySQL GTID set", ToString()));
  }
  const auto& sources = content().sources;
  bool tagged = false;
  for (const auto& [source, intervals] : sources) tagged = tagged || !source.tag.empty();
  std::string out;
  AppendU64(out, tagged ? 1ULL | sources.size() << 8 | 1ULL << 56 : sources.size());
  for (const auto& [source, intervals] : sources) {
    out.append(reinterpret_cast<const char*>(source.uuid.bytes.data()), source.uuid.bytes.size());
    if (tagged) {
      out += static_cast<char>(source.tag.size() << 1);
      out += source.tag;
    }
    AppendU64(out, intervals.size());
    for (const auto& [first, last] : intervals) {
      AppendU64(out, first);
      AppendU64(out, last);
    }
  }
  return out;
}

GtidSet GtidSet::Decode(std::span<const uint8_t> bytes) {
  Decoder in(bytes);
  GtidSet set(Flavor::kMySql);
  const uint64_t header = in.U64();
  const bool tagged = header >> 56 == 1;
  if (tagged && (header & 0xff) != 1) Fail("of an event", "unknown encoding");
  const uint64_t entries = tagged ? header >> 8 & 0xffffffffffff : header;
  for (uint64_t i = 0; i < entries; ++i) {
    Source source;
    const auto uuid = in.Take(source.uuid.bytes.size());
    std::copy(uuid.begin(), uuid.end(), source.uuid.bytes.begin());
    if (tagged) {
      const auto tag = in.Take(in.TagLength());
      source.tag.assign(reinterpret_cast<const char*>(tag.data()), tag.size());
      if (!source.tag.empty() && ParseTag(source.tag) != source.tag) {
        Fail("of an event", "a tag is invalid");
      }
    }
    const uint64_t count = in.U64();
    if (count > in.left() / 16) Fail("of an event", "intervals are missing");
    for (uint64_t n = 0; n < count; ++n) {
      const uint64_t first = in.U64();
      const uint64_t last = in.U64();
      if (first == 0 || first >= last || last > kMaxGno + 1) {
        Fail("of an event", "an interval is invalid");
      }
      set.AddInterval(source, first, last - 1);
    }
  }
  if (in.left() != 0) Fail("of an event", "bytes are left over");
  return set;
}

std::map<GtidSet::Source, GtidSet::Intervals> GtidSet::intervals() const {
  std::map<Source, Intervals> all;
  for (const auto& [source, intervals] : content().sources) all.emplace(source, intervals);
  return all;
}

const std::map<uint32_t, GtidSet::Domain>& GtidSet::domains() const { return content().domains; }

bool GtidSet::ambiguous() const {
  return std::any_of(content().domains.begin(), content().domains.end(),
                     [](const auto& entry) { return entry.second.ambiguous; });
}

}  // namespace dm::mysql
