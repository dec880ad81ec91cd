// SPDX-License-Identifier: Apache-2.0
#include "rpc/reflection_service.h"

#include <fmt/core.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "absl/status/status.h"

namespace tripla::rpc {
namespace {

constexpr char kV1Alpha[] = "grpc.reflection.v1alpha";

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using grpc::reflection::v1::ServerReflectionRequest;
using grpc::reflection::v1::ServerReflectionResponse;

// The file of v1alpha, which is that of v1 under another name.
google::protobuf::FileDescriptorProto MakeV1Alpha() {
  google::protobuf::FileDescriptorProto file;
  ServerReflectionRequest::descriptor()->file()->CopyTo(&file);
  const std::string package = "." + file.package() + ".";
  file.set_name("reflection/v1alpha.proto");
  file.set_package(kV1Alpha);
  const auto rename = [&package](std::string& type) {
    type.replace(0, package.size(), std::string(".") + kV1Alpha + ".");
  };
  for (auto& message : *file.mutable_message_type()) {
    for (auto& field : *message.mutable_field()) {
      if (field.has_type_name()) rename(*field.mutable_type_name());
    }
  }
  for (auto& method : *file.mutable_service(0)->mutable_method()) {
    rename(*method.mutable_input_type());
    rename(*method.mutable_output_type());
  }
  return file;
}

// All that is linked in, and v1alpha.
const DescriptorPool& Pool() {
  static const DescriptorPool* const pool = [] {
    auto* const built = new DescriptorPool(DescriptorPool::generated_pool());
    // gRPC's own reflection library brings it as well.
    const std::string name = std::string(kV1Alpha) + ".ServerReflection";
    if (built->FindServiceByName(name) == nullptr) built->BuildFile(MakeV1Alpha());
    return built;
  }();
  return *pool;
}

void NotFound(const std::string& what, ServerReflectionResponse& response) {
  response.mutable_error_response()->set_error_code(static_cast<int>(absl::StatusCode::kNotFound));
  response.mutable_error_response()->set_error_message(
      fmt::format("this server knows no {}", what));
}

// The file and what it imports, each once.
void AddFile(const FileDescriptor& file, std::set<std::string>& added,
             ServerReflectionResponse& response) {
  if (!added.insert(file.name()).second) return;
  google::protobuf::FileDescriptorProto bytes;
  file.CopyTo(&bytes);
  response.mutable_file_descriptor_response()->add_file_descriptor_proto(bytes.SerializeAsString());
  for (int i = 0; i < file.dependency_count(); ++i) AddFile(*file.dependency(i), added, response);
}

void AnswerFile(const FileDescriptor* file, const std::string& what,
                ServerReflectionResponse& response) {
  std::set<std::string> added;
  if (file == nullptr) return NotFound(what, response);
  AddFile(*file, added, response);
}

const FileDescriptor* FileOfExtension(const std::string& type, int number) {
  const Descriptor* extended = Pool().FindMessageTypeByName(type);
  if (extended == nullptr) return nullptr;
  const FieldDescriptor* extension = Pool().FindExtensionByNumber(extended, number);
  return extension == nullptr ? nullptr : extension->file();
}

void AnswerExtensions(const std::string& type, ServerReflectionResponse& response) {
  const Descriptor* extended = Pool().FindMessageTypeByName(type);
  if (extended == nullptr) return NotFound("message " + type, response);
  std::vector<const FieldDescriptor*> extensions;
  Pool().FindAllExtensions(extended, &extensions);
  auto& numbers = *response.mutable_all_extension_numbers_response();
  numbers.set_base_type_name(type);
  for (const FieldDescriptor* extension : extensions) {
    numbers.add_extension_number(extension->number());
  }
}

using Names = std::shared_ptr<std::vector<std::string>>;

// Reads a request, writes its response, and so on until the client has no more.
void Converse(const CallPtr& call, const Names& services) {
  call->Read([=](const std::optional<std::string>& bytes) {
    if (!bytes) return call->Finish();
    ServerReflectionRequest request;
    if (!request.ParseFromString(*bytes)) return call->Finish(UnreadableRequest());
    ServerReflectionResponse response;
    AnswerReflection(*services, request, response);
    // The next one only when this one is under way: answers are much larger than requests.
    call->Write(response, [=](bool) { Converse(call, services); });
  });
}

}  // namespace

void AddReflection(Methods& methods) {
  const auto services = std::make_shared<std::vector<std::string>>();
  for (const char* package : {"grpc.reflection.v1", kV1Alpha}) {
    const auto* const service =
        Pool().FindServiceByName(std::string(package) + ".ServerReflection");
    methods.AddStream(*service, "ServerReflectionInfo",
                      [services](const CallPtr& call) { Converse(call, services); });
  }
  for (const auto& [name, service] : methods.services()) services->push_back(name);
}

void AnswerReflection(const std::vector<std::string>& services,
                      const ServerReflectionRequest& request, ServerReflectionResponse& response) {
  response.set_valid_host(request.host());
  *response.mutable_original_request() = request;
  switch (request.message_request_case()) {
    case ServerReflectionRequest::kFileByFilename:
      return AnswerFile(Pool().FindFileByName(request.file_by_filename()),
                        "file " + request.file_by_filename(), response);
    case ServerReflectionRequest::kFileContainingSymbol:
      return AnswerFile(Pool().FindFileContainingSymbol(request.file_containing_symbol()),
                        "symbol " + request.file_containing_symbol(), response);
    case ServerReflectionRequest::kFileContainingExtension: {
      const auto& asked = request.file_containing_extension();
      return AnswerFile(FileOfExtension(asked.containing_type(), asked.extension_number()),
                        "such extension", response);
    }
    case ServerReflectionRequest::kAllExtensionNumbersOfType:
      return AnswerExtensions(request.all_extension_numbers_of_type(), response);
    case ServerReflectionRequest::kListServices:
      for (const std::string& name : services) {
        response.mutable_list_services_response()->add_service()->set_name(name);
      }
      return;
    case ServerReflectionRequest::MESSAGE_REQUEST_NOT_SET:
      break;
  }
  response.mutable_error_response()->set_error_code(
      static_cast<int>(absl::StatusCode::kInvalidArgument));
  response.mutable_error_response()->set_error_message(
      "the request asks for nothing that this server knows");
}

}  // namespace tripla::rpc
