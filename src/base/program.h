// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

namespace tripla {

// The frame of every program: main() calls it first, and returns what it returns.
//
//   int main(int argc, char** argv) {
//     return tripla::RunProgram("tripla", 1, [&] { return tripla::cli::Main(argc, argv); });
//   }
//
// What it takes care of, so that no program has to:
//   - Standard streams that are closed are given /dev/null, before anything else is opened: else a
//     data file could become descriptor 2, and messages would be written into it. Reading such an
//     input and writing to such an output fail, as they would if the stream were closed.
//   - A file that reaches its size limit is a failed write (EFBIG), not the end of the process.
//   - Memory or threads that cannot be had end the process with one line and exit code 1: also the
//     threads of libraries, some of which would wait for what no thread does.
//   - Standard output that could not be written is said, and the exit code is `output_lost` then,
//     whatever `work` returned.
//
// `name` must live as long as the process. To be called once, before any thread is started.
int RunProgram(const char* name, int output_lost, const std::function<int()>& work);

}  // namespace tripla
