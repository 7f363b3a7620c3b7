// Sets of executed transactions: interval sets per source (MySQL), the last transaction of every
// domain (MariaDB).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mysql/position/flavor.h"
#include "mysql/position/gtid.h"

namespace dm::mysql {

// A value type; copies share their content until one is changed, so copying is cheap. One object
// must not be changed while another thread uses it (copies may be).
class GtidSet {
 public:
  // The empty set of `flavor`.
  explicit GtidSet(Flavor flavor = Flavor::kMySql);

  // The set written in `text`; blanks and newlines around tokens are ignored. Empty text, a lone
  // "<uuid>:0" and a lone "d-s-0" are the empty set. Throws Error kParseGTID.
  static GtidSet Parse(Flavor flavor, std::string_view text);
  // As Parse for an unknown flavor: MySQL's grammar, then MariaDB's.
  static GtidSet ParseAny(std::string_view text);

  Flavor flavor() const { return flavor_; }
  bool empty() const;

  // MySQL: sorted by uuid, untagged intervals first: "uuid:1-5:7:foo:1-3,uuid2:9". MariaDB: the
  // current transaction of every domain, sorted as strings. Empty set: "".
  std::string ToString() const;

  // Adds one transaction (number 0 is none). MariaDB: it becomes the current one of its domain,
  // whatever its sequence. Throws Error kParseGTID for the other flavor's.
  void Add(const Gtid& gtid);
  // Adds everything in `other` (of the same flavor). MariaDB: per domain and server the greater
  // sequence; which of two servers came last, if both are at one, is a guess then.
  void Union(const GtidSet& other);
  // MySQL: removes everything in `other`. MariaDB: not defined, throws Error kParseGTID.
  void Subtract(const GtidSet& other);

  // Is every transaction of `other` in this set? (MariaDB: by sequence, per domain and server.) An
  // empty `other` is in every set.
  bool Contains(const GtidSet& other) const;
  bool Contains(const Gtid& gtid) const;
  // Has the stream whose executed set this is come past `other`? As Contains, but a domain of
  // MariaDB is passed only if the server's own transaction was seen: sequences of two servers of
  // one domain have no order.
  bool HasPassed(const GtidSet& other) const;
  // Each contains the other.
  bool operator==(const GtidSet& other) const;

  // MySQL's binary form, as in PREVIOUS_GTIDS and COM_BINLOG_DUMP_GTID; classic unless a tag is in
  // the set. Throws Error kNotMySQLGTID for MariaDB.
  std::string Encode() const;
  // Decodes that form. Throws Error kParseGTID on malformed bytes.
  static GtidSet Decode(std::span<const uint8_t> bytes);

  // Half-open [first, last) ranges by (uuid, tag); MySQL only, empty for MariaDB.
  struct Interval {
    uint64_t first;
    uint64_t last;
    bool operator==(const Interval&) const = default;
  };
  using Intervals = std::vector<Interval>;  // sorted, disjoint, not adjacent, none empty
  struct Source {
    Uuid uuid;
    std::string tag;
    auto operator<=>(const Source&) const = default;
  };
  std::map<Source, Intervals> intervals() const;
  // Adds [first, last] of a source; MySQL only.
  void AddInterval(const Source& source, uint64_t first, uint64_t last);

  // What is known of one domain; MariaDB only.
  struct Domain {
    std::map<uint32_t, uint64_t> servers;  // highest sequence of every server
    uint32_t current_server = 0;           // server of the last transaction in log order
    uint64_t current_sequence = 0;
    // Set when several servers came from a text that doesn't tell which was last (checkpoints of
    // other programs): the current one is then the one with the highest sequence.
    bool ambiguous = false;
    bool operator==(const Domain&) const = default;
  };
  const std::map<uint32_t, Domain>& domains() const;
  // Is the current transaction of some domain a guess (see Domain::ambiguous)?
  bool ambiguous() const;

 private:
  struct Content;
  const Content& content() const;
  Content& Mutable();

  Flavor flavor_;
  std::shared_ptr<Content> content_;  // null: empty
};

}  // namespace dm::mysql
