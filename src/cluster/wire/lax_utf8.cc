// Generated parsing code calls google::protobuf::internal::VerifyUTF8 for every string field and
// refuses the whole message when it is false. Error texts from databases with other character sets
// do hold invalid UTF-8, and the encoders of other members of a cluster do not check it. The
// generated files of pb.* are therefore compiled with VerifyUTF8 renamed to VerifyUTF8Lax (see
// CMakeLists.txt), defined here to accept everything. Before sending, texts are repaired instead
// (cluster/rpc, RepairUtf8).
#include <google/protobuf/parse_context.h>

namespace google::protobuf::internal {

bool VerifyUTF8Lax(StringPiece, const char*) { return true; }

}  // namespace google::protobuf::internal
