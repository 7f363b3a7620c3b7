#include "migration/unit/wait_note.h"

#include <gtest/gtest.h>

namespace dm::migration {
namespace {

TEST(WaitNoteTest, TellsWhatHasLasted) {
  WaitNote note;
  EXPECT_EQ(note.After(Milliseconds(0)), "");
  note.Set("a lock");
  EXPECT_EQ(note.After(Milliseconds(0)), "a lock");
  EXPECT_EQ(note.After(Milliseconds(3'600'000)), "");
  {
    const WaitNote::Scope scope(note, "the disk");
    EXPECT_EQ(note.After(Milliseconds(0)), "the disk");
  }
  EXPECT_EQ(note.After(Milliseconds(0)), "");
}

TEST(WaitNoteTest, StandsBehindTheProgress) {
  EXPECT_EQ(WithWait("12.34 %", ""), "12.34 %");
  EXPECT_EQ(WithWait("12.34 %", "(a lock)"), "12.34 %, waiting for (a lock)");
  EXPECT_EQ(WithWait("", "(a lock)"), "waiting for (a lock)");
}

}  // namespace
}  // namespace dm::migration
