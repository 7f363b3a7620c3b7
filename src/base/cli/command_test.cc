#include "base/cli/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace dm::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// A small tree with every property the parser and the help layout know.
class CommandTest : public ::testing::Test {
 protected:
  CommandTest() {
    auto record = [this](const Invocation& invocation) {
      seen_ = invocation.args;
      sources_ = invocation.flags.GetStrings("source");
      called_as_ = invocation.called_as;
      return 0;
    };
    root_.use = "dmctl";
    root_.brief = "DM control";
    root_.run = record;
    root_.flags = {
        {.name = "config", .usage = "Path to config file.", .persistent = true},
        {.name = "rpc-timeout",
         .usage = "RPC timeout, default is 10m.",
         .default_value = "10m",
         .persistent = true},
        {.name = "source",
         .shorthand = 's',
         .type = FlagType::kStrings,
         .usage = "MySQL Source ID.",
         .persistent = true},
        {.name = "version",
         .shorthand = 'V',
         .type = FlagType::kBool,
         .usage = "Prints version and exit.",
         .persistent = true},
    };
    root_.children.push_back({.use = "start-task [-s source ...] [--remove-meta] <config-file>",
                              .brief = "Starts a task as defined in the configuration file",
                              .flags = {{.name = "remove-meta",
                                         .type = FlagType::kBool,
                                         .usage = "whether to remove task's meta data"},
                                        {.name = "start-time", .usage = "specify the start time"}},
                              .min_args = 1,
                              .max_args = 1,
                              .run = record});
    root_.children.push_back({.use = "check-task <config-file> [--error count]",
                              .brief = "Checks the configuration file of the task",
                              .flags = {{.name = "error",
                                         .shorthand = 'e',
                                         .type = FlagType::kInt,
                                         .usage = "max count of errors to display",
                                         .default_value = "10"}},
                              .run = record});
    root_.children.push_back({.use = "encrypt <plain-text>",
                              .brief = "Encrypts plain text to cipher text",
                              .min_args = 1,
                              .max_args = 1,
                              .wrong_args = WrongArgs::kHelp,
                              .run = record});
    root_.children.push_back({.use = "get-config <task | master> <name>",
                              .brief = "Gets the configuration",
                              .aliases = {"get-task-config"},
                              .hidden = true,
                              .run = record});
    root_.children.push_back(
        {.use = "unlock-ddl-lock <lock-ID>", .brief = "Unlocks", .hidden = true, .run = record});
    root_.children.push_back({.use = "help [command]",
                              .brief = "Gets help about any command",
                              .description = "Help provides help for any command.",
                              .run = RunHelpCommand});
    root_.children.push_back(
        {.use = "binlog",
         .brief = "manage or show binlog operations",
         .flags = {{.name = "binlog-pos", .shorthand = 'b', .usage = "pos", .persistent = true}},
         .children = {{.use = "skip <task-name>", .brief = "skip it", .run = record},
                      {.use = "list <task-name>", .brief = "list them", .run = record}}});
  }

  Outcome Run(const std::vector<std::string>& args) {
    out_.str("");
    err_.str("");
    return Execute(root_, args, {&out_, &err_}, [this](const Invocation&) {
      ++before_calls_;
      return std::optional<int>();
    });
  }
  std::string Failure(const std::vector<std::string>& args) {
    return FailureText(root_, Run(args));
  }

