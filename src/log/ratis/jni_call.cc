// SPDX-License-Identifier: Apache-2.0
#include "log/ratis/jni_call.h"

namespace tripla {

absl::Status TakeException(JNIEnv* env) {
  jthrowable thrown = env->ExceptionOccurred();
  if (thrown == nullptr) return absl::OkStatus();
  env->ExceptionClear();
  const jmethodID to_string =
      env->GetMethodID(env->GetObjectClass(thrown), "toString", "()Ljava/lang/String;");
  auto* text = static_cast<jstring>(env->CallObjectMethod(thrown, to_string));
  if (env->ExceptionCheck()) {
    env->ExceptionClear();
    return absl::InternalError("an error in Java that cannot be told");
  }
  return absl::InternalError(ToText(env, text));
}

bool DropException(JNIEnv* env) {
  const bool thrown = env->ExceptionCheck() != JNI_FALSE;
  if (thrown) env->ExceptionClear();
  return thrown;
}

std::string ToText(JNIEnv* env, jstring text) {
  if (text == nullptr) return "";
  // Java's own form of UTF-8, which differs for NUL and beyond the basic plane only.
  const char* bytes = env->GetStringUTFChars(text, nullptr);
  if (bytes == nullptr) {
    env->ExceptionClear();
    return "";
  }
  std::string copy(bytes);
  env->ReleaseStringUTFChars(text, bytes);
  return copy;
}

jstring ToJava(JNIEnv* env, std::string_view text) {
  return env->NewStringUTF(std::string(text).c_str());
}

jobjectArray ToJava(JNIEnv* env, const std::vector<std::string>& texts) {
  const auto size = static_cast<jsize>(texts.size());
  jobjectArray array = env->NewObjectArray(size, env->FindClass("java/lang/String"), nullptr);
  for (jsize i = 0; i < size; ++i) {
    env->SetObjectArrayElement(array, i, ToJava(env, texts[static_cast<size_t>(i)]));
  }
  return array;
}

jlongArray ToJavaLongs(JNIEnv* env, const std::vector<uint64_t>& numbers) {
  const auto size = static_cast<jsize>(numbers.size());
  jlongArray array = env->NewLongArray(size);
  if (array == nullptr) return nullptr;  // out of memory, pending as an exception
  env->SetLongArrayRegion(array, 0, size, reinterpret_cast<const jlong*>(numbers.data()));
  return array;
}

jbyteArray ToJavaBytes(JNIEnv* env, std::string_view bytes) {
  const auto size = static_cast<jsize>(bytes.size());
  jbyteArray array = env->NewByteArray(size);
  if (array == nullptr) return nullptr;  // out of memory, pending as an exception
  env->SetByteArrayRegion(array, 0, size, reinterpret_cast<const jbyte*>(bytes.data()));
  return array;
}

}  // namespace tripla
