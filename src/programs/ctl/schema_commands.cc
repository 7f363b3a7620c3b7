// binlog-schema list, update, delete; operate-schema.
#include <ostream>

#include "base/error/error.h"
#include "dmmaster.pb.h"
#include "programs/ctl/common.h"

namespace dm::ctl {

namespace {

// A request for the table that the first three words name.
pb::OperateSchemaRequest TableRequest(const cli::Invocation& invocation, pb::SchemaOp op) {
  pb::OperateSchemaRequest request;
  request.set_op(op);
  request.set_task(TaskName(invocation.args[0]));
  request.set_database(invocation.args[1]);
  request.set_table(invocation.args[2]);
  request.mutable_sources()->Assign(Sources(invocation).begin(), Sources(invocation).end());
  return request;
}

int Send(Session& session, const cli::Invocation& invocation,
         const pb::OperateSchemaRequest& request) {
  PrintResponse(invocation, session.master().OperateSchema(request));
  return 0;
}

int UpdateSchema(Session& session, const cli::Invocation& invocation) {
  const cli::FlagValues& flags = invocation.flags;
  const bool from_source = flags.GetBool("from-source");
  const bool from_target = flags.GetBool("from-target");
  const bool has_file = invocation.args.size() > 3;
  if (from_source && from_target) {
    FailWithHint(invocation, "from-source and from-target can not be used together");
  }
  if (has_file && (from_source || from_target)) {
    FailWithHint(invocation, "can not set schema-file when use from-source or from-target");
  }
  if (!has_file && !from_source && !from_target) {
    *invocation.streams.out << cli::HelpText(invocation.path);
    return 0;
  }
  pb::OperateSchemaRequest request = TableRequest(invocation, pb::SetSchema);
  if (has_file) request.set_schema(ReadNamedFile(invocation.args[3]));
  request.set_flush(flags.GetBool("flush"));
  request.set_sync(flags.GetBool("sync"));
  request.set_fromsource(from_source);
  request.set_fromtarget(from_target);
  return Send(session, invocation, request);
}

int OperateSchema(Session& session, const cli::Invocation& invocation) {
  const cli::FlagValues& flags = invocation.flags;
  const std::string& word = invocation.args[0];
  pb::OperateSchemaRequest request;
  if (word == "get") {
    request.set_op(pb::GetSchema);
  } else if (word == "set") {
    request.set_op(pb::SetSchema);
  } else if (word == "remove") {
    request.set_op(pb::RemoveSchema);
  } else {
    FailWithHint(invocation, fmt::format("invalid operate '{}' on schema", word));
  }
  if (Sources(invocation).empty()) {
    FailWithHint(invocation, "must specify at least one source (`-s` / `--source`)");
  }
  for (const char* name : {"database", "table"}) {
    if (flags.GetString(name).empty()) {
      FailWithHint(invocation, fmt::format("must specify '{}'", name));
    }
  }
  const bool has_file = invocation.args.size() > 2;
  if (request.op() == pb::SetSchema) {
    if (!has_file) {
      FailWithHint(invocation, "must sepcify schema file for 'set' operation");
    }
    request.set_schema(ReadNamedFile(invocation.args[2]));
  } else if (has_file) {
    PrintLine(invocation, fmt::format("schema file will be ignored for '{}' operation", word));
  }
  request.set_task(TaskName(invocation.args[1]));
  request.mutable_sources()->Assign(Sources(invocation).begin(), Sources(invocation).end());
  request.set_database(flags.GetString("database"));
  request.set_table(flags.GetString("table"));
  request.set_flush(flags.GetBool("flush"));
  request.set_sync(flags.GetBool("sync"));
  return Send(session, invocation, request);
}

cli::Flag FlushFlag() {
  return {.name = "flush",
          .type = cli::FlagType::kBool,
          .usage = "flush the table info and checkpoint immediately",
          .default_value = "true"};
}

cli::Flag SyncFlag() {
  return {.name = "sync",
          .type = cli::FlagType::kBool,
          .usage =
              "sync the table info to master to resolve shard ddl lock, only for optimistic "
              "mode now",
          .default_value = "true"};
}

cli::Command TableCommand(Session& session, pb::SchemaOp op, const std::string& name,
                          const std::string& brief) {
  return {.use = name + " <task-name> <database> <table>",
          .brief = brief,
          .min_args = 3,
          .wrong_args = cli::WrongArgs::kHelp,
          .run = [&session, op](const cli::Invocation& i) {
            return Send(session, i, TableRequest(i, op));
          }};
}

}  // namespace

std::vector<cli::Command> SchemaCommands(Session& session) {
  std::vector<cli::Command> commands;
  commands.push_back({
      .use = "binlog-schema",
      .brief = "manage or show table schema in schema tracker",
      .children =
          {TableCommand(session, pb::GetSchema, "list", "show table schema structure"),
           {.use = "update <task-name> <database> <table> [schema-file]",
            .brief = "update tables schema structure",
            .flags = {FlushFlag(),
                      SyncFlag(),
                      {.name = "from-source",
                       .type = cli::FlagType::kBool,
                       .usage = "use the schema from upstream database as the schema of "
                                "the specified tables"},
                      {.name = "from-target",
                       .type = cli::FlagType::kBool,
                       .usage = "use the schema from downstream database as the schema of "
                                "the specified tables"}},
            .min_args = 3,
            .wrong_args = cli::WrongArgs::kHelp,
            .run = [&session](const cli::Invocation& i) { return UpdateSchema(session, i); }},
           TableCommand(session, pb::RemoveSchema, "delete", "delete table schema structure")},
  });
  commands.push_back({
      .use = "operate-schema <operate-type> <-s source ...> <task-name | task-file> <-d database> "
             "<-t table> [schema-file] [--flush] [--sync]",
      .brief = "`get`/`set`/`remove` the schema for an upstream table",
      .hidden = true,
      .flags = {{.name = "database", .shorthand = 'd', .usage = "database name of the table"},
                {.name = "table", .shorthand = 't', .usage = "table name"},
                FlushFlag(),
                SyncFlag()},
      .min_args = 2,
      .max_args = 3,
      .run = [&session](const cli::Invocation& i) { return OperateSchema(session, i); },
  });
  return commands;
}

}  // namespace dm::ctl
