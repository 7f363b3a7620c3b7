#include "migration/sync/applied_point.h"

#include <gtest/gtest.h>

#include "base/error/error.h"

namespace dm::migration {
namespace {

using mysql::Flavor;
using mysql::GtidSet;

constexpr char kA[] = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa";

mysql::Location At(Flavor flavor, std::string file, uint64_t offset, std::string set) {
  mysql::Location location;
  location.position = {std::move(file), offset};
  location.gtid_set = GtidSet::Parse(flavor, set);
  return location;
}

// A stream, transaction by transaction.
class Stream {
 public:
  Stream(Flavor flavor, std::string server, std::string file, std::string set)
      : before_(At(flavor, file, 4, set)), end_(before_), server_(std::move(server)) {}

  void Next(mysql::Gtid gtid, uint64_t end) {
    before_ = end_;
    end_.position.offset = end;
    end_.gtid_set->Add(gtid);
    gtid_ = gtid;
  }
  void NextAnonymous(uint64_t end) {
    before_ = end_;
    end_.position.offset = end;
    gtid_.reset();
  }
  bool NextIsCovered(AppliedPoint& point, mysql::Gtid gtid, uint64_t end) {
    Next(gtid, end);
    return Covered(point);
  }
  bool Covered(AppliedPoint& point, uint64_t rows_event = 1) {
    return point.Covers({before_, end_, gtid_, server_, rows_event});
  }

