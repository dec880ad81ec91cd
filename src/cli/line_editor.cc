// SPDX-License-Identifier: Apache-2.0
#include "cli/line_editor.h"

#include <fmt/core.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cwchar>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "cli/completion.h"

namespace tripla::cli {
namespace {

constexpr int kHistoryLines = 1000;
// Stands for bytes that libedit cannot take, so that the person sees them.
constexpr wchar_t kReplacement = 0xfffd;
constexpr std::string_view kReplacementText = "\xef\xbf\xbd";

// Where a terminal that marks pasted text says that it begins and ends, and how it is told to.
constexpr std::wstring_view kPasteEnd = L"\x1b[201~";
constexpr const char* kMarkPastes = "\x1b[?2004h";
constexpr const char* kMarkNoPastes = "\x1b[?2004l";

// Data goes to standard output; the editing goes wherever the person is.
FILE* Screen() { return isatty(STDOUT_FILENO) == 1 ? stdout : stderr; }

void TellTerminal(const char* sequence) {
  const char* terminal = std::getenv("TERM");
  FILE* screen = Screen();
  const bool plain = terminal == nullptr || std::string_view(terminal) == "dumb";
  if (plain || isatty(fileno(screen)) != 1) return;
  std::fputs(sequence, screen);
  std::fflush(screen);
}

// Signals that end the process and for which libedit does not restore the terminal.
constexpr std::array kEndings = {SIGABRT, SIGALRM, SIGIO,   SIGPIPE,   SIGPROF,
                                 SIGPWR,  SIGUSR1, SIGUSR2, SIGVTALRM, SIGXCPU};
termios terminal_before;
std::array<struct sigaction, NSIG> actions_before;

void PutTerminalRight(int signal) {
  tcsetattr(STDIN_FILENO, TCSANOW, &terminal_before);
  sigaction(signal, &actions_before[static_cast<size_t>(signal)], nullptr);
  std::raise(signal);  // delivered when this function returns
}

// Before libedit changes the terminal.
void PutTerminalRightAtEndings() {
  if (tcgetattr(STDIN_FILENO, &terminal_before) != 0) return;
  struct sigaction action {};
  action.sa_handler = &PutTerminalRight;
  sigaddset(&action.sa_mask, SIGTTOU);  // it comes when a process in the background does this
  for (const int signal : kEndings) {
    struct sigaction& before = actions_before[static_cast<size_t>(signal)];
    sigaction(signal, nullptr, &before);
    if (before.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);
  }
}

LineEditor* SelfOf(EditLine* editor) {
  LineEditor* self = nullptr;
  el_get(editor, EL_CLIENTDATA, &self);
  return self;
}

void ShowChoices(const std::vector<std::string>& choices) {
  FILE* screen = Screen();
  std::fputs("\n", screen);
  for (const std::string& choice : choices) std::fprintf(screen, "%s  ", choice.c_str());
  std::fputs("\n", screen);
}

}  // namespace

LineEditor::LineEditor(std::filesystem::path history_file, int interrupts)
    : history_file_(std::move(history_file)), interrupts_(interrupts) {
  std::setlocale(LC_CTYPE, "C.UTF-8");  // whatever the environment says, our lines are UTF-8
  PutTerminalRightAtEndings();
  history_.reset(history_init());
  editor_.reset(el_init("tripla", stdin, Screen(), stderr));
  TRIPLA_CHECK(history_ != nullptr && editor_ != nullptr, "memory for a line editor");
  EditLine* editor = editor_.get();
  el_set(editor, EL_CLIENTDATA, this);
  el_set(editor, EL_PROMPT, &Prompt);
  el_set(editor, EL_EDITOR, "emacs");
  el_set(editor, EL_SIGNAL, 1);  // the terminal is put right when a signal ends or stops us
  el_wset(editor, EL_GETCFN, &ReadCharacter);
  // The narrow form would copy both texts and never free them.
  el_wset(editor, EL_ADDFN, L"tripla-complete", L"complete a verb or a flag", &Complete);
  el_wset(editor, EL_ADDFN, L"tripla-paste", L"insert what is pasted", &Paste);
  el_set(editor, EL_BIND, "\t", "tripla-complete", nullptr);
  el_set(editor, EL_BIND, "\\e[200~", "tripla-paste", nullptr);
  el_set(editor, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  HistEvent event;
  history(history_.get(), &event, H_SETSIZE, kHistoryLines);
  history(history_.get(), &event, H_SETUNIQUE, 1);
  el_set(editor, EL_HIST, history, history_.get());
  if (!history_file_.empty()) LoadHistory();
}

void LineEditor::LoadHistory() {
  std::error_code ignored;
  std::filesystem::create_directories(history_file_.parent_path(), ignored);
  // What is not there, or holds nothing, is no history yet.
  if (!std::filesystem::exists(history_file_, ignored)) return;
  if (std::filesystem::file_size(history_file_, ignored) == 0) return;
  HistEvent event;
  errno = 0;
  // To save later what could not be read now would remove it.
  if (history(history_.get(), &event, H_LOAD, history_file_.c_str()) < 0) {
    GiveUpHistoryFile("read");
  }
}

// A shell without history is still a shell.
void LineEditor::GiveUpHistoryFile(const char* what) {
  trouble_ = fmt::format("former lines are not kept: {} cannot be {}: {}", history_file_.string(),
                         what, errno == 0 ? "it is no history" : std::strerror(errno));
  history_file_.clear();
}

LineEditor::~LineEditor() = default;

LineEditor::Ending LineEditor::ReadLine(const std::string& prompt, std::string& line) {
  prompt_ = prompt;
  interrupted_ = false;
  replaced_ = false;
  read_error_ = 0;
  int length = 0;
  TellTerminal(kMarkPastes);
  const char* text = el_gets(editor_.get(), &length);
  TellTerminal(kMarkNoPastes);
  if (interrupted_) {
    std::fputs("^C\n", Screen());
    return Ending::kInterrupted;
  }
  if (text == nullptr || length <= 0) {
    errno = read_error_;
    return read_error_ == 0 ? Ending::kNoMore : Ending::kFailed;
  }
  line.assign(text, static_cast<size_t>(length));
  if (line.ends_with('\n')) line.pop_back();
  // Unless the person has removed them.
  if (replaced_ && line.find(kReplacementText) != std::string::npos) return Ending::kNoText;
  return Ending::kLine;
}

void LineEditor::Remember(const std::string& text) {
  if (text.find_first_not_of(" \t\n") == std::string::npos) return;
  HistEvent event;
  history(history_.get(), &event, H_ENTER, (text + "\n").c_str());
  // At once: the next line may be the last this process sees.
  if (history_file_.empty()) return;
  errno = 0;
  if (history(history_.get(), &event, H_SAVE, history_file_.c_str()) < 0) {
    GiveUpHistoryFile("written");
  }
}

char* LineEditor::Prompt(EditLine* editor) { return SelfOf(editor)->prompt_.data(); }

bool LineEditor::AwaitByte() {
  std::array<pollfd, 2> watched{pollfd{interrupts_, POLLIN, 0}, pollfd{STDIN_FILENO, POLLIN, 0}};
  while (true) {
    const int ready = poll(watched.data(), watched.size(), -1);
    if (ready < 0 && errno == EINTR) continue;  // the window's size changed, say
    uint64_t count = 0;
    if (watched[0].revents == 0) return true;
    if (read(interrupts_, &count, sizeof(count)) == sizeof(count)) return false;
  }
}

// libedit's own cannot be woken by an event.
int LineEditor::ReadCharacter(EditLine* editor, wchar_t* character) {
  LineEditor* self = SelfOf(editor);
  std::mbstate_t state{};
  while (true) {
    if (!self->AwaitByte()) {
      self->interrupted_ = true;
      return -1;
    }
    char byte = 0;
    const ssize_t got = read(STDIN_FILENO, &byte, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) self->read_error_ = errno;
    if (got <= 0) return static_cast<int>(got);
    const size_t used = std::mbrtowc(character, &byte, 1, &state);
    if (used == static_cast<size_t>(-2)) continue;  // not yet a whole character
    if (used == static_cast<size_t>(-1) || *character == L'\0') {
      *character = kReplacement;
      self->replaced_ = true;
    }
    return 1;
  }
}

unsigned char LineEditor::Complete(EditLine* editor, int /*key*/) {
  const LineInfo* line = el_line(editor);
  const std::string_view before(line->buffer, static_cast<size_t>(line->cursor - line->buffer));
  const std::vector<std::string> choices = Completions(before);
  if (choices.empty()) return CC_ERROR;
  std::string insert = CommonStart(choices).substr(LastWord(before).size());
  if (choices.size() == 1 && !choices[0].ends_with('/')) insert += ' ';
  if (insert.empty()) {
    ShowChoices(choices);
    return CC_REDISPLAY;
  }
  return el_insertstr(editor, insert.c_str()) == 0 ? CC_REFRESH : CC_ERROR;
}

unsigned char LineEditor::Paste(EditLine* editor, int /*key*/) {
  std::wstring text;
  wchar_t character = 0;
  wchar_t before = 0;
  while (!text.ends_with(kPasteEnd)) {
    if (el_wgetc(editor, &character) != 1) return CC_EOF;
    // libedit lets the terminal's driver swap \r and \n, so a line end of both comes as \n\r.
    const bool ends_again = character == L'\r' && before == L'\n';
    if (!ends_again) text += character == L'\r' ? L'\n' : character;
    before = character;
  }
  text.resize(text.size() - kPasteEnd.size());
  // The person enters the last line, and adds its end so.
  if (text.ends_with(L'\n')) text.pop_back();
  if (text.empty()) return CC_REFRESH;
  return el_winsertstr(editor, text.c_str()) == 0 ? CC_REFRESH : CC_ERROR;
}

std::filesystem::path HistoryFile() {
  if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state == '/') {
    return std::filesystem::path(state) / "tripla" / "history";
  }
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home != '/') return {};
  return std::filesystem::path(home) / ".local" / "state" / "tripla" / "history";
}

}  // namespace tripla::cli
