// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

namespace tripla {

// Every main() calls this first and returns its result.
//
//   int main(int argc, char** argv) {
//     return tripla::RunProgram("tripla", 1, [&] { return tripla::cli::Main(argc, argv); });
//   }
//
// It does for every program:
//   - Opens /dev/null for each standard stream that is closed, before anything else is opened:
//     otherwise a data file could become descriptor 2, and messages would be written into it.
//     Reading such an input and writing to such an output fail, as with a closed stream.
//   - Makes a write beyond the file size limit fail with EFBIG instead of ending the process.
//   - Ends the process with one line and exit code `failure` when there is no memory or no thread
//     left, also for threads of libraries, some of which would wait forever for a missing thread.
//   - Ends it so when GRPC_POLL_STRATEGY names something that gRPC would abort for.
//   - If standard output could not be written, prints that and returns `failure`, whatever `work`
//     returned.
//
// `name` must live as long as the process. Call it once, before any thread is started.
int RunProgram(const char* name, int failure, const std::function<int()>& work);

}  // namespace tripla
