// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <histedit.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

namespace tripla::cli {

// Reads lines from a person at a terminal, who can edit them, call back former ones and complete
// words (libedit). What is pasted is inserted and not yet entered, of however many lines it is,
// where the terminal marks it (bracketed paste). Lines are UTF-8.
//
// Thread-safety: none; one at a time in a process. Blocking: ReadLine() waits for a person.
class LineEditor {
 public:
  enum class Ending {
    kLine,
    kInterrupted,
    kNoText,  // it has bytes that are no text, so it is not what was typed or pasted
    kNoMore,  // Ctrl-D, or the terminal is gone
    kFailed,  // the terminal cannot be read; errno says why
  };

  // Former lines are kept in `history_file`, as far as it can be written; empty keeps none. An
  // event on the descriptor `interrupts` gives up the line that is being edited.
  LineEditor(std::filesystem::path history_file, int interrupts);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  // Reads what a person enters, without the last line end, into `line`: one line, or more when they
  // were pasted.
  [[nodiscard]] Ending ReadLine(const std::string& prompt, std::string& line);

  // Keeps `text`, of one line or more, so that it can be called back.
  void Remember(const std::string& text);

  // Why former lines are not kept in the file, for a person, once; else empty.
  [[nodiscard]] std::string TakeTrouble() { return std::exchange(trouble_, ""); }

 private:
  static int ReadCharacter(EditLine* editor, wchar_t* character);
  static unsigned char Complete(EditLine* editor, int key);
  static unsigned char Paste(EditLine* editor, int key);
  static char* Prompt(EditLine* editor);

  // True when a byte of the person's can be read, false when interrupted.
  bool AwaitByte();
  void LoadHistory();
  void GiveUpHistoryFile(const char* what);

  struct CloseEditor {
    void operator()(EditLine* editor) const { el_end(editor); }
  };
  struct CloseHistory {
    void operator()(History* history) const { history_end(history); }
  };

  std::filesystem::path history_file_;
  std::string trouble_;
  const int interrupts_;
  std::string prompt_;
  bool interrupted_ = false;
  bool replaced_ = false;  // a byte that is no text, by a character that shows it
  int read_error_ = 0;     // errno of a read that failed
  std::unique_ptr<History, CloseHistory> history_;
  std::unique_ptr<EditLine, CloseEditor> editor_;
};

// Where the shell keeps its history: $XDG_STATE_HOME/tripla/history, by default in ~/.local/state.
// Empty when there is no home.
[[nodiscard]] std::filesystem::path HistoryFile();

}  // namespace tripla::cli
