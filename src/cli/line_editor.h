// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <histedit.h>

#include <filesystem>
#include <memory>
#include <string>

namespace tripla::cli {

// Reads lines from a person at a terminal, who can edit them, call back former ones and complete
// words (libedit). Lines are UTF-8.
//
// Thread-safety: none; one at a time in a process. Blocking: ReadLine() waits for a person.
class LineEditor {
 public:
  enum class Ending { kLine, kInterrupted, kNoMore };

  // Former lines are kept in `history_file`, as far as it can be written; empty keeps none. An
  // event on the descriptor `interrupts` gives up the line that is being edited.
  LineEditor(std::filesystem::path history_file, int interrupts);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  // Reads one line, without its end, into `line`. kNoMore: Ctrl-D, or the terminal is gone.
  [[nodiscard]] Ending ReadLine(std::string& line);

 private:
  static int ReadCharacter(EditLine* editor, wchar_t* character);
  static unsigned char Complete(EditLine* editor, int key);

  // True when a byte of the person's can be read, false when interrupted.
  bool AwaitByte();
  void Remember(const char* line);

  struct CloseEditor {
    void operator()(EditLine* editor) const { el_end(editor); }
  };
  struct CloseHistory {
    void operator()(History* history) const { history_end(history); }
  };

  const std::filesystem::path history_file_;
  const int interrupts_;
  bool interrupted_ = false;
  std::unique_ptr<History, CloseHistory> history_;
  std::unique_ptr<EditLine, CloseEditor> editor_;
};

// Where the shell keeps its history: $XDG_STATE_HOME/tripla/history, by default in ~/.local/state.
// Empty when there is no home.
[[nodiscard]] std::filesystem::path HistoryFile();

}  // namespace tripla::cli
