#include "mysql/binlog/file_source.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "mysql/binlog/arena.h"
#include "mysql/binlog/framing.h"

namespace dm::mysql {
namespace {

constexpr uint8_t kMagic[] = {0xfe, 'b', 'i', 'n'};
constexpr size_t kReadAhead = 1 << 20;

}  // namespace

struct FileEventSource::State {
  State(const std::string& file, bool verify)
      : path(file), fd(open(file.c_str(), O_RDONLY | O_CLOEXEC)), framer(verify, false) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (fd >= 0) close(fd);
  }

  [[noreturn]] void Fail(std::string_view why) const {
    throw Error(ErrorCode::kBinlogEventDecode,
                fmt::format("binlog file {} at {}: {}", path, offset, why));
  }

  // Makes at least `size` bytes from `offset` available at `window`; fewer only at the end.
  size_t Fill(size_t size) {
    if (window_offset != offset) {
      // Consumed bytes leave the window.
      const uint64_t end = window_offset + window.size();
      if (offset > window_offset && offset < end) {
        window.erase(window.begin(),
                     window.begin() + static_cast<std::ptrdiff_t>(offset - window_offset));
      } else {
        window.clear();
      }
      window_offset = offset;
    }
    while (window.size() < size) {
      const size_t have = window.size();
      window.resize(have + std::max(size - have, kReadAhead));
      const ssize_t n = pread(fd, window.data() + have, window.size() - have,
                              static_cast<off_t>(window_offset + have));
      window.resize(have + static_cast<size_t>(std::max<ssize_t>(n, 0)));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) Fail(std::strerror(errno));
      if (n == 0) break;
    }
    return window.size();
  }

  // The event at `offset`; throws EndOfLog if the file doesn't have all of it yet.
  RawEvent Read() {
    const uint64_t consumed = offset - window_offset;
    std::span<const uint8_t> here;
    if (offset >= window_offset && consumed <= window.size()) {
      here = std::span<const uint8_t>(window).subspan(consumed);
    }
    const auto whole = [&] {
      return here.size() >= kEventHeaderSize && here.size() >= EventHeader::Parse(here).event_size;
    };
    if (!whole()) {
      if (Fill(kEventHeaderSize) < kEventHeaderSize) throw EndOfLog();
      const uint32_t size = EventHeader::Parse(window).event_size;
      if (size < kEventHeaderSize) Fail("an event is smaller than its header");
      if (Fill(size) < size) throw EndOfLog();
      here = window;
    }
    const uint32_t size = EventHeader::Parse(here).event_size;
    if (size < kEventHeaderSize) Fail("an event is smaller than its header");
    EventArena::Piece piece = arena.Allocate(size);
    std::memcpy(piece.data, here.data(), size);
    RawEvent event = framer.Frame(std::move(piece.owner), {piece.data, size});
    offset += size;
    return event;
  }

  std::string path;
  int fd;
  EventFramer framer;
  EventArena arena;
  uint64_t offset = kBinlogMinOffset;
  uint64_t window_offset = 0;  // of window[0] in the file
  std::vector<uint8_t> window;
  uint64_t start = kBinlogMinOffset;
  bool described = false;  // the file's description was delivered
};

FileEventSource::FileEventSource(const std::string& path, uint64_t offset, bool verify_checksum)
    : state_(std::make_unique<State>(path, verify_checksum)) {
  State& state = *state_;
  if (state.fd < 0) state.Fail(std::strerror(errno));
  state.offset = 0;
  if (state.Fill(sizeof(kMagic)) < sizeof(kMagic) ||
      std::memcmp(state.window.data(), kMagic, sizeof(kMagic)) != 0) {
    state.Fail("is not a binlog file");
  }
  state.offset = kBinlogMinOffset;
  state.start = std::max(offset, kBinlogMinOffset);
}

FileEventSource::~FileEventSource() = default;

RawEvent FileEventSource::Next(const StopToken& stop) {
  ThrowIfStopped(stop);
  State& state = *state_;
  RawEvent event = state.Read();
  if (!state.described) {
    state.described = true;
    if (event.type() != EventType::kFormatDescription) {
      state.Fail("the file does not begin with a format description");
    }
    state.offset = std::max(state.start, state.offset);
  }
  return event;
}

const FormatDescription& FileEventSource::format() const { return state_->framer.format(); }

uint64_t FileEventSource::offset() const { return state_->offset; }

}  // namespace dm::mysql
