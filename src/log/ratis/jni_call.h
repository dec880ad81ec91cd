// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <jni.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "log/ratis/jvm.h"

// Calls into Java, and the only place that sees Java's exceptions: here they become a Status.
namespace tripla {

// Frees the local references of a scope: a thread that stays in C++ would keep them forever.
class JavaFrame {
 public:
  explicit JavaFrame(JNIEnv* env) : env_(env) { env_->PushLocalFrame(kReferences); }
  ~JavaFrame() { env_->PopLocalFrame(nullptr); }
  JavaFrame(const JavaFrame&) = delete;
  JavaFrame& operator=(const JavaFrame&) = delete;

 private:
  static constexpr jint kReferences = 32;
  JNIEnv* env_;
};

// OK, or Internal with what the last call has thrown, which is then forgotten.
[[nodiscard]] absl::Status TakeException(JNIEnv* env);

// Whether the last call has thrown; what, is forgotten.
[[nodiscard]] bool DropException(JNIEnv* env);

// A Java text in UTF-8; "" for null.
[[nodiscard]] std::string ToText(JNIEnv* env, jstring text);

// Null, with an exception pending, when Java has no memory left.
[[nodiscard]] jstring ToJava(JNIEnv* env, std::string_view text);
[[nodiscard]] jobjectArray ToJava(JNIEnv* env, const std::vector<std::string>& texts);
[[nodiscard]] jlongArray ToJavaLongs(JNIEnv* env, const std::vector<uint64_t>& numbers);
[[nodiscard]] jbyteArray ToJavaBytes(JNIEnv* env, std::string_view bytes);

}  // namespace tripla
