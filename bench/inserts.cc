// Inserts rows of a sysbench table in one of several ways; what the server needs for it is measured
// from outside (floor.py).
//   bench_inserts PORT USER PASSWORD METHOD CONNECTIONS ROWS_A_STATEMENT ROWS_A_COMMIT ROWS ORDER
//   [SETUP]
// METHOD: text (INSERT ... VALUES), packet (the same, BEGIN to COMMIT in one packet), execute
// (prepared, a marker per value), bulk (MariaDB's bulk execution), load (LOAD DATA LOCAL). ORDER:
// next (connections take turns at the right edge of the table), apart (each has a range of its
// own), shuffled (as next, rows of a statement in no order). Prints the seconds that it took, and
// those of its own CPU.
#include <fmt/format.h>
#include <mysql.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

constexpr size_t kDigits = 120;
constexpr size_t kPad = 60;

struct Options {
  unsigned port = 0;
  std::string user, password, method;
  size_t connections = 1, rows_a_statement = 100, rows_a_commit = 1000, rows = 0;
  std::string order;
  std::string setup;
};

[[noreturn]] void Die(std::string_view what, MYSQL* mysql) {
  fmt::print(stderr, "{}: {}\n", what, mysql == nullptr ? "" : mysql_error(mysql));
  std::exit(1);
}

struct Row {
  int32_t id = 0;
  int32_t k = 0;
};

// Text of digits that begin elsewhere for each row.
std::string_view Digits(const Row& row, size_t size) {
  static const std::string digits = [] {
    std::string text;
    std::mt19937 random(1);
    while (text.size() < 4096) text += fmt::format("{:010}-", random());
    return text;
  }();
  return std::string_view(digits).substr(static_cast<uint32_t>(row.k) % 3000, size);
}

// A file of LOAD DATA that is in memory.
struct File {
  std::string text;
  size_t read = 0;
};

class Client {
 public:
  Client(const Options& options, std::atomic<size_t>& next, size_t number)
      : options_(options), next_(next), number_(number), mysql_(mysql_init(nullptr)) {
    const unsigned on = 1;
    mysql_optionsv(mysql_, MYSQL_OPT_LOCAL_INFILE, &on);
    if (mysql_real_connect(mysql_, "127.0.0.1", options.user.c_str(), options.password.c_str(),
                           "sbtest", options.port, nullptr,
                           CLIENT_MULTI_STATEMENTS | CLIENT_MULTI_RESULTS) == nullptr) {
      Die("connect", mysql_);
    }
    if (!options.setup.empty()) Execute(options.setup);
    mysql_set_local_infile_handler(mysql_, Open, Read, Close, Problem, &file_);
    if (options.method == "execute" || options.method == "bulk") Prepare();
  }

