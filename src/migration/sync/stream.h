// The upstream's events with their locations. Survives a lost connection by reading again from the
// last transaction's end and leaving out what was already handed over. Behind 4 GiB of a file,
// where a position dump cannot start, it reads again from the last place where one can.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/thread/stop.h"
#include "migration/meta/sync_checkpoint.h"
#include "migration/sync/handed_over.h"
#include "mysql/binlog/event_source.h"
#include "mysql/binlog/location_recorder.h"
#include "mysql/binlog/whole_transactions.h"
#include "mysql/client/connection.h"
#include "mysql/position/location.h"

namespace dm::migration {

// How long a server may send nothing, heartbeats included.
inline constexpr Milliseconds kSilence{60'000};

struct StreamOptions {
  mysql::ConnectOptions upstream;
  mysql::Flavor flavor = mysql::Flavor::kMySql;
  std::string worker_name;  // shown upstream
  uint32_t server_id = 0;   // as which the upstream is read, if nobody has it; 0: any
  bool gtid_mode = false;
  UpstreamLog log;  // what the start's position is of, as far as is known

  // How the upstream is reached; set where that is not by the network.
  // A source that is not started yet. `server_id`: of this client, stored; 0: one is picked.
  // `silence`: how long the server may send nothing.
  std::function<std::unique_ptr<mysql::DumpSource>(uint32_t* server_id, Milliseconds silence,
                                                   const StopToken&)>
      connect;
  // Is the end of the transaction that begins there in the log?
  std::function<bool(const mysql::BinlogPosition& begin, const StopToken&)> is_whole;
};

// Opened at a location; one owner thread.
class Stream {
 public:
  // Does not connect yet.
  Stream(StreamOptions options, mysql::Location start);
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // The next event. Heartbeats and the like are events, too. Throws Error kSyncerGetEvent (36069),
  // kSyncerUnitRemoteSteamerStartSync (36053), the connection's own if it is refused; Cancelled.
  mysql::RawEvent Next(const StopToken& stop);

  // Of the event returned last.
  const mysql::FormatDescription& format() const { return source_->format(); }
  const mysql::Location& start() const { return recorder_->start(); }
  const mysql::Location& end() const { return recorder_->end(); }
  const mysql::Location& transaction_end() const { return recorder_->transaction_end(); }
  // Is the next event there already, another one of the same transaction?
  bool has_more() const { return whole_ && whole_->has_more(); }
  // End of the transaction before the event's.
  const mysql::Location& transaction_begin() const { return recorder_->transaction_begin(); }
  mysql::BinlogPosition read_position() const { return recorder_->read_position(); }
  uint64_t read_offset() const { return recorder_->read_offset(); }
  const std::optional<mysql::Gtid>& gtid() const { return recorder_->current_gtid(); }
  bool at_transaction_end() const { return recorder_->at_transaction_end(); }
  bool in_transaction() const { return recorder_->in_transaction(); }
  // The event begins another file, and the transaction before it will never end: the upstream has
  // rolled it back.
  bool abandoned() const { return recorder_->abandoned(); }
  // Of the server that the events come from; "" before the first.
  std::string_view identity() const { return source_ ? std::string_view(identity_) : ""; }
  // The log that the events come from; what is not known yet is of the one before.
  const UpstreamLog& log() const { return log_; }
  // Inside a transaction that a lost connection makes it read again, before what was not handed
  // over yet: locations are behind those of events that were.
  bool reading_again() const { return handed_over_.discard() > 0; }
  // Id of the connection upstream; 0 if there is none.
  uint64_t connection_id() const { return source_ ? source_->connection_id() : 0; }

 private:
  void Open(const StopToken& stop);
  // Throws if another server's log would be read at a position. `by_gtid`: it is not.
  void CheckServer(const std::string& file, bool by_gtid);
  // The description of a file tells when it was begun. Throws Error as CheckServer.
  void CheckFile(const mysql::RawEvent& description);
  bool IsWhole(const mysql::RawEvent& gtid, const StopToken& stop) const;
  mysql::RawEvent Read(const StopToken& stop);
  // True: read on after a reset. False: the error is final.
  bool Reset(const Error& error, const StopToken& stop);

  StreamOptions options_;
  mysql::Location resume_;     // end of the last transaction handed over
  mysql::Location startable_;  // the last such end where a position dump can start
  // Events up to here are left out: reading began before resume_.
  std::optional<mysql::BinlogPosition> skip_to_;
  std::string identity_;
  UpstreamLog log_;
  bool by_gtid_ = false;         // as it was opened last
  bool other_identity_ = false;  // it is not known yet whether the log is the same nevertheless
  std::unique_ptr<mysql::DumpSource> source_;
  bool heard_ = false;  // `source_` has sent something of its log
  // A server that looks for the begin in many large files is silent, and begins anew with each
  // connection.
  Milliseconds silence_;
  std::optional<mysql::WholeTransactions> whole_;  // of `source_`, a MariaDB's
  std::optional<mysql::LocationRecorder> recorder_;
  uint32_t server_id_ = 0;
  HandedOver handed_over_;  // of the transaction behind resume_
  std::optional<SteadyClock::time_point> last_error_;
};

}  // namespace dm::migration
