#include "migration/sync/safe_mode.h"

#include "base/error/error.h"
#include "base/log/log.h"

namespace dm::migration {

namespace {

// Both have a GTID set that counts.
bool HaveSets(const mysql::Location& a, const mysql::Location& b, bool gtid_mode) {
  return gtid_mode && a.gtid_set && !a.gtid_set->empty() && b.gtid_set && !b.gtid_set->empty();
}

}  // namespace

bool CoverTheSame(const mysql::Location& a, const mysql::Location& b, bool gtid_mode) {
  if (HaveSets(a, b, gtid_mode)) return *a.gtid_set == *b.gtid_set;
  return mysql::CompareLocations(a, b, gtid_mode) == 0;
}

bool IsBehind(const mysql::Location& exit, const mysql::Location& end, bool gtid_mode) {
  // Another server may send the transactions in another order: all of them must have come. Its
  // positions mean nothing here.
  if (HaveSets(exit, end, gtid_mode)) return end.gtid_set->HasPassed(*exit.gtid_set);
  return mysql::CompareLocations(end, exit, gtid_mode) >= 0;
}

mysql::Location Later(const mysql::Location& a, const mysql::Location& b, bool gtid_mode) {
  if (!HaveSets(a, b, gtid_mode)) return mysql::CompareLocations(a, b, gtid_mode) > 0 ? a : b;
  if (IsBehind(a, b, gtid_mode)) return b;
  if (IsBehind(b, a, gtid_mode)) return a;
  mysql::Location later = b;
  later.gtid_set->Union(*a.gtid_set);
  return later;
}

bool SafeMode::Begin(const SafeModeStart& start, SteadyClock::time_point now) {
  *this = SafeMode();
  gtid_mode_ = start.gtid_mode;
  configured_ = start.configured;
  if (start.binlog_duration) {
    binlog_ = start.binlog_duration;
    Log().Info("enable safe-mode by the task's command line argument");
  }
  bool nothing_to_repeat = false;
  if (start.exit_point) {
    Log().Info("compare exitPoint and beginLocation",
               {F("exit_point", start.exit_point->ToString()),
                F("begin_location", start.begin.ToString())});
    if (start.each_once) return true;
    // Who wants none at all is believed that the upstream is the server that was read.
    const bool wanted = start.duration.count() != 0 || configured_ || binlog_;
    nothing_to_repeat = (start.exit_time == 0 || !wanted) &&
                        CoverTheSame(*start.exit_point, start.begin, gtid_mode_);
    if (!nothing_to_repeat) {
      if (!wanted) throw MakeError(ErrorCode::kSyncerReprocessWithSafeModeFail);
      exit_ = start.exit_point;
      exit_time_ = start.exit_time;
      Log().Info("enable safe-mode for safe mode exit point, will exit at",
                 {F("location", exit_->ToString()), F("and events after", exit_time_)});
    }
    if (!start.unknown_begin) return nothing_to_repeat;
  }
  if (binlog_ || start.duration.count() == 0) return nothing_to_repeat;
  if (start.each_once && !start.unknown_begin) return nothing_to_repeat;
  timed_ = true;
  timed_end_ = now + std::chrono::duration_cast<SteadyClock::duration>(start.duration);
  Log().Info("enable safe-mode because of task initialization",
             {F("duration in seconds", std::chrono::duration<double>(start.duration).count())});
  return nothing_to_repeat;
}

SafeMode::Change SafeMode::BeforeEvent(uint32_t timestamp, bool is_format,
                                       const mysql::Location& end, SteadyClock::time_point now) {
  if (timed_ && now >= timed_end_) {
    timed_ = false;
    if (!on()) Log().Info("disable safe-mode after task initialization finished");
  }
  if (exit_ && (timestamp > exit_time_ || exit_time_ == 0) && IsBehind(*exit_, end, gtid_mode_)) {
    return Change::kExitPointReached;
  }
  if (binlog_ && !is_format && timestamp != 0) {
    if (!binlog_end_) {
      binlog_end_ =
          timestamp +
          static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(*binlog_).count());
    } else if (timestamp > *binlog_end_) {
      binlog_.reset();
      return Change::kDurationOver;
    }
  }
  return Change::kNone;
}

}  // namespace dm::migration
