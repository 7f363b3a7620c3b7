#include "cluster/etcd/supervised.h"

#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <vector>

#include "base/error/error.h"
#include "base/error/system_error.h"
#include "base/io/file.h"
#include "base/log/log.h"
#include "etcd/rpc.grpc.pb.h"

extern char** environ;

namespace dm::cluster {
namespace {

constexpr Milliseconds kStartLimit{10'000};
constexpr Milliseconds kReadyPoll{50};
constexpr Milliseconds kStopLimit{15'000};
constexpr Milliseconds kStaleStopLimit{5'000};
constexpr Milliseconds kLockLimit{3'000};
// Before the child is started again after its first, second, third death in the window. The fourth
// one ends it.
constexpr std::array<Milliseconds, 3> kRestartPauses = {Milliseconds(500), Milliseconds(1'000),
                                                        Milliseconds(2'000)};
constexpr Milliseconds kDeathWindow{60'000};
// How often it is looked whether the directory is still the one that the child works on, and how
// often it is told that it is not.
constexpr Milliseconds kDirectoryCheck{2'000};
constexpr Milliseconds kDirectoryLogPause{60'000};
constexpr unsigned kPrivateFile = 0600;
// The only form that etcd 3.4 takes: it makes a socket of this name in its working directory.
constexpr char kListenUrl[] = "unix://client:0";
constexpr char kSocketName[] = "client:0";

Error StartError(const std::string& text) {
  return MakeError(ErrorCode::kMasterStartEmbedEtcdFail).SetRawCause(text);
}

Error StartErrno(const std::string& what) {
  return StartError(fmt::format("{}: {}", what, strerror(errno)));
}

class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    Close();
    fd_ = std::exchange(other.fd_, -1);
    return *this;
  }
  ~Fd() { Close(); }
  int get() const { return fd_; }
  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

// The process `pid` is an etcd that works on `data_dir`. False for a process that has ended but was
// not collected by its parent yet.
bool IsEtcdOf(pid_t pid, const std::string& data_dir) {
  char exe[4096];
  const ssize_t n = readlink(fmt::format("/proc/{}/exe", pid).c_str(), exe, sizeof exe - 1);
  if (n <= 0) return false;
  std::string_view name(exe, static_cast<size_t>(n));
  name.remove_prefix(name.rfind('/') + 1);
  if (!name.starts_with("etcd")) return false;
  std::ifstream file(fmt::format("/proc/{}/cmdline", pid), std::ios::binary);
  const std::string command((std::istreambuf_iterator<char>(file)), {});
  return command.find('\0' + data_dir + '\0') != std::string::npos;
}

// Ends an etcd that a killed predecessor of this process left on the directory.
void EndStaleChild(const std::string& pid_file, const std::string& data_dir,
                   const StopToken& stop) {
  pid_t pid = 0;
  std::ifstream(pid_file) >> pid;
  if (pid <= 1 || !IsEtcdOf(pid, data_dir)) return;
  Log().Warn("ending the etcd process that a former dm-master left", {F("pid", pid)});
  kill(pid, SIGTERM);
  const auto hard = SteadyClock::now() + kStaleStopLimit;
  bool killed = false;
  while (IsEtcdOf(pid, data_dir)) {
    if (!killed && SteadyClock::now() > hard) {
      kill(pid, SIGKILL);
      killed = true;
    }
    if (killed && SteadyClock::now() > hard + kStaleStopLimit) {
      throw StartError(fmt::format("process {} keeps the data directory and cannot be ended", pid));
    }
    WaitFor(Milliseconds(20), stop);
  }
}

bool Contains(const std::string& path, std::string_view text) {
  std::ifstream file(path, std::ios::binary);
  std::string window;
  std::vector<char> chunk(1 << 20);
  while (file.read(chunk.data(), static_cast<std::streamsize>(chunk.size())), file.gcount() > 0) {
    window.append(chunk.data(), static_cast<size_t>(file.gcount()));
    if (window.find(text) != std::string::npos) return true;
    if (window.size() > text.size()) window.erase(0, window.size() - text.size());
  }
  return false;
}

// Whether the directory holds a member's data. Throws if it holds only half of them: etcd would
// begin a new log over the old database and accept no write, or lose some.
bool CheckData(const EtcdServerConfig& config) {
  const std::string log = config.data_dir + "/member/wal";
  const std::string database = config.data_dir + "/member/snap/db";
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(log, none)) {
    if (entry.path().extension() == ".wal") return true;
  }
  // A first start that was interrupted leaves a database, too, but nothing of a cluster in it.
  if (config.mark_of_use.empty() || !Contains(database, config.mark_of_use)) return false;
  throw StartError(fmt::format("data directory {0} holds a database (member/snap/db) but not its "
                               "log (member/wal)",
                               config.data_dir))
      .SetWorkaround(fmt::format(
          "Please restore {0}/member from a backup. Without one: a member of a larger cluster is "
          "taken out at another dm-master (`offline-member --master`) and comes back with an empty "
          "directory; a single dm-master starts anew with an empty directory: restart every "
          "dm-worker then, since they make themselves known when they start, and import exported "
          "configurations (`config import`).",
          config.data_dir));
}

// A file as the system knows it, whatever name it has.
struct Identity {
  dev_t device = 0;
  ino_t number = 0;
  bool operator==(const Identity&) const = default;
};

// All zeros if there is no such file.
Identity IdentityOf(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return {};
  return {info.st_dev, info.st_ino};
}

// Files of TLS material that was given by content, in the child's directory.
constexpr const char* kPeerCa = "peer-ca.pem";
constexpr const char* kPeerCert = "peer-cert.pem";
constexpr const char* kPeerKey = "peer-key.pem";

// The path of one part of the peers' TLS material, absolute: the child has another directory.
std::string PeerFile(const EtcdServerConfig& config, std::string TlsOptions::*content,
                     std::string TlsOptions::*path, const char* name) {
  const std::string& given = config.peer_tls.*path;
  if (!given.empty()) return std::filesystem::absolute(given).string();
  return (config.peer_tls.*content).empty() ? "" : config.data_dir + "/run/" + name;
}

std::vector<std::string> ArgumentsOf(const EtcdServerConfig& config, bool has_data) {
  std::vector<std::string> args = {config.binary,
                                   "--name",
                                   config.name,
                                   "--data-dir",
                                   config.data_dir,
                                   "--listen-peer-urls",
                                   config.listen_peer_urls,
                                   "--initial-advertise-peer-urls",
                                   config.advertise_peer_urls,
                                   "--listen-client-urls",
                                   kListenUrl,
                                   "--advertise-client-urls",
                                   config.advertise_client_urls,
                                   "--initial-cluster-state",
                                   config.initial_cluster_state,
                                   "--auto-compaction-mode",
                                   config.auto_compaction_mode,
                                   "--auto-compaction-retention",
                                   config.auto_compaction_retention,
                                   "--quota-backend-bytes",
                                   std::to_string(config.quota_backend_bytes),
                                   "--max-txn-ops",
                                   std::to_string(config.max_txn_ops),
                                   "--max-request-bytes",
                                   std::to_string(config.max_request_bytes),
                                   "--heartbeat-interval",
                                   std::to_string(config.heartbeat.count()),
                                   "--election-timeout",
                                   std::to_string(config.election_timeout.count()),
                                   "--strict-reconfig-check=true",
                                   "--pre-vote=true",
                                   "--enable-grpc-gateway=false",
                                   "--logger",
                                   "zap",
                                   "--log-outputs",
                                   "stderr",
                                   "--log-level",
                                   config.log_level};
  if (!has_data) {
    args.push_back("--initial-cluster");
    args.push_back(config.initial_cluster);
  }
  if (config.peer_tls.has_ca()) {
    args.insert(
        args.end(),
        {"--peer-client-cert-auth=true", "--peer-trusted-ca-file",
         PeerFile(config, &TlsOptions::ca, &TlsOptions::ca_path, kPeerCa), "--peer-cert-file",
         PeerFile(config, &TlsOptions::cert, &TlsOptions::cert_path, kPeerCert), "--peer-key-file",
         PeerFile(config, &TlsOptions::key, &TlsOptions::key_path, kPeerKey)});
    if (!config.peer_tls.allowed_common_names.empty()) {
      args.push_back("--peer-cert-allowed-cn");
      args.push_back(config.peer_tls.allowed_common_names.front());
    }
  }
  return args;
}

// Without variables that would silently change etcd's behaviour.
std::vector<std::string> Environment() {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (text.starts_with("ETCD_") && !text.starts_with("ETCD_UNSUPPORTED_ARCH=")) continue;
    out.emplace_back(text);
  }
  return out;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (std::string& text : strings) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace

class SupervisedEtcd::Impl {
 public:
  Impl(EtcdServerConfig config, const StopToken& stop) : config_(std::move(config)) {
    if (config_.binary.empty()) {
      const char* binary = getenv("DM_ETCD_BINARY");
      config_.binary = binary != nullptr && *binary != '\0' ? binary : "/usr/bin/etcd";
    }
    run_dir_path_ = config_.data_dir + "/run";
    PrepareDirectory(stop);
    EndStaleChild(PidFile(), config_.data_dir, stop);
    has_data_ = CheckData(config_);
    WritePeerFiles();
    unlinkat(run_dir_.get(), kSocketName, 0);
    supervisor_ = std::jthread([this] { Supervise(); });
    try {
      WaitReady(stop);
    } catch (...) {
      Stop();
      throw;
    }
    std::lock_guard lock(mutex_);
    directories_ = Directories();
    serving_ = true;
  }

  ~Impl() { Stop(); }

  std::string endpoint() const {
    // The path of a socket is limited to 108 bytes, that of the data directory is not.
    return fmt::format("unix:/proc/self/fd/{}/{}", run_dir_.get(), kSocketName);
  }

  StopToken exited() const { return exited_.get_token(); }

  Exit exit() const {
    std::lock_guard lock(mutex_);
    return exit_;
  }

  void Stop() noexcept {
    {
      std::unique_lock lock(mutex_);
      asked_ = true;
      changed_.notify_all();
      if (pid_ > 0) {
        kill(pid_, SIGTERM);
        changed_.wait_for(lock, kStopLimit, [this] { return ended_; });
        if (!ended_ && pid_ > 0) {
          Log().Warn("etcd does not end, killing it", {F("pid", pid_)});
          kill(pid_, SIGKILL);
        }
      }
    }
    if (supervisor_.joinable()) supervisor_.join();
  }

 private:
  std::string PidFile() const { return run_dir_path_ + "/pid"; }

  void PrepareDirectory(const StopToken& stop) {
    MakeDirectories(config_.data_dir);
    if (mkdir(run_dir_path_.c_str(), 0700) != 0 && errno != EEXIST) {
      throw StartErrno("create " + run_dir_path_);
    }
    run_dir_ = Fd(open(run_dir_path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (run_dir_.get() < 0) throw StartErrno("open " + run_dir_path_);
    struct stat info {};
    if (fstat(run_dir_.get(), &info) != 0) throw StartErrno("stat " + run_dir_path_);
    if (info.st_uid != geteuid()) {
      throw StartError(run_dir_path_ + " belongs to another user");
    }
    if (fchmod(run_dir_.get(), 0700) != 0) throw StartErrno("chmod " + run_dir_path_);
    lock_ = Fd(openat(run_dir_.get(), "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (lock_.get() < 0) throw StartErrno("open " + run_dir_path_ + "/lock");
    // A predecessor that was just killed may take a moment to vanish.
    const auto end = SteadyClock::now() + kLockLimit;
    while (flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
      if (SteadyClock::now() > end) {
        throw StartError(
            fmt::format("data directory {} is in use by another dm-master", config_.data_dir));
      }
      WaitFor(Milliseconds(50), stop);
    }
  }

  // The directory is open to this user alone.
  void WritePeerFiles() const {
    const TlsOptions& tls = config_.peer_tls;
    if (!tls.has_ca()) return;
    const auto write = [this](const std::string& path, const std::string& content,
                              const char* name) {
      if (path.empty() && !content.empty()) {
        WriteFile(run_dir_path_ + "/" + name, content, kPrivateFile);
      }
    };
    try {
      write(tls.ca_path, tls.ca, kPeerCa);
      write(tls.cert_path, tls.cert, kPeerCert);
      write(tls.key_path, tls.key, kPeerKey);
    } catch (const SystemError& e) {
      throw StartError(e.what());
    }
  }

  static void MakeDirectories(const std::string& path) {
    for (size_t end = 1; end != std::string::npos;) {
      end = path.find('/', end + 1);
      const std::string part = path.substr(0, end);
      if (mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) throw StartErrno("create " + part);
    }
  }

  // The thread that the child's life is bound to: it ends after the child.
  void Supervise() {
    std::deque<SteadyClock::time_point> deaths;
    do {
      RunChild();
    } while (AwaitRestart(deaths));
    {
      std::lock_guard lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
    exited_.request_stop();
  }

  // From the start of a child to its end, of which exit_ tells then.
  void RunChild() {
    {
      std::lock_guard lock(mutex_);
      last_log_.clear();
    }
    std::optional<Fd> log = Spawn();
    if (log) ForwardLog(log->get());
    std::unique_lock lock(mutex_);
    if (pid_ > 0) {
      const pid_t pid = pid_;
      lock.unlock();
      // Its id stays its own until nobody can signal it any more.
      siginfo_t info;
      while (waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) < 0 &&
             errno == EINTR) {
      }
      lock.lock();
      int status = 0;
      while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
      }
      pid_ = 0;
      exit_.by_signal = WIFSIGNALED(status);
      exit_.code = exit_.by_signal ? WTERMSIG(status) : WEXITSTATUS(status);
    } else {
      exit_.by_signal = false;
      exit_.code = 127;
    }
    exit_.unexpected = !asked_;
    exit_.last_log = last_log_;
    unlinkat(run_dir_.get(), "pid", 0);
    unlinkat(run_dir_.get(), kSocketName, 0);
  }

  // Called when a child has ended. False: there shall be no other one.
  bool AwaitRestart(std::deque<SteadyClock::time_point>& deaths) {
    std::unique_lock lock(mutex_);
    if (!serving_ || asked_ || exit_.removed_from_cluster()) return false;
    const auto now = SteadyClock::now();
    deaths.push_back(now);
    while (now - deaths.front() > kDeathWindow) deaths.pop_front();
    exit_.deaths = static_cast<int>(deaths.size());
    if (deaths.size() > kRestartPauses.size()) return false;
    const Milliseconds pause = kRestartPauses[deaths.size() - 1];
    Log().Error("etcd ended by itself, starting it again",
                {F("ended by", exit_.by_signal ? "signal" : "exit code"), F("number", exit_.code),
                 F("last error", exit_.last_log), F("times in the last minute", exit_.deaths),
                 F("pause in ms", pause.count())});
    if (changed_.wait_for(lock, pause, [this] { return asked_; })) {
      exit_.unexpected = false;
      return false;
    }
    try {
      if (Directories() == directories_ && CheckData(config_)) {
        has_data_ = true;
        return true;
      }
      exit_.last_log = DirectoryLost();
    } catch (const Error& e) {
      exit_.last_log = e.ToString();
    }
    return false;
  }

  // What the child holds open.
  std::array<Identity, 3> Directories() const {
    return {IdentityOf(run_dir_path_), IdentityOf(config_.data_dir + "/member/wal"),
            IdentityOf(config_.data_dir + "/member/snap")};
  }

  std::string DirectoryLost() const {
    return fmt::format("data directory {} was removed or replaced while it was in use",
                       config_.data_dir);
  }

  // The child goes on with what it holds open, and all of it is lost when it ends.
  void CheckDirectory() {
    {
      std::lock_guard lock(mutex_);
      if (!serving_ || Directories() == directories_) return;
    }
    const auto now = SteadyClock::now();
    if (directory_told_ && now - *directory_told_ < kDirectoryLogPause) return;
    directory_told_ = now;
    Log().Error(DirectoryLost() +
                ": sources and tasks are lost when this process ends. Save them now (`config "
                "export`), then stop dm-master, and put the directory back from a backup, or begin "
                "with an empty one: restart every dm-worker then and bring the configurations back "
                "(`config import`).");
  }

  // Starts the process; answers the end of the pipe that its log comes through, nullopt if it could
  // not be started (last_log_ says why).
  std::optional<Fd> Spawn() {
    std::vector<std::string> args = ArgumentsOf(config_, has_data_);
    std::vector<std::string> environment = Environment();
    const std::vector<char*> argv = Pointers(args);
    const std::vector<char*> envp = Pointers(environment);
    int log_pipe[2];
    int error_pipe[2];
    if (pipe2(log_pipe, O_CLOEXEC) != 0) {
      last_log_ = fmt::format("pipe: {}", strerror(errno));
      return std::nullopt;
    }
    Fd log_read(log_pipe[0]), log_write(log_pipe[1]);
    if (pipe2(error_pipe, O_CLOEXEC) != 0) {
      last_log_ = fmt::format("pipe: {}", strerror(errno));
      return std::nullopt;
    }
    Fd error_read(error_pipe[0]), error_write(error_pipe[1]);
    Fd null(open("/dev/null", O_RDWR | O_CLOEXEC));
    const pid_t parent = getpid();
    // Held so that Stop does not miss the child.
    std::lock_guard lock(mutex_);
    if (asked_) {
      last_log_ = "stopped before the start";
      return std::nullopt;
    }
    const pid_t pid = fork();
    if (pid == 0) {
      // Only calls that are safe after fork in a program with threads.
      setpgid(0, 0);
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != parent) _exit(126);
      sigset_t none;
      sigemptyset(&none);
      sigprocmask(SIG_SETMASK, &none, nullptr);
      for (int sig : {SIGPIPE, SIGHUP, SIGINT, SIGTERM, SIGQUIT}) signal(sig, SIG_DFL);
      int failed = 0;
      if (dup2(null.get(), 0) < 0 || dup2(null.get(), 1) < 0 || dup2(log_write.get(), 2) < 0 ||
          fchdir(run_dir_.get()) != 0) {
        failed = errno;
      } else {
        // The error pipe stays open until exec.
        const int keep = error_write.get();
        if (keep > 3) close_range(3, static_cast<unsigned>(keep) - 1, 0);
        close_range(static_cast<unsigned>(keep) + 1, ~0U, 0);
        execve(argv[0], argv.data(), envp.data());
        failed = errno;
      }
      (void)!write(error_write.get(), &failed, sizeof failed);
      _exit(127);
    }
    if (pid < 0) {
      last_log_ = fmt::format("fork: {}", strerror(errno));
      return std::nullopt;
    }
    pid_ = pid;
    log_write.Close();
    error_write.Close();
    int failed = 0;
    if (read(error_read.get(), &failed, sizeof failed) == sizeof failed) {
      last_log_ = fmt::format("{}: {}", config_.binary, strerror(failed));
    }
    std::ofstream(PidFile(), std::ios::trunc) << pid << '\n';
    Log().Info("started etcd", {F("pid", pid), F("data-dir", config_.data_dir)});
    return log_read;
  }

  // Copies the child's messages into this process's log until it ends.
  void ForwardLog(int fd) {
    std::string pending;
    char buffer[4096];
    auto next_check = SteadyClock::now() + kDirectoryCheck;
    while (true) {
      pollfd readable{fd, POLLIN, 0};
      const int ready = poll(&readable, 1, static_cast<int>(kDirectoryCheck.count()));
      if (SteadyClock::now() >= next_check) {
        CheckDirectory();
        next_check = SteadyClock::now() + kDirectoryCheck;
      }
      if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
      const ssize_t n = read(fd, buffer, sizeof buffer);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) break;
      pending.append(buffer, static_cast<size_t>(n));
      size_t begin = 0;
      for (size_t end; (end = pending.find('\n', begin)) != std::string::npos; begin = end + 1) {
        ForwardLine(pending.substr(begin, end - begin));
      }
      pending.erase(0, begin);
    }
    if (!pending.empty()) ForwardLine(pending);
  }

  void ForwardLine(const std::string& line) {
    static const Logger logger = Log().With({F("component", "embed etcd")});
    nlohmann::ordered_json json =
        nlohmann::ordered_json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) {
      if (!line.empty()) {
        logger.Warn(line);
        // Behind what it said last come the lines of a stack.
        std::lock_guard lock(mutex_);
        if (last_log_.empty()) last_log_ = line;
      }
      return;
    }
    const auto text = [&json](const char* name) {
      const auto it = json.find(name);
      return it != json.end() && it->is_string() ? it->get<std::string>() : std::string();
    };
    const std::string level = text("level");
    const std::string message = text("msg");
    const std::string cause = text("error");
    for (const char* known : {"level", "ts", "caller", "msg", "stacktrace"}) json.erase(known);
    const auto handler = nlohmann::ordered_json::error_handler_t::replace;
    const std::string detail = json.empty() ? "" : json.dump(-1, ' ', false, handler);
    if (level == "debug") {
      logger.Debug(message, {F("detail", detail)});
    } else if (level == "info" || level.empty()) {
      logger.Info(message, {F("detail", detail)});
    } else if (level == "warn") {
      logger.Warn(message, {F("detail", detail)});
      std::lock_guard lock(mutex_);
      last_warning_ = cause.empty() ? message : fmt::format("{}: {}", message, cause);
    } else {
      logger.Error(message, {F("detail", detail)});
      std::lock_guard lock(mutex_);
      last_log_ = cause.empty() ? message : fmt::format("{}: {}", message, cause);
    }
  }

  void WaitReady(const StopToken& stop) {
    const auto end = SteadyClock::now() + kStartLimit;
    grpc::ChannelArguments channel_args;
    channel_args.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");
    channel_args.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
    channel_args.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 2'000);
    channel_args.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 50);
    channel_args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    auto stub = etcdserverpb::Maintenance::NewStub(
        grpc::CreateCustomChannel(endpoint(), grpc::InsecureChannelCredentials(), channel_args));
    while (true) {
      if (exited().stop_requested()) throw EndedAtStart();
      grpc::ClientContext context;
      context.set_deadline(std::chrono::system_clock::now() + Milliseconds(500));
      // Drives the connection while it is being made.
      context.set_wait_for_ready(true);
      StopCallback on_stop(stop, [&context] { context.TryCancel(); });
      etcdserverpb::StatusResponse response;
      if (stub->Status(&context, etcdserverpb::StatusRequest(), &response).ok()) return;
      ThrowIfStopped(stop);
      if (SteadyClock::now() > end) throw NotReady();
      WaitFor(kReadyPoll, stop);
    }
  }

  Error EndedAtStart() const {
    const Exit ended = exit();
    std::string text =
        fmt::format("etcd ended ({} {})", ended.by_signal ? "signal" : "exit code", ended.code);
    if (!ended.last_log.empty()) text += ": " + ended.last_log;
    Error error = StartError(text);
    if (ended.last_log.empty() || ended.code >= 126) {  // not by its own decision
      error.SetWorkaround(fmt::format(
          "Please check that {} is an etcd of version 3.4 or later that can be run; the "
          "environment variable DM_ETCD_BINARY names another one.",
          config_.binary));
    }
    return error;
  }

  Error NotReady() const {
    std::string text = "start embed etcd timeout";
    std::lock_guard lock(mutex_);
    const std::string& last = last_log_.empty() ? last_warning_ : last_log_;
    if (!last.empty()) text += fmt::format("; what etcd said last: {}", last);
    return StartError(text).SetWorkaround(fmt::format(
        "Please look at the log (component `embed etcd`). If {} comes from a cluster of several "
        "dm-masters, the others have to run, too: this version works with one dm-master.",
        config_.data_dir));
  }

  EtcdServerConfig config_;
  std::string run_dir_path_;
  Fd run_dir_;
  Fd lock_;
  bool has_data_ = false;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool asked_ = false;    // Stop was called
  bool serving_ = false;  // it has answered: what ends by itself is started again
  bool ended_ = false;    // and is not started again
  pid_t pid_ = 0;
  Exit exit_;
  std::string last_log_;                                   // of level error or worse, of this child
  std::string last_warning_;                               // of any child
  std::array<Identity, 3> directories_;                    // as they were when it served first
  std::optional<SteadyClock::time_point> directory_told_;  // of the supervisor
  StopSource exited_;
  std::jthread supervisor_;
};

SupervisedEtcd::SupervisedEtcd(EtcdServerConfig config, const StopToken& stop)
    : impl_(std::make_unique<Impl>(std::move(config), stop)) {}

SupervisedEtcd::~SupervisedEtcd() = default;

std::string SupervisedEtcd::endpoint() const { return impl_->endpoint(); }
StopToken SupervisedEtcd::exited() const { return impl_->exited(); }
SupervisedEtcd::Exit SupervisedEtcd::exit() const { return impl_->exit(); }
void SupervisedEtcd::Stop() noexcept { impl_->Stop(); }

}  // namespace dm::cluster
