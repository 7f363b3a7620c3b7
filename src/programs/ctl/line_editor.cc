#include "programs/ctl/line_editor.h"

#include <histedit.h>
#include <langinfo.h>
#include <sys/stat.h>

#include <clocale>
#include <cstdio>
#include <string_view>

#include "base/error/system_error.h"
#include "base/io/file.h"
#include "base/log/log.h"
#include "programs/ctl/completion.h"

namespace dm::ctl {

namespace {

constexpr int kHistoryLines = 1000;

// The prompt; between the marks stands what takes no room on the screen.
char* Prompt(EditLine*) {
  static char text[] = "\1\x1b[31m\1»\1\x1b[0m\1 ";
  return text;
}

}  // namespace

class LineEditor::Impl {
 public:
  Impl(std::string history_file, Completer completer,
       std::function<bool(const std::string&)> is_secret)
      : file_(std::move(history_file)),
        completer_(std::move(completer)),
        is_secret_(std::move(is_secret)) {
    // The prompt is no ASCII.
    std::setlocale(LC_CTYPE, "");
    if (std::string_view(nl_langinfo(CODESET)) != "UTF-8") std::setlocale(LC_CTYPE, "C.UTF-8");
    editor_ = el_init("dmctl", stdin, stdout, stderr);
    history_ = history_init();
    HistEvent event;
    history(history_, &event, H_SETSIZE, kHistoryLines);
    history(history_, &event, H_SETUNIQUE, 1);
    if (!file_.empty()) history(history_, &event, H_LOAD, file_.c_str());
    el_set(editor_, EL_CLIENTDATA, this);
    el_set(editor_, EL_PROMPT_ESC, &Prompt, '\1');
    el_set(editor_, EL_EDITOR, "emacs");
    el_set(editor_, EL_HIST, history, history_);
    el_set(editor_, EL_ADDFN, "dm-complete", "offers what may stand here", &Impl::Complete);
    el_set(editor_, EL_BIND, "^I", "dm-complete", nullptr);
    el_set(editor_, EL_BIND, "^R", "em-inc-search-prev", nullptr);
    el_set(editor_, EL_ADDFN, "dm-leave", "leaves", &Impl::Leave);
    el_set(editor_, EL_BIND, "^C", "dm-leave", nullptr);
    // Ctrl-C is a key here, no signal.
    el_set(editor_, EL_SETTY, "-d", "-isig", nullptr);
  }

  ~Impl() {
    el_end(editor_);
    if (!file_.empty()) Save();
    history_end(history_);
  }

  std::optional<std::string> Next() {
    left_ = false;
    int count = 0;
    const char* text = el_gets(editor_, &count);
    if (left_ || text == nullptr || count <= 0) {
      std::fputs("\n", stdout);
      return std::nullopt;
    }
    std::string line(text, static_cast<size_t>(count));
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
    if (line.find_first_not_of(" \t") != std::string::npos && !is_secret_(line)) {
      HistEvent event;
      history(history_, &event, H_ENTER, line.c_str());
    }
    return line;
  }

 private:
  static unsigned char Leave(EditLine* editor, int) {
    Of(editor)->left_ = true;
    return CC_EOF;
  }

  static unsigned char Complete(EditLine* editor, int) {
    const LineInfo* line = el_line(editor);
    const std::string before(line->buffer, line->cursor);
    const std::vector<std::string> words = Of(editor)->completer_(before);
    if (words.empty()) return CC_REFRESH_BEEP;
    const size_t written = before.size() - LastWordBegin(before);
    std::string more = CommonBegin(words).substr(written);
    if (words.size() == 1 && !words.front().ends_with('/')) more += ' ';
    if (!more.empty()) {
      return el_insertstr(editor, more.c_str()) == 0 ? CC_REFRESH : CC_ERROR;
    }
    std::string list = "\n";
    for (const std::string& word : words) list += word + "\n";
    std::fputs(list.c_str(), stdout);
    return CC_REDISPLAY;
  }

  static Impl* Of(EditLine* editor) {
    Impl* self = nullptr;
    el_get(editor, EL_CLIENTDATA, &self);
    return self;
  }

  void Save() {
    try {
      MakeDirectories(DirectoryName(file_), 0700);
      // libedit would create it readable by others.
      if (!FileExists(file_)) WriteFile(file_, "", 0600);
      ::chmod(file_.c_str(), 0600);
      HistEvent event;
      if (history(history_, &event, H_SAVE, file_.c_str()) < 0) {
        Log().Warn("the history is not saved", {F("file", file_)});
      }
    } catch (const SystemError& e) {
      Log().Warn("the history is not saved", {F("error", e)});
    }
  }

  const std::string file_;
  const Completer completer_;
  const std::function<bool(const std::string&)> is_secret_;
  EditLine* editor_ = nullptr;
  History* history_ = nullptr;
  bool left_ = false;
};

LineEditor::LineEditor(std::string history_file, Completer completer,
                       std::function<bool(const std::string&)> is_secret)
    : impl_(std::make_unique<Impl>(std::move(history_file), std::move(completer),
                                   std::move(is_secret))) {}

LineEditor::~LineEditor() = default;

std::optional<std::string> LineEditor::Next() { return impl_->Next(); }

}  // namespace dm::ctl