  Command root_;
  std::vector<std::string> seen_;
  std::vector<std::string> sources_;
  std::string called_as_;
  int before_calls_ = 0;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(CommandTest, FlagsStandBeforeAndAfterTheCommand) {
  EXPECT_EQ(Run({"-s", "a,b", "--config=x", "start-task", "--remove-meta", "t.yaml", "--source",
                 "c", "-sd", "-s=e"})
                .exit_code,
            0);
  EXPECT_THAT(seen_, ElementsAre("t.yaml"));
  EXPECT_THAT(sources_, ElementsAre("a", "b", "c", "d", "e"));
  EXPECT_EQ(before_calls_, 1);
}

TEST_F(CommandTest, DoubleDashEndsFlags) {
  Run({"start-task", "--", "--remove-meta"});
  EXPECT_THAT(seen_, ElementsAre("--remove-meta"));
}

TEST_F(CommandTest, AliasIsSeen) {
  Run({"get-task-config", "t"});
  EXPECT_EQ(called_as_, "get-task-config");
}

TEST_F(CommandTest, ErrorTexts) {
  EXPECT_EQ(Failure({"nonsense"}),
            "Error: unknown command \"nonsense\" for \"dmctl\"\nRun 'dmctl --help' for usage.\n");
  EXPECT_EQ(Failure({"decrypt", "abc"}),
            "Error: unknown command \"decrypt\" for \"dmctl\"\n\nDid you mean this?\n\tencrypt\n\n"
            "Run 'dmctl --help' for usage.\n");
  EXPECT_EQ(Failure({"start-task", "--nonsense"}), "Error: unknown flag: --nonsense\n");
  EXPECT_EQ(Failure({"--encrypt", "abc"}), "Error: unknown flag: --encrypt\n");
  EXPECT_EQ(Failure({"start-task", "-x"}), "Error: unknown shorthand flag: 'x' in -x\n");
  EXPECT_EQ(Failure({"binlog", "skip", "-b"}), "Error: flag needs an argument: 'b' in -b\n");
  EXPECT_EQ(Failure({"start-task", "--start-time"}),
            "Error: flag needs an argument: --start-time\n");
  EXPECT_EQ(
      Failure({"start-task", "--remove-meta=abc", "x.yaml"}),
      "Error: invalid argument \"abc\" for \"--remove-meta\" flag: strconv.ParseBool: parsing "
      "\"abc\": invalid syntax\n");
  EXPECT_EQ(Failure({"check-task", "-e", "abc", "x.yaml"}),
            "Error: invalid argument \"abc\" for \"-e, --error\" flag: strconv.ParseInt: parsing "
            "\"abc\": invalid syntax\n");
  EXPECT_EQ(before_calls_, 0);
}

TEST_F(CommandTest, WrongNumberOfWords) {
  Outcome usage = Run({"start-task"});
  EXPECT_EQ(usage.exit_code, 1);
  EXPECT_EQ(FailureText(root_, usage), "Error: please check output to see error\n");
  EXPECT_THAT(out_.str(), StartsWith("Usage:\n  dmctl start-task "));
  Outcome help = Run({"encrypt"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_THAT(out_.str(), StartsWith("Encrypts plain text to cipher text\n\nUsage:\n"));
}

TEST_F(CommandTest, GroupPrintsHelpWhateverFollows) {
  Outcome outcome = Run({"binlog", "nonsense"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(before_calls_, 0);
  EXPECT_EQ(out_.str(),
            "manage or show binlog operations\n"
            "\n"
            "Usage:\n"
            "  dmctl binlog [command]\n"
            "\n"
            "Available Commands:\n"
            "  list        list them\n"
            "  skip        skip it\n"
            "\n"
            "Flags:\n"
            "  -b, --binlog-pos string   pos\n"
            "  -h, --help                help for binlog\n"
            "\n"
            "Global Flags:\n"
            "      --config string        Path to config file.\n"
            "      --rpc-timeout string   RPC timeout, default is 10m. (default \"10m\")\n"
            "  -s, --source strings       MySQL Source ID.\n"
            "  -V, --version              Prints version and exit.\n"
            "\n"
            "Use \"dmctl binlog [command] --help\" for more information about a command.\n");
}

TEST_F(CommandTest, RootHelp) {
  Run({"--help"});
  EXPECT_EQ(out_.str(),
            "DM control\n"
            "\n"
            "Usage:\n"
            "  dmctl [flags]\n"
            "  dmctl [command]\n"
            "\n"
            "Available Commands:\n"
            "  binlog          manage or show binlog operations\n"
            "  check-task      Checks the configuration file of the task\n"
            "  encrypt         Encrypts plain text to cipher text\n"
            "  help            Gets help about any command\n"
            "  start-task      Starts a task as defined in the configuration file\n"
            "\n"
            "Flags:\n"
            "      --config string        Path to config file.\n"
            "  -h, --help                 help for dmctl\n"
            "      --rpc-timeout string   RPC timeout, default is 10m. (default \"10m\")\n"
            "  -s, --source strings       MySQL Source ID.\n"
            "  -V, --version              Prints version and exit.\n"
            "\n"
            "Use \"dmctl [command] --help\" for more information about a command.\n");
}

TEST_F(CommandTest, HelpOfACommand) {
  Run({"get-config", "--help"});
  EXPECT_EQ(out_.str(),
            "Gets the configuration\n"
            "\n"
            "Usage:\n"
            "  dmctl get-config <task | master> <name> [flags]\n"
            "\n"
            "Aliases:\n"
            "  get-config, get-task-config\n"
            "\n"
            "Flags:\n"
            "  -h, --help   help for get-config\n"
            "\n"
            "Global Flags:\n"
            "      --config string        Path to config file.\n"
            "      --rpc-timeout string   RPC timeout, default is 10m. (default \"10m\")\n"
            "  -s, --source strings       MySQL Source ID.\n"
            "  -V, --version              Prints version and exit.\n");
  Run({"check-task", "-h"});
  EXPECT_THAT(out_.str(),
              HasSubstr("Flags:\n  -e, --error int   max count of errors to display (default 10)\n"
                        "  -h, --help        help for check-task\n"));
}

TEST_F(CommandTest, HelpCommand) {
  Run({"help", "encrypt"});
  EXPECT_THAT(out_.str(), StartsWith("Encrypts plain text to cipher text\n\nUsage:\n"));
  EXPECT_EQ(Run({"help", "nonsense"}).exit_code, 0);
  EXPECT_EQ(out_.str(), "");
  EXPECT_THAT(err_.str(), StartsWith("Unknown help topic [`nonsense`]\nUsage:\n  dmctl [flags]\n"));
  EXPECT_THAT(err_.str(), Not(HasSubstr("--help  ")));
}

TEST_F(CommandTest, BeforeMayEndTheExecution) {
  Outcome outcome = Execute(root_, {"start-task", "-V"}, {&out_, &err_}, [](const Invocation& i) {
    return i.flags.GetBool("version") ? std::optional<int>(0) : std::nullopt;
  });
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(out_.str(), "");
}

std::optional<std::vector<std::string>> Words(std::string_view line) {
  const auto split = SplitLine(line);
  if (!split) return std::nullopt;
  std::vector<std::string> words;
  for (const LineWord& word : *split) words.push_back(word.word);
  return words;
}

TEST(SplitLineTest, FollowsTheShell) {
  EXPECT_THAT(*Words("  binlog replace t \"alter table `d`.t\" 'a b'c # rest"),
              ElementsAre("binlog", "replace", "t", "alter table `d`.t", "a bc"));
  EXPECT_THAT(*Words("a\\ b '' x#y"), ElementsAre("a b", "", "x#y"));
  EXPECT_THAT(*Words(""), ElementsAre());
  EXPECT_FALSE(Words("query-status 'unbalanced"));
  EXPECT_FALSE(Words("end\\"));
}

TEST(CsvTest, QuotesAndFaults) {
  EXPECT_THAT(ParseCsvRecord("a,\"b,\"\"c\",,d"), ElementsAre("a", "b,\"c", "", "d"));
  EXPECT_THAT(ParseCsvRecord(""), ElementsAre());
  EXPECT_THROW(ParseCsvRecord("a\"b"), CommandError);
  EXPECT_THROW(ParseCsvRecord("\"a"), CommandError);
}

}  // namespace
}  // namespace dm::cli
