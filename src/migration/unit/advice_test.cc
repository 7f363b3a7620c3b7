#include "migration/unit/advice.h"

#include <gtest/gtest.h>

namespace dm::migration {
namespace {

Error Failed(int number, const std::string& text) {
  Error error(ErrorCode::kDBExecuteFailed, "execute statement failed: INSERT");
  error.SetRawCause(text).SetServerErrno(number).SetScope(ErrorScope::kDownstream);
  return error;
}

TEST(Advise, SaysWhatToDoAndWhoResumes) {
  Error error = Failed(1054, "Error 1054 (42S22): Unknown column 'v'");
  Advise(error);
  EXPECT_EQ(error.workaround(),
            "Add the column downstream with the values that it has upstream. The task then goes on "
            "by itself, or by `resume-task`.");
  error = Failed(1406, "Error 1406 (22001): Data too long for column 'v' at row 1");
  Advise(error);
  EXPECT_EQ(error.workaround(),
            "Change the column downstream so that it can hold the value. Then `resume-task`: this "
            "is not tried again by itself.");
  error = Failed(9999, "Error 9999 (HY000): never seen");
  Advise(error);
  EXPECT_EQ(error.workaround(),
            "Remove the cause that the server names. The task then goes on by itself, or by "
            "`resume-task`.");
}

TEST(Advise, LeavesWhatIsThere) {
  Error error = Failed(1062, "Error 1062 (23000): Duplicate entry").SetWorkaround("mine");
  Advise(error);
  EXPECT_EQ(error.workaround(), "mine");
  // The texts are about the downstream.
  error = Failed(1146, "Error 1146 (42S02): no table").SetScope(ErrorScope::kUpstream);
  Advise(error);
  EXPECT_EQ(error.workaround().find("downstream"), std::string::npos);
  error = Error(ErrorCode::kSyncerFenceLost, "lost");
  error.SetWorkaround("");
  Advise(error);
  EXPECT_EQ(error.workaround(), "");
}

}  // namespace
}  // namespace dm::migration
