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
  Console(std::ostream& data, std::ostream& messages, Destination destination)
      : data_(data), messages_(messages), destination_(destination) {}

  // Whether data goes to a person's terminal.
  [[nodiscard]] Destination destination() const { return destination_; }

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
};

}  // namespace tripla::cli
