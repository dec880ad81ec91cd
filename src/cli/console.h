// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ostream>
#include <string_view>

#include "cli/output_format.h"

namespace tripla::cli {

// Where the program speaks: data on one stream, everything else on the other.
//
// Lifetime: the streams outlive it.
class Console {
 public:
  // `destination` is where data goes, `messages_to` where messages go.
  Console(std::ostream& data, std::ostream& messages, Destination destination,
          Destination messages_to)
      : data_(data), messages_(messages), destination_(destination), messages_to_(messages_to) {}

  // Whether data goes to a person's terminal.
  [[nodiscard]] Destination destination() const { return destination_; }

  // Whether a person reads the messages as they come.
  [[nodiscard]] bool person_reads() const { return messages_to_ == Destination::kTerminal; }

  // Writes data at once: who reads it through a pipe waits for it.
  void Print(std::string_view data) { data_ << data << std::flush; }

  // Writes one line for a person.
  void Say(std::string_view message) { messages_ << message << '\n' << std::flush; }

  // The same, as what the program itself complains of.
  void Complain(std::string_view message) {
    messages_ << "tripla: " << message << '\n' << std::flush;
  }

  // False once data could not be written: a full disk, say.
  [[nodiscard]] bool DataArrived() const { return data_.good(); }

 private:
  std::ostream& data_;
  std::ostream& messages_;
  const Destination destination_;
  const Destination messages_to_;
};

}  // namespace tripla::cli