 private:
  mysql::Location before_;
  mysql::Location end_;
  std::optional<mysql::Gtid> gtid_;
  std::string server_;
};

mysql::Gtid A(uint64_t gno) { return mysql::MySqlGtid{*mysql::Uuid::Parse(kA), "", gno}; }
mysql::Gtid M(uint32_t domain, uint32_t server, uint64_t sequence) {
  return mysql::MariaDbGtid{domain, server, sequence};
}

TablePoint Point(mysql::Location location, std::string server = "") {
  TablePoint point;
  point.schema = "d";
  point.table = "t";
  point.location = std::move(location);
  point.server = std::move(server);
  return point;
}

// Transaction 5 of server x is done up to its third rows event.
TablePoint Piece() {
  TablePoint point = Point(At(Flavor::kMySql, "bin.000001", 400, std::string(kA) + ":1-4"), "x");
  point.piece = PiecePoint{{"bin.000001", 9000}, mysql::ToString(A(5)), 3};
  return point;
}

TEST(AppliedPoint, PositionsDecideWithoutGtids) {
  AppliedPoint point(Point(At(Flavor::kMySql, "bin.000002", 500, "")), false);
  Stream s(Flavor::kMySql, "x", "bin.000002", "");
  EXPECT_TRUE(s.NextIsCovered(point, A(1), 500));
  EXPECT_FALSE(s.NextIsCovered(point, A(2), 600));
  EXPECT_TRUE(point.passed());
}

TEST(AppliedPoint, TheSwitchToGtidModeLeavesPositions) {
  AppliedPoint point(Point(At(Flavor::kMySql, "bin.000002", 500, "")), true);
  Stream s(Flavor::kMySql, "x", "bin.000002", std::string(kA) + ":1-7");
  EXPECT_TRUE(s.NextIsCovered(point, A(8), 500));
  EXPECT_FALSE(s.NextIsCovered(point, A(9), 600));
}

// A replica with parallel appliers commits in another order than its source.
TEST(AppliedPoint, AnotherServerMayHaveAnotherOrder) {
  AppliedPoint point(Point(At(Flavor::kMySql, "mysql-bin.000120", 77, std::string(kA) + ":1-102")),
                     true);
  Stream s(Flavor::kMySql, "other", "binlog.000003", std::string(kA) + ":1-100");
  EXPECT_TRUE(s.NextIsCovered(point, A(102), 500));
  EXPECT_FALSE(s.NextIsCovered(point, A(103), 900));
  EXPECT_FALSE(point.passed()) << "101 is still to come";
  EXPECT_TRUE(s.NextIsCovered(point, A(101), 1200));
  EXPECT_FALSE(s.NextIsCovered(point, A(104), 1300));
  EXPECT_TRUE(point.passed());
}

TEST(AppliedPoint, MariaDbsDomainsComeInAnyOrder) {
  AppliedPoint point(Point(At(Flavor::kMariaDb, "m.000009", 77, "0-1-50,1-1-20")), true);
  Stream s(Flavor::kMariaDb, "other", "m.000003", "0-1-48,1-1-18");
  EXPECT_TRUE(s.NextIsCovered(point, M(0, 1, 49), 100));
  EXPECT_TRUE(s.NextIsCovered(point, M(0, 1, 50), 200));
  EXPECT_FALSE(s.NextIsCovered(point, M(0, 1, 51), 300));
  EXPECT_FALSE(point.passed());
  EXPECT_TRUE(s.NextIsCovered(point, M(1, 1, 19), 400));
  EXPECT_TRUE(s.NextIsCovered(point, M(1, 1, 20), 500));
  EXPECT_FALSE(s.NextIsCovered(point, M(1, 1, 21), 600));
  EXPECT_TRUE(point.passed());
  EXPECT_FALSE(s.NextIsCovered(point, M(2, 1, 1), 700));
}

// Without strict mode, sequences of a domain go back when another server becomes primary.
TEST(AppliedPoint, MariaDbsSequencesMayGoBack) {
  AppliedPoint elsewhere(Point(At(Flavor::kMariaDb, "m.000001", 900, "0-2-350"), "first"), true);
  Stream s(Flavor::kMariaDb, "second", "m.000001", "0-1-300");
  EXPECT_TRUE(s.NextIsCovered(elsewhere, M(0, 2, 349), 100));
  EXPECT_TRUE(s.NextIsCovered(elsewhere, M(0, 2, 350), 200));
  EXPECT_FALSE(s.NextIsCovered(elsewhere, M(0, 1, 301), 300));

  // In the log that it was made from its position is exact.
  AppliedPoint here(Point(At(Flavor::kMariaDb, "m.000001", 900, "0-2-350"), "second"), true);
  Stream later(Flavor::kMariaDb, "second", "m.000001", "0-1-301");
  EXPECT_FALSE(later.NextIsCovered(here, M(0, 1, 302), 1000));
  EXPECT_TRUE(here.passed());
}

TEST(AppliedPoint, PiecesCountRowsEvents) {
  TablePoint stored = Piece();
  AppliedPoint point(stored, true);
  Stream s(Flavor::kMySql, "x", "bin.000001", std::string(kA) + ":1-4");
  // All events of a compressed transaction end where it ends.
  s.Next(A(5), 9000);
  EXPECT_TRUE(s.Covered(point, 2));
  EXPECT_TRUE(s.Covered(point, 3));
  EXPECT_FALSE(s.Covered(point, 4));
  s.Next(A(6), 9500);
  EXPECT_FALSE(s.Covered(point, 1)) << "the piece is behind";

  stored.piece->transaction.clear();
  AppliedPoint anonymous(stored, false);
  s.NextAnonymous(8000);
  EXPECT_TRUE(s.Covered(anonymous, 9));
  s.NextAnonymous(9000);
  EXPECT_TRUE(s.Covered(anonymous, 3));
  EXPECT_FALSE(s.Covered(anonymous, 4));
}

// Its last rows events were applied by a run that had no need to move the point.
TEST(AppliedPoint, APieceEndsWithItsTransaction) {
  AppliedPoint here(Piece(), true);
  Stream s(Flavor::kMySql, "x", "bin.000001", std::string(kA) + ":1-5");
  EXPECT_FALSE(s.NextIsCovered(here, A(6), 9500));
  EXPECT_TRUE(here.passed());

  // Its rows were all covered in this run, too.
  AppliedPoint later(Piece(), true);
  Stream all(Flavor::kMySql, "x", "bin.000001", std::string(kA) + ":1-4");
  all.Next(A(5), 9000);
  EXPECT_TRUE(all.Covered(later, 3));
  EXPECT_FALSE(all.NextIsCovered(later, A(6), 9500));

  // MySQL's sets tell it on other servers.
  AppliedPoint elsewhere(Piece(), true);
  Stream other(Flavor::kMySql, "y", "log.000001", std::string(kA) + ":1-3:5");
  EXPECT_FALSE(other.NextIsCovered(elsewhere, A(6), 300));

  TablePoint stored = Point(At(Flavor::kMariaDb, "m.000001", 400, "0-1-4"), "x");
  stored.piece = PiecePoint{{"m.000001", 9000}, "0-1-5", 3};
  AppliedPoint mariadb(stored, true);
  Stream m(Flavor::kMariaDb, "x", "m.000001", "0-1-5");
  EXPECT_FALSE(m.NextIsCovered(mariadb, M(0, 1, 6), 9500));
  EXPECT_TRUE(mariadb.passed());
  AppliedPoint by_position(stored, false);
  EXPECT_FALSE(m.NextIsCovered(by_position, M(0, 1, 7), 9900));
  AppliedPoint unknown(stored, true);
  Stream n(Flavor::kMariaDb, "y", "m.000002", "0-1-5");
  EXPECT_THROW(n.NextIsCovered(unknown, M(0, 1, 6), 9500), Error);
}

TEST(AppliedPoint, APieceMeansNothingOnAnotherServer) {
  AppliedPoint point(Piece(), true);
  Stream s(Flavor::kMySql, "y", "bin.000001", std::string(kA) + ":1-3");
  EXPECT_TRUE(s.NextIsCovered(point, A(4), 9000)) << "complete transactions are told everywhere";
  s.Next(A(5), 9000);
  EXPECT_FALSE(s.Covered(point, 0)) << "a statement is in no piece";
  try {
    s.Covered(point);
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), 36073);
  }
}

}  // namespace
}  // namespace dm::migration
