#include "programs/master/pages.h"

#include <sstream>

#include "base/error/error.h"
#include "base/io/encode.h"
#include "base/metrics/metrics.h"
#include "base/version/version.h"
#include "cluster/rpc/http_get.h"

namespace dm::master {
namespace {

using cluster::HttpResponse;

constexpr Milliseconds kEtcdLimit{2'000};
constexpr std::string_view kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

HttpResponse FromEtcd(const std::string& endpoint, const std::string& path) {
  std::optional<HttpResponse> answer = cluster::HttpGet(endpoint, path, kEtcdLimit);
  if (!answer) return {503, "text/plain; charset=utf-8", "etcd does not answer\n"};
  return std::move(*answer);
}

std::string Quoted(std::string_view text) {
  std::string out;
  AppendJsonString(out, text, {.html = false});
  return out;
}

}  // namespace

std::string WithoutProcessFamilies(const std::string& exposition) {
  std::string out;
  std::istringstream lines(exposition);
  for (std::string line; std::getline(lines, line);) {
    std::string_view name = line;
    for (std::string_view lead : {"# HELP ", "# TYPE "}) {
      if (name.starts_with(lead)) name.remove_prefix(lead.size());
    }
    if (name.starts_with("process_") || name.starts_with("go_") || name.starts_with("promhttp_")) {
      continue;
    }
    out += line;
    out += '\n';
  }
  return out;
}

HttpResponse AnswerPage(const cluster::HttpRequest& request, const std::string& etcd_endpoint,
                        bool openapi) {
  const std::string path = request.path();
  if (path == "/status") return {200, "text/plain", VersionText()};
  if (path == "/metrics") {
    std::string body = Metrics().Expose();
    if (const auto etcd = cluster::HttpGet(etcd_endpoint, "/metrics", kEtcdLimit)) {
      body += WithoutProcessFamilies(etcd->body);
    }
    return {200, std::string(kMetricsType), std::move(body)};
  }
  if (path == "/health" || path == "/version") return FromEtcd(etcd_endpoint, path);
  if (openapi && path.starts_with("/api/v1/")) {
    const Error error = MakeError(ErrorCode::kOpenAPINotSupported, "the OpenAPI");
    return {501, "application/json; charset=UTF-8",
            fmt::format("{{\"error_code\":{},\"error_msg\":{}}}\n", error.code(),
                        Quoted(error.ToString()))};
  }
  return cluster::NotFoundPage();
}

}  // namespace dm::master
