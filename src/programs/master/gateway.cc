#include "programs/master/gateway.h"

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "base/error/error.h"
#include "base/io/encode.h"
#include "base/io/text.h"
#include "cluster/credentials/credentials.h"
#include "cluster/rpc/parse_json.h"
#include "cluster/rpc/print_json.h"
#include "dmmaster.grpc.pb.h"

namespace dm::master {
namespace {

using cluster::HttpRequest;
using cluster::HttpResponse;
using google::protobuf::Message;
using Stub = pb::Master::Stub;

constexpr std::string_view kRoot = "/apis/v1alpha1/";
constexpr std::string_view kForm = "application/x-www-form-urlencoded";
constexpr int kIndent = 2;
// Of one call: as long as dmctl waits.
constexpr std::chrono::minutes kCallLimit{10};

int HttpStatus(grpc::StatusCode code) {
  switch (code) {
    case grpc::OK:
      return 200;
    case grpc::CANCELLED:
      return 408;
    case grpc::INVALID_ARGUMENT:
    case grpc::FAILED_PRECONDITION:
    case grpc::OUT_OF_RANGE:
      return 400;
    case grpc::DEADLINE_EXCEEDED:
      return 504;
    case grpc::NOT_FOUND:
      return 404;
    case grpc::ALREADY_EXISTS:
    case grpc::ABORTED:
      return 409;
    case grpc::PERMISSION_DENIED:
      return 403;
    case grpc::UNAUTHENTICATED:
      return 401;
    case grpc::RESOURCE_EXHAUSTED:
      return 429;
    case grpc::UNIMPLEMENTED:
      return 501;
    case grpc::UNAVAILABLE:
      return 503;
    default:
      return 500;
  }
}

HttpResponse Failure(grpc::StatusCode code, std::string_view message) {
  std::string text;
  AppendJsonString(text, message);
  return {HttpStatus(code),
          "application/json",
          fmt::format("{{\n  \"code\": {},\n  \"message\": {},\n  \"details\": [\n  ]\n}}",
                      static_cast<int>(code), text),
          {}};
}

using Query = std::vector<std::pair<std::string, std::string>>;

Query ParseQuery(std::string_view text) {
  Query query;
  for (const std::string& part : Split(text, '&')) {
    if (part.empty()) continue;
    const size_t equals = std::min(part.find('='), part.size());
    query.emplace_back(cluster::DecodeUrl(std::string_view(part).substr(0, equals), true),
                       equals < part.size()
                           ? cluster::DecodeUrl(std::string_view(part).substr(equals + 1), true)
                           : "");
  }
  return query;
}

void FillFromQuery(Message* message, const Query& query) {
  std::map<std::string, std::vector<std::string>> values;
  for (const auto& [name, value] : query) values[name].push_back(value);
  for (const auto& [name, all] : values) cluster::SetFieldFromUrl(message, name, all);
}

// One call of the table below: fills the request by `fill`, calls, gives the answer to `answer`.
using Call = std::function<grpc::Status(Stub&, grpc::ClientContext*,
                                        const std::function<void(Message*)>& fill,
                                        const std::function<void(const Message&)>& answer)>;

template <class Request, class Response>
Call CallOf(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*)) {
  return
      [method](Stub& stub, grpc::ClientContext* context, const std::function<void(Message*)>& fill,
               const std::function<void(const Message&)>& answer) {
        Request request;
        Response response;
        fill(&request);
        grpc::Status status = (stub.*method)(context, request, &response);
        if (status.ok()) answer(response);
        return status;
      };
}

struct Route {
  std::string_view method;
  std::string_view path;  // below the root; {field} stands for a segment
  Call call;
};

const std::vector<Route>& Routes() {
  static const std::vector<Route> routes = {
      {"POST", "tasks", CallOf(&Stub::StartTask)},
      {"PUT", "tasks", CallOf(&Stub::UpdateTask)},
      {"PUT", "tasks/{name}", CallOf(&Stub::OperateTask)},
      {"GET", "status/{name}", CallOf(&Stub::QueryStatus)},
      {"PUT", "sources", CallOf(&Stub::OperateSource)},
      {"DELETE", "members/{type}/{name}", CallOf(&Stub::OfflineMember)},
      {"PUT", "leader/{op}", CallOf(&Stub::OperateLeader)},
      {"GET", "members", CallOf(&Stub::ListMember)},
      {"PUT", "schema", CallOf(&Stub::OperateSchema)},
      {"GET", "subtasks/{name}", CallOf(&Stub::GetSubTaskCfg)},
      {"GET", "tasks/{name}", CallOf(&Stub::GetCfg)},
      {"PUT", "errors", CallOf(&Stub::HandleError)},
  };
  return routes;
}

// Fields and texts of the path's segments; nullopt: another path.
std::optional<Query> Match(const Route& route, const std::vector<std::string>& segments) {
  const std::vector<std::string> pattern = Split(route.path, '/');
  if (pattern.size() != segments.size()) return std::nullopt;
  Query fields;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i].starts_with('{')) {
      fields.emplace_back(pattern[i].substr(1, pattern[i].size() - 2), segments[i]);
    } else if (pattern[i] != segments[i]) {
      return std::nullopt;
    }
  }
  return fields;
}

