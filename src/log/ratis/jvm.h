// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <jni.h>

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace tripla {

// The Java virtual machine of this process: there can be one, and it lives as long as the process.
// It is loaded only here, when a server is a replica.
//
// Found, in this order: $JAVA_HOME, `java` on $PATH, /usr/lib/jvm. Options are what
// `options` says, then the words of $TRIPLA_JVM_OPTIONS.
//
// Thread-safety: StartJvm() once, the rest from any thread after it.

// Errors: Unavailable when there is no Java, or it does not start; the message says where it was
// looked for and what to install.
[[nodiscard]] absl::Status StartJvm(const std::vector<std::string>& options);

// The calling thread's access to Java. A thread of ours is attached by its first call, as one that
// Java does not wait for, and detached when it ends.
[[nodiscard]] JNIEnv* Java();

}  // namespace tripla