  ~Client() { mysql_close(mysql_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void Run() {
    const size_t share = options_.rows / options_.connections;
    size_t done = 0;
    for (;;) {
      size_t begin = 0;
      if (options_.order == "apart") {
        if (done >= share) return;
        begin = number_ * share + done;
        done += options_.rows_a_commit;
      } else {
        begin = next_.fetch_add(options_.rows_a_commit);
        if (begin >= options_.rows) return;
      }
      Commit(begin);
    }
  }

 private:
  static int Open(void** out, const char*, void* file) {
    *out = file;
    return 0;
  }
  static int Read(void* out, char* buffer, unsigned size) {
    File* file = static_cast<File*>(out);
    const size_t count = std::min<size_t>(size, file->text.size() - file->read);
    std::memcpy(buffer, file->text.data() + file->read, count);
    file->read += count;
    return static_cast<int>(count);
  }
  static void Close(void*) {}
  static int Problem(void*, char*, unsigned) { return 1; }

  void Execute(std::string_view sql) {
    if (mysql_real_query(mysql_, sql.data(), sql.size()) != 0) Die(sql.substr(0, 100), mysql_);
    while (mysql_more_results(mysql_)) {
      if (mysql_next_result(mysql_) > 0) Die("next result", mysql_);
    }
  }

  void Prepare() {
    statement_ = mysql_stmt_init(mysql_);
    std::string sql = "INSERT INTO sbtest.bulk (id, k, c, pad) VALUES (?,?,?,?)";
    if (options_.method == "execute") {
      for (size_t i = 1; i < options_.rows_a_statement; ++i) sql += ",(?,?,?,?)";
    }
    if (mysql_stmt_prepare(statement_, sql.data(), sql.size()) != 0) Die("prepare", mysql_);
  }

  void MakeRows(size_t begin) {
    rows_.resize(options_.rows_a_statement);
    for (size_t i = 0; i < rows_.size(); ++i) {
      const size_t id = begin + i + 1;
      rows_[i] = {static_cast<int32_t>(id), static_cast<int32_t>(id * 2654435761U % 1000003)};
    }
    if (options_.order == "shuffled") std::shuffle(rows_.begin(), rows_.end(), std::mt19937(7));
  }

  void AppendText(std::string& sql) {
    sql += "INSERT INTO `sbtest`.`bulk` (`id`,`k`,`c`,`pad`) VALUES ";
    for (size_t i = 0; i < rows_.size(); ++i) {
      fmt::format_to(std::back_inserter(sql), "{}({},{},'{}','{}')", i == 0 ? "" : ",", rows_[i].id,
                     rows_[i].k, Digits(rows_[i], kDigits), Digits(rows_[i], kPad));
    }
  }

  void Commit(size_t begin) {
    const size_t end = begin + options_.rows_a_commit;
    if (options_.method == "packet") {
      text_ = "BEGIN";
      for (; begin < end; begin += options_.rows_a_statement) {
        MakeRows(begin);
        text_ += ';';
        AppendText(text_);
      }
      text_ += ";COMMIT";
      Execute(text_);
      return;
    }
    Execute("BEGIN");
    for (; begin < end; begin += options_.rows_a_statement) {
      MakeRows(begin);
      if (options_.method == "text") {
        text_.clear();
        AppendText(text_);
        Execute(text_);
      } else if (options_.method == "load") {
        file_ = {};
        for (const Row& row : rows_) {
          fmt::format_to(std::back_inserter(file_.text), "{}\t{}\t{}\t{}\n", row.id, row.k,
                         Digits(row, kDigits), Digits(row, kPad));
        }
        Execute(
            "LOAD DATA LOCAL INFILE 'x' INTO TABLE sbtest.bulk CHARACTER SET binary (id, k, c, "
            "pad)");
      } else if (options_.method == "execute") {
        ExecuteMarkers();
      } else {
        ExecuteBulk();
      }
    }
    Execute("COMMIT");
  }

  static MYSQL_BIND Number(int32_t* value) {
    MYSQL_BIND bind;
    std::memset(&bind, 0, sizeof(bind));
    bind.buffer_type = MYSQL_TYPE_LONG;
    bind.buffer = value;
    return bind;
  }

  static MYSQL_BIND Text(std::string_view text, unsigned long* size) {
    *size = text.size();
    MYSQL_BIND bind;
    std::memset(&bind, 0, sizeof(bind));
    bind.buffer_type = MYSQL_TYPE_STRING;
    bind.buffer = const_cast<char*>(text.data());
    bind.buffer_length = text.size();
    bind.length = size;
    return bind;
  }

  void ExecuteMarkers() {
    std::vector<MYSQL_BIND> binds;
    std::vector<unsigned long> sizes(2);
    for (Row& row : rows_) {
      binds.push_back(Number(&row.id));
      binds.push_back(Number(&row.k));
      binds.push_back(Text(Digits(row, kDigits), &sizes[0]));
      binds.push_back(Text(Digits(row, kPad), &sizes[1]));
    }
    mysql_stmt_bind_param(statement_, binds.data());
    if (mysql_stmt_execute(statement_) != 0) Die(mysql_stmt_error(statement_), nullptr);
  }

  void ExecuteBulk() {
    std::vector<int32_t> ids, ks;
    std::vector<const char*> digits, pads;
    std::vector<unsigned long> digit_sizes(rows_.size(), kDigits), pad_sizes(rows_.size(), kPad);
    for (const Row& row : rows_) {
      ids.push_back(row.id);
      ks.push_back(row.k);
      digits.push_back(Digits(row, kDigits).data());
      pads.push_back(Digits(row, kPad).data());
    }
    MYSQL_BIND binds[4];
    std::memset(binds, 0, sizeof(binds));
    binds[0].buffer_type = binds[1].buffer_type = MYSQL_TYPE_LONG;
    binds[0].buffer = ids.data();
    binds[1].buffer = ks.data();
    binds[2].buffer_type = binds[3].buffer_type = MYSQL_TYPE_STRING;
    binds[2].buffer = digits.data();
    binds[2].length = digit_sizes.data();
    binds[3].buffer = pads.data();
    binds[3].length = pad_sizes.data();
    const auto count = static_cast<unsigned>(rows_.size());
    mysql_stmt_attr_set(statement_, STMT_ATTR_ARRAY_SIZE, &count);
    mysql_stmt_bind_param(statement_, binds);
    if (mysql_stmt_execute(statement_) != 0) Die(mysql_stmt_error(statement_), nullptr);
  }

  const Options& options_;
  std::atomic<size_t>& next_;
  const size_t number_;
  MYSQL* mysql_;
  MYSQL_STMT* statement_ = nullptr;
  File file_;
  std::vector<Row> rows_;
  std::string text_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 10) {
    fmt::print(stderr, "see the head of bench/inserts.cc\n");
    return 2;
  }
  Options options;
  options.port = static_cast<unsigned>(std::atoi(argv[1]));
  options.user = argv[2];
  options.password = argv[3];
  options.method = argv[4];
  options.connections = std::strtoul(argv[5], nullptr, 10);
  options.rows_a_statement = std::strtoul(argv[6], nullptr, 10);
  options.rows_a_commit = std::strtoul(argv[7], nullptr, 10);
  options.rows = std::strtoul(argv[8], nullptr, 10);
  options.order = argv[9];
  if (argc > 10) options.setup = argv[10];
  mysql_server_init(0, nullptr, nullptr);
  std::atomic<size_t> next{0};
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (size_t i = 0; i < options.connections; ++i) {
    threads.emplace_back([&, i] {
      Client(options, next, i).Run();
      mysql_thread_end();
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  fmt::print("{:.3f} {:.3f}\n", took.count(), seconds(usage.ru_utime) + seconds(usage.ru_stime));
}
