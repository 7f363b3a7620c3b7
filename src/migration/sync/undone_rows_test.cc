#include "migration/sync/undone_rows.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "mysql/binlog/rows.h"

namespace dm::migration {
namespace {

using mysql::EventType;
using mysql::RawEvent;

RawEvent EventOf(EventType type, const std::string& body) {
  const size_t size = mysql::kEventHeaderSize + body.size();
  const std::shared_ptr<uint8_t[]> bytes = std::make_shared<uint8_t[]>(size);
  bytes[4] = static_cast<uint8_t>(type);
  bytes[9] = static_cast<uint8_t>(size);
  std::copy(body.begin(), body.end(), bytes.get() + mysql::kEventHeaderSize);
  return RawEvent(bytes, {bytes.get(), size}, 0);
}

// A transaction of one letter a rows event, with its map, and statements in brackets; what stays of
// it is written in the same way.
std::string Left(const std::string& transaction, size_t undone) {
  std::vector<RawEvent> events;
  for (size_t i = 0; i < transaction.size(); ++i) {
    if (transaction[i] == '[') {
      const size_t end = transaction.find(']', i);
      events.push_back(EventOf(EventType::kQuery,
                               std::string(14, '\0') + transaction.substr(i + 1, end - i - 1)));
      i = end;
    } else {
      events.push_back(EventOf(EventType::kTableMap, std::string(1, transaction[i])));
      events.push_back(EventOf(EventType::kWriteRowsV1, std::string(1, transaction[i])));
    }
  }
  EXPECT_EQ(LeaveOutUndone(events, mysql::FormatDescription::Default()), undone) << transaction;
  std::string left;
  char map = 0;
  for (const RawEvent& event : events) {
    const std::string body(event.bytes().begin() + mysql::kEventHeaderSize, event.bytes().end());
    if (event.type() == EventType::kMariaDbAnnotateRows) continue;
    if (event.type() == EventType::kQuery) {
      left += "[" + body.substr(14) + "]";
    } else if (event.type() == EventType::kTableMap) {
      map = body[0];
    } else {
      EXPECT_EQ(body[0], map) << transaction;
      left += body;
    }
  }
  return left;
}

TEST(UndoneRowsTest, WholeTransaction) {
  EXPECT_EQ(Left("ab[ROLLBACK]", 2), "[ROLLBACK]");
  EXPECT_EQ(Left("[CREATE TEMPORARY TABLE t (a INT)]a[ROLLBACK]", 1),
            "[CREATE TEMPORARY TABLE t (a INT)][ROLLBACK]");
  EXPECT_EQ(Left("ab[COMMIT]", 0), "ab[COMMIT]");
}

TEST(UndoneRowsTest, ToSavepoints) {
  EXPECT_EQ(Left("a[SAVEPOINT `s`]b[ROLLBACK TO `s`]c", 1), "a[SAVEPOINT `s`]c");
  EXPECT_EQ(Left("a[SAVEPOINT \"s\"]b[ROLLBACK TO \"s\"]c", 1), "a[SAVEPOINT \"s\"]c");
  EXPECT_EQ(Left("a[SAVEPOINT s]b[rollback to savepoint s]c", 1), "a[SAVEPOINT s]c");
  EXPECT_EQ(Left("a[SAVEPOINT s]b[ROLLBACK TO `s`]c[COMMIT]", 1), "a[SAVEPOINT s]c[COMMIT]");
  // It is there still.
  EXPECT_EQ(Left("a[SAVEPOINT `s`]b[ROLLBACK TO `s`]c[ROLLBACK TO `S`]d", 2), "a[SAVEPOINT `s`]d");
  EXPECT_EQ(Left("a[SAVEPOINT `s`]b[SAVEPOINT `t`]c[ROLLBACK TO `s`]d", 2),
            "a[SAVEPOINT `s`][SAVEPOINT `t`]d");
  EXPECT_EQ(Left("[SAVEPOINT `s`]a[SAVEPOINT `t`]b[ROLLBACK TO `t`]c[ROLLBACK TO `s`]", 3),
            "[SAVEPOINT `s`][SAVEPOINT `t`]");
  EXPECT_EQ(Left("[SAVEPOINT `s`]a[SAVEPOINT `t`]b[ROLLBACK TO `t`]c[ROLLBACK]", 3),
            "[SAVEPOINT `s`][SAVEPOINT `t`][ROLLBACK TO `t`][ROLLBACK]");
  // Statements between stay.
  EXPECT_EQ(Left("[SAVEPOINT s]a[DROP TEMPORARY TABLE x]b[ROLLBACK TO s]", 2),
            "[SAVEPOINT s][DROP TEMPORARY TABLE x]");
  // Set anew with no rows between.
  EXPECT_EQ(Left("a[SAVEPOINT s][SAVEPOINT t][SAVEPOINT S]b[ROLLBACK TO s]c", 1),
            "a[SAVEPOINT s][SAVEPOINT t][SAVEPOINT S]c");
}

TEST(UndoneRowsTest, NothingChangesIfItIsNotSure) {
  for (const std::string transaction : {
           "a[SAVEPOINT `s`]b[ROLLBACK TO `t`]c[ROLLBACK TO `s`]",
           "a[SAVEPOINT `e`]b[SAVEPOINT `\xc3\xa9`]c[ROLLBACK TO `e`]d",
           "a[SAVEPOINT `\xe3\x81\x82`]b[ROLLBACK TO `\xe3\x81\x82`]c",
           "a[SAVEPOINT `s`t`]b[ROLLBACK TO `s`t`]c",
           "a[SAVEPOINT ``]b[ROLLBACK TO ``]c",
           "a[SAVEPOINT `s`]b[SAVEPOINT `s`]c[ROLLBACK TO `s`]d",
           "a[SAVEPOINT `s`]b[SAVEPOINT `s`]c[SAVEPOINT `s`][ROLLBACK TO `s`]d",
           "[XA START 'x']a[SAVEPOINT `s`]b[ROLLBACK TO `s`]c[XA END 'x']",
           "a[ROLLBACK]b",
           // The last one is to the first s: a function had the others.
           "a[SAVEPOINT `s`][SAVEPOINT `t`]x[SAVEPOINT `s`]y[ROLLBACK TO `t`]dx[SAVEPOINT `s`]y"
           "[ROLLBACK TO `s`]e",
           "a[SAVEPOINT `t`]b[SAVEPOINT `s`]c[ROLLBACK TO `t`]d[ROLLBACK TO `s`]e",
       }) {
    EXPECT_EQ(Left(transaction, 0), transaction);
  }
  // All of it is undone, whatever they are.
  EXPECT_EQ(Left("a[SAVEPOINT `s`]b[SAVEPOINT `s`]c[ROLLBACK]", 3),
            "[SAVEPOINT `s`][SAVEPOINT `s`][ROLLBACK]");
  EXPECT_EQ(Left("a[SAVEPOINT `s`]b[SAVEPOINT `s`]c[ROLLBACK TO `s`]d[ROLLBACK]", 4),
            "[SAVEPOINT `s`][SAVEPOINT `s`][ROLLBACK TO `s`][ROLLBACK]");
}

}  // namespace
}  // namespace dm::migration