struct Found {
  const Route* route = nullptr;
  Query path;
};

std::optional<Found> Find(std::string_view method, const std::vector<std::string>& segments) {
  for (const Route& route : Routes()) {
    if (route.method != method) continue;
    if (auto path = Match(route, segments)) return Found{&route, std::move(*path)};
  }
  return std::nullopt;
}

}  // namespace

class Gateway::Impl {
 public:
  Impl(const std::string& address, const TlsOptions& tls, StopToken stop) : stop_(std::move(stop)) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 3000);
    stub_ = pb::Master::NewStub(cluster::ClientChannel(address, tls, arguments));
  }

  HttpResponse Answer(const HttpRequest& request) const {
    const HttpResponse unknown = Failure(grpc::UNIMPLEMENTED, "Not Implemented");
    const std::string path = request.path();
    if (!path.starts_with(kRoot)) return unknown;
    try {
      const std::vector<std::string> segments =
          Split(cluster::DecodeUrl(path.substr(kRoot.size()), false), '/');
      if (segments.back().find(':') != std::string::npos) return unknown;
      std::optional<Found> found = Find(request.method, segments);
      const bool form = request.method == "POST" && request.content_type.starts_with(kForm);
      const bool as_get = !found && form;
      if (as_get) found = Find("GET", segments);
      if (!found) return unknown;
      Query query;
      if (const size_t at = request.target.find('?'); at != std::string::npos) {
        query = ParseQuery(std::string_view(request.target).substr(at + 1));
      }
      if (as_get) {
        for (auto& entry : ParseQuery(request.body)) query.push_back(std::move(entry));
      }
      return Perform(*found, query, as_get ? std::string() : request.body, request.gone);
    } catch (const Error& e) {
      return Failure(grpc::INVALID_ARGUMENT, e.message());
    }
  }

 private:
  HttpResponse Perform(const Found& found, const Query& query, const std::string& body,
                       const StopToken& gone) const {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kCallLimit);
    const StopCallback on_stop(stop_, [&context] { context.TryCancel(); });
    const StopCallback on_gone(gone, [&context] { context.TryCancel(); });
    HttpResponse response;
    const grpc::Status status = found.route->call(
        *stub_, &context,
        [&](Message* message) {
          if (found.route->method == "GET") {
            FillFromQuery(message, query);
          } else {
            cluster::ParseJson(body, message);
          }
          for (const auto& [name, value] : found.path) {
            cluster::SetFieldFromUrl(message, name, {value});
          }
        },
        [&](const Message& answer) {
          response = {200,
                      "application/json",
                      cluster::PrintJson(answer, {.indent = kIndent}),
                      {{"Grpc-Metadata-Content-Type", "application/grpc"}}};
        });
    if (!status.ok()) return Failure(status.error_code(), status.error_message());
    return response;
  }

  const StopToken stop_;
  std::unique_ptr<Stub> stub_;
};

Gateway::Gateway(const std::string& address, const TlsOptions& tls, StopToken stop)
    : impl_(std::make_unique<Impl>(address, tls, std::move(stop))) {}

Gateway::~Gateway() = default;

HttpResponse Gateway::Answer(const HttpRequest& request) const { return impl_->Answer(request); }

}  // namespace dm::master
